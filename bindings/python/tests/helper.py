"""A studio in a temporary folder, for tests; and programs that run in an interpreter of their own."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest
from datetime import timedelta

import tenon

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOOTAGE = ROOT / "build" / "footage"
HOUR = 3600


class StudioTest(unittest.TestCase):
    """Each test has an engine, a tenant and an owner's session."""
    options = {}
    plan = "studio/professional"

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="python-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.engine = tenon.Engine(home=self.folder / "home", workers=2, **self.options)
        self.addCleanup(self.engine.close)
        with self.engine.open_operator(actor="setup", reason="test") as operators:
            self.tenant = operators.tenants.create(name="Acmé 🎬", slug="acme", plan=self.plan)
        self.session = self.engine.open_session(tenant=self.tenant.id, actor="anna", role=tenon.Role.OWNER)

    def clip(self):
        """An asset of ten seconds."""
        project = self.session.projects.create(name="Reel")
        return self.session.assets.import_file(project=project.id, path=FOOTAGE / "clapper.mp4")

    def later(self, clip):
        """A render that waits for its time, an hour from now: a job that runs until it is cancelled."""
        cut = tenon.Timeline()
        cut.append(asset=clip.id, start=1, end=2)
        return self.session.renders.start(project=clip.project, timeline=cut, outputs=["mp4"],
                                          schedule=tenon.JobSchedule(start=clip.created_at + timedelta(hours=1)))

    def backup(self, name="nightly"):
        """A job that really works, if only for a moment. A tenant has one at a time."""
        return self.session.backups.start(name=name)

    def backup_of_another(self, name):
        """The same of a tenant of its own."""
        with self.engine.open_operator(actor="setup", reason="test") as operators:
            tenant = operators.tenants.create(name=name, slug=name, plan="studio/professional")
        return self.engine.open_session(tenant=tenant.id, actor="anna", role=tenon.Role.OWNER).backups.start(name=name)


def program(source, *arguments, timeout=60):
    """Runs Python source in a process of its own, with the folder for its home as its first argument."""
    folder = tempfile.mkdtemp(prefix="python-")
    try:
        return subprocess.run([sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(source), folder, *arguments],
                              capture_output=True, text=True, timeout=timeout, env={**os.environ, "PYTHONWARNINGS": "default"})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
