#!/usr/bin/env python3
"""Runs an example in an empty folder that holds real footage as interview.mp4, and compares what it prints.

The lines of the --expect file are regular expressions that must be found in this order; '@camera' as its first line starts
a live camera and gives its URL to the example.
"""
import argparse
import contextlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from camera import Camera  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--interpreter", help="what runs it; without: itself")
    parser.add_argument("--footage", type=pathlib.Path, required=True)
    parser.add_argument("--camera", type=pathlib.Path, required=True)
    parser.add_argument("--expect", type=pathlib.Path, required=True)
    args = parser.parse_args()

    wanted = args.expect.read_text(encoding="utf-8").splitlines()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="example-")))
        shutil.copy(args.footage / "balle-jbart.mp4", folder / "interview.mp4")
        command, arguments = [args.interpreter] if args.interpreter else [], []
        if wanted[0] == "@camera":
            wanted.pop(0)
            arguments.append(stack.enter_context(Camera(args.camera, args.footage)).url)
        run = subprocess.run([*command, args.program, *arguments], cwd=folder, capture_output=True, text=True, timeout=240)
    print(run.stdout, run.stderr, sep="\n")
    if run.returncode != 0:
        return f"it ended with {run.returncode}"
    at = 0
    for pattern in wanted:
        found = re.compile(pattern, re.MULTILINE).search(run.stdout, at)
        if not found:
            return f"not printed, or not in this order: {pattern}"
        at = found.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
