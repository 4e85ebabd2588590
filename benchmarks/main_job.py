#!/usr/bin/env python3
"""The main job from Python, beside the same from C++ (benchmarks/main_job.cpp).

    main_job.py C++-PROGRAM [ROUNDS]

Question  Does the main job - footage in, a reel, an encrypted backup, the files lost, all of them back - take longer from Python?
Input     As in C++. Each run is a process of its own with a new home; the two take turns, and which of them begins changes with
          each round. A run's figure is from opening the engine to having closed it; what a process takes in all, the interpreter's
          start and `import tenon` with it, stands beside it.
Baseline  The program in C++, a moment before or after on the same machine. Medians; the goal is a ratio of at most 1.03. Writes
          main_job.json.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

FOOTAGE = pathlib.Path(__file__).resolve().parents[1] / "build" / "footage"
GOAL = 1.03


def main_job(home):
    import tenon

    with tenon.Engine(home=home) as engine:
        with engine.open_operator(actor="bench", reason="bench") as setup:
            acme = setup.tenants.create(name="Acme", slug="acme", plan="studio/professional")
        session = engine.open_session(tenant=acme.id, actor="bench", role=tenon.Role.OWNER)
        project = session.projects.create(name="Spring reel")
        street = session.assets.import_file(project=project.id, path=FOOTAGE / "camera.mp4")
        talk = session.assets.import_file(project=project.id, path=FOOTAGE / "balle-jbart.mp4")

        cut = tenon.Timeline()
        cut.append(asset=street.id, start=2, end=8)
        cut.append(asset=talk.id, start=1, end=7, transition=tenon.crossfade(0.5))
        cut.append(asset=street.id, start=12, end=18, transition=tenon.crossfade(0.5))
        cut.title(text="Acme", start=0, duration=3)
        cut.grade("cinematic_warm")
        render = session.renders.start(project=project.id, timeline=cut, outputs=["mp4"])
        steps = sum(1 for _ in render)
        reel = render.result().outputs[0]

        backup = session.backups.start(name="nightly").result()
        for lost in (street.path, talk.path, reel.path):
            lost.unlink()
        session.backups.restore(snapshot=backup.snapshot.id).join()
        assert steps == 100 and reel.path.stat().st_size > 0 and street.path.stat().st_size == street.size


def once():
    """Opens no engine before the clock runs, but has read what `import tenon` reads, as the program in C++ was loaded before."""
    import tenon  # noqa: F401

    with tempfile.TemporaryDirectory(prefix="main-job-") as folder:
        began = time.monotonic()
        main_job(pathlib.Path(folder) / "home")
        print(f"{time.monotonic() - began:.3f}")


def run(command):
    began = time.monotonic()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(said), time.monotonic() - began


def main():
    if sys.argv[1:] == ["--once"]:
        return once()
    commands = {"C++": [sys.argv[1]], "Python": [sys.executable, "-B", __file__, "--once"]}
    taken = {name: [] for name in commands}
    for number in range(int(sys.argv[2]) if len(sys.argv) > 2 else 5):
        for name in sorted(commands, reverse=bool(number % 2)):
            taken[name].append(run(commands[name]))
    job = {name: statistics.median(each for each, _ in runs) for name, runs in taken.items()}
    whole = {name: statistics.median(each for _, each in runs) for name, runs in taken.items()}
    ratio = job["Python"] / job["C++"]
    met = ratio <= GOAL
    print(f"{'work':28} {'Python':>10} {'C++':>10} {'ratio':>10} {'goal':>10}")
    print(f"{'the main job':28} {job['Python']:8.2f} s {job['C++']:8.2f} s {ratio:10.3f} {GOAL:10} {'met' if met else 'missed'}")
    print(f"{'with the start of a process':28} {whole['Python']:8.2f} s {whole['C++']:8.2f} s {whole['Python'] / whole['C++']:10.3f}")
    pathlib.Path("main_job.json").write_text(json.dumps({"seconds": job, "whole": whole, "ratio": ratio, "goal": GOAL, "runs": taken,
                                                         "cores": os.cpu_count()}, indent=1) + "\n", encoding="utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
