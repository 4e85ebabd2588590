#!/usr/bin/env python3
"""Backups beside restic and borg: times, processor, memory, size.

    backup.py TENON RESTIC [ROUNDS] [small|mixed|media …]

Question  What do a first backup, one where nothing or little has changed, a restore, a check that reads everything, and forgetting
          with pruning take, and how much is stored, next to restic and borg?
Input     small: 40,000 files of up to 64 KiB that Debian's packages have put on this machine, 36,000 of them chosen by the hash of
          their paths, and a ninth of those once more. mixed, only where it is named: the same with files of up to 256 KiB.
          media: seven H.264 files, 580 MB in all, made from the surveillance footage with noise; nothing in them repeats.
          Changed: small: 415 files get other bytes, 200 go, 500 come. media: 1 % is overwritten in runs of 16 KiB, and each file
          gets three inserts of 1 to 9 KiB.
Method    Every step is a process of its own, with the defaults that each program ships with, parity included, all of this machine's
          cores; ours is the tool, with the home's database, quota and audit. All sync what they store. Rounds in turns, each with a
          fresh repository; the disk's cache is warm. Medians; a ratio is the median of the rounds' ratios. Restores go to a RAM disk.
          Forgetting and pruning leave the newest snapshot; ours and restic's leave up to 5 % of what is stored unused by default,
          borg's compaction segments of which less than 10 % is.
Goals     Those of issue 6. Exit code 1 if one is missed. Writes backup.json.
"""
import hashlib
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

STEPS = ("first", "unchanged", "changed", "restore", "check", "prune")
# Of work: how many times restic's speed.
FASTER = {"small": {"first": 4, "unchanged": 4, "changed": 3, "restore": 3, "check": 4, "prune": 2},
          "media": {"first": 3, "unchanged": 4, "changed": 3, "restore": 2, "check": 3, "prune": 2}}
SMALL_FILES, SAME = 36_000, 9
LIMITS = {"small": 64 << 10, "mixed": 256 << 10}
MEDIA_FILES, MEDIA_SECONDS, MEDIA_RATE = 7, 33, "20M"


def small(folder, limit):
    """Files of this machine's packages, of so many bytes at most."""
    found = []
    for root in ("/usr/share", "/usr/include", "/usr/lib"):
        for where, folders, names in os.walk(root):
            folders.sort()
            for name in names:
                path = os.path.join(where, name)
                if os.path.isfile(path) and not os.path.islink(path) and 0 < os.path.getsize(path) <= limit:
                    found.append(path)
    found.sort(key=lambda path: hashlib.sha256(path.encode()).digest())
    for number, path in enumerate(sorted(found[:SMALL_FILES])):
        for copy in ("", "copy-")[:2 if number % SAME == 0 else 1]:
            target = folder / f"{copy}{number // 100:03}" / f"{number:05}-{os.path.basename(path)[-60:]}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def media(folder, cache):
    cache.mkdir(parents=True, exist_ok=True)
    source = pathlib.Path(__file__).resolve().parents[1] / "build" / "footage" / "vtest.avi"
    folder.mkdir(parents=True)
    for number in range(MEDIA_FILES):
        made = cache / f"{number}.mp4"
        if not made.exists():
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-stream_loop", "-1", "-i", source, "-t", str(MEDIA_SECONDS), "-vf",
                            f"scale=1280:960,noise=alls=40:allf=t:all_seed={number + 1}", "-c:v", "libx264", "-preset", "ultrafast",
                            "-b:v", MEDIA_RATE, "-minrate", MEDIA_RATE, "-maxrate", MEDIA_RATE, "-bufsize", MEDIA_RATE, "-threads", "1",
                            "-an", cache / "new.mp4"], check=True)
            (cache / "new.mp4").rename(made)
        shutil.copyfile(made, folder / made.name)


def change_small(folder, round_number):
    chance = random.Random(round_number)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    chance.shuffle(files)
    for path in files[:415]:
        path.write_bytes(chance.randbytes(path.stat().st_size))
    for path in files[415:615]:
        path.unlink()
    new = folder / "new"
    new.mkdir()
    for number, path in enumerate(files[615:1115]):
        (new / str(number)).write_bytes(path.read_bytes()[::-1])


