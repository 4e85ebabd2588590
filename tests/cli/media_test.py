#!/usr/bin/env python3
"""From a media file to a reel through the tool: assets, renders, jobs."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import struct
import time
import xml.etree.ElementTree

from tool import FOOTAGE, ToolTest, main


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class Media(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/professional")
        cls.tool("project", "create", "Reel")
        cls.clip = cls.json("asset", "import", "--project", "Reel", "interview.mp4")

    def used(self, resource):
        return {q["resource"]: (q["used"], q["reserved"]) for q in self.json("quota")}[resource]


class Assets(Media):
    def test_what_was_imported(self):
        clip = self.clip
        self.assertEqual((clip["name"], clip["container"], clip["video_codec"], clip["audio_codec"]),
                         ("interview.mp4", "mp4", "h264", "aac"))
        self.assertEqual((clip["width"], clip["height"], clip["frame_rate"]), (768, 576, {"num": 25, "den": 1}))
        self.assertAlmostEqual(clip["duration_us"] / 1e6, 10.2, delta=0.1)
        self.assertEqual(clip["sha256"], sha256(self.folder / "interview.mp4"))
        self.assertEqual(clip["sha256"], sha256(clip["path"]))
        self.assertEqual(pathlib.Path(clip["thumbnail"]).read_bytes()[:3], b"\xff\xd8\xff")
        shown = self.text("asset", "show", "interview.mp4")
        self.assertIn("h264 768×576 25 fps", shown)
        self.assertEqual(self.json("asset", "show", clip["id"]), clip)
        frame = self.json("asset", "frame", "interview.mp4", "--at", "2s", "--width", "384", "--target", "frame.png")
        header = pathlib.Path(frame["path"]).read_bytes()[:24]
        self.assertEqual((header[:4], header[16:]), (b"\x89PNG", struct.pack(">II", 384, 288)))
        self.assertIn("--target", self.tool("asset", "frame", "interview.mp4", code=2)[1])
        self.text("asset", "contact-sheet", "interview.mp4", "--target", "clip.png")
        self.assertEqual((self.folder / "clip.png").read_bytes()[:4], b"\x89PNG")
        self.assertIn("4x3", self.tool("asset", "contact-sheet", "interview.mp4", "--target", "c.png", "--grid", "4", code=2)[1])
        self.assertIn("--target", self.tool("asset", "waveform", "interview.mp4", code=2)[1])
        sound = self.json("asset", "waveform", "interview.mp4", "--points", "200", "--data", "sound.json", "--target", "sound.png")
        self.assertEqual((self.folder / "sound.png").read_bytes()[:4], b"\x89PNG")
        self.assertEqual(len(sound["minimum"]), len(sound["rms"]))
        player = json.loads((self.folder / "sound.json").read_text())
        self.assertEqual((player["version"], player["channels"], player["bits"]), (2, 2, 16))
        self.assertEqual(len(player["data"]), 2 * player["channels"] * player["length"])
        self.assertEqual(len(sound["maximum"]), player["channels"] * player["length"])
        self.assertAlmostEqual(player["length"] * player["samples_per_pixel"] / player["sample_rate"], 10.2, delta=0.2)
        self.assertTrue(all(low <= high for low, high in zip(sound["minimum"], sound["maximum"])))
        look = self.json("asset", "grade-still", "interview.mp4", "--grade", "cinematic_warm", "--target", "look.png", "--width", "640")
        self.assertEqual(pathlib.Path(look["path"]).read_bytes()[:4], b"\x89PNG")
        self.assertEqual(self.error("asset", "grade-still", "interview.mp4", "--grade", "sepia", "--target", "x.png", code=14)["subject"], "sepia")
        self.assertFalse((self.folder / "x.png").exists())
        self.assertTable(self.text("asset", "list"), "NAME", "LENGTH", "SIZE", "PICTURE", "SOUND", "ID")
        self.assertIn(clip, self.json("asset", "list", "--project", "Reel"))

    def test_several_at_once_and_removed_again(self):
        shutil.copy(FOOTAGE / "clapper.mp4", self.folder / "a.mp4")
        shutil.copy(FOOTAGE / "clapper.mp4", self.folder / "b.mp4")
        before = self.used("storage")
        ids = self.text("asset", "import", "--project", "Reel", "--quiet", "a.mp4", "b.mp4").split()
        self.assertEqual(len(ids), 2)
        self.assertIn("--name", self.tool("asset", "import", "--project", "Reel", "--name", "x", "a.mp4", "b.mp4", code=2)[1])
        self.assertGreater(self.used("storage"), before)
        self.assertIn("Removed a.mp4.", self.text("asset", "remove", "a.mp4", "--yes"))
        self.assertEqual(self.json("asset", "remove", ids[1], "--yes")["id"], ids[1])
        self.assertEqual(self.used("storage"), before)

    def test_what_is_no_media_is_refused_and_leaves_nothing(self):
        (self.folder / "notes.txt").write_text("hello\n")
        (self.folder / "cut.mp4").write_bytes((self.folder / "interview.mp4").read_bytes()[:5000])
        (self.folder / "empty.mp4").write_bytes(b"")
        before = (self.used("storage"), self.json("asset", "list"))
        for name, codes in (("notes.txt", (18,)), ("cut.mp4", (18, 19)), ("empty.mp4", (18, 19)), ("missing.mp4", (14,))):
            process = self.start("asset", "import", "--project", "Reel", "--json", name, stderr=-1, stdout=-1)
            out, err = process.communicate(timeout=60)
            self.assertIn(process.returncode, codes, err)
            self.assertEqual((out, json.loads(err)["number"]), (b"", process.returncode - 10))
        self.assertEqual((self.used("storage"), self.json("asset", "list")), before)


class Renders(Media):
    def test_a_reel(self):
        done = self.json("render", "start", "--project", "Reel", "--name", "short", "--clip", "interview.mp4:1s-2s")
        self.assertEqual((done["kind"], done["state"], done["progress"]["percent"]), ("render", "succeeded", 100))
        (output,) = done["result"]["outputs"]
        name = pathlib.Path(output["path"]).name
        self.assertRegex(name, r"^short-[0-9a-z]+\.mp4$")
        self.assertEqual(output["sha256"], sha256(output["path"]))
        self.assertAlmostEqual(output["duration_us"] / 1e6, 1, delta=0.05)
        self.assertEqual(done["result"]["render_time_us"], output["duration_us"])

        self.assertEqual(self.json("render", "show", done["id"])["result"], done["result"])
        self.assertTable(self.text("render", "show", done["id"]), "PRESET", "LENGTH", "SIZE", "FRAMES", "PICTURE", "QUALITY", "FILE")
        self.assertTable(self.text("render", "list"), "KIND", "STATE", "DONE", "CREATED", "ENDED", "ID", "MESSAGE")
        self.assertIn(done["id"], [job["id"] for job in self.json("render", "list")])
        self.assertIn("succeeded", self.text("job", "show", done["id"]))
        self.assertIn("succeeded", self.text("job", "join", done["id"]))
        self.assertEqual(self.json("job", "show", done["id"])["progress"]["percent"], 100)

        self.assertTable(self.text("export", "list"), "NAME", "SIZE", "MADE", "JOB")
        (listed,) = self.json("export", "list", "--job", done["id"])
        names = [e["name"] for e in self.json("export", "list")]
        self.assertEqual([e["name"] for e in self.json("export", "list", "--after", names[0])], names[1:])
        self.assertEqual(self.error("export", "list", "--after", "gone.mp4", code=14)["subject"], "gone.mp4")
        self.assertEqual((listed["name"], listed["sha256"], listed["size"]), (name, output["sha256"], output["size"]))
        self.assertEqual(self.json("export", "show", name), listed)
        self.assertIn(output["sha256"], self.text("export", "show", name))
        self.text("export", "frame", name, "--at", "500ms", "--target", "poster.png")
        self.assertEqual((self.folder / "poster.png").read_bytes()[:4], b"\x89PNG")
        sheet = self.json("export", "contact-sheet", name, "--target", "reel.png", "--grid", "3x2")
        self.assertEqual((sheet["columns"], sheet["rows"]), (3, 2))
        self.assertEqual(pathlib.Path(sheet["path"]).read_bytes()[:4], b"\x89PNG")
        self.assertIn("--yes", self.tool("export", "remove", name, code=2)[1])
        before = self.used("storage")[0]
        self.assertIn("Removed", self.text("export", "remove", name, "--yes"))
        self.assertEqual(self.used("storage")[0], before - output["size"])
        self.assertFalse(pathlib.Path(output["path"]).exists())
        self.assertEqual(self.error("export", "show", name, code=14)["subject"], name)

    def test_progress_in_plain_lines(self):
        out, err = self.tool("render", "start", "--project", "Reel", "--name", "plain", "--clip", "interview.mp4:2s-3s")
        self.assertTable(out, "PRESET", "LENGTH", "SIZE", "FRAMES", "PICTURE", "QUALITY", "FILE")
        self.assertRegex(err, r"(?m)^render.* 100\.0 %")
        self.assertIn("Render time used: 1 s.", err)
        self.assertNotIn("\r", out + err)
        quiet, err = self.tool("render", "start", "--project", "Reel", "--quiet", "--name", "q", "--clip", "interview.mp4:2s-3s")
        self.assertTrue(pathlib.Path(quiet.strip()).is_file())
        self.assertEqual(err, "")

    def test_an_edit_as_a_file(self):
        words = ["--clip", "interview.mp4:0:01-0:02.5", "--clip", "interview.mp4:5s-6s", "--crossfade", "500ms",
                 "--title", "Meet @ 5@0s-1s", "--grade", "cinematic_warm"]
        edit = self.text("render", "start", "--project", "Reel", "--print-timeline", *words)
        (self.folder / "cut.json").write_text(edit)
        again = self.text("render", "start", "--project", "Reel", "--print-timeline", "--timeline", "cut.json")
        self.assertEqual(json.loads(again), json.loads(edit))
        self.assertIn("Meet @ 5", edit)
        drawn = self.json("render", "draw", "--timeline", "cut.json", "--target", "cut.svg", "--heading", "A & B <cut>")
        image = xml.etree.ElementTree.parse(drawn["path"]).getroot()
        texts = [node.text for node in image.iter("{http://www.w3.org/2000/svg}text")]
        for text in ("A & B <cut>", "Meet @ 5", "interview.mp4", "1.00 s – 2.48 s", "Titles", "Picture", "Sound"):
            self.assertIn(text, texts)
        self.assertIn("crossfade, 0.50 s", [node.text for node in image.iter("{http://www.w3.org/2000/svg}title")])
        self.assertIn("--project", self.tool("render", "draw", "--target", "x.svg", code=2)[1])
        self.assertIn("--timeline", self.tool("render", "draw", "--target", "x.svg", "--timeline", "cut.json", "--grade", "a", code=2)[1])
        done = self.json("render", "start", "--project", "Reel", "--timeline", "cut.json", "--name", "edit",
                         "--output", "mp4,social_square")
        presets = {output["preset"]: output for output in done["result"]["outputs"]}
        self.assertEqual(list(presets), ["mp4", "social_square"])
        self.assertEqual(presets["social_square"]["width"], presets["social_square"]["height"])
        self.assertAlmostEqual(presets["mp4"]["duration_us"] / 1e6, 2, delta=0.05)
        self.text("render", "draw", done["id"], "--target", "edit.svg")
        self.assertIn(">edit<", (self.folder / "edit.svg").read_text())
        self.text("export", "waveform", pathlib.Path(presets["mp4"]["path"]).name, "--data", "edit.json")
        self.assertEqual(json.loads((self.folder / "edit.json").read_text())["version"], 2)

    def test_refusals(self):
        held = self.used("render_time")
        start = ("render", "start", "--project", "Reel")
        self.assertIn("--clip", self.tool(*start, code=2)[1])
        self.assertIn("--timeline", self.tool(*start, "--timeline", "x", "--clip", "y", code=2)[1])
        missing = self.error(*start, "--clip", "nothing.mp4", code=14)
        self.assertEqual((missing["subject"], missing["hint"]), ("nothing.mp4", "“tenon asset list” shows what there is."))
        self.assertEqual(self.error(*start, "--timeline", "nothing.json", code=14)["subject"], "nothing.json")
        self.assertEqual(self.error(*start, "--clip", "interview.mp4:20s-30s", code=11)["code"], "invalid_argument")
        self.assertEqual(self.error(*start, "--clip", "interview.mp4", "--output", "vhs", code=14)["code"], "not_found")
        self.assertEqual(self.error(*start, "--clip", "interview.mp4", "--name", "../../out", code=11)["code"], "invalid_argument")
        (self.folder / "bad.json").write_text("{")
        self.assertEqual(self.error(*start, "--timeline", "bad.json", code=11)["code"], "invalid_argument")
        self.assertEqual(self.error("render", "show", "job_nonsense", code=11)["code"], "invalid_argument")
        self.assertEqual(self.error("job", "show", "job_01jd8w3v5e6f7g8h9j0k1m2n3p", code=14)["code"], "not_found")
        self.assertEqual(self.used("render_time"), held)

    def long_edit(self):
        words = []
        for _ in range(30):
            words += ["--clip", "interview.mp4"]
        return ["render", "start", "--project", "Reel", "--name", "long", "--output", "mp4", *words]

    def test_ctrl_c_cancels_and_leaves_nothing(self):
        held = self.used("render_time")
        process = self.start(*self.long_edit(), stdout=-1, stderr=-1, text=True)
        said = ""
        while " %" not in said:
            line = process.stderr.readline()
            self.assertTrue(line, "it ended: " + said)
            said += line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 22, said + err)
        self.assertIn("Cancelling", said + err)
        self.assertEqual(out, "")
        self.assertEqual(self.used("render_time"), held)
        self.assertEqual([p for p in self.home.rglob("long*") if p.is_file()], [])
        self.assertEqual(self.json("job", "list", "--state", "cancelled", "--kind", "render", "--limit", "1")[0]["error"], "cancelled")
        ids = self.text("job", "list", "--limit", "100000", "--quiet").split()
        self.assertEqual(self.text("job", "list", "--after", ids[0], "--quiet").split(), ids[1:101])
        self.assertEqual(self.error("job", "list", "--after", "no id", code=11)["code"], "invalid_argument")

    def test_detached_jobs_are_joined_and_cancelled(self):
        edit = self.long_edit()
        job = self.json(*edit, "--detach")
        self.assertIn(job["state"], ("ready", "running"))
        cancelled = self.json("job", "cancel", job["id"])
        self.assertEqual((cancelled["state"], cancelled["error"]), ("cancelled", "cancelled"))
        self.assertEqual(self.error("job", "join", job["id"], code=22)["code"], "cancelled")
        short = self.text("render", "start", "--project", "Reel", "--clip", "interview.mp4:0s-1s", "--name", "later",
                          "--detach", "--quiet").strip()
        self.assertEqual(self.json("job", "join", short)["state"], "succeeded")

    def test_a_job_is_put_off_and_what_ended_in_vain_is_done_again(self):
        edit = ("render", "start", "--project", "Reel", "--clip", "interview.mp4:0s-1s", "--output", "social_square", "--name", "again")
        job = self.json(*edit, "--at", "+3h", "--priority", "-7")
        self.assertEqual((job["state"], job["priority"]), ("scheduled", -7))
        self.assertEqual(self.error("job", "retry", job["id"], code=15)["code"], "conflict")
        moved = self.json("job", "reschedule", job["id"], "--at", "+5h", "--priority", "7")
        self.assertGreater(moved["due_at"], job["due_at"])
        self.assertEqual(moved["priority"], 7)
        self.assertEqual(self.json("job", "reschedule", job["id"], "--priority", "9")["due_at"], moved["due_at"])
        self.assertEqual(self.json("job", "reschedule", job["id"], "--at", "+6h")["priority"], 9)
        self.assertEqual(self.json("job", "cancel", job["id"])["state"], "cancelled")
        self.assertEqual(self.error("job", "reschedule", job["id"], "--at", "now", code=15)["code"], "conflict")
        again = self.json("job", "retry", job["id"])
        self.assertNotEqual(again["id"], job["id"])
        self.assertEqual(self.json("job", "join", again["id"])["state"], "succeeded")
        self.assertEqual(self.json("job", "work", "--for", "100ms", "--drain", "1s"), {"drained": True})
        self.assertEqual(self.error(*edit, "--at", "2090-01-01", code=11)["code"], "invalid_argument")

    def test_verbs_that_look_leave_the_work_to_others(self):
        job = self.json(*self.long_edit(), "--detach")["id"]
        before = self.json("job", "show", job)
        self.assertEqual(before["state"], "ready")
        for words in (["job", "list"], ["render", "list"], ["render", "show", job], ["asset", "list"], ["camera", "list"],
                      ["tenant", "list"], ["usage"], ["audit", "list"], ["backup", "list"], ["events", "follow", "--for", "1s"]):
            self.tool(*words)
        self.assertEqual(self.json("job", "show", job), before)
        self.assertEqual(self.json("job", "cancel", job)["state"], "cancelled")

    def test_a_killed_render_goes_on_when_the_home_is_opened_again(self):
        process = self.start("render", "start", "--project", "Reel", "--clip", "interview.mp4", "--name", "killed", "--json",
                             stdout=-1, stderr=-1)
        deadline = time.monotonic() + 60
        while not (running := self.json("job", "list", "--state", "running", "--kind", "render")):
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(process.poll())
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        done = self.json("job", "join", running[0]["id"])
        self.assertEqual(done["state"], "succeeded")
        self.assertGreater(done["attempt"], 1)


if __name__ == "__main__":
    main()
