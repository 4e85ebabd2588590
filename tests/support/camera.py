"""A live RTSP camera for a test script: the program of tests/camera, for as long as the `with` lasts."""
import subprocess


class Camera:
    """With `other`, say("change") goes on with that file of the footage."""

    def __init__(self, program, footage, other=None):
        self._command = [str(program), f"{footage}/camera.mp4"] + ([f"{footage}/{other}"] if other else [])

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the camera does not start: is build/footage there? (./dev setup)")
        return self

    def say(self, command):
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().strip() != "ok":
            raise RuntimeError(f"the camera does not know {command}")

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
