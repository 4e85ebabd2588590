"""The real program in a home of its own, for the test scripts beside this file."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(os.environ["TOOL"])
FOOTAGE = pathlib.Path(os.environ["FOOTAGE"])
CAMERA = pathlib.Path(os.environ["CAMERA"])

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from camera import Camera  # noqa: E402,F401

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def postgres_database(name):
    """The connection string of a new database on the server that tests/support/postgres.py started around this."""
    server = os.environ["TENON_TEST_POSTGRES"]
    subprocess.run(["psql", "-qX", server + " dbname=postgres", "-c", f"CREATE DATABASE {name} TEMPLATE template0"], check=True)
    return f"{server} dbname={name}"


class ToolTest(unittest.TestCase):
    """A temporary folder per class; `self.run_tool` runs the program in it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="cli-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.home = cls.folder / "studio"
        shutil.copy(FOOTAGE / "balle-jbart.mp4", cls.folder / "interview.mp4")
        cls.prepare()

    @classmethod
    def prepare(cls):
        """What the class needs in its home."""

    @classmethod
    def environment(cls, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TENON_")}
        return {**kept, "USER": "tester", "LC_ALL": "C.UTF-8", **more}

    @classmethod
    def start(cls, *words, env=None, **options):
        return subprocess.Popen([TOOL, *map(str, words)], cwd=cls.folder, env=cls.environment(**(env or {})), **options)

    @classmethod
    def tool(cls, *words, code=0, env=None, stdin=None):
        """(standard output, standard error) of a run that must end with `code`."""
        done = subprocess.run([TOOL, *map(str, words)], cwd=cls.folder, env=cls.environment(**(env or {})), text=True,
                              input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              capture_output=True, timeout=240, start_new_session=True)
        if done.returncode != code:
            raise AssertionError(f"{words} ended with {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
        return done.stdout, done.stderr

    @classmethod
    def text(cls, *words, **options):
        return cls.tool(*words, **options)[0]

    @classmethod
    def json(cls, *words, **options):
        """The one document on standard output."""
        out, err = cls.tool("--json", *words, **options)
        assert out.endswith("\n") and out.count("\n") == 1, out
        assert err == "", err
        return json.loads(out)

    @classmethod
    def lines(cls, *words, **options):
        """Documents, one a line."""
        return [json.loads(line) for line in cls.text("--json", *words, **options).splitlines()]

    @classmethod
    def error(cls, *words, code, **options):
        """The error object of a refused run."""
        out, err = cls.tool("--json", *words, code=code, **options)
        assert out == "", out
        return json.loads(err)

    def assertTable(self, text, *columns):
        """A header of these columns; every row has a value in each."""
        lines = text.splitlines()
        self.assertEqual(re.split(r"\s{2,}", lines[0].strip()), list(columns))
        for line in lines[1:]:
            self.assertGreaterEqual(len(re.split(r"\s{2,}", line.strip())), len(columns), text)
        return lines[1:]


def main():
    unittest.main(verbosity=2)
