"""Values: what goes in and comes out, how it is compared, shown, copied, and what is refused."""
import copy
import datetime
import enum
import inspect
import math
import os
import pathlib
import pickle
import shutil
import sys
import unittest
from datetime import timedelta, timezone

from helper import FOOTAGE, ROOT, StudioTest

import tenon

sys.path.insert(0, str(ROOT / "bindings" / "api"))
import headers  # noqa: E402
import python_names  # noqa: E402

API = headers.read_headers(ROOT / "include")
UTC = timezone.utc


class Values(unittest.TestCase):
    def test_keywords_and_defaults(self):
        options = tenon.TimelineClip(asset=tenon.AssetId("ast_01jd8wz3vfkq2m5n7p9r1s3t5v"), start=2)
        self.assertEqual(options.start, timedelta(seconds=2))
        self.assertEqual(options.transition, tenon.Transition(tenon.TransitionKind.CUT))
        self.assertIsNot(options.transition, tenon.TimelineClip(asset=options.asset).transition)
        with self.assertRaisesRegex(TypeError, "strat"):
            tenon.TimelineClip(asset=options.asset, strat=2)
        with self.assertRaises(AttributeError):
            options.strat = 2
        with self.assertRaisesRegex(TypeError, "asset"):
            tenon.TimelineClip(start=2)

    def test_every_value_compares_shows_copies_and_pickles(self):
        seen = 0
        for name in tenon._values.__all__:
            kind = getattr(tenon, name)
            if issubclass(kind, enum.Enum):
                made = list(kind)[0]
            else:
                needed = {each.name: example(kind.__annotations__[each.name]) for each in inspect.signature(kind).parameters.values()
                          if each.default is inspect.Parameter.empty}
                made = kind(**needed)
                self.assertIn(name, repr(made))
                self.assertEqual(made, copy.copy(made))
                self.assertEqual(made, copy.deepcopy(made))
                self.assertNotEqual(made, object())
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
                self.assertEqual(pickle.loads(pickle.dumps(made, protocol)), made, name)
            seen += 1
        self.assertGreater(seen, 80)

    def test_secrets_are_not_shown(self):
        shown = repr(tenon.CameraOptions(name="Door", url="rtsp://camera/?token=geheim", password="geheim"))
        self.assertNotIn("geheim", shown)
        self.assertIn("Door", shown)
        self.assertNotIn("geheim", repr(tenon.EngineOptions(home="x", master_passphrase="geheim")))

    def test_lists_come_out_as_tuples(self):
        options = tenon.BackupOptions(name="x", exclude=["a", "b"], tags={"k": "v"})
        self.assertEqual(options.exclude, ("a", "b"))
        self.assertEqual(options.tags, (tenon.Label("k", "v"),))
        with self.assertRaises(AttributeError):
            options.exclude.append("c")
        with self.assertRaises(TypeError):
            tenon.BackupOptions(name="x", exclude="a")

    def test_ids(self):
        text = "prj_01jd8wz3vfkq2m5n7p9r1s3t5v"
        one = tenon.ProjectId(text)
        self.assertEqual((str(one), one.text, tenon.ProjectId.parse(text)), (text, text, one))
        self.assertEqual(len({one, tenon.ProjectId(text)}), 1)
        self.assertLess(tenon.ProjectId(), one)
        self.assertTrue(tenon.ProjectId().is_nil)
        self.assertNotEqual(one, tenon.AssetId("ast_" + text[4:]))
        self.assertNotEqual(one, text)
        with self.assertRaises(TypeError):
            one < tenon.AssetId()  # noqa: B015
        with self.assertRaises(AttributeError):
            one._text = "x"
        for bad in ("", " ", "prj_", "ast_01jd8wz3vfkq2m5n7p9r1s3t5v", "prj_91jd8wz3vfkq2m5n7p9r1s3t5v", text + "\n", "\udc80"):
            with self.assertRaises(ValueError):
                tenon.ProjectId.parse(bad)
        for bad in (None, 3, b"x"):
            with self.assertRaises(TypeError):
                tenon.ProjectId(bad)

    def test_enums(self):
        self.assertEqual(str(tenon.Role.CAMERA_OPERATOR), "camera_operator")
        self.assertEqual(f"{tenon.JobState.RUNNING}", "running")
        self.assertEqual(tenon.Errc.NOT_FOUND.value, 4)

    def test_errors_are_pythons_too(self):
        for kind, second in ((tenon.InvalidArgument, ValueError), (tenon.NotFound, LookupError), (tenon.Closed, RuntimeError),
                             (tenon.PermissionDenied, PermissionError), (tenon.NoSpace, OSError),
                             (tenon.Unavailable, ConnectionError)):
            self.assertTrue(issubclass(kind, second) and issubclass(kind, tenon.Error))
        error = tenon.QuotaExceeded("full", subject="s", resource="projects", limit=5, used=5, retryable=False)
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual((type(again), str(again), again.message, again.limit), (tenon.QuotaExceeded, "full (s)", "full", 5))
        self.assertEqual(again.code, tenon.Errc.QUOTA_EXCEEDED)
        self.assertEqual(str(tenon.PermissionDenied("no")), "no")
        self.assertTrue(tenon.Unavailable("x").retryable)

    def test_timeline(self):
        cut = tenon.Timeline()
        cut.append(asset=tenon.AssetId("ast_01jd8wz3vfkq2m5n7p9r1s3t5v"), start=2, end=timedelta(seconds=7))
        cut.append(asset=tenon.AssetId("ast_01jd8wz3vfkq2m5n7p9r1s3t5v"), start=2, transition=tenon.crossfade(0.5))
        cut.title(tenon.TimelineTitle(text="Acmé 🎬", duration=2))
        self.assertEqual(cut.clips[1].transition.duration, timedelta(milliseconds=500))
        for other in (copy.copy(cut), copy.deepcopy(cut), pickle.loads(pickle.dumps(cut)), tenon.Timeline.from_json(cut.to_json())):
            self.assertEqual(cut, other)
            self.assertIsNot(cut, other)
        other.grade("cinematic_warm")
        self.assertNotEqual(cut, other)
        self.assertIn("from_json", repr(cut))
        with self.assertRaises(TypeError):
            cut.append(asset=tenon.AssetId(), strat=1)
        with self.assertRaises(TypeError):
            cut.append(tenon.TimelineTitle(text="x", duration=1))
        with self.assertRaises(TypeError):
            cut.append(tenon.TimelineClip(asset=tenon.AssetId()), start=1)

    def test_lengths_of_time(self):
        def through(value):
            return tenon.crossfade(value).duration // timedelta(microseconds=1)

        self.assertEqual(through(timedelta(microseconds=1)), 1)
        self.assertEqual(through(2), 2_000_000)
        self.assertEqual(through(0.29), 290_000)
        self.assertEqual(through(1.0000019), 1_000_001)
        self.assertEqual(through(timedelta(days=-1, microseconds=1)), -86_399_999_999)
        self.assertEqual(through(-0.5), -500_000)
        self.assertEqual(tenon.Transition(duration=0.29).duration, timedelta(microseconds=290_000))
        for bad in (math.nan, math.inf):
            with self.assertRaises(ValueError):
                tenon.crossfade(bad)
            with self.assertRaises(ValueError):
                tenon.Transition(duration=bad)
        for bad in (timedelta.max, 10**30, 1e30):
            with self.assertRaises(OverflowError):
                tenon.crossfade(bad)
        for bad in (None, "2", True, [2]):
            with self.assertRaises(TypeError):
                tenon.crossfade(bad)
            with self.assertRaises(TypeError):
                tenon.Transition(duration=bad)


