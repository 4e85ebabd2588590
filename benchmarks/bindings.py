#!/usr/bin/env python3
"""What a call of the engine costs from Python, beside the bare call in C++ (benchmarks/bindings.cpp, run before this).

Question  Does a crossing cost what docs/design/bindings.md allows?
Input     As in C++: one tenant in a temporary folder, a clip of ten seconds.
Baseline  bindings_cpp.json, written a moment ago on the same machine. The least of seven rounds counts.
"""
import json
import pathlib
import sys
import tempfile
import timeit

import numpy

import tenon

FOOTAGE = pathlib.Path(__file__).resolve().parents[1] / "build" / "footage"


def measure(call, calls):
    return min(timeit.repeat(call, number=calls, repeat=7)) / calls * 1e9


def main():
    bare = json.loads(pathlib.Path("bindings_cpp.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as home, tenon.Engine(home=home) as engine:
        with engine.open_operator(actor="bench", reason="bench") as operators:
            tenant = operators.tenants.create(name="Acme", slug="acme", plan="studio/professional")
        session = engine.open_session(tenant=tenant.id, actor="bench", role=tenon.Role.OWNER)
        project = session.projects.create(name="x")
        clip = session.assets.import_file(project=project.id, path=FOOTAGE / "clapper.mp4")
        events, ended = session.subscribe(), session.subscribe()
        ended.close()
        plane = session.assets.frame(clip.id, width=1920).plane(0)
        cut, name = tenon.Timeline(), "twenty characters ok"

        def string():
            cut.grade(name)
            return cut.grade_name

        def error():
            try:
                ended.next(0)
            except tenon.Closed:
                pass

        rows = [("int call", measure(lambda: events.number, 200_000) - measure(lambda: None, 200_000), 350),
                ("string there and back", measure(string, 100_000), None),
                ("typed exception", measure(error, 20_000), 10_000),
                ("view of a 1080p frame", measure(lambda: memoryview(plane), 50_000), 1_000),
                ("the same as a numpy array", measure(lambda: numpy.asarray(plane), 50_000), None)]
    met = True
    print(f"{'work':28} {'Python':>10} {'C++':>10} {'goal':>10}")
    for work, figure, goal in rows:
        met = met and (goal is None or figure <= goal)
        base = f"{bare[work]:.0f} ns" if work in bare else ""
        print(f"{work:28} {figure:7.0f} ns {base:>10} {'' if goal is None else f'{goal} ns':>10} "
              f"{'' if goal is None else 'met' if figure <= goal else 'missed'}")
    result = [{"work": work, "ours_ns": round(figure, 1), "bare_ns": bare.get(work), "goal_ns": goal} for work, figure, goal in rows]
    pathlib.Path("bindings.json").write_text(json.dumps({"rows": result, "python": sys.version, "tenon": tenon.__version__}, indent=1) + "\n",
                                             encoding="utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
