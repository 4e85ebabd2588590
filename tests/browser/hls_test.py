#!/usr/bin/env python3
"""Chromium plays the HLS playlist of a camera: its own player, over the recorded files as they lie on disk.

The camera is cut off once and changes its picture's size once, so that the playlist has two discontinuities, the second one
with another initialisation.
"""
import http.server
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
from tool import CAMERA, FOOTAGE, Camera, ToolTest, main  # noqa: E402

LOOPBACK = {"TENON_CAMERA_NETWORKS": "127.0.0.0/8"}
BROWSER = "chromium-headless-shell"
PATIENCE = 240  # seconds for what takes ten on a machine that has time


class Pages(http.server.BaseHTTPRequestHandler):
    """The player, the playlist, the footage by ranges; and what the player saw."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0]
        pages = self.server.pages
        if path in pages:
            kind, content = pages[path]
            return self.answer(200, kind, content)
        if not path.startswith("/footage/") or ".." in path:
            return self.answer(404, "text/plain", b"")
        content = (self.server.footage / path.removeprefix("/footage/")).read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        self.server.ranges.append(bool(asked))
        if not asked:
            return self.answer(200, "video/mp4", content)
        first = int(asked[1])
        last = min(int(asked[2]) if asked[2] else len(content) - 1, len(content) - 1)
        self.answer(206, "video/mp4", content[first:last + 1], {"Content-Range": f"bytes {first}-{last}/{len(content)}"})

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.changed:
            self.server.seen = told
            self.server.changed.notify_all()
        self.answer(204, "text/plain", b"")

    def answer(self, code, kind, content, more=()):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        for name, value in dict(more).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, footage, playlist):
        super().__init__(("127.0.0.1", 0), Pages)
        self.footage = footage
        self.pages = {"/": ("text/html", (HERE / "player.html").read_bytes()),
                      "/door.m3u8": ("application/vnd.apple.mpegurl", playlist)}
        self.ranges = []
        self.seen = {}
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def handle_error(self, *_):
        pass  # a browser lets go of what it has read enough of

    def stop(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Hls(ToolTest):
    @classmethod
    def prepare(cls):
        if not shutil.which(BROWSER):
            raise RuntimeError(f"{BROWSER} is missing: ./dev setup installs it")
        cls.camera = cls.enterClassContext(Camera(CAMERA, FOOTAGE, "camera_small.mp4"))
        cls.tool("tenant", "create", "Shop", "--plan", "nvr/professional")

    def wait_for_run(self, recorder, gap_before):
        """Until a run that follows such a gap is long enough to be worth looking at."""
        deadline = time.monotonic() + PATIENCE
        while True:
            runs = self.json("camera", "recordings", "Door")
            if runs and any(run["gap_before"] == gap_before for run in runs) and runs[-1]["frames"] >= 60:
                return runs
            self.assertLess(time.monotonic(), deadline, runs)
            self.assertIsNone(recorder.poll())
            time.sleep(0.2)

    def record(self):
        """The camera is cut off, and later its picture gets smaller."""
        self.tool("camera", "add", "Door", self.camera.url, env=LOOPBACK)
        self.tool("camera", "record", "Door", "on", env=LOOPBACK)
        recorder = self.start("camera", "run", "--json", env=LOOPBACK, stdout=subprocess.DEVNULL)
        try:
            self.wait_for_run(recorder, None)
            self.camera.say("drop")
            self.wait_for_run(recorder, "offline")
            self.camera.say("change")
            self.wait_for_run(recorder, "format_change")
        finally:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(timeout=60)
        return self.json("camera", "recordings", "Door")

    def play(self, server):
        """What the browser saw when it was through, or gave up."""
        with tempfile.TemporaryDirectory(prefix="browser-") as profile:
            browser = subprocess.Popen(
                [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--autoplay-policy=no-user-gesture-required",
                 "--remote-debugging-port=0", f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_port}/"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                with server.changed:
                    server.changed.wait_for(lambda: server.seen.get("state") in ("ended", "error"), PATIENCE)
                    return server.seen
            finally:
                browser.kill()
                browser.wait()

    def test_a_browser_plays_what_was_recorded(self):
        runs = self.record()
        made = self.json("camera", "playlist", "Door", "door.m3u8", "--start", runs[0]["start"], "--end", runs[-1]["end"],
                         "--prefix", "/footage/")
        playlist = (self.folder / "door.m3u8").read_bytes()
        lines = playlist.decode().splitlines()
        self.assertEqual(lines.count("#EXT-X-DISCONTINUITY"), len(runs) - 1)
        self.assertGreaterEqual(sum(line.startswith("#EXT-X-MAP:") for line in lines), len(runs))

        server = Server(self.folder / made["folder"], playlist)
        try:
            seen = self.play(server)
        finally:
            server.stop()
        self.assertEqual(seen.get("state"), "ended", seen)
        self.assertIsNone(seen["error"])
        length = sum(float(line[8:].rstrip(",")) for line in lines if line.startswith("#EXTINF:"))
        self.assertAlmostEqual(seen["duration"], length, delta=0.5)
        self.assertAlmostEqual(seen["at"], length, delta=0.5)
        self.assertEqual(seen["sizes"][0], [768, 576])
        self.assertEqual(seen["sizes"][-1], [384, 288], "the size changes where the camera's did")
        self.assertEqual(sorted(seen["times"]), seen["times"], "time goes on through every discontinuity")
        self.assertGreater(seen["frames"], 100, seen)
        self.assertTrue(server.ranges and all(server.ranges), "footage is read by ranges")
        print({name: value for name, value in seen.items() if name != "times"})


if __name__ == "__main__":
    main()
