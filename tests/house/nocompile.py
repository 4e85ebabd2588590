#!/usr/bin/env python3
"""Misuse that must not compile.

    nocompile.py COMPILER FOLDER INCLUDE_FOLDER…

Each file of FOLDER compiles as it is, and does not when MISUSE is defined: then the compiler's words must match the
pattern that the file names in a line `// error: PATTERN`.
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys

compiler, folder, *includes = sys.argv[1:]


def compile_file(path, *options):
    return subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "-fdiagnostics-color=never", *options,
                           *(f"-I{folder}" for folder in includes), path], capture_output=True, text=True)


def judge(path):
    pattern = re.search(r"^// error: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    if not pattern:
        return f"{path.name}: no line `// error: PATTERN`"
    proper = compile_file(path)
    if proper.returncode:
        return f"{path.name}: does not compile even without the misuse:\n{proper.stderr}"
    misused = compile_file(path, "-DMISUSE")
    if not misused.returncode:
        return f"{path.name}: the misuse compiles"
    if not re.search(pattern.group(1), misused.stderr):
        return f"{path.name}: refused for another reason than '{pattern.group(1)}':\n{misused.stderr}"
    return None


files = sorted(pathlib.Path(folder).glob("*.cpp"))
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    problems = [problem for problem in pool.map(judge, files) if problem]
if not files:
    problems.append(f"no files in {folder}")
print("\n".join(problems) if problems else f"{len(files)} kinds of misuse do not compile.")
sys.exit(1 if problems else 0)
