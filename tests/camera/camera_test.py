#!/usr/bin/env python3
"""The test camera is a camera that others can read, and its faults are what their names say.

    camera_test.py CAMERA FILE.mp4 OTHER.mp4
"""
import subprocess
import sys

program, file, other = sys.argv[1:]
failures = []


class Camera:
    def __init__(self, *options):
        self.process = subprocess.Popen([program, *options, file, other], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        expect(self.process.stdout.readline().strip() == "ok", f"{command} is answered by ok")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            expect(False, "the camera ends with its standard input")


def expect(holds, what):
    if not holds:
        failures.append(what)


def frames(url, timeout="10"):
    """How many of the first 30 frames come, in order and 1/30 s apart; and what FFmpeg says."""
    run = subprocess.run(["ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-timeout", f"{timeout}000000",
                          "-select_streams", "v", "-read_intervals", "%+#30", "-show_entries", "packet=dts", "-of", "csv=p=0", url],
                         capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    times = [int(line.strip(",")) for line in run.stdout.split() if line.strip(",").isdigit()]
    steps = {later - earlier for earlier, later in zip(times[2:], times[3:])}
    expect(not times or steps <= {2999, 3000, 3001}, f"frames come 1/30 s apart: {steps}")
    return len(times), run.stderr


def size(url):
    run = subprocess.run(["ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-timeout", "10000000", "-select_streams", "v",
                          "-show_entries", "stream=width,height", "-of", "csv=p=0", url],
                         capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    return run.stdout.strip()


with Camera() as camera:
    expect(frames(camera.url)[0] >= 25, "a camera sends frames")
    camera.say("mute")
    expect(frames(camera.url, "1")[0] == 0, "a mute camera sends nothing")
    camera.say("down")
    expect("refused" in frames(camera.url, "1")[1], "a camera that is down refuses")
    camera.say("up")
    expect(frames(camera.url)[0] >= 25, "a camera comes back at the same address")
    expect(size(camera.url) == "768,576", "a camera sends its first file")
    camera.say("change")
    expect(size(camera.url) == "384,288", "a camera sends the other file once it is changed")
with Camera("--user", "guard", "--password", "a secret", "--no-sound") as camera:
    expect("401" in frames(camera.url)[1], "a login is asked for")
    expect("401" in frames(camera.url.replace("//", "//guard:guess@"))[1], "a wrong password is refused")
    expect(frames(camera.url.replace("//", "//guard:a%20secret@"))[0] >= 25, "the right password opens")

print("\n".join(f"not so: {what}" for what in failures) or "A camera as it should be.")
sys.exit(1 if failures else 0)
