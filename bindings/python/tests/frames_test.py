"""Frames as arrays: what they show, who owns the memory, that nothing is copied."""
import gc
import os
import sys
import time
import unittest
from datetime import timedelta

import numpy
from helper import FOOTAGE, ROOT, StudioTest

import tenon

sys.path.insert(0, str(ROOT / "tests" / "support"))
from camera import Camera  # noqa: E402


class Frames(StudioTest):
    def test_a_plane_is_an_array(self):
        clip = self.clip()
        frame = self.session.assets.frame(clip.id, at=1)
        luma, *chroma = [numpy.asarray(plane) for plane in frame]
        self.assertEqual((luma.shape, luma.dtype, [each.shape for each in chroma]), ((360, 640), numpy.uint8, [(180, 320)] * 2))
        self.assertFalse(luma.flags.writeable)
        self.assertGreater(luma.mean(), 200)  # each second begins with a white flash
        self.assertLess(numpy.asarray(self.session.assets.frame(clip.id, at=1.5).plane(0)).mean(), 40)
        with self.assertRaises(ValueError):
            luma[0, 0] = 1
        view = memoryview(frame.plane(0))
        self.assertTrue(view.readonly)
        with self.assertRaises(TypeError):
            view[0, 0] = 1

    def test_nothing_is_copied(self):
        plane = self.session.assets.frame(self.clip().id).plane(0)
        first, second = numpy.asarray(plane), numpy.asarray(plane)
        self.assertEqual(first.ctypes.data, second.ctypes.data)
        self.assertEqual(first.strides, (plane.stride, 1))
        self.assertTrue(numpy.shares_memory(first, numpy.asarray(plane.data)))

    def test_the_array_keeps_the_memory(self):
        frame = self.session.assets.frame(self.clip().id, at=2)
        luma = numpy.asarray(frame.plane(0))
        kept = luma.copy()
        slice_of_it = luma[10:20, ::2]
        del frame, luma
        self.engine.close()
        gc.collect()
        self.assertTrue((slice_of_it == kept[10:20, ::2]).all())

    def test_colours_and_depth(self):
        clip = self.clip()
        rgb = numpy.asarray(self.session.assets.frame(clip.id, at=1, format=tenon.PixelFormat.RGB24, width=64).plane(0))
        self.assertEqual((rgb.shape[1:], rgb.dtype), ((64, 3), numpy.uint8))
        deep = numpy.asarray(self.session.assets.frame(clip.id, format=tenon.PixelFormat.YUV420P10).plane(0))
        self.assertEqual((deep.dtype, deep.shape), (numpy.uint16, (360, 640)))

    def test_a_copy_may_be_written(self):
        frame = self.session.assets.frame(self.clip().id, at=1)
        copy = numpy.asarray(frame.copy()[0])
        before = int(numpy.asarray(frame.plane(0))[0, 0])
        copy[0, 0] = 255 - before
        self.assertEqual(int(numpy.asarray(frame.plane(0))[0, 0]), before)

    def test_one_after_the_other(self):
        clip = self.clip()
        with self.session.assets.frames(clip.id, start=1, end=1.2, width=32, format=tenon.PixelFormat.GRAY) as frames:
            seen = list(frames)
        self.assertEqual([round(each.time.total_seconds(), 2) for each in seen], [1.0, 1.04, 1.08, 1.12, 1.16])
        with self.assertRaises(tenon.Closed):
            frames.next()


class Footage(StudioTest):
    """What a camera saw, as arrays, while it goes on recording."""
    options = {"camera_networks": ["127.0.0.0/8"]}
    plan = "nvr/professional"

    @unittest.skipUnless("TENON_CAMERA" in os.environ, "needs the camera program")
    def test_of_a_camera(self):
        with Camera(os.environ["TENON_CAMERA"], FOOTAGE) as camera:
            door = self.session.cameras.create(name="Door", url=camera.url, recording=tenon.Recording.CONTINUOUS)
            recorded, end = (), time.monotonic() + 60
            while not any(each.end - each.start >= timedelta(seconds=2.5) for each in recorded):
                self.assertLess(time.monotonic(), end, f"no footage: {door.info.problem}")
                time.sleep(0.1)
                recorded = door.recordings()
            start = recorded[0].start + timedelta(seconds=0.5)
            clip = door.export_clip(start=start, end=start + timedelta(seconds=1), cut=tenon.Cut.EXACT).result()
            with self.session.exports.frames(clip.path.name, width=64, format=tenon.PixelFormat.RGB24) as frames:
                seen = [numpy.asarray(frame.plane(0)) for frame in frames]
            self.assertGreater(len(seen), 10)
            self.assertEqual({each.shape for each in seen}, {(48, 64, 3)})
            self.assertGreater(numpy.abs(seen[0].astype(int) - seen[-1]).max(), 0)  # people walk by
            self.assertGreater(seen[0].std(), 10)
            with self.assertRaises(tenon.NotFound):
                door.snapshot(at=start - timedelta(days=1), target=self.folder / "none.jpg")


if __name__ == "__main__":
    unittest.main()
