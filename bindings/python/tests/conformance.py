#!/usr/bin/env python3
"""Runs the conformance cases in Python; what a case may say is in bindings/conformance/README.md.

Names, types and default values come from the public headers, so that a result of another type is a difference.
"""
import argparse
import datetime
import gc
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bindings" / "api"))
import headers  # noqa: E402

import tenon  # noqa: E402

API = headers.read_headers(ROOT / "include")
DEFAULTS = (None, False, 0, "", [], {}, "0us", "1970-01-01T00:00:00.000000Z")
UTC = datetime.timezone.utc
PATIENCE = 60


class Difference(Exception):
    """A step did something else than the case says."""


class Calls:
    """What was covered."""

    def __init__(self):
        self.names = set()

    def member(self, owner, name, form, void):
        if void or not is_default(form):
            self.names.add(f"{declarer(owner, name)}.{name}")

    def write(self, path):
        path.write_text("".join(f"{name}\n" for name in sorted(self.names)), encoding="utf-8")


def declarer(owner, name):
    while owner in API.classes:
        each = API.classes[owner]
        if any(one.name == name for one in each.methods) or any(one.name == name for one in each.fields):
            return owner
        owner = each.base
    raise Difference(f"the headers have no {owner}.{name}")


def functions(owner, name):
    return [one for one in API.classes[declarer(owner, name)].methods if one.name == name]


def is_default(form):
    if isinstance(form, dict):
        return all(is_default(each) for each in form.values()) if "handle" not in form else False
    if isinstance(form, str) and re.fullmatch(r"[a-z]+_0{26}", form):
        return True
    return form in DEFAULTS and not (isinstance(form, float) and form != 0)


# ---- from JSON to Python

def native(value, kind, calls):
    if isinstance(value, Saved):
        return value.value
    if kind.kind == "optional":
        return None if value is None else native(value, kind.of, calls)
    if kind.kind == "vector":
        return [native(each, kind.of, calls) for each in value]
    if kind.kind == "duration":
        return datetime.timedelta(microseconds=int(value[:-2]))
    if kind.kind == "time":
        return datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    if kind.kind == "path":
        return pathlib.Path(value) if value else None
    if kind.kind == "buffer":
        return value.encode("latin-1")
    if kind.kind == "id":
        return getattr(tenon, kind.name).parse(value)
    if kind.kind == "enum":
        calls.names.add(f"{kind.name}.{value}")
        return getattr(tenon, kind.name)[value.upper()]
    if kind.kind == "struct" and kind.name != "Bytes":
        return getattr(tenon, kind.name)(**fields(value, kind.name, calls))
    return value


def on_server(home):
    """The connection string of a database of its own for this home, on the server that tests/support/postgres.py started."""
    server = os.environ["TENON_TEST_POSTGRES"]
    name = f"case_{zlib.crc32(os.fsencode(home)):08x}"
    subprocess.run(["psql", "-qX", server + " dbname=postgres", "-c", f"CREATE DATABASE {name} TEMPLATE template0"],
                   stderr=subprocess.DEVNULL, check=False)  # refused: it is there
    return f"{server} dbname={name}"


def fields(given, name, calls):
    if name == "EngineOptions" and "TENON_TEST_POSTGRES" in os.environ and given.get("home") and "postgres" not in given:
        given = {**given, "postgres": on_server(given["home"])}
    known = {field.name: field for field in API.classes[name].fields}
    made = {}
    for key, value in given.items():
        if key not in known:
            raise Difference(f"{name} has no field {key}")
        made[key] = native(value, known[key].type, calls)
        if isinstance(value, Saved) or not is_default(value) or known[key].default not in ("", "0", "false"):
            calls.names.add(f"{name}.{key}")
    return made


# ---- from Python to JSON

def need(good, value, kind):
    if not good:
        raise Difference(f"{value!r} is a {type(value).__name__}, which is no {kind.name or kind.kind}")


