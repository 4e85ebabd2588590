#!/usr/bin/env python3
"""A takeout, read by nothing of ours: the manifest's signature, every file, every record, against what the tool lists and the page says."""
import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess

from tool import TIME, ToolTest, main

VERIFY = os.environ["VERIFY"]
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "design" / "takeout.md"


def tables():
    """What the page says of each kind: {kind: {member: type}}."""
    kinds = {}
    for name, body in re.findall(r"^### `(\w+)`\n([\s\S]*?)(?=^### |\Z)", PAGE.read_text(encoding="utf-8"), re.M):
        kinds[name] = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", body, re.M))
    return kinds


def fits(value, kind):
    if value is None:
        return True
    return {
        "id": lambda: bool(re.fullmatch(r"[a-z]{3}_[0-9a-z]{26}", value)),
        "text": lambda: isinstance(value, str),
        "word": lambda: isinstance(value, str) and bool(re.fullmatch(r"[a-z_]+", value)),
        "number": lambda: isinstance(value, int) and not isinstance(value, bool),
        "true or false": lambda: isinstance(value, bool),
        "time": lambda: bool(TIME.fullmatch(value)),
        "date": lambda: bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value)),
        "hex": lambda: bool(re.fullmatch(r"[0-9a-f]+", value)),
        "JSON": lambda: isinstance(value, (dict, list)),
        "list of words": lambda: isinstance(value, list),
        "time or number": lambda: isinstance(value, int) or bool(TIME.fullmatch(value)),
    }[kind]()


