#!/usr/bin/env python3
"""A live camera through the tool: add, record, list footage, cut a clip, remove."""
import json
import pathlib
import shutil
import signal
import subprocess
import time

from tool import CAMERA, FOOTAGE, TIME, Camera, ToolTest, main

LOOPBACK = {"TENON_CAMERA_NETWORKS": "127.0.0.0/8"}


class Cameras(ToolTest):
    @classmethod
    def prepare(cls):
        cls.camera = cls.enterClassContext(Camera(CAMERA, FOOTAGE))
        cls.tool("tenant", "create", "Shop", "--plan", "nvr/professional")

    def run_until_recorded(self, name, *, seconds):
        """Records in a process of its own until there is so much footage; its lines."""
        process = self.start("camera", "run", "--json", env=LOOPBACK, stdout=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 60
            while sum(self.footage(name)) < seconds:
                self.assertLess(time.monotonic(), deadline, "no footage came")
                self.assertIsNone(process.poll())
        finally:
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        return [json.loads(line) for line in out.splitlines()]

    def footage(self, name):
        home = self.start("camera", "recordings", name, "--json", stdout=subprocess.PIPE, text=True)
        out, _ = home.communicate(timeout=60)
        return [r["frames"] / 30 for r in json.loads(out)]

    def test_from_a_camera_to_a_clip(self):
        added = self.json("camera", "add", "Door", self.camera.url, env=LOOPBACK)
        self.assertEqual((added["name"], added["recording"], added["state"]), ("Door", "off", "off"))
        self.assertTable(self.text("camera", "list"), "NAME", "RECORDING", "STATE", "LAST FRAME", "ADDRESS", "PROBLEM", "ID")
        self.assertEqual(self.json("camera", "list")[0]["id"], added["id"])
        self.assertIn("on, off or schedule", self.tool("camera", "record", "Door", "maybe", code=2)[1])
        self.assertEqual(self.json("camera", "record", "Door", "on", env=LOOPBACK)["recording"], "continuous")

        lines = self.run_until_recorded("Door", seconds=5)
        self.assertIn("recording", [line["state"] for line in lines])
        self.assertRegex(lines[0]["at"], TIME)
        self.assertEqual(self.json("camera", "record", "Door", "off")["recording"], "off")
        self.assertIn("off", self.text("camera", "show", "Door"))

        stretches = self.json("camera", "recordings", "Door")
        self.assertTable(self.text("camera", "recordings", "Door"), "START", "END", "LENGTH", "SIZE", "FRAMES", "GAP BEFORE")
        last = stretches[-1]
        self.assertGreater(last["frames"], 60)
        self.assertEqual(self.json("camera", "recordings", "Door", "--end", "2020-01-01"), [])

        clip = self.json("camera", "clip", "Door", "--start", last["start"], "--end", last["end"], "--name", "visitor")
        path = pathlib.Path(clip["path"])
        self.assertRegex(str(path), r"/exports/visitor-[0-9a-z]+\.mp4$")
        self.assertEqual(path.stat().st_size, clip["size"])
        decoded = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries",
                                  "stream=nb_read_frames,codec_name", "-of", "csv=p=0", path], capture_output=True, text=True,
                                 check=True)
        self.assertEqual(decoded.stderr, "")
        self.assertEqual(decoded.stdout.strip().split(","), ["h264", str(clip["frames"])])
        self.assertEqual(self.error("camera", "clip", "Door", "--start", "2020-01-01", "--end", "2020-01-02", code=14)["code"], "not_found")

        # Footage is media: it can be imported and rendered.
        self.tool("project", "create", "Incidents", code=16 if self.no_projects() else 0)

        self.assertIn("--yes", self.tool("camera", "remove", "Door", code=2)[1])
        self.assertIn("Removed Door.", self.text("camera", "remove", "Door", "--yes"))
        self.assertEqual(self.json("camera", "list"), [])
        self.assertTrue(path.is_file())

    def no_projects(self):
        return {q["resource"]: q["limit"] for q in self.json("quota")}.get("projects", 0) == 0

    def test_passwords_are_never_shown(self):
        (self.folder / "secret").write_text("pass-phrase-1\n")
        added = self.text("camera", "add", "Yard", self.camera.url, "--user", "viewer", "--password-file", "secret", env=LOOPBACK)
        self.assertNotIn("pass-phrase-1", added + self.text("camera", "list", "--json"))
        self.tool("camera", "add", "Gate", self.camera.url, "--user", "viewer", env={**LOOPBACK, "TENON_CAMERA_PASSWORD": "pass-phrase-2"})
        self.assertIn("--password-file", self.tool("camera", "add", "X", self.camera.url, "--user", "v", code=2, env=LOOPBACK)[1])
        for path in self.home.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"pass-phrase", path.read_bytes(), path)
        for name in ("Yard", "Gate"):
            self.tool("camera", "remove", name, "--yes")

    def test_a_camera_is_changed(self):
        added = self.json("camera", "add", "Hall", self.camera.url, env=LOOPBACK)
        moved = self.camera.url.replace("127.0.0.1", "127.0.0.2")
        secret = {**LOOPBACK, "TENON_CAMERA_PASSWORD": "pass-phrase-3"}
        changed = self.json("camera", "update", "Hall", "--name", "Stairs", "--url", moved, "--user", "viewer", env=secret)
        self.assertEqual((changed["id"], changed["name"], changed["url"]), (added["id"], "Stairs", moved))
        refused = self.error("camera", "update", "Stairs", "--url", self.camera.url, code=11, env=LOOPBACK)
        self.assertEqual(refused["subject"], "password")
        self.json("camera", "update", "Stairs", "--password", env=secret)
        self.json("camera", "update", "Stairs", "--no-login", env=LOOPBACK)
        self.assertEqual(self.json("camera", "update", "Stairs", "--url", self.camera.url, env=LOOPBACK)["url"], self.camera.url)
        for words in ([], ["--no-login", "--user", "v"], ["--url", "rtsp://u:secret@127.0.0.1/s"]):
            self.tool("camera", "update", "Stairs", *words, code=2, env=LOOPBACK)
        self.assertEqual(len([r for r in self.json("audit", "list", "--action", "camera.update", "--limit", "100") if r["outcome"] == "ok"]), 4)
        self.tool("camera", "remove", "Stairs", "--yes")

    def test_refusals(self):
        self.assertEqual(self.error("camera", "add", "In", "rtsp://8.8.8.8/s", code=13)["code"], "permission_denied")
        self.assertIn("--camera-network", self.tool("camera", "add", "In", "rtsp://8.8.8.8/s", code=13)[1])
        for url in ("rtsp://u:secret@127.0.0.1/s", "rtsp://u:secret@127.0.0.1"):
            out, err = self.tool("camera", "add", "In", url, code=2, env=LOOPBACK)
            self.assertIn("--user", err)
            self.assertNotIn("secret", out + err)
        self.assertEqual(self.error("camera", "add", "In", "http://127.0.0.1/s", code=11, env=LOOPBACK)["code"], "invalid_argument")
        self.assertEqual(self.error("camera", "show", "Nowhere", code=14)["subject"], "Nowhere")

    def test_run_for_a_while(self):
        out, err = self.tool("camera", "run", "--for", "1s")
        self.assertIn("Closing", err)


if __name__ == "__main__":
    main()