def change_media(folder, round_number):
    chance = random.Random(round_number)
    for path in sorted(folder.iterdir()):
        content = bytearray(path.read_bytes())
        for _ in range(len(content) // 100 // (16 << 10)):
            at = chance.randrange(len(content) - (16 << 10))
            content[at:at + (16 << 10)] = chance.randbytes(16 << 10)
        for _ in range(3):
            at = chance.randrange(len(content))
            content[at:at] = chance.randbytes(chance.randrange(1 << 10, 9 << 10))
        path.write_bytes(content)


def apart(work, *args):
    """In a process of its own: what it takes of memory would count as that of those that are started later."""
    child = os.fork()
    if child == 0:
        try:
            work(*args)
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit("the data could not be changed")


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def measured(command, cwd, env):
    """Seconds, seconds of processors, bytes of memory at the peak."""
    began = time.monotonic()
    with subprocess.Popen([str(part) for part in command], cwd=cwd, env={**os.environ, **env}, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as child:
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {said.decode()[-2000:]}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10


class Tenon:
    def __init__(self, program, place):
        self.base, self.place = [program, "--home", place / "home"], place
        self.run("tenant", "create", "Bench", "--plan", "business/enterprise")
        (workspace,) = (place / "home" / "workspaces").iterdir()
        self.source = workspace / "projects" / "data"
        self.repository = place / "home" / "backups"

    def run(self, *verb):
        return measured([self.base[0], *verb, *self.base[1:]], self.place, {})

    def step(self, name):
        if name in ("first", "unchanged", "changed"):
            return self.run("backup", "start", "--name", "bench")
        if name == "restore":
            return self.run("backup", "restore", "latest", "--target", self.place / "out")
        if name == "check":
            return self.run("backup", "check")
        forgot = self.run("backup", "forget", "--keep-last", "1", "--yes")
        pruned = self.run("backup", "prune")
        return forgot[0] + pruned[0], forgot[1] + pruned[1], max(forgot[2], pruned[2])


class Restic:
    def __init__(self, program, place):
        self.program, self.place = program, place
        self.source, self.repository = place / "data", place / "repository"
        self.run("init")

    def run(self, *verb):
        return measured([self.program, "-q", "-r", self.repository, *verb], self.place,
                        {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(self.place / "cache")})

    def step(self, name):
        if name in ("first", "unchanged", "changed"):
            return self.run("backup", self.source)
        if name == "restore":
            return self.run("restore", "latest", "--target", self.place / "out")
        if name == "check":
            return self.run("check", "--read-data")
        return self.run("forget", "--keep-last", "1", "--prune")


class Borg:
    def __init__(self, program, place):
        self.program, self.place = program, place
        self.source, self.repository = place / "data", place / "repository"
        self.count = 0
        self.run("init", "--encryption", "repokey", self.repository)

    def run(self, *verb, cwd=None):
        return measured([self.program, *verb], cwd or self.place,
                        {"BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": str(self.place / "borg"),
                         "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes", "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"})

    def step(self, name):
        if name in ("first", "unchanged", "changed"):
            self.count += 1
            return self.run("create", f"{self.repository}::{self.count}", self.source)
        if name == "restore":
            (self.place / "out").mkdir(exist_ok=True)
            return self.run("extract", f"{self.repository}::{self.count}", cwd=self.place / "out")
        if name == "check":
            return self.run("check", "--verify-data", self.repository)
        pruned = self.run("prune", "--keep-last", "1", self.repository)
        compacted = self.run("compact", self.repository)
        return pruned[0] + compacted[0], pruned[1] + compacted[1], max(pruned[2], compacted[2])


def round_of(tool, data, kind, number):
    """By step what measured() says; and sizes."""
    shutil.copytree(data, tool.source, copy_function=shutil.copyfile)
    os.sync()
    taken = {"first": tool.step("first")}
    taken["size"] = size_of(tool.repository)
    time.sleep(1.1)  # what has just been written is read again by all of them
    tool.step("unchanged")
    taken["unchanged"] = tool.step("unchanged")
    apart(change_media if kind == "media" else change_small, tool.source, number)
    before = size_of(tool.repository)
    taken["changed"] = tool.step("changed")
    taken["growth"] = size_of(tool.repository) - before
    (tool.place / "out").symlink_to(tempfile.mkdtemp(prefix="bench-backup-", dir="/dev/shm"))
    taken["restore"] = tool.step("restore")
    assert sum(len(files) for _, _, files in os.walk((tool.place / "out").resolve())) == sum(len(files) for _, _, files in os.walk(tool.source))
    shutil.rmtree((tool.place / "out").resolve())
    taken["check"] = tool.step("check")
    taken["prune"] = tool.step("prune")
    taken["left"] = size_of(tool.repository)
    return taken


def table(kind, rounds, names, data_size):
    """Prints it. What was missed."""
    missed = []

    def row(what, values, ratio, goal, met):
        if met is False:
            missed.append(f"{kind}: {what}")
        print(f"  {what:34}" + "".join(f"{value:>12}" for value in values) + f"{ratio:>10}{goal:>10}{'' if met is not False else '  missed'}")

    print(f"\n{kind}, {data_size / 1e6:.1f} MB, medians of {len(rounds['tenon'])} rounds")
    row("", names, "ratio", "goal", None)
    of = lambda name, pick: [pick(taken) for taken in rounds[name]]
    for step in STEPS:
        times = {name: of(name, lambda taken: taken[step][0]) for name in names}
        ratio = statistics.median(theirs / mine for mine, theirs in zip(times["tenon"], times["restic"]))
        goal = FASTER.get(kind, {}).get(step)
        row(f"{step}, s", [f"{statistics.median(times[name]):.2f}" for name in names], f"{ratio:.2f}x", f">= {goal}x" if goal else "",
            not goal or ratio >= goal)
    for step in ("first", "restore"):
        work = [statistics.median(of(name, lambda taken: taken[step][1])) for name in names]
        a_gigabyte = work[0] / data_size * 1e9
        goal = kind == "media" and step == "first"
        row(f"{step}, s of processors", [f"{one:.2f}" for one in work], f"{a_gigabyte:.2f}/GB", "<= 3/GB" if goal else "",
            not goal or a_gigabyte <= 3)
    for step, limit in (("first", 128), ("changed", 128), ("restore", 96), ("check", None), ("prune", None)):
        peak = [max(of(name, lambda taken: taken[step][2])) / (1 << 20) for name in names]
        row(f"{step}, MiB of memory", [f"{one:.0f}" for one in peak], "", f"<= {limit}" if limit else "", not limit or peak[0] <= limit)
    for what, goal in (("size", 0.85 if kind == "small" else None), ("growth", {"small": 0.95, "media": 0.35}.get(kind)), ("left", None)):
        sizes = [statistics.median(of(name, lambda taken: taken[what])) for name in names]
        ratio = sizes[0] / sizes[1]
        if what == "size" and kind == "media":
            goal, ratio = 1.035, sizes[0] / data_size
        words = {"size": "stored by the first, MB", "growth": "more by the changed, MB", "left": "stored after pruning, MB"}[what]
        row(words, [f"{one / 1e6:.1f}" for one in sizes], f"{ratio:.3f}x", f"<= {goal}x" if goal else "", not goal or ratio <= goal)
    return missed


def main():
    programs = {"tenon": (Tenon, os.path.abspath(sys.argv[1])), "restic": (Restic, os.path.abspath(sys.argv[2])), "borg": (Borg, "borg")}
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    for program in (sys.argv[2], "borg"):
        print(subprocess.run([program, "version" if program != "borg" else "--version"], check=True, capture_output=True, text=True).stdout.strip())
    everything, missed = {}, []
    for kind in sys.argv[4:] or ("small", "media"):
        with tempfile.TemporaryDirectory(prefix="bench-backup-", dir=os.getcwd()) as folder:
            data = pathlib.Path(folder) / "data"
            media(data, pathlib.Path(os.getcwd()) / "media") if kind == "media" else small(data, LIMITS[kind])
            data_size = size_of(data)
            rounds = {name: [] for name in programs}
            for number in range(count):
                order = list(programs)
                for name in order[number % 3:] + order[:number % 3]:
                    place = pathlib.Path(folder) / "place"
                    place.mkdir()
                    make, program = programs[name]
                    rounds[name].append(round_of(make(program, place), data, kind, number))
                    print(f"  {kind} {number + 1} {name:7}" + "".join(f" {step} {rounds[name][-1][step][0]:.2f}" for step in STEPS), file=sys.stderr)
                    shutil.rmtree(place)
            missed += table(kind, rounds, list(programs), data_size)
            everything[kind] = {"bytes": data_size, "rounds": rounds}
    pathlib.Path("backup.json").write_text(json.dumps({**everything, "cores": os.cpu_count()}, indent=1) + "\n", encoding="utf-8")
    print("\nall met" if not missed else "\nmissed: " + "; ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
