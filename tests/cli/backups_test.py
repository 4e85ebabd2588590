#!/usr/bin/env python3
"""Backups through the tool: take, browse, lose, restore, damage, check, passwords."""
import hashlib
import io
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tarfile
import time

from tool import TIME, ToolTest, main


def digests(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()}


class Backups(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tenant = cls.json("tenant", "create", "Acme", "--plan", "studio/professional")["id"]
        cls.tool("project", "create", "Reel")
        cls.clip = cls.json("asset", "import", "--project", "Reel", "interview.mp4")
        cls.workspace = cls.home / "workspaces" / cls.tenant

    def test_take_lose_restore(self):
        first = self.json("backup", "start", "--name", "nightly", "--tag", "why=test")
        self.assertEqual(first["snapshot"]["tags"], [{"key": "why", "value": "test"}])
        self.assertEqual((first["files_unchanged"], first["problems"]), (0, []))
        self.assertGreaterEqual(first["read"], self.clip["size"])
        second = self.json("backup", "start", "--name", "hourly")
        self.assertEqual((second["files_new"], second["read"]), (0, 0))

        listed = self.json("backup", "list")
        self.assertEqual([s["name"] for s in listed], ["hourly", "nightly"])
        self.assertEqual(self.json("backup", "list", "--name", "nightly"), [first["snapshot"]])
        self.assertEqual(self.json("backup", "list", "--end", "2020-01-01"), [])
        self.assertTable(self.text("backup", "list"), "TAKEN", "NAME", "FILES", "SIZE", "TAGS", "ID")
        self.assertEqual(self.json("backup", "show", "latest"), listed[0])
        self.assertEqual(self.json("backup", "show", first["snapshot"]["id"]), first["snapshot"])
        self.assertIn("nightly", self.text("backup", "show", "nightly"))

        inside = str(pathlib.Path(self.clip["path"]).relative_to(self.workspace))
        root = {entry["name"]: entry["kind"] for entry in self.json("backup", "browse", "latest")}
        self.assertEqual(root["projects"], "folder")
        self.assertNotIn("temp", root)
        (entry,) = [e for e in self.json("backup", "browse", "nightly", str(pathlib.Path(inside).parent))
                    if e["name"] == pathlib.Path(inside).name]
        self.assertEqual((entry["size"], entry["kind"]), (self.clip["size"], "file"))
        self.assertRegex(entry["modified_at"], TIME)
        self.assertTable(self.text("backup", "browse", "latest"), "NAME", "KIND", "SIZE", "MODIFIED")

        before = digests(self.workspace / "projects")
        pathlib.Path(self.clip["path"]).unlink()
        self.assertNotEqual(digests(self.workspace / "projects"), before)
        restored = self.json("backup", "restore", "latest")
        self.assertEqual((restored["files"] - restored["files_unchanged"], restored["written"]), (1, self.clip["size"]))
        self.assertEqual(digests(self.workspace / "projects"), before)

        text = self.text("backup", "restore", "nightly", inside, "--target", "back")
        self.assertIn("Restored to", text)
        self.assertEqual(list(digests(self.folder / "back").values()), [self.clip["sha256"]])

        for level in ("structure", "objects", "full"):
            report = self.json("backup", "check", "--level", level)
            self.assertEqual((report["snapshots"], report["problems"]), (2, []))
        self.assertIn("whole", self.text("backup", "check"))
        self.assertIn("full", self.tool("backup", "check", "--level", "deep", code=2)[1])

    def test_refusals(self):
        self.assertEqual(self.error("backup", "show", "no such", code=14)["subject"], "no such")
        self.assertEqual(self.error("backup", "restore", "snp_01jd8w3v5e6f7g8h9j0k1m2n3p", code=14)["code"], "not_found")
        self.assertIn("KEY=VALUE", self.tool("backup", "start", "--tag", "x", code=2)[1])
        self.assertEqual(self.error("--role", "viewer", "backup", "start", code=13)["code"], "permission_denied")
        self.assertIn("a key is needed: give --key-file", self.tool("backup", "add-deferred", code=2)[1])

class Reading(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tenant = cls.json("tenant", "create", "Acme", "--plan", "studio/professional")["id"]
        cls.tool("project", "create", "Reel")
        cls.clip = cls.json("asset", "import", "--project", "Reel", "interview.mp4")
        cls.workspace = cls.home / "workspaces" / cls.tenant

    def test_reading_without_restoring(self):
        self.json("backup", "start", "--name", "read")
        inside = str(pathlib.Path(self.clip["path"]).relative_to(self.workspace))
        content = pathlib.Path(self.clip["path"]).read_bytes()
        self.json("backup", "cat", "read", inside, "--output", "clip.mp4")
        self.assertEqual((self.folder / "clip.mp4").read_bytes(), content)
        self.json("backup", "cat", "read", inside, "--offset", "1000", "--length", "500", "--output", "part")
        self.assertEqual((self.folder / "part").read_bytes(), content[1000:1500])
        self.assertEqual(self.error("backup", "cat", "read", inside, "--output", "part", code=15)["code"], "conflict")
        self.assertEqual((self.folder / "part").read_bytes(), content[1000:1500])
        (self.workspace / "exports").mkdir(exist_ok=True)
        self.assertEqual(self.error("backup", "cat", "read", "nowhere", code=14)["subject"], "nowhere")
        self.assertEqual(self.error("--role", "viewer", "backup", "cat", "read", inside, code=13)["code"], "permission_denied")
        done = subprocess.run([os.environ["TOOL"], "backup", "archive", "read", "projects"], cwd=self.folder, env=self.environment(),
                              capture_output=True, check=True)
        self.assertRegex(done.stderr.decode(), r"archive  100\.0 %  (.+) of \1\n$")
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            self.assertEqual(archive.extractfile(inside).read(), content)
            self.assertEqual(archive.getmember(inside).mtime, pathlib.Path(self.clip["path"]).stat().st_mtime)
        made = self.json("backup", "archive", "read", "--exclude", "*.mp4", "--output", "small.tar")
        self.assertEqual(made["size"], (self.folder / "small.tar").stat().st_size)
        with tarfile.open(self.folder / "small.tar") as archive:
            self.assertNotIn(inside, archive.getnames())

        plan = self.json("backup", "restore", "read", "--target", "plan", "--dry-run")
        self.assertEqual((plan["files_replaced"], plan["files_unchanged"], plan["problems"]), (0, 0, []))
        self.assertGreaterEqual(plan["written"], self.clip["size"])
        self.assertIn(inside, [change["path"] for change in plan["changes"]])
        self.assertFalse((self.folder / "plan").exists())
        self.assertIn("Would restore to", self.text("backup", "restore", "read", "--dry-run", "--by-time"))

        self.json("backup", "restore", "read", "--target", "back")
        extra = self.folder / "back" / "projects" / "extra" / "file"
        extra.parent.mkdir()
        extra.write_text("too much")
        self.assertRegex(self.text("backup", "restore", "read", "--target", "back", "--delete", "--dry-run"), r"-  projects/extra/file +8 B +-")
        self.assertIn("--yes", self.tool("backup", "restore", "read", "--target", "back", "--delete", code=2)[1])
        self.assertTrue(extra.exists())
        self.assertEqual(self.json("backup", "restore", "read", "--target", "back", "--delete", "--yes")["deleted"], 2)
        self.assertFalse(extra.parent.exists())


class Streams(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")

    def run_with(self, data, *words):
        return subprocess.run([os.environ["TOOL"], *words], cwd=self.folder, env=self.environment(), input=data, capture_output=True)

    def test_what_is_piped_in_comes_back(self):
        content = os.urandom(6_000_000)
        done = self.run_with(content, "--json", "backup", "stream", "dumps/shop.sql", "--name", "database", "--tag", "kind=dump")
        taken = json.loads(done.stdout)
        self.assertEqual((taken["snapshot"]["files"], taken["snapshot"]["size"]), (1, 6_000_000), done.stderr)
        self.assertEqual(self.run_with(b"", "backup", "cat", "database", "dumps/shop.sql").stdout, content)
        again = json.loads(self.run_with(content, "--json", "backup", "stream", "dumps/shop.sql", "--name", "database").stdout)
        self.assertEqual(again["deduplicated"], 6_000_000)
        self.assertEqual(self.run_with(b"x", "backup", "stream", "../x").returncode, 11)
        self.assertEqual(self.json("backup", "check")["problems"], [])

    def test_rows_come_along(self):
        self.tool("project", "create", "Reel")
        taken = self.json("backup", "start", "--name", "rows", "--rows")
        self.assertEqual(taken["problems"], [])
        projects = self.run_with(b"", "backup", "cat", "rows", "rows/project.jsonl").stdout.splitlines()
        self.assertEqual([json.loads(line)["name"] for line in projects], ["Reel"])
        self.tool("backup", "restore", "rows", "rows", "--target", "told")
        about = json.loads((self.folder / "told" / "rows" / "about.json").read_text())
        self.assertEqual(about["records"]["project"], 1)
        made = self.json("backup", "schedule", "create", "nightly", "--cron", "@daily", "--rows")
        self.assertTrue(made["backup"]["include_rows"])

    def test_a_killed_one_leaves_nothing(self):
        running = subprocess.Popen([os.environ["TOOL"], "backup", "stream", "x", "--name", "killed"], cwd=self.folder, env=self.environment(),
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.stdin.write(os.urandom(9_000_000))
        running.stdin.flush()
        running.kill()
        running.wait()
        running.stdin.close()
        self.assertEqual(self.json("backup", "list", "--name", "killed"), [])
        self.run_with(b"whole", "backup", "stream", "x", "--name", "killed")
        self.assertEqual(self.run_with(b"", "backup", "cat", "killed", "x").stdout, b"whole")
        self.assertEqual(self.json("backup", "check")["problems"], [])


class Later(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")

    def test_a_backup_and_a_restore_for_later(self):
        self.json("backup", "start", "--name", "now")
        job = self.json("backup", "start", "--name", "tonight", "--at", "+3h", "--priority", "-7")
        self.assertEqual((job["state"], job["priority"]), ("scheduled", -7))
        self.assertEqual(self.json("job", "cancel", job["id"])["state"], "cancelled")
        job = self.json("backup", "restore", "latest", "--target", "later", "--at", "+3h")
        self.assertEqual(job["state"], "scheduled")
        self.assertEqual(self.json("job", "cancel", job["id"])["state"], "cancelled")
        self.assertFalse((self.folder / "later").exists())
        job = self.json("backup", "check", "--at", "+3h", "--batch", "proof")
        self.assertEqual((job["kind"], job["state"], job["batch"]), ("check", "scheduled", "proof"))
        self.assertEqual(self.json("job", "cancel", job["id"])["state"], "cancelled")


class Snapshots(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tenant = cls.json("tenant", "create", "Acme", "--plan", "studio/professional")["id"]
        cls.workspace = cls.home / "workspaces" / cls.tenant

    def test_compare_tag_forget(self):
        documents = self.workspace / "projects" / "documents"
        documents.mkdir(parents=True)
        (documents / "one.txt").write_text("one")
        (documents / "draft.tmp").write_text("draft")
        ids = [self.json("backup", "start", "--name", "rota", "--exclude", "*.tmp", "--upload", "100MB")["snapshot"]["id"]]
        (documents / "two.txt").write_text("second")
        ids.append(self.json("backup", "start", "--name", "rota", "--exclude", "*.tmp")["snapshot"]["id"])
        diff = self.json("backup", "diff", ids[0], ids[1])
        self.assertEqual((diff["added"], diff["removed"], diff["bytes_added"]), (1, 0, 6))
        added, = [c for c in diff["changes"] if c["change"] == "added"]
        self.assertEqual((added["path"], added["kind"], added["after"]), ("projects/documents/two.txt", "file", 6))
        self.assertIn("two.txt", self.text("backup", "diff", ids[0], ids[1], "projects/documents"))
        self.assertEqual(self.json("backup", "diff", ids[0], ids[1], "--limit", "0")["changes"], [])
        self.assertIn("Nothing differs.", self.tool("backup", "diff", ids[0], ids[0])[1])

        tagged = self.json("backup", "tag", ids[0], "--add", "keep=contract", "--add", "x=y", "--remove", "x")
        self.assertEqual(tagged["tags"], [{"key": "keep", "value": "contract"}, {"key": "x", "value": "y"}])
        self.assertEqual([s["id"] for s in self.json("backup", "list", "--tag", "keep")], [ids[0]])
        self.assertIn("--add", self.tool("backup", "tag", ids[0], code=2)[1])

        self.assertIn("--reason", self.tool("backup", "hold", ids[0], code=2)[1])
        self.assertEqual(self.json("backup", "hold", ids[0], "--reason", "case 4711")["held"], "case 4711")
        self.assertIn("case 4711", self.text("backup", "show", ids[0]))
        self.assertIn("case 4711", self.tool("backup", "forget", ids[0], "--yes", code=15)[1])
        self.assertIn("leave out either", self.tool("backup", "forget", ids[0], "--keep-last", "1", "--dry-run", code=2)[1])
        self.assertEqual(self.json("backup", "lift-hold", ids[0], "--reason", "closed")["held"], "")

        ids.append(self.json("backup", "start", "--name", "rota")["snapshot"]["id"])
        rules = ("--name", "rota", "--keep-last", "1", "--keep-tag", "keep")
        plan = self.json("backup", "forget", *rules, "--dry-run")
        self.assertEqual([(v["snapshot"]["id"], v["kept"]) for v in plan["snapshots"]], [(ids[2], True), (ids[1], False), (ids[0], True)])
        self.assertEqual(plan["snapshots"][2]["reasons"], ["tag keep"])
        self.assertIn("keep", self.text("backup", "forget", *rules, "--dry-run"))
        self.assertEqual(len(self.json("backup", "list", "--name", "rota")), 3)
        self.assertEqual(self.json("backup", "forget", *rules, "--yes")["forgotten"], 1)
        self.assertEqual([s["id"] for s in self.json("backup", "list", "--name", "rota")], [ids[2], ids[0]])
        self.json("backup", "forget", ids[0], ids[2], "--yes")
        self.assertEqual(self.json("backup", "list", "--name", "rota"), [])
        self.assertGreater(self.json("backup", "check")["unused"], 0)
        plan = self.json("backup", "prune", "--dry-run")
        self.assertEqual((plan["snapshots"], plan["problems"]), (3, []))
        self.assertIn("Would free", self.text("backup", "prune", "--dry-run"))
        job = self.json("backup", "prune", "--at", "+3h")
        self.assertEqual(self.json("job", "cancel", job["id"])["state"], "cancelled")
        repository = self.home / "backups" / self.tenant
        before = sum(path.stat().st_size for path in repository.rglob("*") if path.is_file())
        done = self.json("backup", "prune", "--unused", "0")
        self.assertEqual(done["snapshots"], 3)
        self.assertGreater(done["packs_removed"], 0)
        self.assertEqual(before - sum(path.stat().st_size for path in repository.rglob("*") if path.is_file()), done["freed"])
        self.assertIn("Freed", self.text("backup", "prune"))
        self.assertEqual(self.json("backup", "check")["problems"], [])
        self.assertIn("--unused", self.tool("backup", "prune", "--unused", "200", code=2)[1])
        self.assertEqual(self.error("backup", "forget", "--yes", code=11)["code"], "invalid_argument")
        self.assertIn("10MB", self.tool("backup", "start", "--upload", "fast", code=2)[1])

    def test_a_file_is_found_in_whichever_snapshot_has_it(self):
        folder = self.workspace / "projects" / "sought"
        (folder / "deep").mkdir(parents=True)
        (self.workspace / "projects" / "turns").write_text("a file")
        states = [{"cut.txt": "one"}, {"cut.txt": "one", "deep/cut.txt": "x"}, {"cut.txt": "second", "deep/cut.txt": "x"}, {"deep/cut.txt": "x"},
                  {"cut.txt": "second", "other.txt": ""}]
        ids = []
        for state in states:
            for path in [path for path in folder.rglob("*") if path.is_file()]:
                if str(path.relative_to(folder)) not in state:
                    path.unlink()
            for name, text in state.items():
                if not (folder / name).exists() or (folder / name).read_text() != text:
                    (folder / name).write_text(text)
            if len(ids) == 2:
                (self.workspace / "projects" / "turns").unlink()
                (self.workspace / "projects" / "turns").mkdir()
            ids.append(self.json("backup", "start", "--name", "sought")["snapshot"]["id"])
        turns = [(each["kind"], ids.index(each["first"]["id"]), ids.index(each["last"]["id"]))
                 for each in self.json("backup", "find", "turns", "--name", "sought")]
        self.assertEqual(turns, [("folder", 2, 4), ("file", 0, 1)])
        self.tool("backup", "start", "--name", "elsewhere", "--include", "projects/sought/other.txt")
        found = [(each["path"], each["size"], ids.index(each["first"]["id"]), ids.index(each["last"]["id"]))
                 for each in self.json("backup", "find", "cut.txt", "--name", "sought")]
        self.assertEqual(found, [("projects/sought/cut.txt", 6, 4, 4), ("projects/sought/cut.txt", 6, 2, 2), ("projects/sought/cut.txt", 3, 0, 1),
                                 ("projects/sought/deep/cut.txt", 1, 1, 3)])
        self.assertEqual({each["last"]["name"] for each in self.json("backup", "find", "o*.txt")}, {"sought", "elsewhere"})
        self.assertEqual([each["kind"] for each in self.json("backup", "find", "projects/sought/d*")], ["folder"])
        self.assertEqual(self.json("backup", "find", "projects/*.txt"), [])
        self.assertTable(self.text("backup", "find", "cut.txt"), "PATH", "SIZE", "FROM", "TO", "NAME", "ID")
        self.assertIn("No snapshot", self.tool("backup", "find", "nothing")[1])
        self.assertEqual(self.text("backup", "find", "deep/cut.txt", "--quiet"), "")
        self.assertEqual(self.text("backup", "find", "projects/*/deep/cut.txt", "--quiet").strip(), ids[3])


class Passwords(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")

    def test_passwords(self):
        self.tool("backup", "start", "--name", "before")
        (self.folder / "secret").write_text("correct horse battery\nsecond line\n")
        slot = self.json("backup", "add-password", "--label", "safe", "--password-file", "secret")
        self.assertEqual((slot["kind"], slot["label"]), ("password", "safe"))
        other = self.json("backup", "add-password", "--label", "env", env={"TENON_BACKUP_PASSWORD": "another long one"})
        self.assertEqual([(s["number"], s["label"]) for s in self.json("backup", "keys") if s["kind"] == "password"],
                         [(slot["number"], "safe"), (other["number"], "env")])
        self.assertTable(self.text("backup", "keys"), "NUMBER", "KIND", "LABEL", "GENERATION")
        short = self.error("backup", "add-password", "--password-file", "-", code=11, stdin="short\n")
        self.assertEqual(short["code"], "invalid_argument")
        wrong = self.error("backup", "unlock", "--password-file", "-", code=13, stdin="wrong horse\n")
        self.assertEqual(wrong["code"], "permission_denied")
        self.assertIn("open", self.text("backup", "unlock", "--password-file", "secret"))
        self.assertIn("Removed key", self.text("backup", "remove-key", other["number"], "--yes"))
        self.assertEqual(self.error("backup", "remove-key", "99", "--yes", code=14)["code"], "not_found")
        self.assertIn("NUMBER", self.tool("backup", "remove-key", "x", "--yes", code=2)[1])
        self.assertIn("TENON_BACKUP_PASSWORD", self.tool("backup", "add-password", code=2)[1])
        for path in self.home.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"correct horse", path.read_bytes(), path)


class OtherKeys(ToolTest):
    KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

    @classmethod
    def prepare(cls):
        cls.tenant = cls.json("tenant", "create", "Acme", "--plan", "studio/professional")["id"]

    def test_codes_recipients_rotation_and_a_key_of_the_hosts(self):
        self.tool("backup", "start", "--name", "before")
        code = self.json("backup", "add-recovery-code", "--label", "paper")
        self.assertEqual((code["slot"]["kind"], code["slot"]["label"]), ("recovery_code", "paper"))
        pair = self.json("backup", "new-recipient")
        slot = self.json("backup", "add-recipient", pair["public_key"], "--label", "escrow")
        self.assertEqual(slot["kind"], "recipient")
        self.assertEqual(self.error("backup", "add-recipient", "no key", code=11)["subject"], "public_key")
        slow = self.json("backup", "add-password", "--derivation", "pbkdf2", "--password-file", "-", stdin="a long sentence\n")
        self.assertEqual(slow["derivation"], "pbkdf2")
        self.assertIn("argon2id", self.tool("backup", "add-password", "--derivation", "md5", code=2)[1])
        path = self.folder / "safe.key"
        file = self.json("backup", "add-key-file", path, "--label", "usb")
        self.assertEqual((file["kind"], file["label"], file["path"]), ("key_file", "usb", str(path)))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(self.error("backup", "add-key-file", path, code=15)["code"], "conflict")
        content = path.read_text()
        rotation = self.json("backup", "rotate-keys", "--yes")
        self.assertEqual((rotation["generation"], len(rotation["slots"])), (2, 5))
        self.assertIn("open", self.text("backup", "unlock", "--key-file", path))
        self.tool("backup", "unlock", "--key-file", "-", stdin=content)
        self.tool("backup", "unlock", "--password-file", path)
        path.chmod(0o644)
        self.assertIn("0644", self.error("backup", "unlock", "--key-file", path, code=11)["message"])
        path.chmod(0o600)
        path.write_text(content[:30])
        self.assertEqual(self.error("backup", "unlock", "--key-file", path, code=19)["code"], "corrupt")
        path.write_text(content)
        self.assertIn("usb", self.text("backup", "add-key-file", "--existing", path, "--label", "usb"))
        for secret in (code["code"], pair["private_key"], "a long sentence"):
            self.tool("backup", "unlock", "--password-file", "-", stdin=secret + "\n")
        wrong = code["code"].replace(code["code"][0], "B" if code["code"][0] == "A" else "A", 1)
        self.error("backup", "unlock", "--password-file", "-", code=13, stdin=wrong + "\n")

        self.assertIn("--yes", self.tool("backup", "add-deferred", "--key-file", "-", code=2, stdin=self.KEY + "\n")[1])
        host = self.json("backup", "add-deferred", "--key-file", "-", "--unlock-within", "1s", "--yes", stdin=self.KEY + "\n")
        self.assertEqual(host["kind"], "host")
        self.assertFalse(list((self.home / "keys" / "backup").glob("*.key")))
        self.assertEqual(self.error("backup", "list", code=21)["code"], "unavailable")
        self.assertEqual(len(self.json("backup", "list", env={"TENON_BACKUP_KEY": self.KEY})), 1)
        self.tool("backup", "start", "--name", "after", env={"TENON_BACKUP_KEY": self.KEY})
        self.assertEqual(self.error("backup", "list", code=13, env={"TENON_BACKUP_KEY": self.KEY.replace("M", "N")})["code"], "permission_denied")


class DataKeys(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")

    def test_all_is_written_anew_under_new_data_keys(self):
        self.error("backup", "rotate-data-key", "--yes", code=14)
        self.tool("backup", "start", "--name", "before")
        self.assertIn("--yes", self.tool("backup", "rotate-data-key", code=2)[1])
        result = self.json("backup", "rotate-data-key", "--upload", "1GB", "--yes")
        self.assertEqual((result["revoked"], result["left"], result["problems"]), (True, 0, []))
        self.assertGreater(result["packs"], 0)
        self.assertIn("open nothing any more", self.text("backup", "rotate-data-key", "--resume"))
        report = self.json("backup", "check")
        self.assertEqual((report["under_old_keys"], report["problems"]), (0, []))
        self.tool("backup", "start", "--name", "after")
        self.assertEqual(len(self.json("backup", "list")), 2)
        self.assertEqual(self.json("backup", "keys")[0]["generation"], 2)


class Schedules(ToolTest):
    @classmethod
    def prepare(cls):
        cls.json("tenant", "create", "Acme", "--plan", "studio/professional")

    def test_made_changed_run_paused_and_removed(self):
        made = self.json("backup", "schedule", "create", "nightly", "--cron", "30 2 * * *", "--zone", "Europe/Berlin", "--keep-last", "2",
                         "--keep-tag", "why", "--exclude", "*.tmp", "--include", "projects", "--prune", "@weekly", "--check", "@monthly",
                         "--check-level", "objects", "--check-percent", "25", "--repair", "no",
                         "--overlap", "queue", "--missed", "skip", "--retries", "1", "--retry-pause", "90s",
                         "--time-limit", "2h", "--overdue-after", "3", "--tag", "by=clock", "--snapshots", "night")
        self.assertEqual((made["keep"]["tags"], made["check_level"]), ([{"key": "why", "value": ""}], "objects"))
        self.assertEqual((made["backup"]["include"], made["backup"]["exclude"], made["backup"]["name"]), (["projects"], ["*.tmp"], "night"))
        self.assertEqual((made["overlap"], made["misfire"]), ("queue", "skip"))
        self.assertEqual((made["retry_pause_us"], made["time_limit_us"]), (90_000_000, 7_200_000_000))
        self.assertEqual([one["work"] for one in made["standings"]], ["backup", "prune", "check"])
        self.assertEqual(self.json("recurrence", "list"), [])
        error = self.error("backup", "schedule", "create", "nightly", "--cron", "@daily", code=15)
        self.assertEqual(error["subject"], "nightly")
        self.assertEqual(self.error("backup", "schedule", "create", "x", "--cron", "@daily", "--prune", "x", code=11)["subject"], "prune_cron")
        for number in range(3):
            ran = self.json("backup", "schedule", "run", "nightly")["standings"][0]
            self.assertEqual((ran["last_state"], ran["runs"]), ("succeeded", number + 1))
        kept = self.json("backup", "list")
        self.assertEqual([snapshot["name"] for snapshot in kept], ["night", "night"], "the rules were applied")
        self.assertEqual(kept[0]["id"], ran["snapshot"])
        for work in ("check", "prune"):
            self.json("backup", "schedule", "run", "nightly", "--work", work)
        self.assertEqual(len(self.json("backup", "schedule", "upcoming", "nightly", "--limit", "4")), 4)
        changed = self.json("backup", "schedule", "update", "nightly", "--cron", "@hourly", "--check", "", "--keep-all")
        self.assertEqual((changed["cron"], changed["check_cron"], changed["keep"], changed["prune_cron"]), ("@hourly", None, None, "@weekly"))
        self.assertEqual(changed["backup"]["tags"], [{"key": "by", "value": "clock"}], "what was not given stays")
        self.assertEqual(self.error("backup", "schedule", "run", "nightly", "--work", "check", code=14)["subject"], "nightly")
        self.assertTrue(self.json("backup", "schedule", "pause", "nightly")["paused"])
        self.assertIn("paused", self.text("backup", "schedule", "list"))
        self.assertFalse(self.json("backup", "schedule", "resume", "nightly")["paused"])
        self.assertIn("every snapshot", self.text("backup", "schedule", "show", "nightly"))
        self.assertEqual(self.json("backup", "schedule", "remove", "nightly"), {"removed": "nightly"})
        self.assertEqual(self.json("backup", "schedule", "list"), [])
        self.assertEqual(len(self.json("backup", "list")), 2)


class Drills(ToolTest):
    @classmethod
    def prepare(cls):
        cls.json("tenant", "create", "Acme", "--plan", "studio/basic")
        cls.json("project", "create", "Reel")

    def test_practised_and_reported(self):
        self.error("backup", "drill", code=14)
        [workspace] = (self.home / "workspaces").iterdir()
        for number in range(5):
            (workspace / "projects" / f"{number}.txt").write_text("x" * (number + 1), encoding="utf-8")
        self.json("backup", "start", "--name", "b")
        some = self.json("backup", "drill", "--files", "2", "--rto", "1h")
        self.assertEqual((some["passed"], some["complete"], some["files"], some["compared"]), (True, False, 2, 2))
        self.assertEqual(some["rto_goal_us"], 3_600_000_000)
        out, _ = self.tool("backup", "drill", "--files", "0", "--rpo", "1us", code=19)
        self.assertRegex(out, r"Drill +failed")
        reports = self.json("backup", "drills")
        self.assertEqual([report["passed"] for report in reports], [False, True])
        self.assertEqual(self.json("backup", "drills", "--after", reports[0]["job"]), reports[1:])
        self.assertEqual(self.json("backup", "drills", "--schedule", "none"), [])
        self.assertEqual(list((workspace / "temp").iterdir()), [])


class Checkpoints(ToolTest):
    @classmethod
    def prepare(cls):
        cls.json("tenant", "create", "Acme", "--plan", "studio/basic")
        cls.json("project", "create", "Reel")

    def test_kept_checked_against_and_accepted(self):
        self.error("backup", "checkpoint", code=14)
        [workspace] = (self.home / "workspaces").iterdir()
        (workspace / "projects" / "a.txt").write_text("a", encoding="utf-8")
        self.json("backup", "start", "--name", "b")
        record = self.home.parent / "kept record"
        first = self.json("backup", "checkpoint", "--to", str(record))
        self.assertEqual((first["number"], first["snapshots"], first["accepted"]), (1, 1, []))
        self.assertEqual(record.read_text(encoding="utf-8"), first["record"])
        shutil.copytree(self.home / "backups", self.home.parent / "older")
        (workspace / "projects" / "b.txt").write_text("b", encoding="utf-8")
        self.json("backup", "start", "--name", "b")
        self.assertEqual(self.json("backup", "check", "--against", str(record))["tampered"], 0)
        self.json("backup", "checkpoint", "--to", str(record))
        shutil.rmtree(self.home / "backups")
        shutil.copytree(self.home.parent / "older", self.home / "backups")
        self.assertIn("rolled back", self.error("backup", "start", "--name", "b", code=19)["message"])
        out, _ = self.tool("backup", "check", "--level", "structure", "--against", str(record), code=19)
        self.assertRegex(out, r"Tampered +1")
        self.error("backup", "check", "--against", str(record) + "x", code=14)
        accepted = self.json("backup", "accept", "--against", str(record), "--yes")
        self.assertEqual((accepted["number"], len(accepted["accepted"])), (3, 1))
        self.json("backup", "start", "--name", "b")
        out, _ = self.tool("backup", "check", "--against", str(record), code=19)
        self.assertIn("which checkpoint 3 accepts", out + _)
        self.assertEqual(self.json("backup", "check")["problems"], [])


class Stores(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tenant = cls.json("tenant", "create", "Acme", "--plan", "studio/professional")["id"]

    def state(self, store):
        return next(each for each in self.json("backup", "stores") if each["store"] == store)

    def test_copied_lost_and_brought_back(self):
        disks = {name: self.home.parent / f"disk-{name}" for name in ("north", "south", "far")}
        for disk in disks.values():
            disk.mkdir()
        self.error("backup", "add-store", "north", str(self.home), code=13)
        for name in ("north", "south"):
            self.assertEqual(self.json("backup", "add-store", name, str(disks[name]))["regions"], [])
        self.json("backup", "add-store", "far", str(disks["far"]), "--region", "elsewhere")
        self.error("backup", "add-store", "north", str(disks["far"]), code=15)
        self.assertEqual([each["name"] for each in self.json("backup", "stores", "--all")], ["north", "south", "far"])
        self.assertEqual(self.error("backup", "copy-policy", "--store", "far", code=13)["subject"], "far")
        policy = self.json("backup", "copy-policy", "--level", "all")
        self.assertEqual((policy["level"], policy["stores"]), ("all", []))
        self.json("backup", "start", "--name", "first")
        for name in ("home", "north", "south"):
            self.assertTrue(self.state(name)["is_whole"], name)
        self.assertEqual(list(disks["far"].iterdir()), [disks["far"] / "store"])

        # A store is away: its copy waits, and it comes back.
        self.json("backup", "copy-policy", "--level", "quorum")
        disks["south"].rename(disks["south"].with_name("unplugged"))
        self.json("backup", "start", "--name", "second")
        self.assertFalse(self.state("south")["is_reached"])
        self.assertIn("away", self.tool("backup", "sync", code=21)[0])
        disks["south"].with_name("unplugged").rename(disks["south"])
        self.assertEqual(self.json("backup", "sync", "--store", "south")["stores"][1]["store"], "south")
        self.assertTrue(self.state("south")["is_whole"])

        # The home's own store is lost.
        shutil.rmtree(self.home / "backups" / self.tenant)
        self.assertEqual(len(self.json("backup", "list")), 2)
        self.assertGreater(self.json("backup", "sync", "--heal", "--verify")["healed_objects"], 3)
        self.assertEqual(self.json("backup", "repair")["problems"], [])
        report = self.json("backup", "check")
        self.assertEqual((report["problems"], report["snapshots"]), ([], 2))
        self.assertTrue(self.json("backup", "rotate-data-key", "--yes")["revoked"])
        self.json("backup", "sync")
        self.assertTrue(self.state("north")["is_whole"])
        self.tool("backup", "remove-store", "north", "--yes")
        self.error("backup", "remove-store", "north", "--yes", code=14)
        self.assertEqual(len(self.json("backup", "stores")), 2)


class Shred(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tenant = cls.json("tenant", "create", "Acme", "--plan", "studio/professional")["id"]

    def test_a_folder_is_erased_by_its_keys(self):
        documents = self.home / "workspaces" / self.tenant / "projects" / "documents"
        documents.mkdir(parents=True)
        (documents / "one.txt").write_text("one")
        self.tool("backup", "start", "--name", "rota", "--erasable", "projects/documents=user-4711")
        self.assertEqual(self.json("backup", "subjects"), ["user-4711"])
        self.assertTable(self.text("backup", "subjects"), "SUBJECT")
        self.assertIn("--yes", self.tool("backup", "shred", "user-4711", code=2)[1])
        self.assertEqual(self.error("backup", "shred", "nobody", "--yes", code=14)["subject"], "nobody")
        erasure = self.json("backup", "shred", "user-4711", "--yes")
        self.assertEqual(erasure["subject"], "user-4711")
        self.assertEqual(self.json("backup", "erasures"), [erasure])
        self.assertTable(self.text("backup", "erasures"), "ERASED", "SUBJECT", "SIZE")
        entry, = self.json("backup", "browse", "latest", "projects")
        self.assertTrue(entry["erased"])
        self.assertIn("erased", self.text("backup", "browse", "latest", "projects"))
        self.assertIn("erased", self.tool("backup", "restore", "latest", "--target", "back")[1])
        self.assertFalse((self.folder / "back" / "projects" / "documents").exists())
        self.assertIn("--erasable", self.tool("backup", "start", "--erasable", "x", code=2)[1])
        for refused in (["browse", "latest", "projects/documents"], ["cat", "latest", "projects/documents/one.txt"]):
            self.assertIn("backup erasures", self.error("backup", *refused, code=14)["hint"])
        self.assertIn("backup subjects", self.error("backup", "shred", "user-4711", "--yes", code=14)["hint"])


class Sentences(ToolTest):
    def test_the_first_snapshot_says_that_nothing_but_the_home_opens_it(self):
        self.tool("tenant", "create", "Fresh", "--plan", "studio/professional")
        self.assertIn("backup add-password", self.tool("backup", "start", "--name", "one")[1])
        self.assertNotIn("add-password", self.tool("backup", "start", "--name", "two")[1])
        self.tool("tenant", "create", "Careful", "--plan", "studio/professional")
        self.assertEqual(self.tool("--tenant", "careful", "backup", "start", "--quiet")[1], "")

    def test_what_a_result_and_a_refusal_say(self):
        self.tool("tenant", "create", "Told", "--plan", "studio/professional")
        words = ("--tenant", "told", "backup")
        text = self.text(*words, "start", "--name", "once")
        self.assertEqual(text.count("Stored"), 1, text)
        self.assertNotIn("µs", self.text(*words, "restore", "latest", "--target", "empty", "--dry-run"))
        for refused in (["browse", "latest", "nope"], ["cat", "latest", "nope"], ["restore", "latest", "nope", "--target", "x"]):
            self.assertIn("backup browse", self.error(*words, *refused, code=14)["hint"])


class Nothing(ToolTest):
    def test_what_was_never_backed_up_is_not_called_whole(self):
        self.tool("tenant", "create", "Fresh", "--plan", "studio/professional")
        refused = self.error("backup", "check", code=14)
        self.assertEqual(refused["code"], "not_found")
        self.assertIn("take a backup first", refused["message"])


class Damage(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")
        cls.tool("project", "create", "Reel")
        cls.tool("asset", "import", "--project", "Reel", "interview.mp4")
        cls.tool("backup", "start")

    def test_a_flipped_byte_is_found(self):
        largest = max((p for p in (self.home / "backups").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
        whole = largest.read_bytes()
        # Parity mends it first.
        largest.chmod(0o600)
        largest.write_bytes(whole[:1000] + b"damage" + whole[1006:])
        report = self.json_even_if(19, "backup", "check")
        self.assertEqual(report["repairable"], len(report["problems"]))
        out, _ = self.tool("backup", "repair")
        self.assertIn("everything can be restored", out)
        self.assertEqual(largest.read_bytes(), whole)
        self.assertIn("whole", self.text("backup", "check"))

        shutil.rmtree(next((self.home / "backups").rglob("par")))
        self.assertGreater(self.json("backup", "check")["unprotected"], 0)
        broken = bytearray(whole)
        broken[len(broken) // 2] ^= 1
        largest.chmod(0o600)
        largest.write_bytes(broken)
        out, err = self.tool("backup", "check", code=19)
        self.assertIn("damaged", out)
        self.assertIn("! ", err)
        report = self.json_even_if(19, "backup", "check")
        self.assertGreater(len(report["problems"]), 0)
        shutil.rmtree(next((self.home / "workspaces").iterdir()) / "projects")
        self.assertEqual(self.error("backup", "restore", "latest", code=19)["code"], "corrupt")
        saved = self.json_even_if(19, "backup", "restore", "latest", "--target", "saved", "--salvage")
        self.assertTrue(saved["damaged"][0]["path"].startswith("projects/"))
        lost = self.json_even_if(19, "backup", "repair", "--stored-only")
        self.assertEqual(lost["damaged"][0]["path"], saved["damaged"][0]["path"])
        largest.write_bytes(whole)
        self.assertIn("whole", self.text("backup", "check"))
        self.assertGreater(self.json("backup", "restore", "latest")["files"], 0)

        # Damaged once more, and backed up while the files are there: that snapshot leans on nothing damaged.
        largest.write_bytes(broken)
        self.tool("backup", "check", code=19)
        self.assertGreater(self.json("backup", "start", "--name", "after")["files_new"], 0)
        before = digests(next((self.home / "workspaces").iterdir()) / "projects")
        self.tool("backup", "restore", "after", "--target", "after")
        self.assertEqual(digests(self.folder / "after" / "projects"), before)

    def json_even_if(self, code, *words):
        import json
        return json.loads(self.tool("--json", *words, code=code)[0])


class Interrupted(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")
        cls.exports = next((cls.home / "workspaces").iterdir()) / "exports"
        cls.exports.mkdir(exist_ok=True)

    def kill_one(self, *words):
        (self.exports / words[-1]).write_bytes(os.urandom(20_000_000))
        process = subprocess.Popen([os.environ["TOOL"], "backup", "start", *words, "--upload", "4MB"], cwd=self.folder, env=self.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not any(job["state"] == "running" and job["progress"]["percent"] > 0 for job in self.json("job", "list")):
            time.sleep(0.05)
        process.kill()
        process.wait()

    def test_a_killed_one_is_in_nobodys_way(self):
        self.kill_one("--name", "nightly")
        # The same again is the one that was killed, unless that has begun again by itself.
        self.tool("backup", "start", "--name", "nightly", "--upload", "4MB")
        self.assertEqual({each["name"] for each in self.json("backup", "list")}, {"nightly"})
        # Another one goes behind it.
        self.kill_one("--name", "second")
        self.tool("backup", "start", "--name", "third")
        self.assertEqual([each["name"] for each in self.json("backup", "list")][:3], ["third", "second", "nightly"])
        self.assertIn("whole", self.text("backup", "check"))
        # What was put off is not waited for.
        later = self.json("backup", "start", "--name", "later", "--at", "+3h")
        refused = self.error("backup", "start", "--name", "now", code=15)
        self.assertEqual((refused["code"], refused["subject"]), ("conflict", later["id"]))
        self.assertIn("is waiting already", refused["message"])



class Speed(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")
        cls.exports = next((cls.home / "workspaces").iterdir()) / "exports"
        cls.exports.mkdir(exist_ok=True)

    def test_another_process_sees_how_fast_it_is(self):
        (self.exports / "zz-noise").write_bytes(os.urandom(60_000_000))
        for number in range(300):  # more than are read in one go, before the large one
            (self.exports / f"small-{number}").write_bytes(os.urandom(1000))
        process = subprocess.Popen([os.environ["TOOL"], "backup", "start", "--name", "slow", "--upload", "4MB"], cwd=self.folder,
                                   env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen = {}
        while not seen:
            self.assertIsNone(process.poll())
            for job in self.json("job", "list", "--state", "running"):
                progress = job["progress"]
                if progress["per_second"] > 0 and progress["files_per_second"] > 0 and progress["eta_us"]:
                    seen = job
        self.assertEqual((seen["kind"], seen["progress"]["unit"]), ("backup", "bytes"))
        self.assertGreater(seen["progress"]["files"], 0)
        self.tool("job", "cancel", seen["id"])
        process.wait()
        ended = self.json("job", "show", seen["id"])
        self.assertEqual((ended["state"], ended["progress"]["per_second"], ended["progress"]["eta_us"]), ("cancelled", 0, None))
        self.assertEqual(list((self.home / "run").glob("*.progress")), [])


class Limits(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")
        cls.tool("project", "create", "Reel")
        cls.tool("asset", "import", "--project", "Reel", "interview.mp4")

    def test_every_job_takes_them(self):
        limits = ["--threads", "1", "--memory", "32MiB", "--upload", "900MB", "--download", "900MB"]
        first = self.json("backup", "start", "--name", "one", *limits)["snapshot"]["id"]
        self.tool("backup", "start", "--name", "two", *limits)
        self.assertIn("whole", self.text("backup", "check", *limits))
        self.assertEqual(self.json("backup", "repair", *limits)["damaged"], [])
        self.tool("backup", "restore", first, "--target", "back", *limits)
        self.assertTrue(self.json("backup", "drill", *limits)["passed"])
        self.tool("backup", "forget", first, "--yes")
        self.tool("backup", "prune", *limits)
        self.tool("backup", "rotate-data-key", "--yes", *limits)
        self.assertIn("whole", self.text("backup", "check"))
        refused = self.error("backup", "check", "--memory", "1MB", code=11)
        self.assertEqual((refused["code"], refused["subject"]), ("invalid_argument", "memory"))

    def test_schedules_and_copies_keep_them(self):
        made = self.json("backup", "schedule", "create", "nightly", "--cron", "@daily", "--check", "@weekly", "--upload", "5MB", "--threads", "2")
        expected = {"threads": 2, "memory": 0, "download_per_second": 0, "upload_per_second": 5_000_000}
        self.assertEqual((made["limits"], made["backup"]["limits"]), (expected, expected))
        self.assertIn("2 threads, up 5 MB a second", self.text("backup", "schedule", "show", "nightly"))
        changed = self.json("backup", "schedule", "update", "nightly", "--upload", "0")
        self.assertEqual(changed["limits"], dict(expected, upload_per_second=0))
        self.assertEqual(self.json("backup", "copy-policy", "--upload", "7MB")["limits"]["upload_per_second"], 7_000_000)
        self.assertEqual(self.json("backup", "copy-policy")["limits"]["upload_per_second"], 7_000_000)


class Unreadable(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")
        cls.tool("project", "create", "Reel")
        cls.tool("asset", "import", "--project", "Reel", "interview.mp4")

    def test_a_snapshot_that_nobody_can_read_is_named_and_forgotten_by_its_id(self):
        hurt = self.json("backup", "start", "--name", "one")["snapshot"]["id"]
        self.tool("backup", "start", "--name", "two")
        for path in (self.home / "backups").rglob("*"):
            if path.is_file() and hurt[4:] in path.name:  # its copy, too
                path.chmod(0o600)
                path.write_bytes(path.read_bytes()[:-1] + b"x")
        refused = self.error("backup", "prune", code=19)
        self.assertIn(hurt, refused["message"])
        self.assertIn("forget", refused["message"])
        self.assertIn(hurt, self.text("backup", "forget", hurt, "--dry-run"))
        self.tool("backup", "forget", hurt, "--yes")
        self.assertEqual(self.error("backup", "forget", hurt, "--yes", code=14)["code"], "not_found")
        self.tool("backup", "prune")
        self.assertIn("whole", self.text("backup", "check"))
        self.assertEqual([each["name"] for each in self.json("backup", "list")], ["two"])


if __name__ == "__main__":
    main()
