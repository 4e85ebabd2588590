#!/usr/bin/env python3
"""The main job from Python, beside the same from C++ (benchmarks/main_job.cpp).

    main_job.py C++-PROGRAM [ROUNDS]

Question  Does the main job - footage in, a reel, an encrypted backup, the files lost, all of them back - take longer from Python?
Input     As in C++. Each run is a process of its own with a new home; the two take turns, and which of them begins changes with
          each round. A run's figure is from opening the engine to having closed it; what a process takes in all, the interpreter's
          start and `import tenon` with it, stands beside it, and so does the processor's time of all its threads.
Baseline  The program in C++, a moment before or after on the same machine. The ratio is the median over the rounds of what each
          round's two runs took, so that a machine that grows slower meanwhile does not count; the goal is at most 1.03. Writes
          main_job.json.
"""
import json
import os
import pathlib
import resource
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
    """Seconds of the job, of the whole process, and of the processor."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    whole, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(said), whole, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    if sys.argv[1:] == ["--once"]:
        return once()
    commands = {"C++": [sys.argv[1]], "Python": [sys.executable, "-B", __file__, "--once"]}
    taken = {name: [] for name in commands}
    for number in range(int(sys.argv[2]) if len(sys.argv) > 2 else 11):
        for name in sorted(commands, reverse=bool(number % 2)):
            taken[name].append(run(commands[name]))
    measures = ("the main job", "with the start of a process", "processor time")
    print(f"{'seconds':28} {'Python':>8} {'C++':>8} {'ratio':>8} {'of rounds':>17} {'goal':>6}")
    ratios = {}
    for measure, python, plain in zip(measures, zip(*taken["Python"]), zip(*taken["C++"])):
        rounds = sorted(one / other for one, other in zip(python, plain))
        ratios[measure] = statistics.median(rounds)
        spread = f"{rounds[0]:.3f} to {rounds[-1]:.3f}"
        print(f"{measure:28} {statistics.median(python):8.2f} {statistics.median(plain):8.2f} {ratios[measure]:8.3f} {spread:>17}"
              + (f" {GOAL:6}" if measure == measures[0] else ""))
    met = ratios[measures[0]] <= GOAL
    print("met" if met else "missed")
    pathlib.Path("main_job.json").write_text(json.dumps({"ratios": ratios, "goal": GOAL, "runs": taken, "cores": os.cpu_count()},
                                                        indent=1) + "\n", encoding="utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
