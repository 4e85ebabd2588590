#!/usr/bin/env python3
"""Writes what SWIG needs to know of the public types, so that no line has to be written by hand when the API grows:

    proxies.py java|csharp INCLUDE_FOLDER OUTPUT.i

one line for each optional<T> and vector<T> that occurs, for each handle and each job; for Java a builder for every struct that a
caller fills in; equality, hash and text of values; the doc comments."""
import pathlib
import sys

import headers
from csharp import CSharp
from java import Java

# How the macros of types.i call what is no enum, value or handle.
SCALARS = {"bool": "BOOL", "double": "DOUBLE", "int32": "INT", "int64": "LONG", "string": "TEXT", "path": "PATH", "time": "TIME",
           "duration": "DURATION"}
NAMED = {"enum": "ENUM", "id": "VALUE", "struct": "VALUE", "value": "VALUE", "handle": "HANDLE"}


class Interface:
    def __init__(self, folder, language):
        self.folder, self.language, self.lines = folder, language, []
        self.model = headers.read_headers(folder)
        # Errors are classes written by hand in every language, and have there what ErrorInfo holds.
        self.classes = [each for each in self.model.classes.values() if each.kind != "error" and each.name != "ErrorInfo"]

    def write(self, path):
        self.types()
        for each in self.classes:
            self.handle(each)
            self.lines += self.language.before_class(self.model, each)
        self.lines += [f"%include <tenon/{name}>" for name in headers.include_order(self.folder / "tenon")]
        for each in self.classes:
            self.lines += self.language.class_code(self.model, each)
        # Features must stand before what they are about.
        self.lines = self.docs() + self.lines
        path.write_text("\n".join(self.lines) + "\n", encoding="utf-8")

    def types(self):
        used = {kind for kind in self.model.all_types() if kind.of}
        for kind in sorted(used, key=lambda each: each.cpp):
            macro = f"TENON_{kind.kind.upper()}_{SCALARS.get(kind.of.kind) or NAMED.get(kind.of.kind)}"
            if kind.of.kind not in (*SCALARS, *NAMED):
                sys.exit(f"{kind.cpp} is no type that crosses the borders: see bindings/api/types.i")
            self.lines.append(f"{macro}({kind.of.cpp}, {kind.of.name})" if kind.of.name else macro)

    def handle(self, each):
        methods = {one.name for one in each.methods}
        if each.kind == "id":
            self.lines.append(f"TENON_ID_TYPE({each.name})")
        if each.kind != "handle":
            return
        if each.name == "Engine":
            self.lines.append("TENON_ENGINE")
        elif each.base:
            self.lines.append(f"TENON_JOB(tenon::{each.name}, {each.name}, {each.method('result').result.name})")
        elif each.name == "Job":
            self.lines.append("TENON_BASE_JOB")
        elif "release" in methods:
            self.lines.append(f"TENON_RETURNABLE(tenon::{each.name}, {each.name})")
        elif each.name == "Frame":
            self.lines.append("TENON_FRAME")
        elif each.name == "FrameStream":
            self.lines.append(f"TENON_HANDLE(tenon::{each.name}, {each.name})")  # java.i and csharp.i make it a loop's source
        elif "close" in methods:
            self.lines.append(f"TENON_CLOSABLE(tenon::{each.name}, {each.name})")
        else:
            self.lines.append(f"TENON_HANDLE(tenon::{each.name}, {each.name})")

    def docs(self):
        lines = []
        for each in self.model.enums.values():
            lines += self.language.enum_doc(each.name, each.doc, [(item, doc) for item, _, doc in each.items])
        for each in self.classes:
            lines += self.language.class_doc(each, each.doc)
            members = each.fields + sorted(each.methods, key=lambda one: one.name) + each.constructors
            lines += self.member_docs(members, f"tenon::{each.name}::")
        return lines + self.member_docs(self.model.functions, "tenon::")

    def member_docs(self, members, scope):
        """Overloads share what is said of the first of them that says something."""
        said = {}
        for member in members:
            said[member.name] = said.get(member.name) or member.doc
        return [line for name, doc in said.items() for line in self.language.member_doc(scope + name, doc)]


def main():
    language, include, output = sys.argv[1:]
    try:
        Interface(pathlib.Path(include), {"java": Java, "csharp": CSharp}[language]()).write(pathlib.Path(output))
    except headers.Refused as refused:
        sys.exit(f"The bindings cannot follow the public headers: {refused}")


if __name__ == "__main__":
    main()
