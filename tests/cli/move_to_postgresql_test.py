#!/usr/bin/env python3
"""A home with something of everything moves from its file into PostgreSQL, beside the server of tests/support/postgres.py."""
import shutil
import signal
import subprocess
import time

from tool import ToolTest, main, postgres_database

# What is listed before and after: whatever a home knows that does not change by being looked at.
LISTS = [
    ("partner", "list"), ("project", "list"), ("asset", "list"), ("asset", "show", "interview.mp4"), ("export", "list"), ("render", "list"),
    ("user", "list"), ("user", "grants", "carl@example.org"), ("role", "list"), ("key", "list", "--all"), ("login", "list"), ("issuer", "list"),
    ("token", "jwks"), ("token", "keys"), ("camera", "list"), ("camera", "show", "Door"), ("backup", "list"), ("backup", "keys"),
    ("backup", "browse", "latest"), ("usage", "events"), ("usage", "breakdown"), ("usage", "tags"), ("usage", "verify"), ("quota",),
    ("hold", "list"), ("job", "list", "--limit", "1000"), ("job", "pauses"), ("recurrence", "list"),
    ("settings", "show", "workflows"), ("settings", "brand"), ("audit", "retention"), ("tenant", "list"), ("tenant", "limits", "acme"),
    ("tenant", "plan-changes", "acme"), ("tenant", "legal-holds", "acme")]


class MoveToPostgresql(ToolTest):
    @classmethod
    def prepare(cls):
        cls.address = postgres_database("moving")
        (cls.folder / "database").write_text(cls.address + "\n")
        (cls.folder / "password").write_text("correct horse battery\n")
        cls.there = {"TENON_POSTGRES": cls.address, "TENON_TENANT": "acme"}
        cls.here = {"TENON_TENANT": "acme"}
        reason = ["--reason", "order"]
        cls.tool("partner", "create", "Nörth", "--slug", "north", "--catalogue", "studio")
        cls.tool("tenant", "create", "Acme 東京", "--slug", "acme", "--plan", "studio/professional", "--partner", "north")
        cls.tool("tenant", "create", "Other", "--plan", "studio/basic", "--trial")
        cls.tool("tenant", "grant-limit", "acme", "--name", "rush", "--resource", "storage", "--to", "unlimited", *reason)
        cls.tool("tenant", "place-legal-hold", "other", "--name", "case", *reason)
        cls.tool("tenant", "change-plan", "acme", "--plan", "studio/premium", *reason)
        for words in [("project", "create", "Reel"), ("asset", "import", "--project", "Reel", "interview.mp4"),
                      ("render", "start", "--project", "Reel", "--clip", "interview.mp4:1s-1.5s", "--output", "mp4"),
                      ("user", "create", "carl@example.org", "--name", "Carl", "--as", "editor"),
                      ("user", "password", "carl@example.org", "--password-file", "password"),
                      ("user", "grant", "carl@example.org", "Reel", "--as", "viewer"),
                      ("role", "create", "Cutter", "--permission", "project:read"),
                      ("camera", "add", "Door", "rtsp://192.168.1.20/stream"), ("backup", "start", "--name", "nightly", "--tag", "why=test"),
                      ("settings", "patch", "preferences", '{"language": "de"}'), ("hold", "reserve", "storage=1GB", "--for", "2h"),
                      ("hold", "spend", "model_tokens=1200"),
                      ("usage", "record", "--source", "gw", "--id", "e1", "--meter", "api_calls", "--quantity", "5"),
                      ("recurrence", "create", "Backups", "--cron", "0 3 * * *", "--backup", "night"),
                      ("backup", "start", "--name", "later", "--at", "+8h", "--detach")]:
            cls.tool(*words, env=cls.here)
        cls.key = cls.json("key", "create", "uploader", "--as", "editor", env=cls.here)["secret"]

    @classmethod
    def listed(cls, env):
        return {words: cls.json(*words, env=env) for words in LISTS}

    def test_everything_is_there_the_trail_holds_and_work_goes_on(self):
        before = self.listed(self.here)
        trail = self.json("audit", "list", "--limit", "1000", env=self.here)
        operators = self.json("audit", "list", "--operators", "--limit", "1000")
        held = self.json("audit", "verify", env=self.here)
        self.tool("audit", "export", "before.audit", env=self.here)
        self.assertEqual(self.error("home", "move", code=2)["code"], "usage")
        moved = self.json("home", "move", "--postgres-file", "database")
        tables = {table["name"]: table for table in moved["tables"]}
        self.assertEqual(sum(table["rows"] for table in moved["tables"]), moved["rows"])
        self.assertEqual(tables["project_"]["rows"], 1)
        self.assertTrue(all(len(table["sha256"]) == 64 for table in moved["tables"]))
        self.assertEqual(self.error("project", "list", code=11, env=self.here)["subject"], "postgres")
        self.assertEqual(self.error("home", "move", "--postgres-file", "database", code=15)["code"], "conflict")
        after = self.listed(self.there)
        for words in LISTS:
            self.assertEqual(after[words], before[words], words)
        # Records were added by looking, and none is another.
        now = self.json("audit", "list", "--limit", "1000", env=self.there)
        self.assertEqual([record for record in now if record in trail], trail)
        now = self.json("audit", "list", "--operators", "--limit", "1000", env=self.there)
        self.assertEqual([record for record in now if record in operators], operators)
        self.assertGreaterEqual(self.json("audit", "verify", env=self.there)["records"], held["records"])
        self.tool("audit", "verify", "--operators", env=self.there)
        self.tool("audit", "consistency", "1", str(held["records"]), env=self.there)
        self.tool("audit", "checkpoint", env=self.there)
        # Whoever had a key or a password has it; what waited for its time begins.
        self.assertEqual(self.json("key", "check", stdin=self.key, env=self.there)["role"], "editor")
        self.tool("login", "start", "carl@example.org", "--password-file", "password", env=self.there)
        jobs = self.json("job", "list", "--limit", "1000", env=self.there)
        waiting = next(job for job in jobs if job["kind"] == "backup" and job["state"] == "scheduled")
        self.tool("job", "reschedule", waiting["id"], "--at", "now", env=self.there)
        self.tool("job", "join", waiting["id"], env=self.there)
        self.tool("backup", "restore", "nightly", "--target", "back", env=self.there)
        shutil.copy(self.folder / "interview.mp4", self.folder / "answer.mp4")
        self.tool("asset", "import", "--project", "Reel", "answer.mp4", env=self.there)
        self.tool("render", "start", "--project", "Reel", "--clip", "answer.mp4:1s-1.5s", "--output", "mp4", "--name", "second", env=self.there)


class Interrupted(ToolTest):
    @classmethod
    def prepare(cls):
        cls.address = postgres_database("interrupted")
        (cls.folder / "database").write_text(cls.address + "\n")
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")

    def test_a_home_that_is_open_is_not_moved_and_ctrl_c_leaves_it_as_it_was(self):
        with self.start("job", "work", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
            time.sleep(1)
            self.assertEqual(self.error("home", "move", "--postgres-file", "database", code=15)["code"], "conflict")
            worker.send_signal(signal.SIGINT)
        with self.start("home", "move", "--postgres-file", "database", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as mover:
            time.sleep(0.15)
            mover.send_signal(signal.SIGINT)
            said = mover.communicate(timeout=60)[0]
        if mover.returncode:
            self.assertEqual(len(self.json("tenant", "list")), 1, said)
            self.tool("home", "move", "--postgres-file", "database")
        self.assertEqual(len(self.json("tenant", "list", "--postgres-file", "database")), 1)


if __name__ == "__main__":
    main()
