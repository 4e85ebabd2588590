#!/usr/bin/env python3
"""Runs a command beside a PostgreSQL server of its own.

    postgres.py [--durable] [--mortal] [--database=NAME] COMMAND…

The server listens on a socket in its own temporary folder and on no address, belongs to an unprivileged account when this runs
as root, and ends with the command. The command finds in TENON_TEST_POSTGRES a login `app` that may make databases and is no
superuser; `boss` is one, and `locked` is the one with a password, "open sesame". Without --durable nothing is synced to disk: for
tests of logic. With --mortal a server that the command kills (its number stands in the file `pid` beside the socket) is started
again, as an init would do it. With --database the command finds PGHOST and PGUSER in the place of those two variables, and an empty
database of that name.
"""
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PLACES = ["/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin"]


def program(name):
    for place in PLACES:
        if os.path.exists(f"{place}/{name}"):
            return f"{place}/{name}"
    found = shutil.which(name)
    if not found:
        sys.exit(f"{name} is missing: install postgresql-15")
    return found


def account():
    """Whose the server is; the server refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ["postgres", "nobody"]:
        try:
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        except KeyError:
            pass
    sys.exit("no unprivileged account to run the server as")


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server ends and its folder goes then too
    words = sys.argv[1:]
    flags = set()
    while words[0].startswith("--"):
        flags.add(words.pop(0))
    named = [flag.split("=")[1] for flag in flags if flag.startswith("--database=")]
    durable = "--durable" in flags
    command = words
    who = account()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    server = None
    try:
        if who:
            os.chown(folder, who["user"], who["group"])
        # The tests' own account connects through the folder.
        folder.chmod(0o755)
        data = folder / "data"
        subprocess.run([program("initdb"), "-D", data, "-U", "boss", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/", **who)
        trusting = (data / "pg_hba.conf").read_text()
        (data / "pg_hba.conf").write_text("local all locked scram-sha-256\n" + trusting)
        settings = ["listen_addresses=", f"unix_socket_directories={folder}", "max_connections=200", "shared_buffers=64MB",
                    "autovacuum_naptime=10s", "log_min_messages=fatal", "max_wal_size=512MB"]
        if not durable:
            settings += ["fsync=off", "full_page_writes=off", "synchronous_commit=off"]

        def start():
            with open(folder / "log", "ab") as log:
                started = subprocess.Popen([program("postgres"), "-D", data] + [word for s in settings for word in ("-c", s)],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", preexec_fn=end_with_parent, **who)
            (folder / "pid.new").write_text(str(started.pid))
            (folder / "pid.new").rename(folder / "pid")
            return started

        server = start()
        psql = [program("psql"), "-qXh", folder, "-U", "boss", "-d", "postgres", "-c"]
        until = time.monotonic() + 60
        while subprocess.run(psql + ["CREATE ROLE app LOGIN CREATEDB"], stderr=subprocess.DEVNULL, check=False).returncode:
            if time.monotonic() > until or server.poll() is not None:
                sys.exit("the server does not start: " + (folder / "log").read_text())
            time.sleep(0.05)
        subprocess.run(psql + ["CREATE ROLE locked LOGIN CREATEDB PASSWORD 'open sesame'"], check=True)
        environment = dict(os.environ, TENON_TEST_POSTGRES=f"host={folder} user=app", TENON_TEST_POSTGRES_PID=str(server.pid))
        if named:
            subprocess.run(psql + [f"CREATE DATABASE {named[0]} OWNER app TEMPLATE template0"], check=True)
            environment = dict(os.environ, PGHOST=str(folder), PGUSER="app")
        running = subprocess.Popen(command, env=environment, preexec_fn=end_with_parent)
        try:
            while "--mortal" in flags and running.poll() is None:
                if server.poll() is not None:
                    server = start()
                time.sleep(0.02)
            return running.wait()
        except BaseException:
            running.kill()
            running.wait()
            raise
    finally:
        if server:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.send_signal(signal.SIGQUIT)
                server.wait()
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