class Takeout:
    """Reads one by the page."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        text = (self.folder / "manifest.txt").read_text(encoding="utf-8")
        self.signed, rest = text[:text.index("\n\n") + 1], text[text.index("\n\n") + 2:]
        first, line = self.signed.splitlines()
        assert first == "takeout 1", first
        self.manifest = json.loads(line)
        assert line == json.dumps(self.manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False), "canonical"
        dash, self.signer, self.signature = rest.rstrip("\n").split(" ")
        assert dash == "\u2014" and rest.endswith("\n")
        self.files = [json.loads(each) for each in (self.folder / "files.jsonl").read_text(encoding="utf-8").splitlines()]

    def records(self, kind):
        with open(self.folder / "records" / f"{kind}.jsonl", encoding="utf-8", newline="\n") as lines:
            return [json.loads(line) for line in lines]


class Everything(ToolTest):
    @classmethod
    def prepare(cls):
        cls.ids = {}
        for slug in ("acme", "birch"):
            cls.ids[slug] = cls.json("tenant", "create", slug.title(), "--slug", slug, "--plan", "studio/professional")["id"]
            at = ("--tenant", slug)
            cls.json("project", "create", f"{slug} reel", *at)
            cls.json("asset", "import", "--project", f"{slug} reel", "interview.mp4", *at)
            cls.json("render", "start", "--project", f"{slug} reel", "--clip", "interview.mp4:1s-2s", "--output", "social_square", *at)
            cls.json("user", "create", f"jane@{slug}.example", "--name", f"Jane {slug}", *at)
            cls.key = cls.json("key", "create", "ci", *at)["secret"]
            cls.json("camera", "add", "Door", "rtsp://127.0.0.1:9/stream", *at, env={"TENON_CAMERA_NETWORKS": "127.0.0.0/8"})
            cls.json("usage", "record", "--source", "host", "--id", f"{slug}-1", "--meter", "scans", "--quantity", "3", *at)
            cls.json("backup", "start", "--name", f"{slug} nightly", *at)

    def take(self, name, *words):
        made = self.json("takeout", name, "--tenant", "acme", *words)
        return made, Takeout(self.folder / name)

    def test_every_file_is_as_the_manifest_says_and_none_is_more(self):
        made, taken = self.take("whole")
        manifest = taken.manifest
        self.assertEqual(manifest["tenant"], self.ids["acme"])
        self.assertEqual(hashlib.sha256((taken.folder / "manifest.txt").read_bytes()).hexdigest(), made["manifest_sha256"])
        listed = (taken.folder / "files.jsonl").read_bytes()
        self.assertEqual((len(listed), hashlib.sha256(listed).hexdigest()), (manifest["list_size"], manifest["list_sha256"]))
        for each in taken.files:
            data = (taken.folder / each["path"]).read_bytes()
            self.assertEqual((len(data), hashlib.sha256(data).hexdigest()), (each["size"], each["sha256"]), each["path"])
        there = {str(path.relative_to(taken.folder)) for path in taken.folder.rglob("*") if path.is_file()}
        self.assertEqual(there, {each["path"] for each in taken.files} | {"manifest.txt", "files.jsonl"})
        self.assertEqual((manifest["files"], manifest["bytes"]), (len(taken.files), sum(each["size"] for each in taken.files)))
        self.assertEqual(manifest["originals"], sum(each["path"].startswith("files/") for each in taken.files))
        self.assertEqual(made["files"], manifest["files"])
        self.assertEqual(made["problems"], 0)
        name, number, public = manifest["key"].split("+", 2)
        self.assertEqual(taken.signer, name)
        self.assertEqual(base64.b64decode(taken.signature)[:4].hex(), number)
        self.assertEqual(hashlib.sha256((name + "\n").encode() + base64.b64decode(public)).hexdigest()[:8], number)
        done = subprocess.run([VERIFY, "--key", made["key"], str(taken.folder)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{manifest['files']} file(s) of {self.ids['acme']}", done.stdout)
        other = self.json("audit", "checkpoint", "--tenant", "birch")["key"]
        self.assertEqual(other, made["key"], "the home's")
        twisted = made["key"][:-8] + ("A" * 8 if made["key"][-8:] != "A" * 8 else "B" * 8)
        self.assertNotEqual(subprocess.run([VERIFY, "--key", twisted, str(taken.folder)], capture_output=True, check=False).returncode, 0)
        (taken.folder / "files" / "more").write_text("x", encoding="utf-8")
        done = subprocess.run([VERIFY, "--key", made["key"], "--json", str(taken.folder)], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, json.loads(done.stdout)["ok"]), (1, False))
        self.assertIn("not listed", json.loads(done.stdout)["why"])

    def test_there_are_as_many_as_the_tool_lists(self):
        made, taken = self.take("counted")
        lists = {"project": ["project", "list"], "asset": ["asset", "list"], "export": ["export", "list"], "user": ["user", "list"],
                 "api_key": ["key", "list"], "camera": ["camera", "list"], "snapshot": ["backup", "list"], "job": ["job", "list"],
                 "recurrence": ["recurrence", "list"], "role": ["role", "list"], "login": ["login", "list"], "issuer": ["issuer", "list"]}
        for kind, words in lists.items():
            there = self.json(*words, "--tenant", "acme")
            if kind == "role":
                there = [role for role in there if role.get("id")]
            told = taken.records(kind)
            self.assertEqual(len(told), len(there), kind)
            self.assertEqual(made["records"][kind], len(told), kind)
            for name in ("id", "name"):
                if told and name in told[0] and name in there[0]:
                    self.assertEqual(sorted(each[name] for each in told), sorted(each[name] for each in there), kind)
        self.assertEqual({kind: len(taken.records(kind)) for kind in made["records"]}, made["records"])
        trail = self.json("audit", "list", "--tenant", "acme", "--limit", "10000")
        at = taken.manifest["audit_records"]
        self.assertEqual([each["hash"] for each in taken.records("audit")], [each["hash"] for each in trail[:at]])
        self.assertEqual([each["action"] for each in trail[at:]][-2:], ["takeout.made", "takeout.end"])
        events = self.json("usage", "events", "--tenant", "acme", "--limit", "1000")
        self.assertEqual(len(taken.records("usage_event")), len(events["events"] if isinstance(events, dict) else events))
        (asset,) = taken.records("asset")
        self.assertEqual((taken.folder / "files" / asset["path"]).read_bytes(), (self.folder / "interview.mp4").read_bytes())
        (export,) = taken.records("export")
        self.assertEqual(hashlib.sha256((taken.folder / "files/exports" / export["name"]).read_bytes()).hexdigest(), export["sha256"])

    def test_the_page_says_what_each_kind_has(self):
        made, taken = self.take("described")
        page = tables()
        self.assertEqual(set(page), set(made["records"]))
        seen = 0
        for kind, members in page.items():
            for record in taken.records(kind):
                seen += 1
                self.assertEqual(list(record), list(members), kind)
                for name, value in record.items():
                    self.assertTrue(fits(value, members[name]), f"{kind}.{name} is {value!r}, and no {members[name]}")
        self.assertGreater(seen, 30)
        manifest = PAGE.read_text(encoding="utf-8").split("**Manifest.**")[1].split("**List")[0]
        self.assertEqual(set(re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in manifest.splitlines() if row.startswith("| `")))),
                         set(taken.manifest))

    def test_nothing_of_another_tenant_and_no_key_is_in_it(self):
        _, taken = self.take("alone")
        words = [self.ids["birch"].encode(), b"birch", self.key.rsplit("_", 1)[1].encode()]
        for path in taken.folder.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                for word in words:
                    self.assertNotIn(word, data, path)

    def test_an_operator_takes_out_what_is_archived(self):
        self.json("tenant", "archive", "birch", "--reason", "left")
        made = self.json("takeout", "archived", "--tenant", "birch", "--operator", "--reason", "asked for by letter")
        self.assertEqual(made["problems"], 0)
        self.assertEqual(Takeout(self.folder / "archived").manifest["tenant"], self.ids["birch"])
        self.assertEqual(self.error("takeout", "archived", "--tenant", "birch", code=15)["code"], "conflict")
        (record,) = self.json("audit", "list", "--operators", "--action", "tenant.take_out")
        self.assertEqual((record["target"], record["reason"]), (self.ids["birch"], "asked for by letter"))


if __name__ == "__main__":
    main()
