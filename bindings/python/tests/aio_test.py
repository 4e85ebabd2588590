"""asyncio: awaited jobs, progress, events; a task that is cancelled, an engine that is closed meanwhile."""
import asyncio
import threading
import unittest

from helper import StudioTest

import tenon

LONG = 60


class Asyncio(StudioTest):
    def run_async(self, work):
        async def limited():
            return await asyncio.wait_for(work, LONG)

        return asyncio.run(limited())

    def test_await_gives_the_result(self):
        async def work():
            first, second = await asyncio.gather(self.backup_of_another("one"), self.backup_of_another("two"))
            return first, second

        first, second = self.run_async(work())
        self.assertEqual((first.snapshot.name, second.snapshot.name), ("one", "two"))

    def test_await_of_a_job_that_has_ended(self):
        job = self.backup()
        job.join()

        async def work():
            return [await job, await job, await self.session.jobs.get(job.id)]

        first, second, third = self.run_async(work())
        self.assertEqual(first, second)
        self.assertIsNone(third)

    def test_progress(self):
        async def work():
            return [progress async for progress in self.backup()]

        seen = self.run_async(work())
        self.assertEqual(seen[-1].percent, 100)
        self.assertEqual(sorted(each.percent for each in seen), [each.percent for each in seen])

    def test_another_cancels(self):
        job = self.later(self.clip())

        async def work():
            asyncio.get_running_loop().call_later(0.05, job.cancel)
            await job

        with self.assertRaises(tenon.Cancelled):
            self.run_async(work())

    def test_cancelling_the_task_cancels_the_job(self):
        job = self.later(self.clip())

        async def work():
            task = asyncio.ensure_future(job)
            await asyncio.sleep(0.05)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        self.run_async(work())
        self.assertTrue(job.join_for(LONG))
        self.assertEqual(job.state, tenon.JobState.CANCELLED)

    def test_breaking_off_leaves_the_job(self):
        job = self.later(self.clip())

        async def work():
            steps = job.__aiter__()
            first = await steps.__anext__()
            await steps.aclose()
            return first

        self.assertEqual(self.run_async(work()).percent, 0)
        self.assertEqual(job.state, tenon.JobState.SCHEDULED)
        job.cancel()

    def test_shielded_work_goes_on(self):
        job = self.later(self.clip())

        async def work():
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(job), 0.05)
            self.assertEqual(job.state, tenon.JobState.SCHEDULED)

        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(work())
        finally:
            job.cancel()
            loop.run_until_complete(asyncio.sleep(0.2))
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    def test_events(self):
        events = self.session.subscribe(kinds=["project."])

        async def work():
            seen = []
            async for event in events:
                seen.append(event)
                if len(seen) < 5:
                    self.session.projects.create(name=str(len(seen)))
                else:
                    break
            return seen

        threading.Timer(0.1, self.session.projects.create, kwargs={"name": "first"}).start()
        seen = self.run_async(work())
        self.assertEqual(len({event.id for event in seen}), 5)

    def test_events_end_with_their_stream(self):
        events = self.session.subscribe()

        async def work():
            asyncio.get_running_loop().call_later(0.1, events.close)
            return [event async for event in events]

        self.assertEqual(self.run_async(work()), [])

    def test_the_engine_is_closed_meanwhile(self):
        job, events = self.later(self.clip()), self.session.subscribe(kinds=["none."])

        async def listen():
            return [event async for event in events]

        async def work():
            threading.Timer(0.1, self.engine.close).start()
            return await asyncio.gather(tenon.aio.outcome(job), listen(), return_exceptions=True)

        failure, heard = self.run_async(work())
        self.assertIsInstance(failure, tenon.Closed)
        self.assertEqual(heard, [])
        self.assertEqual(tenon.aio._watchers, {})

    def test_two_loops(self):
        failures = []

        def loop(name):
            try:
                result = asyncio.run(tenon.aio.outcome(self.backup_of_another(name)))
                assert result.snapshot.name == name
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=loop, args=(f"loop-{n}",)) for n in range(2)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(LONG)
        self.assertEqual(failures, [])
        self.assertEqual(len(tenon.aio._watchers), 1)

    def test_an_exception_in_the_hosts_loop(self):
        job = self.backup()

        async def work():
            async for _ in job:
                raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            self.run_async(work())
        job.join()
        self.assertEqual(self.run_async(tenon.aio.outcome(self.backup("after"))).snapshot.name, "after")


class Loops(StudioTest):
    """The same without asyncio."""

    def test_a_job_has_a_hundred_steps(self):
        job = self.backup()
        steps = list(job)
        self.assertEqual((len(job), len(steps), steps[-1].percent), (100, 100, 100))
        self.assertEqual(len(list(job)), 100)
        self.assertTrue(job)

    def test_events(self):
        events = self.session.subscribe(kinds=["project."])
        self.session.projects.create(name="x")
        for event in events:
            self.assertTrue(event.kind.startswith("project."))
            events.close()

    def test_logs(self):
        import logging

        with self.assertLogs("tenon", logging.DEBUG) as caught:
            tenon._logs.hand_on(tenon.LogRecord(at=self.tenant.created_at, level=tenon.LogLevel.WARNING, area="jobs", message="100 % of it",
                                                fields=[tenon.Label("job", "job_1")], dropped_before=3))
        lost, record = caught.records
        self.assertEqual((record.name, record.levelname, record.getMessage()), ("tenon.jobs", "WARNING", "100 % of it job=job_1"))
        self.assertEqual(record.fields, {"job": "job_1"})
        self.assertAlmostEqual(record.created, self.tenant.created_at.timestamp(), delta=1)
        self.assertIn("3 records", lost.getMessage())

    def test_logs_arrive(self):
        import logging

        logger = logging.getLogger("tenon")
        level = logger.level
        logger.setLevel(logging.DEBUG)
        try:
            with self.assertLogs("tenon", logging.DEBUG) as caught:
                with tenon.Engine(home=self.folder / "loud", workers=1) as engine:
                    with engine.open_operator(actor="a", reason="r") as operators:
                        tenant = operators.tenants.create(name="A", slug="a", plan="studio/basic")
                        operators.tenants.erase(tenant=tenant.id, reason="r", undo_window=0)
                tenon._logs.finish()
        finally:
            logger.setLevel(level)
        self.assertTrue(caught.records)
        self.assertTrue(all(record.name.startswith("tenon.") for record in caught.records))


if __name__ == "__main__":
    unittest.main()
