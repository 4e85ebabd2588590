#!/usr/bin/env python3
"""What only a terminal shows: the progress bar, prompts, passwords without echo, the screen of cameras."""
import os
import pty
import re
import select
import signal
import subprocess
import time

from tool import TOOL, ToolTest, main


class Terminal:
    """The tool with a terminal of its own."""

    def __init__(self, test, *words, stdout=None):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([TOOL, *words], cwd=test.folder, env=test.environment(TERM="xterm"), stdin=slave,
                                        stdout=stdout or slave, stderr=slave, preexec_fn=lambda: self.own(slave))
        os.close(slave)
        test.addCleanup(self.forget)
        self.seen = ""

    @staticmethod
    def own(slave):
        import fcntl
        import termios
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    def until(self, text, seconds=60):
        """Reads until `text` was shown since the last call, or the end if it is None."""
        shown, deadline = "", time.monotonic() + seconds
        while text is None or text not in shown:
            if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} was not shown: {shown!r}")
            try:
                piece = os.read(self.master, 4096).decode(errors="replace")
            except OSError:
                piece = ""
            if not piece:
                if text is None:
                    break
                raise AssertionError(f"it ended before {text!r} was shown: {shown!r}")
            shown += piece
        self.seen += shown
        return shown

    def forget(self):
        """Whatever a failed test has left."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        shown = self.until(None)
        code = self.process.wait(60)
        os.close(self.master)
        return code, shown


class OnATerminal(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")
        cls.tool("project", "create", "Reel")
        cls.tool("asset", "import", "--project", "Reel", "interview.mp4")

    def test_the_bar_is_drawn_over_itself_and_goes(self):
        terminal = Terminal(self, "render", "start", "--project", "Reel", "--clip", "interview.mp4:0s-3s", "--name", "bar")
        code, shown = terminal.end()
        self.assertEqual(code, 0, shown)
        drawn = [part for part in shown.split("\r") if " %" in part]
        self.assertTrue(drawn, shown)
        for part in drawn:
            self.assertLess(len(part.rstrip("\n")), 80)
        self.assertIn("█", shown)
        self.assertNotRegex(shown, r"\b0 \S+ left")
        self.assertRegex(shown, r"\r +\r")  # wiped before the result
        self.assertRegex(shown, r"/exports/bar-[0-9a-z]+\.mp4")

    def test_json_leaves_standard_output_to_the_document(self):
        terminal = Terminal(self, "render", "start", "--project", "Reel", "--clip", "interview.mp4:0s-2s", "--name", "j",
                            "--json", stdout=subprocess.PIPE)
        out = terminal.process.stdout.read()
        code, shown = terminal.end()
        terminal.process.stdout.close()
        self.assertEqual(code, 0, shown)
        self.assertTrue(out.startswith(b"{") and out.count(b"\n") == 1, out)

    def test_ctrl_c(self):
        clips = ["--clip", "interview.mp4"] * 30
        terminal = Terminal(self, "render", "start", "--project", "Reel", "--name", "long", *clips)
        terminal.until(" %")
        terminal.type("\x03")
        code, shown = terminal.end()
        self.assertEqual(code, 22, shown)
        self.assertIn("Cancelling", shown)

    def test_passwords_are_not_echoed_and_asked_for_twice(self):
        terminal = Terminal(self, "backup", "add-password", "--label", "typed")
        terminal.until("New password of the backup: ")
        terminal.type("correct horse battery\n")
        terminal.until("Again: ")
        terminal.type("correct horse battery\n")
        code, shown = terminal.end()
        self.assertEqual(code, 0, shown)
        self.assertNotIn("correct", terminal.seen)

        terminal = Terminal(self, "backup", "add-password")
        terminal.until("backup: ")
        terminal.type("correct horse battery\n")
        terminal.until("Again: ")
        terminal.type("correct hose battery\n")
        self.assertEqual(terminal.end()[0], 2)

    def test_ctrl_c_at_a_prompt_gives_the_echo_back(self):
        terminal = Terminal(self, "backup", "add-password")
        terminal.until("backup: ")
        terminal.type("half\x03")
        code, shown = terminal.end()
        self.assertEqual(code, 22, shown)

    def test_asking_before_removing(self):
        self.tool("project", "create", "Doomed")
        terminal = Terminal(self, "project", "remove", "Doomed")
        terminal.until("[y/N] ")
        terminal.type("\n")
        code, shown = terminal.end()
        self.assertEqual(code, 22)
        self.assertIn("nothing was done", shown)
        terminal = Terminal(self, "project", "remove", "Doomed")
        terminal.until("[y/N] ")
        terminal.type("y\n")
        self.assertEqual(terminal.end()[0], 0)
        self.assertNotIn("Doomed", self.text("project", "list"))

    def test_the_screen_of_cameras(self):
        terminal = Terminal(self, "camera", "run")
        terminal.until("Ctrl-C ends it")
        shown = terminal.until("Ctrl-C ends it")
        self.assertRegex(shown, re.escape("\x1b[") + r"\d+A")
        terminal.process.send_signal(signal.SIGINT)
        self.assertEqual(terminal.end()[0], 0)


if __name__ == "__main__":
    main()
