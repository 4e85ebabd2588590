#!/usr/bin/env python3
"""The guide is true: what it marks `run` is run, in a folder of its own per page, and prints what the page shows.

    ```console run   commands behind `$ ` (continued behind `> `); the lines beneath are what they print, in this order
    ```cpp run       a whole program; a ```text block behind it is what it prints
    ```cpp snippet   lines of a program that has an Engine `engine` and a Session `session`; compiled, not run

An ellipsis stands for anything, blanks for any blanks, and lines may be left out.
"""
import contextlib
import os
import pathlib
import re
import subprocess

from tool import CAMERA, FOOTAGE, TOOL, Camera, ToolTest, main, postgres_database

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "guide").glob("*.md"))
FLAGS = ["-std=c++20", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include", f"-I{os.environ['GENERATED']}"]
LIBRARY = pathlib.Path(os.environ["LIBRARY"])
DATABASE = "host=db.example dbname=studio user=studio passfile=/etc/studio/pgpass"
SNIPPET = """#include <cstdio>
#include <tenon/tenon.hpp>
using namespace std::chrono_literals;
void snippet(tenon::Engine& engine, tenon::Session& session);
void snippet([[maybe_unused]] tenon::Engine& engine, [[maybe_unused]] tenon::Session& session) {
%s
}
"""


def blocks(page):
    return re.findall(r"^```(\S+)[ ]?(.*)\n([\s\S]*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE)


def commands(text):
    """(command, lines that it prints) of a console block."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> "):
            found[-1] = (found[-1][0] + "\n" + line[2:], [])
        else:
            found[-1][1].append(line)
    return found


class Guide(ToolTest):
    def assertPrints(self, output, wanted, what):
        lines = iter([" ".join(line.split()) for line in output.replace("\r", "\n").splitlines()])
        for line in wanted:
            pattern = re.compile(".*".join(re.escape(part) for part in " ".join(line.split()).split("…")))
            self.assertTrue(any(pattern.match(candidate) for candidate in lines),
                            f"\n{what}\ndoes not print, or not in this order:\n{line}\nbut:\n{output}")

    def run_page(self, page):
        text = page.read_text(encoding="utf-8")
        with contextlib.ExitStack() as stack:
            environment = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
            camera = stack.enter_context(Camera(CAMERA, FOOTAGE)) if "rtsp://" in text else None
            if camera:
                environment["TENON_CAMERA_NETWORKS"] = "127.0.0.0/8"
            database = postgres_database("guide") if page.stem.endswith("postgresql") else None
            wanted, script = [], []
            for language, mark, body in blocks(page):
                if (language, mark) != ("console", "run"):
                    continue
                for command, lines in commands(body):
                    wanted.append((command, lines))
                    real = command.replace("rtsp://192.168.1.20/stream", camera.url) if camera else command
                    real = real.replace(DATABASE, database) if database else real
                    script.append(f"{real}\nprintf '\\n\\001%d\\n' $?\n")
            done = subprocess.run(["bash"], input="".join(script), cwd=self.folder, env=self.environment(**environment), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=280, start_new_session=True)
        pieces = re.split(r"\n\x01(\d+)\n", done.stdout)
        self.assertEqual(len(pieces) // 2, len(wanted), done.stdout)
        for number, (command, lines) in enumerate(wanted):
            output, code = pieces[2 * number], int(pieces[2 * number + 1])
            if camera:
                output = output.replace(camera.url, "rtsp://192.168.1.20/stream")
            refused = any(re.search(r"\([a-z_]+(: .+)?\)$", line) for line in lines)
            self.assertEqual(code != 0, refused, f"{command}\nended with {code}\n{output}")
            self.assertPrints(output, lines, command)

    def compile(self, source, *flags):
        done = subprocess.run([os.environ["COMPILER"], *FLAGS, "-x", "c++", "-", *flags], input=source, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr + source)

    def run_programs(self, page):
        found = blocks(page)
        for number, (language, mark, body) in enumerate(found):
            if (language, mark) == ("cpp", "snippet"):
                self.compile(SNIPPET % body, "-fsyntax-only")
            elif (language, mark) == ("cpp", "run"):
                program = self.folder / f"program{number}"
                self.compile(body, "-o", str(program), "-x", "none", str(LIBRARY), f"-Wl,-rpath,{LIBRARY.parent}")
                done = subprocess.run([program], cwd=self.folder, text=True, capture_output=True, timeout=200, env=self.environment())
                self.assertEqual(done.returncode, 0, done.stderr)
                if found[number + 1][0] == "text":
                    self.assertPrints(done.stdout, found[number + 1][2].splitlines(), page.name)

    @classmethod
    def prepare(cls):
        (cls.folder / "bin").mkdir()
        (cls.folder / "bin" / "tenon").symlink_to(TOOL)
        (cls.folder / "bin" / "verify").symlink_to(os.environ["VERIFY"])


def add_page(page):
    name = page.stem.replace("-", "_")
    case = type(f"Page_{name}", (Guide,), {
        "test_commands": lambda self: self.run_page(page),
        "test_programs": lambda self: self.run_programs(page)})
    case.__module__ = __name__
    globals()[case.__name__] = case


for each in PAGES:
    add_page(each)


class Links(ToolTest):
    def test_every_link_within_the_tree_leads_somewhere(self):
        for page in [*PAGES, ROOT / "docs" / "glossary.md"]:
            for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
                self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")

    def test_the_table_of_errors_is_complete(self):
        header = (ROOT / "include" / "tenon" / "error.hpp").read_text(encoding="utf-8")
        codes = {name: int(number) for name, number in re.findall(r"^    (\w+) = (\d+),", header, re.M)}
        classes = dict(reversed(pair) for pair in re.findall(r"^TENON_ERROR\((\w+), (\w+)\)", header, re.M))
        page = (ROOT / "docs" / "guide" / "errors.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (\d+) \| `(\w+)` \| `(\w+)` \| (\d+) \|", page, re.M)
        self.assertEqual([(n, name, kind, exit) for n, name, kind, exit in rows],
                         [(str(number), name, classes[name], str(10 + number)) for name, number in codes.items()])


if __name__ == "__main__":
    main()