def form_of(value, kind, calls):
    """A result as JSON; of the type that the headers promise."""
    if kind.kind == "void":
        need(value is None, value, kind)
        return None
    if kind.kind == "optional":
        return None if value is None else form_of(value, kind.of, calls)
    if kind.kind == "vector":
        need(type(value) is tuple, value, kind)
        return [form_of(each, kind.of, calls) for each in value]
    if kind.kind == "bool":
        need(type(value) is bool, value, kind)
        return value
    if kind.kind in ("int32", "int64", "uint64", "uint8"):
        need(type(value) is int, value, kind)
        return value
    if kind.kind == "double":
        need(type(value) is float, value, kind)
        return value
    if kind.kind in ("string", "text"):
        need(type(value) is str, value, kind)
        return value
    if kind.kind == "path":
        need(value is None or isinstance(value, pathlib.Path), value, kind)
        return "" if value is None else str(value)
    if kind.kind == "time":
        need(type(value) is datetime.datetime and value.tzinfo is UTC, value, kind)
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if kind.kind == "duration":
        need(type(value) is datetime.timedelta, value, kind)
        return f"{value // datetime.timedelta(microseconds=1)}us"
    if kind.kind == "buffer":
        need(type(value) is bytes, value, kind)
        return value.decode("latin-1")
    if kind.kind == "data":
        need(type(value) is memoryview and value.readonly, value, kind)
        rows = value.tobytes()
        return {"size": len(rows), "crc32": zlib.crc32(rows)}
    need(type(value).__name__ == kind.name and type(value).__module__ == "tenon", value, kind)
    if kind.kind == "id":
        return value.text
    if kind.kind == "enum":
        calls.names.add(f"{kind.name}.{value}")
        return str(value)
    if kind.name == "Bytes":
        if value:
            calls.names.add("Bytes.count")
        return int(value)
    if kind.kind == "struct":
        made = {}
        for field in API.classes[kind.name].fields:
            made[field.name] = form_of(getattr(value, field.name), field.type, calls)
            if not is_default(made[field.name]) or field.type.kind == "enum":
                calls.names.add(f"{kind.name}.{field.name}")
        return made
    return {"handle": kind.name}


def error_form(error, calls):
    calls.names.add(type(error).__name__)
    form = {"code": str(error.code), "message": error.message, "subject": error.subject, "retryable": error.retryable,
            "resource": error.resource, "limit": error.limit, "used": error.used,
            "resets_at": error.resets_at and form_of(error.resets_at, headers.Type("time"), calls)}
    calls.names.add(f"Errc.{error.code}")
    for name, value in form.items():
        if not is_default(value):
            calls.names.add(f"Error.{'what' if name == 'message' else name}")
    wanted = "".join(word.capitalize() for word in str(error.code).split("_"))
    if type(error).__name__ != wanted or not isinstance(error, tenon.Error):
        raise Difference(f"{type(error).__name__} was raised for {error.code}")
    return form


# ---- comparing

def count_of(text):
    """A Time or Duration by its count, a number as it is."""
    if isinstance(text, str) and text.endswith("us"):
        return int(text[:-2])
    if isinstance(text, str) and text.endswith("Z"):
        parsed = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        return (parsed - datetime.datetime(1970, 1, 1, tzinfo=UTC)) // datetime.timedelta(microseconds=1)
    return text


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def of_kind(value, kind):
    if kind in ("int", "number"):
        return is_number(value) and (kind == "number" or isinstance(value, int))
    if not isinstance(value, str):
        return False
    if kind == "time":
        now = time.time() * 1e6
        return value.endswith("Z") and 1_577_836_800_000_000 < count_of(value) < now + 86_400e6
    if kind == "path":
        return value != "" and os.path.exists(value)
    if kind == "json":
        return isinstance(json.loads(value), dict)
    patterns = {"id": r"[a-z]{3}_(?!0{26})[0-9a-z]{26}", "duration": r"-?\d+us", "sha256": r"[0-9a-f]{64}", "text": r"(?s).+"}
    return re.fullmatch(patterns[kind], value) is not None


