#!/usr/bin/env python3
"""Writes what SWIG needs to know of the public types, so that no line has to be written by hand when the API grows:

    proxies.py java|csharp INCLUDE_FOLDER OUTPUT.i

one line for each optional<T> and vector<T> that occurs, for each handle and each job; for Java a builder for every struct that a
caller fills in; equality, hash and text of values; the doc comments."""
import pathlib
import sys

from csharp import CSharp
from java import Java
from model import Model, inner, plain

ERRORS_BASE = "Error"
BY_HAND = {"Error", "ErrorInfo"}  # exceptions are classes of their own in every language


class Interface:
    def __init__(self, model, language):
        self.model, self.language, self.lines = model, language, []

    def write(self, path):
        self.types()
        for each in self.model.classes.values():
            if not self.is_error(each):
                self.handle(each)
                self.lines += self.language.before_class(self.model, each)
        self.lines += [f"%include <tenon/{header}>" for header in self.model.headers]
        for each in self.model.classes.values():
            if not self.is_error(each):
                self.lines += self.language.class_code(self.model, each)
        # Features must stand before what they are about.
        self.lines = self.docs() + self.lines
        pathlib.Path(path).write_text("\n".join(self.lines) + "\n", encoding="utf-8")

    def is_error(self, each):
        return each.name in BY_HAND or each.base == ERRORS_BASE

    def kind_of(self, kind):
        """What sort of type this is, as the macros of types.i are called."""
        scalars = {"bool": "BOOL", "double": "DOUBLE", "std::int32_t": "INT", "int": "INT", "std::int64_t": "LONG",
                   "std::string": "TEXT", "std::filesystem::path": "PATH", "tenon::Time": "TIME", "tenon::Duration": "DURATION"}
        if kind in scalars:
            return scalars[kind]
        name = plain(kind)
        if name in self.model.enums:
            return "ENUM"
        if name in self.model.classes:
            return "HANDLE" if self.model.classes[name].is_handle else "VALUE"
        sys.exit(f"{kind} is no type that crosses the borders: see bindings/api/types.i")

    def types(self):
        for kind in sorted({kind.replace("const ", "").rstrip("&") for kind in self.model.all_kinds()}):
            for template in ("optional", "vector"):
                if not kind.startswith(f"std::{template}<"):
                    continue
                held = inner(kind)
                if kind != f"std::{template}<{held}>":
                    sys.exit(f"{kind}: only one template around a type")
                sort = self.kind_of(held)
                if sort in ("ENUM", "VALUE", "HANDLE"):
                    self.lines.append(f"TENON_{template.upper()}_{sort}({held}, {plain(held)})")
                else:
                    self.lines.append(f"TENON_{template.upper()}_{sort}")

    def handle(self, each):
        if each.is_id:
            self.lines.append(f"TENON_ID_TYPE({each.name})")
        if not each.is_handle:
            return
        if each.name == "Engine":
            self.lines.append("TENON_ENGINE")
        elif each.base:
            result = next(plain(function.result) for function in each.functions if function.name == "result")
            self.lines.append(f"TENON_JOB(tenon::{each.name}, {each.name}, {result})")
        elif each.name == "Job":
            self.lines.append("TENON_BASE_JOB")
        elif each.has("release"):
            self.lines.append(f"TENON_RETURNABLE(tenon::{each.name}, {each.name})")
        elif each.name == "Frame":
            self.lines.append("TENON_FRAME")
        elif each.name == "FrameStream":
            self.lines.append(f"TENON_HANDLE(tenon::{each.name}, {each.name})")  # java.i and csharp.i make it a loop's source
        elif each.has("close"):
            self.lines.append(f"TENON_CLOSABLE(tenon::{each.name}, {each.name})")
        else:
            self.lines.append(f"TENON_HANDLE(tenon::{each.name}, {each.name})")

    def docs(self):
        lines = []
        for name, enum in self.model.enums.items():
            items = [(item, self.model.docs.of(f"{name}::{item}")) for item in enum.items]
            lines += self.language.enum_doc(name, self.model.docs.of(name), items)
        for each in self.model.classes.values():
            if self.is_error(each):
                continue
            lines += self.language.class_doc(each, self.model.docs.of(each.name))
            for field in each.fields:
                lines += self.language.member_doc(f"tenon::{each.name}::{field.name}", self.model.docs.of(f"{each.name}::{field.name}"))
            for name in sorted({function.name for function in each.functions}):
                lines += self.language.member_doc(f"tenon::{each.name}::{name}", self.model.docs.of(f"{each.name}::{name}"))
            if each.constructors:
                lines += self.language.member_doc(f"tenon::{each.name}::{each.name}", self.model.docs.of(f"{each.name}::{each.name}"))
        for name in sorted({function.name for function in self.model.functions}):
            lines += self.language.member_doc(f"tenon::{name}", self.model.docs.of(name), static=True)
        return lines


def main():
    language, include, output = sys.argv[1:]
    Interface(Model(include), {"java": Java, "csharp": CSharp}[language]()).write(output)


if __name__ == "__main__":
    main()
