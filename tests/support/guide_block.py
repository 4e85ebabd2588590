#!/usr/bin/env python3
"""Prints the first block of a language on a page of the guide: guide_block.py PAGE LANGUAGE."""
import pathlib
import re
import sys

page, language = sys.argv[1:]
found = re.search(rf"^```{language}\n([\s\S]*?)^```$", pathlib.Path(page).read_text(encoding="utf-8"), re.MULTILINE)
print(found.group(1) if found else sys.exit(f"{page} has no block of {language}"))
