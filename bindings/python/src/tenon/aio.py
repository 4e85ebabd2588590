"""Jobs and streams for asyncio: `await job`, `async for progress in job`, `async for event in session.subscribe()`.

One daemon thread for each engine, started by the first of these, waits for news of everything that is awaited and wakes the
event loops. Nothing of the host runs on it.
"""
from __future__ import annotations

import asyncio
import threading
from typing import Any, AsyncIterator, Dict, List, Optional, Union

from . import _tenon
from ._errors import Closed, Error
from ._tenon import EventStream, Job, Watch
from ._values import Change, Event, JobId, JobState, Progress

_ENDS = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.DEAD})
_Key = Union[JobId, int]


class _Waiter:
    """The newest change of one job or stream, on its way to one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wakes: Optional["asyncio.Future[None]"] = None
        self._news: Optional[Change] = None
        self._failure: Optional[BaseException] = None

    def tell(self, change: Optional[Change], failure: Optional[BaseException] = None) -> bool:
        """From the engine's thread. False: the loop is gone."""
        try:
            self._loop.call_soon_threadsafe(self._arrived, change, failure)
        except RuntimeError:
            return False
        return True

    def _arrived(self, change: Optional[Change], failure: Optional[BaseException]) -> None:
        self._news, self._failure = change, failure
        if self._wakes is not None and not self._wakes.done():
            self._wakes.set_result(None)

    async def news(self) -> Change:
        while self._news is None and self._failure is None:
            self._wakes = self._loop.create_future()
            try:
                await self._wakes
            finally:
                self._wakes = None
        if self._failure is not None:
            raise self._failure
        assert self._news is not None
        news, self._news = self._news, None
        return news


class _Watcher:
    """One engine's watch, and the thread that waits in it."""

    def __init__(self, number: int, watch: Watch) -> None:
        self._number = number
        self._watch = watch
        self._lock = threading.Lock()
        self._waiters: Dict[_Key, List[_Waiter]] = {}
        self._ended: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, name=f"tenon-watch-{number}", daemon=True)
        self._thread.start()

    def add(self, key: _Key, handle: Union[Job, EventStream], waiter: _Waiter) -> None:
        with self._lock:
            if self._ended is not None:
                raise Closed("the engine is closed")
            self._waiters.setdefault(key, []).append(waiter)
        try:
            self._watch.add(handle)  # tells how it stands, even if it has ended
        except BaseException:
            self.remove(key, handle, waiter)
            raise

    def again(self, handle: Job) -> None:
        self._watch.add(handle)

    def remove(self, key: _Key, handle: Union[Job, EventStream], waiter: _Waiter) -> None:
        with self._lock:
            waiters = self._waiters.get(key, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if waiters:
                return
            self._waiters.pop(key, None)
        try:
            self._watch.remove(handle)
        except Error:
            pass  # what is closed is not watched either

    def stop(self) -> None:
        self._watch.close()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                for change in self._watch.next(3600):
                    self._deliver(change)
        except BaseException as failure:  # Closed, as a rule; whatever it is, those who wait must hear of it
            self._end(failure)

    def _deliver(self, change: Change) -> None:
        key: _Key = change.stream or change.job
        with self._lock:
            waiters = list(self._waiters.get(key, ()))
        for waiter in waiters:
            if not waiter.tell(change):
                with self._lock:
                    if waiter in self._waiters.get(key, ()):
                        self._waiters[key].remove(waiter)

    def _end(self, failure: BaseException) -> None:
        with _lock:
            if _watchers.get(self._number) is self:
                del _watchers[self._number]
        with self._lock:
            self._ended = failure
            waiters = [each for several in self._waiters.values() for each in several]
            self._waiters.clear()
        for waiter in waiters:
            waiter.tell(None, Closed("the engine was closed") if isinstance(failure, Closed) else failure)


_lock = threading.Lock()
_watchers: Dict[int, _Watcher] = {}


def _watcher_of(handle: Union[Job, EventStream]) -> _Watcher:
    number = _tenon._engine_number(handle)
    with _lock:
        found = _watchers.get(number)
        if found is None:
            found = _watchers[number] = _Watcher(number, _tenon._new_watch(handle))
        return found


def _stop_all() -> None:
    with _lock:
        running = list(_watchers.values())
    for each in running:
        each.stop()


def _after_fork() -> None:
    """Threads do not come along into a child."""
    global _lock
    _lock = threading.Lock()
    _watchers.clear()


async def progress(job: Job) -> AsyncIterator[Progress]:
    """Each change of a job's progress, at most twenty a second, and its last one; then raises what ended the job.

    Breaking off leaves the job as it is. Cancelling the task cancels the job.
    """
    watcher, waiter, key = _watcher_of(job), _Waiter(), job.id
    watcher.add(key, job, waiter)
    try:
        while True:
            try:
                news = await waiter.news()
            except asyncio.CancelledError:
                job.cancel()
                raise
            if news.state in _ENDS:
                yield news.progress
                break
            if news.last:  # the session that it was watched through was closed; ours may be open
                job.join_for(0)
                watcher.again(job)
                continue
            yield news.progress
    finally:
        watcher.remove(key, job, waiter)
    job.join()


async def outcome(job: Any) -> Any:
    """What `await job` gives: the result of a job that has one."""
    async for _ in progress(job):
        pass
    return job.result() if hasattr(job, "result") else None


async def events(stream: EventStream) -> AsyncIterator[Event]:
    """Every event until the stream or its engine is closed."""
    watcher, waiter, key = _watcher_of(stream), _Waiter(), stream.number
    taken = 0
    try:
        watcher.add(key, stream, waiter)
        while True:
            event = stream.next(0)
            if event is None:
                await waiter.news()
                continue
            yield event
            taken += 1
            if taken % 64 == 0:
                await asyncio.sleep(0)  # others have their turn while there is much to read
    except Closed:
        return
    finally:
        watcher.remove(key, stream, waiter)
