#!/usr/bin/env python3
"""The shared library shows the public names and nothing else, says its version in its SONAME, and starts
without the libraries that few of its users need.

    symbols.py LIBRARY SONAME
"""
import platform
import re
import subprocess
import sys

library, soname = sys.argv[1:]
problems = []

listed = subprocess.run(["nm", "-D", "-C", "--defined-only", library], capture_output=True, text=True, check=True).stdout
names = [line.split(maxsplit=2)[2] for line in listed.splitlines() if len(line.split(maxsplit=2)) == 3]
public = re.compile(r"((typeinfo|typeinfo name|vtable) for )?tenon::v0::")
problems += [f"shown: {name}" for name in names if not public.match(name)]
if not any("tenon::v0::Engine::close()" in name for name in names):
    problems.append("tenon::v0::Engine::close() is not shown")
for error in ("Error", "NotFound", "QuotaExceeded", "Closed"):
    if f"typeinfo for tenon::v0::{error}" not in names:
        problems.append(f"typeinfo for {error} is not shown: it could not be caught outside the library")

dynamic = subprocess.run(["readelf", "-d", "-W", library], capture_output=True, text=True, check=True).stdout
if f"[{soname}]" not in re.search(r"SONAME.*", dynamic).group(0):
    problems.append(f"the SONAME is not {soname}: {re.search(r'SONAME.*', dynamic).group(0)}")
if "RUNPATH" in dynamic or "RPATH" in dynamic:
    problems.append("the library looks into a folder of the build machine")

if platform.machine() == "x86_64":
    needed = re.findall(r"NEEDED.*\[(.*)\]", dynamic)
    problems += [f"{name} is loaded with the library, not with its first use (base/delayed.hpp)"
                 for name in needed if re.match(r"lib(av|sw|ebur128|pango|cairo|gobject|glib|harfbuzz|pq)", name)]

print("\n".join(problems) if problems else f"{len(names)} symbols, all public; {soname}.")
sys.exit(1 if problems else 0)
