"""What can be said of the sources without running them: stubs and values are current, types hold, rules are kept."""
import inspect
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import tenon

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "bindings" / "python" / "src" / "tenon"


class Sources(unittest.TestCase):
    def test_generated_sources_are_current(self):
        done = subprocess.run([sys.executable, "-B", ROOT / "bindings" / "api" / "generate.py", "python-source", PACKAGE, "--check"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_engine_threads_never_take_the_lock(self):
        folder = ROOT / "bindings" / "python"
        for path in (*folder.rglob("*.cpp"), *folder.rglob("*.hpp"), *(ROOT / "bindings" / "api").glob("*.py")):
            self.assertNotIn("gil_scoped_" + "acquire", path.read_text(encoding="utf-8"), path)

    def test_stubs_name_what_the_module_has(self):
        stubs = (PACKAGE / "_tenon.pyi").read_text(encoding="utf-8")
        described = {}
        for found in re.finditer(r"^class (\w+)(?:\((\w+)\))?:\n((?:    .*\n|\n)*)", stubs, re.MULTILINE):
            described[found.group(1)] = set(re.findall(r"def (\w+)\(", found.group(3)))
        for name in tenon._tenon.__all__:
            thing = getattr(tenon._tenon, name)
            if not isinstance(thing, type):
                self.assertIn(f"def {name}(", stubs)
                continue
            own = {each for each in vars(thing) if not each.startswith("_")}
            self.assertEqual(own - described[name], set(), name)
            self.assertEqual({each for each in described[name] if not each.startswith("_")} - own, set(), name)

    def test_types(self):
        if not shutil.which("mypy"):
            self.skipTest("mypy is not installed")
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run(
                ["mypy", "--strict", "--python-version", "3.9", "--cache-dir", cache, PACKAGE,
                 *sorted((ROOT / "examples" / "python").glob("*.py"))],
                capture_output=True, text=True, cwd=cache, env={**os.environ, "MYPYPATH": str(PACKAGE.parent)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_python_3_9_reads_them(self):
        import ast

        for path in (*PACKAGE.glob("*.py"), *(ROOT / "examples" / "python").glob("*.py")):
            ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))

    def test_everything_public_is_documented(self):
        missing = [f"{name}.{member}" for name in tenon._tenon.__all__ if isinstance(getattr(tenon, name), type)
                   for member, thing in vars(getattr(tenon, name)).items()
                   if not member.startswith("_") and inspect.isroutine(thing) and not (thing.__doc__ or "").strip()]
        self.assertEqual(missing, [])


if __name__ == "__main__":
    unittest.main()