def operator_fits(name, wanted, value):
    if name == "$kind":
        return of_kind(value, wanted)
    if name in ("$gt", "$ge", "$lt", "$le"):
        left, right = count_of(value), count_of(wanted)
        if not is_number(left) or not is_number(right):
            return False
        return {"$gt": left > right, "$ge": left >= right, "$lt": left < right, "$le": left <= right}[name]
    if name == "$between":
        return operator_fits("$ge", wanted[0], value) and operator_fits("$le", wanted[1], value)
    if name == "$size":
        return isinstance(value, (list, str)) and fits(len(value), wanted)
    if name == "$has":
        if isinstance(value, str):
            return wanted in value
        return isinstance(value, list) and any(fits(each, wanted) for each in value)
    if name == "$all":
        return isinstance(value, list) and all(fits(each, wanted) for each in value)
    if name == "$matches":
        return isinstance(value, str) and re.search(wanted, value) is not None
    if name == "$not":
        return not fits(value, wanted)
    if name == "$each":
        return all(fits(value, each) for each in wanted)
    if name == "$any":
        return value is not None
    raise Difference(f"no operator {name}")


def fits(value, wanted):
    if isinstance(wanted, dict):
        if len(wanted) == 1 and next(iter(wanted)).startswith("$"):
            name, operand = next(iter(wanted.items()))
            return operator_fits(name, operand, value)
        return isinstance(value, dict) and all(key in value and fits(value[key], each) for key, each in wanted.items())
    if isinstance(wanted, list):
        return isinstance(value, list) and len(value) == len(wanted) and all(map(fits, value, wanted))
    if is_number(wanted) and is_number(value):
        return value == wanted
    return type(value) is type(wanted) and value == wanted


# ---- running

class Saved:
    """A value under a name: itself, and what the headers call its type."""

    def __init__(self, value, kind, form):
        self.value, self.kind, self.form = value, kind, form


def moved(form, by):
    if form.endswith("us"):
        return f"{int(form[:-2]) + by}us"
    return form_of(datetime.datetime(1970, 1, 1, tzinfo=UTC) + datetime.timedelta(microseconds=count_of(form) + by),
                   headers.Type("time"), Calls())


