#!/usr/bin/env python3
"""The tool under a partner's name: nothing that it prints or writes says whose it is."""
import pathlib

import tool
from tool import ToolTest, main

GROUPS = ["tenant", "project", "asset", "render", "export", "camera", "backup", "usage", "quota", "job", "events", "audit", "completion"]


class Brand(ToolTest):
    @classmethod
    def prepare(cls):
        link = cls.folder / "acme"
        link.symlink_to(tool.TOOL)
        tool.TOOL = link
        cls.seen = []

    @classmethod
    def tool(cls, *words, **options):
        done = super().tool(*words, **options)
        cls.seen.append((words, done[0] + done[1]))
        return done

    def check(self):
        for words, text in self.seen:
            self.assertNotIn("tenon", text.lower(), words)
        files = [path for path in self.home.rglob("*")] if self.home.exists() else []
        for path in files:
            self.assertNotIn("tenon", path.name.lower())
            if path.is_file():
                self.assertNotIn(b"tenon", path.read_bytes().lower(), path)
        return len(files)

    def test_help_and_refusals(self):
        self.assertIn("Acme", self.text("--version"))
        self.assertIn("Northwind", self.text("--version", env={"ACME_PRODUCT": "Northwind"}))
        self.assertIn("acme project VERB", self.text("project", "--help"))
        self.tool("--help")
        for group in GROUPS:
            self.tool(group, "--help")
        self.assertIn("ACME_HOME", self.text("--help"))
        self.assertIn("acme", self.text("completion", "bash"))
        self.tool("nonsense", code=2)
        self.tool("project", "list", "--nonsense", code=2)
        self.tool("project", "list", "--home", "nowhere", code=14)
        self.check()

    def test_the_main_job(self):
        self.tool("tenant", "create", "Acme", "--plan", "studio/professional")
        self.tool("project", "create", "Reel")
        self.tool("asset", "import", "--project", "Reel", "interview.mp4")
        self.tool("asset", "list")
        self.tool("render", "start", "--project", "Reel", "--clip", "interview.mp4:1s-1.5s", "--output", "mp4")
        self.tool("export", "list")
        self.tool("camera", "add", "Door", "rtsp://10.0.0.7/stream")
        self.tool("camera", "list")
        self.tool("backup", "start", "--name", "nightly")
        self.tool("backup", "list")
        self.tool("backup", "check")
        for words in (["usage"], ["quota"], ["job", "list"], ["audit", "list"], ["audit", "verify"], ["audit", "checkpoint"],
                      ["tenant", "list"], ["tenant", "plans"], ["events", "follow", "--after", "0", "--for", "0s"]):
            self.tool(*words)
            self.tool("--json", *words)
        self.assertGreater(self.check(), 15)


if __name__ == "__main__":
    main()
