#!/usr/bin/env python3
"""Writes what `javap -public` shows of a jar's public classes, for parity.

    members.py JAVAP JAR OUTPUT
"""
import pathlib
import re
import subprocess
import sys
import zipfile


def main():
    javap, jar, output = sys.argv[1:]
    classes = [name[:-6].replace("/", ".") for name in zipfile.ZipFile(jar).namelist()
               if name.endswith(".class") and not re.search(r"-info|\$\d", name)]
    shown = subprocess.run([javap, "-public", "-cp", jar, *classes], capture_output=True, text=True, check=True).stdout
    blocks = re.findall(r"^public .*?^\}", shown, re.MULTILINE | re.DOTALL)
    pathlib.Path(output).write_text("\n".join(blocks) + "\n", encoding="utf-8")
    print(f"{len(blocks)} public classes.")
    return 0 if len(blocks) > 100 else "javap showed next to nothing"


if __name__ == "__main__":
    sys.exit(main())
