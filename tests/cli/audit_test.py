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


if __name__ == "__main__":
    main()
