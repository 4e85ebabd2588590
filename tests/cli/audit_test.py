#!/usr/bin/env python3
"""An exported audit trail and the independent verifier: what holds, and every kind of tampering."""
import json
import os
import shutil
import subprocess

from tool import ToolTest, main

VERIFY = os.environ["VERIFY"]


class Verified(ToolTest):
    def verify(self, key, data, *words):
        (self.folder / "given.audit").write_bytes(data)
        done = subprocess.run([VERIFY, "--key", key, "--json", *words, "given.audit"], cwd=self.folder, capture_output=True, timeout=60,
                              check=False)
        return done.returncode, json.loads(done.stdout)


class Exports(Verified):
    def test_export_and_proof(self):
        self.json("tenant", "create", "Acme", "--slug", "acme", "--plan", "studio/professional")
        note = self.text("audit", "checkpoint", "--note")
        for name in "AB":
            self.json("project", "create", name)
        key = self.json("audit", "export", "trail.audit")["key"]
        data = (self.folder / "trail.audit").read_bytes()
        (self.folder / "note").write_text(note, encoding="utf-8")
        code, said = self.verify(key, data, "--kept", "note")
        self.assertEqual((code, said["records"]), (0, 3), said)
        for i in range(0, len(data), 29):
            self.assertEqual(self.verify(key, data[:i] + bytes([data[i] ^ 1]) + data[i + 1:])[0], 1, i)
        lines = data.split(b"\n")
        for changed in (lines[:3] + lines[4:], lines[:3] + [lines[4], lines[3]] + lines[5:], lines[:4] + lines[3:], lines[:-2]):
            self.assertEqual(self.verify(key, b"\n".join(changed))[0], 1)
        self.json("project", "create", "C")
        self.json("audit", "export", "later.audit")
        later = (self.folder / "later.audit").read_bytes()
        self.assertEqual(self.verify(key, later, "--since", "trail.audit", "--kept", "note")[0], 0)
        code, said = self.verify(key, data, "--since", "later.audit")
        self.assertEqual(code, 1)
        self.assertIn("rolled back", said["why"])
        self.assertEqual(len(self.json("audit", "consistency", "3", "4")["path"]), 3)
        self.assertEqual(self.text("audit", "consistency", "4", "4"), "")
        proof = self.text("audit", "prove", "1")
        self.assertEqual(self.verify(key, proof.encode())[0], 0)
        self.assertEqual(self.verify(key, proof.replace("project.create", "project.remove").encode())[0], 1)


class Forks(Verified):
    def test_a_fork_and_a_rollback(self):
        self.json("tenant", "create", "Acme", "--slug", "acme", "--plan", "studio/professional")
        self.json("project", "create", "A")
        key = self.json("audit", "checkpoint")["key"]
        home = self.home
        shutil.copytree(home, self.folder / "early")
        self.json("project", "create", "B")
        note = self.text("audit", "checkpoint", "--note")
        (self.folder / "note").write_text(note, encoding="utf-8")
        self.json("audit", "export", "first.audit")
        shutil.rmtree(home)
        shutil.copytree(self.folder / "early", home)
        self.json("project", "create", "C")
        self.json("audit", "verify")  # the home cannot know
        self.json("audit", "export", "second.audit")
        forked = (self.folder / "second.audit").read_bytes()
        self.assertEqual(self.verify(key, forked)[0], 0, "whole by itself")
        self.assertEqual(self.verify(key, forked, "--kept", "note")[0], 1)
        code, said = self.verify(key, forked, "--since", "first.audit")
        self.assertEqual(code, 1)
        self.assertIn("forked", said["why"])


class Forgotten(Verified):
    def test_a_person_and_a_tenant(self):
        made = self.json("tenant", "create", "Acme", "--slug", "acme", "--plan", "studio/professional")
        self.json("project", "create", "Jane Doe's reel", "--actor", "jane@acme.example")
        self.json("audit", "export", "before.audit")
        self.assertEqual(self.tool("audit", "erase-personal", "jane@acme.example", "--yes", code=2)[0], "")
        done = self.json("audit", "erase-personal", "jane@acme.example", "--reason", "request 7", "--yes")
        self.assertEqual(done, {"records": 0, "actor": True})
        self.assertEqual(self.json("audit", "erase-personal", "Jane Doe", "--reason", "request 7", "--yes")["records"], 1)
        self.assertIn("[erased]", self.text("audit", "list"))
        record = self.json("audit", "list", "--action", "project.create")[0]
        self.assertEqual((record["actor"], record["actor_erased"], record["details_erased"]), ("", True, True))
        self.json("audit", "verify")
        key = self.json("audit", "export", "after.audit")["key"]
        data = (self.folder / "after.audit").read_bytes()
        self.assertEqual(self.verify(key, data, "--since", "before.audit")[0], 0, "proofs hold")
        self.assertEqual(self.verify(key, self.text("audit", "prove", "1").encode())[0], 0)
        listing = self.json("audit", "export-list", "trail.jsonl", "--action", "project.")
        lines = [json.loads(line) for line in (self.folder / "trail.jsonl").read_text(encoding="utf-8").splitlines()]
        self.assertEqual((listing["records"], lines[0]["erased"]), (1, ["actor", "details"]))
        # The tool looked the tenant up in her name: the operators' trail is one of its own.
        self.assertTrue(self.json("audit", "erase-personal", "jane@acme.example", "--operators", "--reason", "request 7", "--yes")["actor"])
        for path in self.home.rglob("metadata.db*"):
            self.assertFalse(b"jane@acme.example" in path.read_bytes(), path)

        self.assertEqual(self.json("audit", "retention")["first"], 0)
        self.json("tenant", "place-legal-hold", "acme", "--name", "case-17", "--reason", "court")
        self.assertEqual([hold["name"] for hold in self.json("tenant", "legal-holds", "acme")], ["case-17"])
        self.assertEqual(self.error("tenant", "erase", "acme", "--reason", "left", "--undo-window", "0", "--yes", code=15)["code"], "conflict")
        self.text("tenant", "lift-legal-hold", "acme", "--name", "case-17", "--reason", "closed")
        self.json("tenant", "erase", "acme", "--reason", "left", "--undo-window", "0", "--yes")
        receipt = self.text("tenant", "receipt", made["id"]).encode()
        code, said = self.verify(key, receipt)
        self.assertEqual((code, said["kind"], said["log"]), (0, "receipt", made["id"]), said)
        self.assertEqual(self.verify(key, receipt.replace(b'"project":1', b'"project":2'))[0], 1)
        self.assertEqual(self.json("tenant", "receipt", made["id"])["removed"]["project"], 1)


if __name__ == "__main__":
    main()
