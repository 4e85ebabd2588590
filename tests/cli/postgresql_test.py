#!/usr/bin/env python3
"""A home whose metadata are in PostgreSQL, beside the server of tests/support/postgres.py."""
import os
import pathlib
import subprocess

from tool import ToolTest, main, postgres_database


class Postgresql(ToolTest):
    @classmethod
    def prepare(cls):
        cls.address = postgres_database("cli")
        (cls.folder / "database").write_text(cls.address + "\n")

    def test_the_connection_string_comes_from_a_file_the_environment_or_standard_input(self):
        self.tool("tenant", "create", "Acme", "--plan", "studio/professional", "--postgres-file", "database")
        by_environment = self.json("tenant", "list", env={"TENON_POSTGRES": self.address})
        self.assertEqual([each["name"] for each in by_environment], ["Acme"])
        self.assertEqual(self.json("tenant", "list", "--postgres-file", "-", stdin=self.address + "\n"), by_environment)
        self.assertEqual(self.error("tenant", "list", code=11)["subject"], "postgres")
        self.assertFalse((self.home / "metadata.db").exists())
        self.tool("project", "create", "Reel", "--postgres-file", "database")
        self.tool("asset", "import", "--project", "Reel", "interview.mp4", "--postgres-file", "database")
        self.tool("render", "start", "--project", "Reel", "--clip", "interview.mp4:1s-1.5s", "--output", "mp4", "--postgres-file", "database")
        self.tool("backup", "start", "--name", "nightly", "--postgres-file", "database")
        self.assertEqual(len(self.json("export", "list", "--postgres-file", "database")), 1)
        self.tool("audit", "verify", "--postgres-file", "database")

    def test_it_is_in_no_output_and_no_file(self):
        server = pathlib.Path(os.environ["TENON_TEST_POSTGRES"].split()[0].removeprefix("host="))
        secret = "password=geheimes-wort"
        for address, code in [(f"{self.address} user=locked {secret}", 13), (f"host={self.folder} dbname=x {secret}", 21),
                              (f"{secret} nonsense", 11), (f"host={server} user=app dbname=none_such {secret}", 14)]:
            out, err = self.tool("tenant", "list", "--home", "elsewhere", code=14, env={"TENON_POSTGRES": address})
            self.assertNotIn("geheim", out + err)
            for style in ([], ["--json"]):
                out, err = self.tool("tenant", "create", "x", "--plan", "studio/basic", "--home", "made", *style, code=code,
                                     env={"TENON_POSTGRES": address})
                self.assertNotIn("geheim", out + err)
                self.assertNotIn(str(server), out + err)
        found = subprocess.run(["grep", "-rl", "geheim", self.folder], capture_output=True, text=True, check=False)
        self.assertEqual(found.stdout, "")


if __name__ == "__main__":
    main()
