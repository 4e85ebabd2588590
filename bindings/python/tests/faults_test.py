"""Nothing crashes a host: closing in any order, forgetting to, threads, forks, Ctrl-C, the end of the interpreter."""
import gc
import itertools
import os
import pathlib
import threading
import time
import unittest
import warnings

from helper import FOOTAGE, HOUR, StudioTest, program

import tenon

CYCLES = int(os.environ.get("TENON_CYCLES", "150"))


def resident():
    """Bytes of memory that this process holds."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def threads():
    return len(os.listdir("/proc/self/task"))


def descriptors():
    return len(os.listdir("/proc/self/fd"))


class Closing(StudioTest):
    def test_in_any_order(self):
        names = ("engine", "session", "stream", "watch", "operators")
        for order in itertools.islice(itertools.permutations(names), 0, None, 17):
            engine = tenon.Engine(home=self.folder / "again", workers=1)
            operators = engine.open_operator(actor="a", reason="r")
            tenant = operators.tenants.find_slug("acme") or operators.tenants.create(name="A", slug="acme", plan="studio/basic")
            session = engine.open_session(tenant=tenant.id, actor="a", role=tenon.Role.OWNER)
            known = {"engine": engine, "session": session, "stream": session.subscribe(), "watch": engine.watch(), "operators": operators}
            projects = session.projects
            for name in order:
                known[name].close()
                known[name].close()
            with self.assertRaises(tenon.Closed):
                projects.list()
            with self.assertRaises(tenon.Closed):
                known["stream"].next(0)
            engine.close()

    def test_handles_after_their_engine(self):
        backup = self.backup()
        backup.join()
        hold = self.session.quotas.reserve(asks=[tenon.Ask(tenon.Resource.PROJECTS, 1)])
        handles = [self.session.projects, self.session.backups.keys, backup, hold]
        self.engine.close()
        for call in (handles[0].list, handles[1].list, handles[2].result, handles[3].release, backup.join, lambda: backup.state,
                     lambda: backup.join_for(1), lambda: list(backup)):
            with self.assertRaises(tenon.Closed):
                call()
        self.assertTrue(self.engine.is_closed)
        del handles, hold, backup
        gc.collect()

    def test_a_closed_engine_keeps_no_file_open_and_no_thread(self):
        """It may wait for a collector for long."""
        self.clip()
        self.engine.close()
        before = threads()
        idle = [tenon.Engine(home=self.folder / "idle", workers=1, background=background) for background in (False, True)]
        for each in idle:
            each.close()
        end = time.monotonic() + 60
        while threads() > before and time.monotonic() < end:  # one that has ended may be listed for a moment, as may a log's
            time.sleep(0.05)
        self.assertLessEqual(threads(), before)
        links = (pathlib.Path("/proc/self/fd") / each for each in os.listdir("/proc/self/fd"))
        self.assertEqual([str(each.readlink()) for each in links if each.is_symlink() and str(self.folder) in str(each.readlink())], [])

    def test_while_others_call(self):
        failures = []

        def work():
            try:
                while True:
                    self.session.projects.list()
            except tenon.Closed:
                pass
            except BaseException as failure:
                failures.append(failure)

        workers = [threading.Thread(target=work) for _ in range(4)]
        for each in workers:
            each.start()
        time.sleep(0.05)
        self.engine.close()
        for each in workers:
            each.join(30)
            self.assertFalse(each.is_alive())
        self.assertEqual(failures, [])

    def test_forgetting_to(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            engine = tenon.Engine(home=self.folder / "forgotten", workers=1)
            operators = engine.open_operator(actor="a", reason="r")
            del engine
            gc.collect()
            self.assertEqual([each.category for each in caught], [ResourceWarning])
        self.assertEqual(operators.tenants.list(), ())  # what came of it goes on
        self.assertEqual(tenon._tenon._open_engines(), 2)
        tenon._tenon._close_all()
        with self.assertRaises(tenon.Closed):
            operators.tenants.list()

    def test_an_exception_in_the_hosts_loop(self):
        clip = self.clip()
        job = self.later(clip)
        with self.assertRaises(ZeroDivisionError):
            with self.session.subscribe() as events:
                self.session.projects.create(name="news")
                for _ in events:
                    1 / 0
        job.cancel()
        with self.assertRaises(tenon.Cancelled):
            for _ in job:
                pass
        self.assertFalse(self.engine.is_closed)

    def test_closing_from_a_log_handler(self):
        import logging

        done = threading.Event()
        engine = self.engine

        class Closer(logging.Handler):
            def emit(self, record):
                engine.close()
                done.set()

        logger = logging.getLogger("tenon")
        handler = Closer()
        logger.addHandler(handler)
        try:
            with self.session.quotas.reserve(asks=[tenon.Ask(tenon.Resource.PROJECTS, 1)]):
                pass
            tenon._logs.hand_on(tenon.LogRecord(at=self.tenant.created_at, level=tenon.LogLevel.ERROR, area="test", message="x"))
        finally:
            logger.removeHandler(handler)
        self.assertTrue(done.is_set() and engine.is_closed)

    def test_two_engines(self):
        with tenon.Engine(home=self.folder / "other", workers=1) as other:
            with other.open_operator(actor="a", reason="r") as operators:
                self.assertEqual(operators.tenants.list(), ())
            with self.assertRaises(tenon.InvalidArgument):
                other.watch().add(self.backup())
        self.assertEqual(self.session.projects.list(), ())

    def test_cycles_leave_nothing_behind(self):
        home = self.folder / "cycles"

        def cycle():
            with tenon.Engine(home=home, workers=1) as engine:
                with engine.open_operator(actor="a", reason="r") as operators:
                    operators.tenants.list()

        for _ in range(30):
            cycle()
        gc.collect()
        tenon._logs.finish()
        before, running, files = resident(), threads(), descriptors()
        for _ in range(CYCLES):
            cycle()
        gc.collect()
        after = resident()
        print(f"{CYCLES} cycles: {before / 2**20:.1f} MiB before, {after / 2**20:.1f} after; descriptors {files}, {descriptors()}")
        self.assertLess(after - before, 24 << 20)
        self.assertLess(descriptors(), files + 8)
        end = time.monotonic() + 60
        while threads() > running and time.monotonic() < end:  # one that has ended may be listed for a moment
            time.sleep(0.05)
        self.assertLessEqual(threads(), running)


class Lock(StudioTest):
    """Python's global lock is free while the engine is waited for."""

    def wait_until_others_had_turns(self, call, end):
        """The call ends only because another thread of Python ran on meanwhile, turn after turn, and ended it."""
        turns, began = [0], threading.Event()

        def run():
            began.wait()
            while turns[0] < 50:
                turns[0] += 1
                time.sleep(0.001)
            end()

        other = threading.Thread(target=run)
        other.start()
        began.set()
        call()
        self.assertEqual(turns[0], 50)
        other.join()

    def test_in_join_and_result(self):
        for wait in ("join", "result", "join_for"):
            job = self.later(self.clip())

            def call(job=job, wait=wait):
                if wait == "join_for":
                    self.assertTrue(job.join_for(HOUR))
                else:
                    with self.assertRaises(tenon.Cancelled):
                        getattr(job, wait)()

            self.wait_until_others_had_turns(call, job.cancel)

    def test_in_next(self):
        for stream in (self.session.subscribe(kinds=["none."]), self.engine.watch(), self.engine.logs(level=tenon.LogLevel.ERROR)):
            def call(stream=stream):
                with self.assertRaises(tenon.Closed):
                    stream.next(HOUR)

            self.wait_until_others_had_turns(call, stream.close)

    def test_many_threads(self):
        def work(number):
            for i in range(10):
                self.session.projects.create(name=f"{number}.{i}")

        for each in (workers := [threading.Thread(target=work, args=(n,)) for n in range(2)]):
            each.start()
        for each in workers:
            each.join()
        self.assertEqual(len(self.session.projects.list()), 20)


