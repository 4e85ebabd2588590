"""A live RTSP camera for a test script: the program of tests/camera, for as long as the `with` lasts."""
import subprocess


class Camera:
    def __init__(self, program, footage):
        self._command = [str(program), f"{footage}/camera.mp4"]

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the camera does not start: is build/footage there? (./dev setup)")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
