#!/usr/bin/env python3
"""The README's program is the example that the tests build and run, and its commands are real verbs.

    readme.py ROOT
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
readme = (root / "README.md").read_text(encoding="utf-8")
problems = []

programs = re.findall(r"^```cpp\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
if not programs or programs[0] != (root / "examples/first_page.cpp").read_text(encoding="utf-8"):
    problems.append("README.md: its first program is not examples/first_page.cpp")

verbs = set(re.findall(r"^([\w |-]+)\)", (root / "dev").read_text(encoding="utf-8").split("case $verb in")[1], re.MULTILINE))
verbs = {verb.strip() for alternatives in verbs for verb in alternatives.split("|")}
for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
    text = page.read_text(encoding="utf-8")
    for verb in re.findall(r"\./dev (\w+)", text):
        if verb not in verbs:
            problems.append(f"{page.relative_to(root)}: there is no ./dev {verb}")
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
        if not (page.parent / link).exists():
            problems.append(f"{page.relative_to(root)}: a link to nothing: {link}")
ci = (root / ".ci/run").read_text(encoding="utf-8")
for verb in ("test", "demo"):
    if f"./dev {verb}" not in readme or f"./dev {verb}" not in ci:
        problems.append(f"./dev {verb} is not both in README.md and in .ci/run")

print("\n".join(problems) if problems else "README.md shows what is there.")
sys.exit(1 if problems else 0)