def example(annotation):
    """Something of a required field's type, given as the text of its annotation."""
    known = {"str": "x", "timedelta": timedelta(seconds=1), "datetime": datetime.datetime(2026, 1, 1, tzinfo=UTC),
             "Path": pathlib.Path("x"), "Timeline": tenon.Timeline()}
    name = annotation if isinstance(annotation, str) else annotation.__name__
    if name in known:
        return known[name]
    return () if name.startswith("Tuple") else getattr(tenon, name)()


class Crossing(StudioTest):
    """What the engine is given, and what it gives back."""

    def test_text(self):
        for text in ("Acmé 🎬", "日本語", "a" * 200, "\u202e", "e\u0301"):
            self.assertEqual(self.session.projects.create(name=text).name, text)
        with self.assertRaises(UnicodeEncodeError):
            self.session.projects.create(name="\ud83d")
        with self.assertRaisesRegex(ValueError, "null"):
            self.session.projects.create(name="a\0b")
        for bad in (None, 3, b"bytes", ["x"]):
            with self.assertRaisesRegex(TypeError, "name"):
                self.session.projects.create(name=bad)

    def test_numbers(self):
        for bad in (2**31, -2**31 - 1, 2**63, 10**40):
            with self.assertRaisesRegex(OverflowError, "limit"):
                self.session.projects.list(limit=bad)
        for bad in (None, "5", 5.0, True):
            with self.assertRaisesRegex(TypeError, "limit"):
                self.session.projects.list(limit=bad)
        with self.assertRaises(tenon.InvalidArgument) as caught:
            self.session.projects.list(limit=-1)
        self.assertEqual(caught.exception.subject, "limit")
        with self.assertRaises(OverflowError):
            self.session.quotas.has_room(resource=tenon.Resource.STORAGE, amount=2**63)

    def test_times(self):
        now = datetime.datetime.now(timezone(timedelta(hours=5, minutes=30)))
        backups = self.session.backups
        self.assertEqual(backups.list(start=now), ())
        with self.assertRaisesRegex(ValueError, "naive"):
            backups.list(start=datetime.datetime.now())
        with self.assertRaises(ValueError):
            tenon.SnapshotFilter(start=datetime.datetime.now())
        for bad in (3, "2026-01-01", datetime.date.today()):
            with self.assertRaises(TypeError):
                backups.list(start=bad)
        self.assertEqual(self.tenant.created_at.tzinfo, UTC)
        clip = self.clip()
        job = self.later(clip)
        self.assertEqual(job.info.due_at, clip.created_at + timedelta(hours=1))
        exact = datetime.datetime(2026, 12, 1, 5, 29, 59, 999_999, tzinfo=now.tzinfo)
        shown = self.session.usage.series(meter="render_time", start=exact, end=exact + timedelta(days=1))
        self.assertEqual(shown, ())

    def test_paths(self):
        project = self.session.projects.create(name="x")
        for path in (str(FOOTAGE / "clapper.mp4"), FOOTAGE / "clapper.mp4"):
            clip = self.session.assets.import_file(project=project.id, path=path)
            self.assertIsInstance(clip.path, pathlib.Path)
            self.assertTrue(clip.path.exists())
        with self.assertRaises(ValueError):
            self.session.assets.import_file(project=project.id, path="a\0b")
        for bad in (3, ["x"]):
            with self.assertRaisesRegex(TypeError, "path"):
                self.session.assets.import_file(project=project.id, path=bad)
        with self.assertRaises(tenon.Error):
            self.session.assets.import_file(project=project.id, path=None)

    def test_a_name_that_is_no_utf_8(self):
        odd = os.fsencode(self.folder) + b"/a\xff\xfe.mp4"
        shutil.copy(FOOTAGE / "clapper.mp4", odd)
        project = self.session.projects.create(name="x")
        for path in (odd, os.fsdecode(odd), pathlib.Path(os.fsdecode(odd))):
            clip = self.session.assets.import_file(project=project.id, path=path, name="odd")
            self.assertEqual((clip.name, clip.size), ("odd", os.stat(odd).st_size))
        for text in (os.fsdecode(odd), "\udcff"):
            with self.assertRaises(UnicodeEncodeError):
                self.session.projects.create(name=text)

    def test_lists(self):
        quotas = self.session.quotas
        ask = tenon.Ask(tenon.Resource.PROJECTS, 1)
        for asks in ([ask], (ask,), iter([ask])):
            with quotas.reserve(asks=asks):
                pass
        for bad in (ask, "x", {"a": 1}, 3, None, [None], ["x"]):
            with self.assertRaises((TypeError, tenon.InvalidArgument)):
                quotas.reserve(asks=bad)

        def broken():
            yield ask
            raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            quotas.reserve(asks=broken())

    def test_options_whole_and_by_fields(self):
        projects = self.session.projects
        one = projects.create(tenon.ProjectOptions(name="whole"))
        self.assertEqual(projects.list(tenon.ProjectFilter(limit=1)), (one,))
        self.assertEqual(projects.list(filter=tenon.ProjectFilter(limit=1)), (one,))
        with self.assertRaisesRegex(TypeError, "nmae"):
            projects.create(nmae="typo")
        with self.assertRaisesRegex(TypeError, "multiple values"):
            projects.get(one.id, id=one.id)
        with self.assertRaisesRegex(TypeError, "missing"):
            projects.get()
        with self.assertRaisesRegex(TypeError, "at most 1"):
            projects.get(one.id, one.id)
        with self.assertRaisesRegex(TypeError, "ProjectId"):
            projects.get(tenon.AssetId())
        with self.assertRaisesRegex(TypeError, "ProjectId"):
            projects.get(str(one.id))
        with self.assertRaisesRegex(TypeError, "ProjectOptions"):
            projects.create(tenon.ProjectFilter())
        with self.assertRaisesRegex(TypeError, "Role"):
            self.engine.open_session(tenant=self.tenant.id, actor="x", role=1)

    def test_fields_that_were_taken_away(self):
        options = tenon.ProjectOptions(name="x")
        del options.name
        with self.assertRaises(AttributeError):
            self.session.projects.create(options)

    def test_all_fields_of_an_error(self):
        with self.assertRaises(tenon.QuotaExceeded) as caught:
            self.session.quotas.reserve(asks=[tenon.Ask(tenon.Resource.RENDER_TIME, 2**50)])
        error = caught.exception
        self.assertEqual((error.code, error.resource, error.limit, error.used), (tenon.Errc.QUOTA_EXCEEDED, "render_time", 180_000_000, 0))
        self.assertGreater(error.resets_at, self.tenant.created_at)
        self.assertEqual(str(error), error.message)
        self.assertFalse(error.retryable)

    def test_the_engines_errors_are_as_those_of_hosts(self):
        """The engine's are made without their constructors, and some of their bases have peculiar ones."""
        viewer = self.engine.open_session(tenant=self.tenant.id, actor="v", role=tenon.Role.VIEWER)
        for call, kind, base in ((lambda: viewer.projects.create(name="x"), tenon.PermissionDenied, OSError),
                                 (lambda: self.session.projects.get(tenon.ProjectId()), tenon.NotFound, LookupError),
                                 (lambda: self.session.projects.create(name=""), tenon.InvalidArgument, ValueError)):
            with self.assertRaises(base) as caught:
                call()
            error = caught.exception
            self.assertIs(type(error), kind)
            own = kind(error.message, subject=error.subject)
            for name in ("args", "code", "message", "subject", "resource", "limit", "used", "resets_at", "retryable"):
                self.assertEqual(getattr(error, name), getattr(own, name), name)
            self.assertEqual(str(error), str(own))
            self.assertTrue(str(error).startswith(error.message) and error.subject in str(error))
            again = pickle.loads(pickle.dumps(error))
            self.assertEqual((type(again), again.args, again.subject), (kind, error.args, error.subject))

    def test_handles_are_made_by_the_engine_alone(self):
        for kind in (tenon.Session, tenon.Job, tenon.Plane, tenon.Projects):
            with self.assertRaises(TypeError):
                kind()
            with self.assertRaises(TypeError):
                kind.__new__(kind)
        with self.assertRaises(TypeError):
            tenon.Projects.list(self.session)
        with self.assertRaises(TypeError):
            tenon.Engine.open_session(object())
        with self.assertRaises(TypeError):
            tenon.Engine.__new__(tenon.Engine).close()
        with self.assertRaises(TypeError):
            tenon.Timeline.__new__(tenon.Timeline).clips


