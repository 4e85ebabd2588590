#!/usr/bin/env python3
"""Writes the mechanical part of the bindings from the public headers.

    generate.py python-source PACKAGE_FOLDER   _values.py and _tenon.pyi, which are committed
    generate.py python-module FOLDER           fields.hpp and bind_*.cpp, made by each build
    generate.py dispatcher FOLDER              fields.hpp and dispatch_*.cpp, what runs the conformance cases in C++
    generate.py api FILE                       every public name with its type, one a line: a change of the API is a diff

With --check it writes nothing and fails if a file would change. --include says where tenon/*.hpp lie.
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cpp_dispatcher  # noqa: E402
import cpp_python  # noqa: E402
import headers  # noqa: E402
import python_source  # noqa: E402


def api_lines(api):
    lines = []
    for each in api.enums.values():
        lines += [f"{each.name}.{item} = {value}" for item, value, _ in each.items]
    for each in api.classes.values():
        lines += [f"{each.name}.{field.name}: {shown(field.type)}" for field in each.fields]
        lines += [f"{each.name}.{signature(one)}" for one in each.constructors + each.methods]
        lines += [f"{each.name}: {each.base}"] if each.base else []
    lines += [signature(one) for one in api.functions]
    return "\n".join(sorted(lines)) + "\n"


def shown(kind):
    return f"{kind.kind}<{shown(kind.of)}>" if kind.of else kind.name or kind.kind


def signature(one):
    parameters = ", ".join(f"{each.name}: {shown(each.type)}{'' if each.default is None else ' = ' + (each.default or '{}')}"
                           for each in one.parameters)
    return f"{one.name}({parameters}) -> {shown(one.result)}{' static' if one.is_static else ''}"


def outputs(what, target, api):
    if what == "python-source":
        return {target / "_values.py": python_source.values(api), target / "_tenon.pyi": python_source.stubs(api)}
    if what == "python-module":
        return {target / name: text for name, text in cpp_python.files(api).items()}
    if what == "dispatcher":
        return {target / name: text for name, text in cpp_dispatcher.files(api).items()}
    return {target: api_lines(api)}


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["python-source", "python-module", "dispatcher", "api"])
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--include", type=pathlib.Path, default=root / "include")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    changed = 0
    try:
        wanted = outputs(args.what, args.target, headers.read_headers(args.include))
    except headers.Refused as refused:
        sys.exit(f"The bindings cannot follow the public headers: {refused}")
    for path, text in wanted.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        changed += 1
        if args.check:
            print(f"{path} is not what the headers say; run bindings/api/generate.py {args.what} {args.target}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 1 if args.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