SETUP = """
    import sys, threading, tenon
    engine = tenon.Engine(home=sys.argv[1] + "/home", workers=2)
    with engine.open_operator(actor="a", reason="r") as operators:
        tenant = operators.tenants.create(name="A", slug="a", plan="studio/professional")
    session = engine.open_session(tenant=tenant.id, actor="a", role=tenon.Role.OWNER)
    project = session.projects.create(name="x")
    clip = session.assets.import_file(project=project.id, path=sys.argv[2])
    cut = tenon.Timeline()
    cut.append(asset=clip.id)
"""
RENDER = SETUP + """
    job = session.renders.start(project=project.id, timeline=cut, outputs=["mp4"])
"""


class Interpreter(unittest.TestCase):
    """What only shows in a process of its own."""

    def run_program(self, source, code=0):
        done = program(source, str(FOOTAGE / "clapper.mp4"))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_its_end_with_jobs_running(self):
        done = self.run_program(RENDER + """
    threads = [threading.Thread(target=job.join, daemon=True), threading.Thread(target=lambda: list(session.subscribe()), daemon=True)]
    for each in threads:
        each.start()
    print("bye")
""")
        self.assertEqual(done.stdout, "bye\n")
        self.assertNotIn("Fatal", done.stderr)

    def test_its_end_with_someone_awaiting(self):
        done = self.run_program(RENDER + """
    import asyncio
    def other():
        try:
            asyncio.run(job.__aiter__().__anext__())
            asyncio.run(asyncio.wait_for(tenon.aio.outcome(job), 60))
        except BaseException:
            pass
    threading.Thread(target=other, daemon=True).start()
    print("bye")
""")
        self.assertEqual(done.stdout, "bye\n")
        self.assertNotIn("Fatal", done.stderr)

    def test_its_end_by_an_exception(self):
        done = self.run_program(RENDER + "    raise ZeroDivisionError('mine')\n", code=1)
        self.assertIn("ZeroDivisionError: mine", done.stderr)
        self.assertNotIn("Fatal", done.stderr)

    def test_ctrl_c_in_join_leaves_the_job(self):
        done = self.run_program(SETUP + """
    import datetime, os, signal
    later = tenon.JobSchedule(start=clip.created_at + datetime.timedelta(hours=1))
    job = session.renders.start(project=project.id, timeline=cut, outputs=["mp4"], schedule=later)
    for wait in (job.join, job.result, lambda: job.join_for(60), lambda: session.subscribe(kinds=["none."]).next(60), lambda: list(job)):
        try:
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            wait()
        except KeyboardInterrupt:
            print(job.state)
""")
        self.assertEqual(done.stdout, "scheduled\n" * 5)

    def test_a_fork(self):
        done = self.run_program(SETUP + """
    import os
    events = session.subscribe()
    hold = session.quotas.reserve(asks=[tenon.Ask(tenon.Resource.PROJECTS, 1)])
    frame = session.assets.frame(clip.id)
    plane = frame.plane(0)
    child = os.fork()
    if child == 0:
        refused = 0
        for call in (lambda: session.projects.list(), lambda: events.next(0), hold.release, engine.watch):
            try:
                call()
            except tenon.Closed:
                refused += 1
        engine.close()
        session.close()
        assert engine.is_closed
        with tenon.Engine(home=sys.argv[1] + "/child", workers=1) as own:
            with own.open_operator(actor="a", reason="r") as operators:
                opened = len(operators.tenants.list())
        del hold, events, frame
        print(refused, opened, len(plane.data.tobytes()) > 0, flush=True)
        sys.exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    hold.commit([tenon.Ask(tenon.Resource.PROJECTS, 1)])
    print(len(session.projects.list()), flush=True)
""")
        self.assertEqual(done.stdout, "4 0 True\n1\n", done.stderr)

    def test_multiprocessing(self):
        done = self.run_program(SETUP + """
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(len, ["a", "bb"]))
""")
        self.assertEqual(done.stdout, "[1, 2]\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