class Case:
    def __init__(self, folder, footage, camera, calls):
        self.folder, self.footage, self.camera, self.calls = folder, footage, camera, calls
        self.saved = {}
        self.cameras = []
        self.count = 1

    # references

    def look_up(self, text):
        found = re.fullmatch(r"(\w+)((?:\.(?:-?\d+|[A-Za-z_]\w*))*)([+-]\d+us)?", text)
        if not found:
            raise Difference(f"no reference: ${text}")
        name, path, by = found.groups()
        if name == "i":
            return self.count
        if name in ("DIR", "FOOTAGE"):
            return str(self.folder if name == "DIR" else self.footage)
        if name not in self.saved:
            raise Difference(f"nothing is saved as {name}")
        form = self.saved[name].form
        if not path and isinstance(form, dict) and "handle" in form:
            return self.saved[name]
        for part in path.split(".")[1:]:
            form = form[int(part) if re.fullmatch(r"-?\d+", part) else part]
        return moved(form, int(by[:-2])) if by else form

    def filled(self, value):
        if isinstance(value, dict):
            return {key: self.filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        if not isinstance(value, str):
            return value
        if value.startswith("$$"):
            return value[1:]
        if value.startswith(("$DIR/", "$FOOTAGE/")):
            head, rest = value[1:].split("/", 1)
            value = f"${{{head}}}/{rest}"
        if value.startswith("$") and not value.startswith("${"):
            return self.look_up(value[1:])
        return re.sub(r"\$\{([^}]*)\}", lambda found: str(self.look_up(found.group(1))), value)

    # calls

    def arguments(self, one, step):
        """Positional arguments and keywords for a function of the headers."""
        given = [*step.get("args", [])]
        places = list(one.parameters)
        keywords = {}
        if "options" in step:
            at = next((i for i, each in enumerate(places) if each.type.kind == "struct"), None)
            if at is None:
                raise Difference(f"{one.name} takes no struct")
            keywords = fields(step["options"], places.pop(at).type.name, self.calls)
            if at == 0 and given:  # what comes behind the struct must be named
                keywords.update({each.name: native(value, each.type, self.calls) for each, value in zip(places, given)})
                return [], keywords
        if len(given) > len(places):
            raise Difference(f"{one.name} takes {len(places)} arguments")
        return [native(value, each.type, self.calls) for each, value in zip(places, given)], keywords

    def called(self, step):
        """The result, its type and its form."""
        on, parts = step["on"], step["call"].split(".")
        if on == "tenon":
            return self.called_free(step, parts)
        if on not in self.saved:
            raise Difference(f"nothing is saved as {on}")
        target, owner = self.saved[on].value, self.saved[on].kind.name
        for part in parts[:-1]:
            target, kind, _ = self.member(target, owner, part, {})
            owner = kind.name
        return self.member(target, owner, parts[-1], step)

    def member(self, target, owner, name, step):
        if declarer(owner, name) and not any(one.name == name for one in API.classes[declarer(owner, name)].methods):
            kind = next(field.type for field in API.classes[owner].fields if field.name == name)
            form = form_of(getattr(target, name), kind, self.calls)
            if not is_default(form):
                self.calls.names.add(f"{owner}.{name}")
            return getattr(target, name), kind, form
        candidates = functions(owner, name)
        one = candidates[0]
        if len(candidates) > 1:
            given = step["args"][0].kind.name
            one = next(each for each in candidates
                       if each.parameters[0].type.name in (given, API.classes[given].base))
        positional, keywords = self.arguments(one, step)
        value = getattr(target, name)
        if callable(value) and not isinstance(value, memoryview):
            value = value(*positional, **keywords)
        elif positional or keywords:
            raise Difference(f"{owner}.{name} is a property")
        form = form_of(value, one.result, self.calls)
        self.calls.member(owner, name, form, one.result.kind == "void")
        return value, one.result.of if one.result.kind == "optional" and value is not None else one.result, form

    def called_free(self, step, parts):
        if len(parts) == 2:
            one = functions(parts[0], parts[1])[0]
            positional, keywords = self.arguments(one, step)
            value = getattr(getattr(tenon, parts[0]), parts[1])
            value = value(*positional, **keywords) if callable(value) else value
            form = form_of(value, one.result, self.calls)
            self.calls.member(parts[0], parts[1], form, False)
            return value, one.result, form
        name = parts[0]
        if name in API.classes:
            kind = headers.Type(API.classes[name].kind, name)
            if kind.kind == "struct":
                value = getattr(tenon, name)(**fields(step.get("options", {}), name, self.calls))
            else:
                makers = API.classes[name].constructors or [headers.Function(name, headers.Type("void"), [], "")]
                positional, keywords = self.arguments(makers[0], step)
                value = getattr(tenon, name)(*positional, **keywords)
            self.calls.names.add(f"{name}.{name}")
            return value, kind, form_of(value, kind, self.calls)
        one = next(each for each in API.functions if each.name == name)
        positional, keywords = self.arguments(one, step)
        value = getattr(tenon, name)(*positional, **keywords)
        form = form_of(value, one.result, self.calls)
        if one.result.kind == "void" or not is_default(form):
            self.calls.names.add(name)
        return value, one.result, form

    # steps

    def host(self, step):
        what = step["host"]
        path = pathlib.Path(step["path"]) if "path" in step else None
        form = None
        if what == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step["text"], encoding="utf-8")
        elif what == "copy":
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(step["from"], path)
        elif what == "remove":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif what == "exists":
            form = path.exists()
        elif what == "size":
            form = path.stat().st_size if path.exists() else 0
        elif what == "damage":
            for file in [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]:
                damage(file)
        elif what == "camera":
            process = subprocess.Popen([self.camera, f"{self.footage}/camera.mp4"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)
            self.cameras.append(process)
            form = process.stdout.readline().strip()
            self.saved[step["save"]] = Saved(form, headers.Type("string"), form)
        elif what == "same":
            form = step["value"]
        elif what == "close":
            step["value"].value.__exit__(None, None, None)
        elif what == "drop":
            del self.saved[step["name"]]
            gc.collect()
        else:
            raise Difference(f"no host step {what}")
        if "expect" in step and not fits(form, step["expect"]):
            raise Difference(f"{form!r} does not fit {step['expect']!r}")

    def once(self, step):
        if "host" in step:
            return self.host(step)
        try:
            value, kind, form = self.called(step)
        except tenon.Error as error:
            form = error_form(error, self.calls)
            if step.get("any_error"):
                return None
            if "error" in step and fits(form, step["error"]):
                return None
            raise Difference(f"raised {form}") from error
        if "error" in step:
            raise Difference(f"raised nothing, gave {form}")
        if "expect" in step and not fits(form, step["expect"]):
            raise Difference(f"{json.dumps(form, ensure_ascii=False)} does not fit {json.dumps(step['expect'], ensure_ascii=False)}")
        if "save" in step:
            self.saved[step["save"]] = Saved(value, kind, form)
        return None

    def step(self, raw):
        if "until" not in raw:
            for self.count in range(1, raw.get("times", 1) + 1):
                self.once(self.filled(raw))
            return
        raw = dict(raw)
        raw["expect"] = raw.pop("until")
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.once(self.filled(raw))
            except Difference:
                if time.monotonic() > end:
                    raise
            time.sleep(0.05)

    def finish(self):
        for each in reversed(list(self.saved.values())):
            if hasattr(each.value, "close") and not isinstance(each.value, type):
                each.value.close()
        for process in self.cameras:
            process.stdin.close()
            process.wait(30)
            process.stdout.close()


def damage(file):
    content = bytearray(file.read_bytes())
    if content:
        os.chmod(file, 0o600)
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)


