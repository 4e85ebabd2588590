"""What a snapshot holds as Python's own files."""
import io
import os
import tarfile
import unittest

from helper import StudioTest

import tenon


class Streams(StudioTest):
    def setUp(self):
        super().setUp()
        self.content = os.urandom(3_000_000)
        at = self.session.workspace / "projects" / "data.bin"
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(self.content)
        self.taken = self.backup().result().snapshot

    def test_a_file_is_one_of_pythons(self):
        with self.session.backups.open_file(snapshot=self.taken.id, path="projects/data.bin") as file:
            self.assertEqual(file.size, 3_000_000)
            self.assertEqual(file.read(5, 10), self.content[5:15])
            with file.stream() as stream:
                self.assertEqual(stream.read(), self.content)
                self.assertEqual(stream.read(), b"")
                self.assertEqual(stream.seek(-10, os.SEEK_END), 2_999_990)
                self.assertEqual(stream.read(100), self.content[-10:])
                stream.seek(2_000_000)
                self.assertEqual((stream.read(3), stream.tell()), (self.content[2_000_000:2_000_003], 2_000_003))
                with self.assertRaises(ValueError):
                    stream.seek(-1)
                with self.assertRaises(io.UnsupportedOperation):
                    stream.write(b"x")
            self.assertEqual(file.read(0, 1), self.content[:1], "closing the stream leaves the file open")
        with self.assertRaises(tenon.Closed):
            file.read(0, 1)

    def test_a_file_is_written_as_pythons(self):
        with self.session.backups.open_stream(name="dump", tags={"kind": "sql"}) as stream:
            with stream.file("dumps/one.bin") as one:
                for at in range(0, len(self.content), 70_000):
                    one.write(self.content[at:at + 70_000])
            stream.open("dumps/two")
            stream.write(bytearray(b"by "))
            stream.write(memoryview(b"hand"))
            with self.assertRaises(TypeError):
                stream.write("text")
            self.assertEqual(stream.written, 3_000_007)
            taken = stream.finish().snapshot
        self.assertEqual((taken.files, taken.name), (2, "dump"))
        with self.session.backups.open_file(snapshot=taken.id, path="dumps/one.bin") as file:
            self.assertEqual(file.stream().read(), self.content)
        with self.session.backups.open_stream(name="given up") as stream:
            stream.open("x")
        self.assertEqual(len(self.session.backups.list(name="given up")), 0)

    def test_an_archive_is_read_by_tarfile(self):
        archive = self.session.backups.open_archive(snapshot=self.taken.id, paths=["projects"])
        with archive.stream() as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            found = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
        self.assertEqual(found, {"projects/data.bin": self.content})
        self.assertEqual(archive.problems, ())
        with self.assertRaises(tenon.Closed):
            archive.read(1)


if __name__ == "__main__":
    unittest.main()
