#!/usr/bin/env python3
"""The wheel works in an empty environment: no PYTHONPATH, no library path, nothing of the build tree.

    wheel_test.py BUILD_FOLDER FOOTAGE
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]

SMOKE = """
import pathlib, sys, tenon
assert "site-packages" in tenon.__file__, tenon.__file__
assert (pathlib.Path(tenon.__file__).parent / "py.typed").exists()
with tenon.Engine(home="studio") as engine:
    with engine.open_operator(actor="a", reason="r") as setup:
        acme = setup.tenants.create(name="Acm\\u00e9", slug="acme", plan="studio/professional")
    session = engine.open_session(tenant=acme.id, actor="a", role=tenon.Role.OWNER)
    project = session.projects.create(name="x")
    clip = session.assets.import_file(project=project.id, path=sys.argv[1])
    assert memoryview(session.assets.frame(clip.id, width=64).plane(0)).shape[1] == 64
    assert session.backups.start(name="x").result().snapshot.files > 0
libraries = {line.split()[-1] for line in open("/proc/self/maps") if "tenon" in line}
assert all("site-packages" in each for each in libraries), libraries
print("works", tenon.__version__)
"""


def run(*command, cwd, env=None):
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, cwd=cwd, env=env, timeout=240)
    if done.returncode:
        sys.exit(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout.strip()


def main():
    build, footage = (pathlib.Path(each).resolve() for each in sys.argv[1:3])
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "LD_LIBRARY_PATH")}
    with tempfile.TemporaryDirectory(prefix="wheel-") as folder:
        run("cmake", "--install", build, "--component", "python", "--prefix", f"{folder}/staged", cwd=folder)
        wheel = run(sys.executable, "-B", HERE.parent / "wheel.py", f"{folder}/staged", f"{folder}/dist", cwd=folder)
        run(sys.executable, "-m", "venv", f"{folder}/empty", cwd=folder)
        python = f"{folder}/empty/bin/python"
        run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", wheel, cwd=folder, env=clean)
        print(run(python, "-c", SMOKE, footage / "clapper.mp4", cwd=folder, env=clean))
        # The program that the guide begins with, on a shorter piece.
        guide = run(sys.executable, "-B", ROOT / "tests" / "support" / "guide_block.py", ROOT / "docs" / "guide" / "python.md", "python", cwd=folder)
        shutil.rmtree(pathlib.Path(folder) / "studio")
        shutil.copy(footage / "clapper.mp4", pathlib.Path(folder) / "interview.mp4")
        said = run(python, "-c", guide.replace("end=7", "end=3"), cwd=folder, env=clean).splitlines()
        assert said[-2] == "100 %" and (pathlib.Path(folder) / said[-1]).stat().st_size > 0, said


if __name__ == "__main__":
    main()
