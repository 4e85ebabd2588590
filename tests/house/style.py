#!/usr/bin/env python3
"""What every tracked text file keeps: no tabs, no blanks at line ends, one newline at the end; code within 150 columns.

    style.py ROOT
"""
import pathlib
import subprocess
import sys

CODE = {".cpp", ".hpp", ".c", ".py", ".sh", ".cmake"}

root = pathlib.Path(sys.argv[1]).resolve()
problems = []
for name in subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, check=True).stdout.decode().split("\0"):
    path = root / name
    if not path.is_file():
        continue
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        continue
    if "\0" in text:
        continue  # bytes that happen to be UTF-8
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        problems.append(f"{name}: does not end with one newline")
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line:
            problems.append(f"{name}:{number}: a tab")
        if line != line.rstrip() and path.suffix != ".md":
            problems.append(f"{name}:{number}: blanks at the end")
        if path.suffix in CODE and len(line) > 150:
            problems.append(f"{name}:{number}: {len(line)} columns")
print("\n".join(problems) if problems else "The files are tidy.")
sys.exit(1 if problems else 0)
