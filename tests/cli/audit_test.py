#!/usr/bin/env python3
"""An exported audit trail and the independent verifier: what holds, and every kind of tampering."""
import json
import os
import subprocess

from tool import ToolTest, main

VERIFY = os.environ["VERIFY"]


class Audit(ToolTest):
    def verify(self, key, data, *words):
        (self.folder / "given.audit").write_bytes(data)
        done = subprocess.run([VERIFY, "--key", key, "--json", *words, "given.audit"], cwd=self.folder, capture_output=True, timeout=60,
                              check=False)
        return done.returncode, json.loads(done.stdout)

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
        proof = self.text("audit", "prove", "1")
        self.assertEqual(self.verify(key, proof.encode())[0], 0)
        self.assertEqual(self.verify(key, proof.replace("project.create", "project.remove").encode())[0], 1)


if __name__ == "__main__":
    main()
