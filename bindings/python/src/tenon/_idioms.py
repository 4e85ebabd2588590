"""What Python adds to the compiled classes: with, for, await, and engines that are closed when the interpreter ends."""
from __future__ import annotations

import atexit
import io
import os
from typing import Any, AsyncIterator, Iterator, Optional, Tuple

from . import _logs, _tenon, aio
from ._errors import Closed
from ._tenon import (BackupArchive, BackupFile, BackupStream, Engine, EventStream, Frame, FrameStream, Hold, Job, LogStream, Plane,
                     Timeline)
from ._values import Event, LogRecord, Progress


def _adopt(kind: type, **members: Any) -> None:
    for name, member in members.items():
        setattr(kind, name, member)


def _itself(self: Any) -> Any:
    return self


def _close(self: Any, *_: object) -> None:
    self.close()


def _release(self: Hold, *_: object) -> None:
    self.release()  # after commit() it does nothing


for _name in _tenon.__all__:
    _kind: Any = getattr(_tenon, _name)
    if hasattr(_kind, "close") or hasattr(_kind, "release"):
        _adopt(_kind, __enter__=_itself, __exit__=_close if hasattr(_kind, "close") else _release)


def _job_steps(self: Job) -> Iterator[Progress]:
    """One step for each whole percent, a hundred in all, so that tqdm(job) shows what there is to show. Ends by raising what
    ended the job. Leaving the loop leaves the job running."""
    told = 0
    while True:
        ended = self.join_for(0.05)
        now = self.progress
        if ended:
            self.join()
            now.percent = 100.0
        while told < min(100, int(now.percent)):
            told += 1
            yield now
        if ended:
            return


def _job_progress(self: Job) -> AsyncIterator[Progress]:
    return aio.progress(self)


def _job_outcome(self: Job) -> Any:
    return aio.outcome(self).__await__()


_adopt(Job, __iter__=_job_steps, __len__=lambda self: 100, __bool__=lambda self: True, __aiter__=_job_progress, __await__=_job_outcome)


def _events(self: EventStream) -> Iterator[Event]:
    """Waits for event after event, until the stream or its engine is closed."""
    while True:
        try:
            event = self.next(60)
        except Closed:
            return
        if event is not None:
            yield event


def _events_later(self: EventStream) -> AsyncIterator[Event]:
    return aio.events(self)


def _records(self: LogStream) -> Iterator[LogRecord]:
    while True:
        try:
            record = self.next(60)
        except Closed:
            return
        if record is not None:
            yield record


def _frames(self: FrameStream) -> Iterator[Frame]:
    frame: Optional[Frame] = self.next()
    while frame is not None:
        yield frame
        frame = self.next()


def _planes(self: Frame) -> Iterator[Plane]:
    return iter([self.plane(index) for index in range(self.planes)])


_adopt(EventStream, __iter__=_events, __aiter__=_events_later)
_adopt(LogStream, __iter__=_records)
_adopt(FrameStream, __iter__=_frames)


def _plane_copy(self: Plane) -> memoryview:
    """The samples once more, without gaps between rows, for whoever wants to change them."""
    view: Any = self.data
    return memoryview(bytearray(view.tobytes())).cast(view.format, view.shape)


def _frame_copy(self: Frame) -> Tuple[memoryview, ...]:
    """Its planes once more, writable: `numpy.asarray(frame.copy()[0])`."""
    return tuple(plane.copy() for plane in self)


_adopt(Plane, copy=_plane_copy)
_adopt(Frame, copy=_frame_copy, __iter__=_planes)


class _FileStream(io.RawIOBase):
    """A file of a snapshot as Python's own kind of file."""

    def __init__(self, file: BackupFile) -> None:
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._file.size}[whence]
        if at < 0:
            raise ValueError("a place in a file is not negative")
        self._at = at
        return at

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(self._at, min(len(buffer), _MOST_AT_ONCE))
        buffer[:len(data)] = data
        self._at += len(data)
        return len(data)


class _ArchiveStream(io.RawIOBase):
    def __init__(self, archive: BackupArchive) -> None:
        self._archive = archive

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._archive.read(min(len(buffer), _MOST_AT_ONCE))
        buffer[:len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._archive.close()
        super().close()


class _FileWriting(io.RawIOBase):
    def __init__(self, stream: BackupStream) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._stream.write(data)
        return memoryview(data).nbytes


_MOST_AT_ONCE = 64 << 20
_BUFFERED = 1 << 20


def _file_stream(self: BackupFile) -> io.BufferedReader:
    """The file's bytes, to be read from anywhere. Closing the stream leaves the file open."""
    return io.BufferedReader(_FileStream(self), _BUFFERED)


def _archive_stream(self: BackupArchive) -> io.BufferedReader:
    """The bytes that are left: `tarfile.open(fileobj=archive.stream(), mode="r|")`. Closing the stream closes the archive."""
    return io.BufferedReader(_ArchiveStream(self), _BUFFERED)


def _stream_file(self: BackupStream, path: str) -> io.BufferedWriter:
    """Begins a file, as one of Python's own to write to: `shutil.copyfileobj(dump, stream.file("shop.sql"))`. It is complete with the next
    one, or with finish(); flush it, or close it, before."""
    self.open(path)
    return io.BufferedWriter(_FileWriting(self), _BUFFERED)


_adopt(BackupStream, file=_stream_file)
_adopt(BackupFile, stream=_file_stream)
_adopt(BackupArchive, stream=_archive_stream)


def _same_timeline(self: Timeline, other: object) -> bool:
    if not isinstance(other, Timeline):
        return NotImplemented
    return self.to_json() == other.to_json()


def _timeline(json: str) -> Timeline:
    return Timeline.from_json(json)


def _copy_timeline(self: Timeline, *_: object) -> Timeline:
    return _timeline(self.to_json())


_adopt(Timeline, __eq__=_same_timeline, __hash__=None, __copy__=_copy_timeline, __deepcopy__=_copy_timeline,
       __reduce__=lambda self: (_timeline, (self.to_json(),)), __repr__=lambda self: f"Timeline.from_json({self.to_json()!r})")

_open_engine: Any = Engine.__init__


def _open(self: Engine, *args: Any, **fields: Any) -> None:
    """Opens a home folder; see EngineOptions."""
    _open_engine(self, *args, **fields)
    _logs.forward(self)


_adopt(Engine, __init__=_open)


def _finish() -> None:
    """Threads that come back from the engine while the interpreter is taken down could end the process with it."""
    aio._stop_all()
    _tenon._close_all()
    _logs.finish()


def _after_fork() -> None:
    _tenon._after_fork()
    aio._after_fork()
    _logs._threads.clear()


atexit.register(_finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
