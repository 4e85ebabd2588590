#!/usr/bin/env python3
"""Nothing public is missing in any language, and nothing is there that no conformance case has seen work.

    parity.py [--calls FOLDER] [--java DUMP] [--csharp DUMP] [--python]

What is public is read from include/tenon, and that reading is held against SWIG's own. --python looks into the package on
PYTHONPATH; a dump is what `javap -public` or Dump.cs printed. --calls takes what the conformance runners wrote
(cpp.txt, python.txt …): every member must have been called with a result that differs from its default, every field must have
held such a value, every class of errors must have been thrown. allow.toml excuses at most ten names.
"""
import argparse
import fnmatch
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bindings" / "api"), str(ROOT / "tests" / "house")]
import headers  # noqa: E402
import python_names  # noqa: E402
import vocabulary  # noqa: E402

MOST_EXCUSED = 10
# In Python the names of Error's members; other languages have theirs through their own rules.
CPP_ONLY = {"to_string"}  # each language's enums know their names


def public_names(api):
    """Every class, member, field, enum item and free function: Class, Class.member, Enum.item."""
    names = {one.name for one in api.functions if one.name not in CPP_ONLY}
    for each in api.enums.values():
        names |= {each.name} | {f"{each.name}.{item}" for item, _, _ in each.items}
    for each in api.classes.values():
        names.add(each.name)
        names |= {f"{each.name}.{one.name}" for one in each.fields + each.methods}
    return names


def swig_names(folder):
    """The same as SWIG reads the headers."""
    names = set()

    def walk(node, owner):
        for child in node:
            found, _ = vocabulary.attributes(child)
            name = found.get("name", "").split("::")[-1]
            if owner and found.get("access", "public") != "public":
                continue
            if child.tag == "class":
                names.add(name)
                walk(child, name)
            elif child.tag == "enum":
                names.add(name)
                names.update(f"{name}.{vocabulary.attributes(item)[0]['name']}" for item in child.iter("enumitem"))
            elif child.tag == "cdecl" and found.get("kind") != "typedef":
                if not name.startswith("operator") and name not in CPP_ONLY:
                    names.add(f"{owner}.{name}" if owner else name)
            elif child.tag not in ("attributelist", "constructor", "destructor"):
                walk(child, owner)

    for module in vocabulary.parse(folder).iter("include"):
        if "tenon/" in vocabulary.attributes(module)[0].get("name", ""):
            walk(module, "")
    return names


def python_has(api, name):
    import tenon

    owner, _, member = name.partition(".")
    thing = getattr(tenon, owner, None)
    if not member or thing is None:
        return thing is not None
    if owner in api.enums:
        return python_names.enum_item(member) in thing.__members__
    if owner == "Error":
        return hasattr(tenon.NotFound("x"), {"what": "message"}.get(member, member))
    return hasattr(thing, member)


class Dump:
    """What another language shows: classes and their members, in whatever case it writes them."""

    def __init__(self, text):
        self.members = {}
        owner = None
        for line in text.splitlines():
            found = re.search(r"\b(?:class|enum|interface|struct)\s+([\w.$]+)", line)
            if found:
                owner = plain(re.split(r"[.$]", found.group(1))[-1])
                self.members.setdefault(owner, set())
                base = re.search(r"(?:extends|:)\s+([\w.]+)", line)
                if base:
                    self.members[owner].add("<" + plain(base.group(1).split(".")[-1]))
            elif owner:
                self.members[owner].update(plain(word) for word in re.findall(r"\w+", line))

    def has_member(self, owner, name):
        known = self.members.get(owner, set())
        if known & {name, "get" + name, "is" + name, "set" + name}:
            return True
        return any(self.has_member(each[1:], name) for each in known if each.startswith("<"))

    def has(self, name):
        owner, _, member = name.replace("Error.what", "Error.message").partition(".")
        if not member and owner[0].islower():  # a free function: a static member of some class
            return any(plain(owner) in members for members in self.members.values())
        owners = [each for each in (plain(owner), plain(owner) + "exception", "tenonexception" if owner == "Error" else "")
                  if each in self.members]
        return bool(owners) and (not member or any(self.has_member(each, plain(member)) for each in owners))


def plain(name):
    return name.replace("_", "").lower()


def needed_calls(api):
    """What the conformance cases must have covered."""
    needed = {one.name for one in api.functions if one.name not in CPP_ONLY}
    for each in api.classes.values():
        if each.kind == "error" and each.name != "Error":
            needed.add(each.name)
            continue
        needed |= {f"{each.name}.{one.name}" for one in each.fields + each.methods}
    return needed


class Excuses:
    def __init__(self, path):
        self.entries = tomllib.loads(path.read_text(encoding="utf-8"))["allow"]
        self.used = set()

    def problems(self):
        found = [f"allow.toml excuses {len(self.entries)} names; {MOST_EXCUSED} is the most"] if len(self.entries) > MOST_EXCUSED else []
        found += [f"allow.toml gives no reason for {each['name']}" for each in self.entries if len(each.get("reason", "")) < 20]
        return found

    def cover(self, name):
        for each in self.entries:
            if fnmatch.fnmatchcase(name, each["name"]):
                self.used.add(each["name"])
                return True
        return False


def missing(what, names, has, excuses):
    return [f"{what}: {name}" for name in sorted(names) if not has(name) and not excuses.cover(name)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=pathlib.Path)
    parser.add_argument("--java", type=pathlib.Path)
    parser.add_argument("--csharp", type=pathlib.Path)
    parser.add_argument("--python", action="store_true")
    args = parser.parse_args()

    api = headers.read_headers(ROOT / "include")
    names = public_names(api)
    excuses = Excuses(pathlib.Path(__file__).with_name("allow.toml"))
    problems = excuses.problems()
    if len(names) < 300:
        problems.append(f"only {len(names)} public names were found: this test sees nothing")
    problems += [f"SWIG reads {name} in the headers, headers.py does not" for name in sorted(swig_names(ROOT / "include") - names)]

    if args.python:
        problems += missing("Python has no", names, lambda name: python_has(api, name), excuses)
    for language, path in (("Java", args.java), ("C#", args.csharp)):
        if path:
            problems += missing(f"{language} has no", names, Dump(path.read_text(encoding="utf-8")).has, excuses)
    for path in sorted(args.calls.glob("*.txt")) if args.calls else []:
        called = set(path.read_text(encoding="utf-8").split())
        problems += missing(f"no case in {path.stem} calls", needed_calls(api), called.__contains__, excuses)
    if args.calls and args.python:
        problems += [f"allow.toml excuses {each['name']}, and there is no need to" for each in excuses.entries
                     if each["name"] not in excuses.used]
    print("\n".join(problems) if problems else f"{len(names)} public names; {len(excuses.entries)} excused.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
