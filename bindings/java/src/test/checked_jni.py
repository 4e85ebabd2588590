#!/usr/bin/env python3
"""Runs a Java program under -Xcheck:jni and fails if the VM has found anything wrong with how native code calls it.

    checked_jni.py JAVA ARGUMENT…
"""
import subprocess
import sys

WRONG = ("WARNING in native method", "FATAL ERROR in native method", "WARNING: JNI local refs")


def main():
    with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
                          errors="replace") as program:
        wrong = 0
        for line in program.stdout:
            print(line, end="", flush=True)
            wrong += any(line.startswith(each) for each in WRONG)
    if wrong:
        print(f"-Xcheck:jni found {wrong} faults.")
    return program.returncode or (1 if wrong else 0)


if __name__ == "__main__":
    sys.exit(main())