def run_case(steps, args, calls):
    """What went wrong; empty: nothing."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="conformance-"))
    case = Case(folder, args.footage.resolve(), args.camera, calls)
    number = 0
    try:
        for number, step in enumerate(steps, 1):
            case.step(step)
        return ""
    except Difference as difference:
        return f"step {number} ({steps[number - 1].get('call') or steps[number - 1].get('host')}): {difference}"
    except Exception:  # noqa: B902 - whatever a case meets is its failure
        return f"step {number} ({steps[number - 1].get('call') or steps[number - 1].get('host')}):\n{traceback.format_exc()}"
    finally:
        case.finish()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=pathlib.Path, required=True)
    parser.add_argument("--footage", type=pathlib.Path, required=True)
    parser.add_argument("--camera")
    parser.add_argument("--calls", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()

    parts = json.loads((args.cases / "setup.json").read_text(encoding="utf-8"))
    calls, ran, failed = Calls(), 0, 0
    for path in sorted((args.cases / "cases").glob("*.json")):
        file = json.loads(path.read_text(encoding="utf-8"))
        for case in file["cases"]:
            name = f"{path.stem}.{case['name']}"
            if args.names and name not in args.names and path.stem not in args.names:
                continue
            if "camera" in case.get("needs", []) and not args.camera:
                continue
            if "postgres" in case.get("needs", []) and "PGHOST" not in os.environ:
                continue
            if "file" in case.get("needs", []) and "TENON_TEST_POSTGRES" in os.environ:
                continue
            setup = [step for part in case.get("setup", file.get("setup", [])) for step in parts[part]]
            began = time.monotonic()
            wrong = run_case(setup + case["steps"], args, calls)
            ran, failed = ran + 1, failed + bool(wrong)
            took = f"({time.monotonic() - began:.2f} s)"
            print(f"FAILED {name}: {wrong}" if wrong else f"ok {name} {took}", flush=True)
    if args.calls:
        calls.write(args.calls)
    print(f"{ran} cases, {failed} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