class Refusals(StudioTest):
    """Whatever a parameter or field is given that it cannot be, every call says so before it does anything."""

    def handles(self):
        operators = self.engine.open_operator(actor="a", reason="r")
        self.addCleanup(operators.close)
        found = {"Timeline": tenon.Timeline()}

        def visit(handle):
            name = type(handle).__name__
            if name in found:
                return
            found[name] = handle
            for member in API.classes[name].methods:
                if member.result.kind == "handle" and python_names.is_property(member):
                    visit(getattr(handle, member.name))

        for each in (self.engine, self.session, operators, self.session.subscribe(), self.engine.watch()):
            visit(each)
        return found

    def calls(self):
        """Every call that takes something, what it could be given, and what it takes fields of."""
        for name, handle in self.handles().items():
            for one in API.classes[name].methods:
                if one.parameters and not one.is_static:
                    yield f"{name}.{one.name}", getattr(handle, one.name), one
        for one in API.functions:
            if hasattr(tenon, one.name):
                yield one.name, getattr(tenon, one.name), one

    @staticmethod
    def given(one, but):
        known = {"string": "x", "int32": 1, "int64": 1, "uint64": 1, "duration": 0, "bool": False, "double": 0.5, "path": "x", "vector": ()}
        made = {}
        for i, each in enumerate(one.parameters):
            if i == but:
                continue
            if each.type.kind in ("id", "struct", "value") and i != python_names.struct_parameter(one):
                made[each.name] = getattr(tenon, each.type.name)()
            elif each.type.kind == "enum":
                made[each.name] = list(getattr(tenon, each.type.name))[0]
            elif each.type.kind in known:
                made[each.name] = known[each.type.kind]
        return made

    def test_in_every_parameter(self):
        seen = 0
        for name, call, one in self.calls():
            for i, each in enumerate(one.parameters):
                with self.subTest(call=name, parameter=each.name), self.assertRaises(TypeError):
                    call(**self.given(one, i), **{each.name: object()})
                seen += 1
        self.assertGreater(seen, 80)

    def test_in_every_field(self):
        naive = datetime.datetime(2026, 1, 1)
        bad = {"string": [("\ud83d", UnicodeEncodeError), ("a\0b", ValueError), (b"x", TypeError)], "bool": [(1, TypeError)],
               "int32": [(2**31, OverflowError), (1.0, TypeError)], "int64": [(2**63, OverflowError), (True, TypeError)],
               "uint64": [(-1, OverflowError), (2**64, OverflowError)], "double": [("1", TypeError)],
               "time": [(naive, ValueError), (0, TypeError)], "path": [("a\0b", ValueError), (7, TypeError)],
               "duration": [(math.nan, ValueError), (1e300, OverflowError), ("1", TypeError)],
               "id": [("x", TypeError), (tenon.Bytes(1), TypeError)], "enum": [(1, TypeError), ("x", TypeError)]}
        seen = 0
        for name, call, one in self.calls():
            at = python_names.struct_parameter(one)
            if at < 0:
                continue
            for field in API.classes[one.parameters[at].type.name].fields:
                held = field.type.of or field.type
                for value, error in [(object(), TypeError), *bad.get(held.kind, [])]:
                    if field.type.kind == "vector" and value.__class__ is not object:
                        value = [value]
                    with self.subTest(call=name, field=field.name, value=value), self.assertRaises(error):
                        call(**self.given(one, at), **{field.name: value})
                    seen += 1
        self.assertGreater(seen, 400)


class Faces(unittest.TestCase):
    def test_everything_has_a_docstring_and_a_home(self):
        for name in tenon.__all__:
            thing = getattr(tenon, name)
            if isinstance(thing, type):
                self.assertEqual(thing.__module__, "tenon", name)
        self.assertIn("Waits for the end", tenon.Job.join.__doc__)
        self.assertIn("create(options", tenon.Projects.create.__doc__)
        self.assertIn("One tenant", tenon.Session.__doc__)
        self.assertRegex(tenon.__version__, r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()
