#!/usr/bin/env python3
"""The public headers keep to the vocabulary of the API, so that three more languages can be bound without text per method.

    vocabulary.py INCLUDE_FOLDER

Reads them as the binding generator does, with `swig -xml`. What lies between `#ifndef SWIG` lines is C++ comfort that no
other language sees.
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bindings" / "api"))
from headers import include_order  # noqa: E402
from prose import camel  # noqa: E402

INTEGERS = {f"{std}{sign}int{bits}_t" for std in ("", "std::") for sign in ("", "u") for bits in (8, 16, 32, 64)}
SCALARS = INTEGERS | {"bool", "int", "double", "std::size_t", "size_t"}
VALUES = {"std::string", "std::filesystem::path"}
TEMPLATES = {"std::optional", "std::vector"}
ALIASES = {"tenon::Time", "tenon::Duration", "tenon::Buffer"}  # names for types of the standard library; every binding has a typemap for them
TEXT_RETURNS = {"to_string", "what", "prefix"}  # may return const char*: static text

CPP = """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl concept
const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do double dynamic_cast
else enum explicit export extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr
operator or or_eq private protected public register reinterpret_cast requires return short signed sizeof static static_assert
static_cast struct switch template this thread_local throw true try typedef typeid typename union unsigned using virtual void
volatile wchar_t while xor xor_eq"""
PYTHON = """False None True and as assert async await break class continue def del elif else except finally for from global if
import in is lambda nonlocal not or pass raise return try while with yield"""
JAVA = """abstract assert boolean break byte case catch char class const continue default do double else enum extends final finally
float for goto if implements import instanceof int interface long native new package private protected public return short static
strictfp super switch synchronized this throw throws transient try void volatile while true false null _"""
CSHARP = """abstract as base bool break byte case catch char checked class const continue decimal default delegate do double else
enum event explicit extern false finally fixed float for foreach goto if implicit in int interface internal is lock long namespace
new null object operator out override params private protected public readonly ref return sbyte sealed short sizeof stackalloc
static string struct switch this throw true try typeof uint ulong unchecked unsafe ushort using virtual void volatile while"""
JAVA_OBJECT = "clone equals finalize getClass hashCode notify notifyAll toString wait"
RESERVED = set(" ".join((CPP, PYTHON, JAVA, CSHARP, JAVA_OBJECT)).split())


def parse(folder):
    with tempfile.TemporaryDirectory() as temp:
        interface = pathlib.Path(temp) / "tenon.i"
        includes = "".join(f'%include "tenon/{name}"\n' for name in include_order(folder / "tenon"))
        interface.write_text("%module tenon\n" + includes)
        output = pathlib.Path(temp) / "tenon.xml"
        run = subprocess.run(["swig", "-xml", "-xmllite", "-c++", "-Wall", f"-I{folder}", "-o", output, interface],
                             capture_output=True, text=True)
        # 401: std::exception is unknown to SWIG; each language has exception classes of its own.
        said = [line for line in (run.stdout + run.stderr).splitlines() if line and "Warning 401" not in line]
        if run.returncode or said:
            sys.exit("SWIG cannot read the public headers:\n" + "\n".join(said))
        return xml.parse(output).getroot()


def attributes(node):
    """A node's own attributes, and its parameters' as a list."""
    found, parameters = {}, []
    for child in node.findall("attributelist"):
        for attribute in child.findall("attribute"):
            found.setdefault(attribute.get("name"), attribute.get("value"))
        for parms in child.findall("parmlist"):
            parameters = [attributes(parm)[0] for parm in parms.findall("parm")]
    return found, parameters


def returned_type(decl, kind):
    """What a function returns, from SWIG's declarator `q(const).f(…).r.` and type."""
    depth, at = 0, decl.index("f(") + 1
    for end in range(at, len(decl)):
        depth += {"(": 1, ")": -1}.get(decl[end], 0)
        if depth == 0:
            return decl[end + 2:] + kind
    return kind


class Judge:
    def __init__(self, tree):
        self.tree = tree
        self.problems = []
        self.known = set(ALIASES)  # every type that the public headers define
        self.seen = 0

    def refuse(self, where, why):
        self.problems.append(f"{where}: {why}")

    def collect(self, node, scope=""):
        for child in node:
            name = attributes(child)[0].get("name", "")
            if child.tag in ("class", "enum"):
                full = name if name.startswith("tenon::") else f"tenon::{name}"
                self.known.add(full)
            self.collect(child, scope)

    def type_problem(self, kind):
        """Why a type, in SWIG's spelling, is outside the vocabulary; None if it is inside."""
        kind = kind.replace("q(const).", "")
        found = re.fullmatch(r"([\w:]+)<\((.*)\)>", kind)
        if found:
            if found.group(1) not in TEMPLATES:
                return f"{found.group(1)} is no template of the vocabulary (only optional and vector are)"
            return self.type_problem(found.group(2))
        if kind in SCALARS or kind in VALUES or kind in self.known or f"tenon::{kind}" in self.known:
            return None
        return f"{kind} is outside the vocabulary"

    def check_type(self, where, kind, returned_by=None):
        plain = kind.replace("q(const).", "")
        if plain == "void" and returned_by:
            return
        if plain == "p.char" and returned_by in TEXT_RETURNS and "q(const).char" in kind:
            return
        if plain.startswith("p.") and returned_by == "data":
            return
        if plain.startswith("r."):
            if "q(const)" not in kind:
                return self.refuse(where, "a reference that is not const")
            plain = plain[2:]
        why = self.type_problem(plain)
        if why:
            self.refuse(where, why)

    def check_name(self, where, name, member):
        if name in RESERVED or (member and camel(name) in RESERVED):
            self.refuse(where, f"'{name}' is a reserved word, or a method of every Java object")

    def check_function(self, where, name, found, parameters, member):
        self.check_name(where, name, member)
        self.seen += 1
        for parameter in parameters:
            kind = parameter.get("type", "")
            if name == "operator =" or parameter.get("type", "").startswith("z."):
                self.refuse(where, "takes an rvalue reference")
            else:
                self.check_type(f"{where}({parameter.get('name', '')})", kind, None)
            if parameter.get("name"):
                self.check_name(where, parameter["name"], False)
        self.check_type(f"{where} returns", returned_type(found["decl"], found.get("type", "void")), name.split("::")[-1])

    def walk(self, node, scope, inside_class):
        for child in node:
            if child.tag == "attributelist":
                continue
            found, parameters = attributes(child)
            name = found.get("name", "")
            where = f"{scope}{name}"
            if inside_class and found.get("access", "public") != "public":
                continue
            if child.tag == "class":
                self.check_name(where, name.split("::")[-1], False)
                self.walk(child, f"{name}::", found.get("kind"))
            elif child.tag in ("template", "using"):
                self.refuse(where or scope, f"a {child.tag} in the public face")
            elif child.tag == "enum":
                self.check_enum(child, name, found)
            elif child.tag == "constructor":
                self.check_constructor(where, scope, parameters)
            elif child.tag == "cdecl":
                self.check_cdecl(where, name, found, parameters, inside_class)
            else:
                self.walk(child, scope, inside_class)

    def check_enum(self, node, name, found):
        self.check_name(name, name.split("::")[-1], False)
        if found.get("enumkey") != "enum class" and found.get("scopedenum") != "1":
            self.refuse(name, "a plain enum; say enum class")
        for item in node.iter("enumitem"):
            self.seen += 1
            self.check_name(name, attributes(item)[0].get("name", ""), False)

    def check_constructor(self, where, scope, parameters):
        own = scope[:-2].split("::")[-1]
        for parameter in parameters:
            kind = parameter.get("type", "")
            if kind.startswith("z.") and kind.split(".")[-1].split("::")[-1] == own:
                continue  # moving an own kind
            self.check_type(where, kind, None)

    def check_cdecl(self, where, name, found, parameters, inside_class):
        kind, decl = found.get("kind"), found.get("decl", "")
        if kind == "typedef":
            if f"tenon::{name}" not in ALIASES and name not in ALIASES:
                self.refuse(where, "an alias; only Time and Duration are")
        elif kind == "function" or "f(" in decl:
            if not name.startswith("operator ="):
                if name.startswith("operator"):
                    self.refuse(where, "an operator that SWIG sees: put it between #ifndef SWIG and #endif")
                else:
                    self.check_function(where, name, found, parameters, bool(inside_class))
        elif kind == "variable":
            self.seen += 1
            self.check_name(where, name, True)
            self.check_type(where, decl + found.get("type", ""))
            if inside_class == "class":
                self.refuse(where, "a handle has no public data")
            elif inside_class and "value" not in found and "code" not in found:
                self.refuse(where, "a field without an initialiser ({} at least)")


def judge(folder):
    """The problems of all headers in folder/tenon, and how many names were judged."""
    judged = Judge(parse(folder))
    judged.collect(judged.tree)
    for module in judged.tree.iter("include"):
        found = attributes(module)[0]
        if "tenon/" in found.get("name", ""):
            judged.walk(module, "", None)
    return judged.problems, judged.seen


def main():
    problems, seen = judge(pathlib.Path(sys.argv[1]).resolve())
    if seen < 100:
        problems.append(f"only {seen} public names were found: this test sees nothing")
    print("\n".join(problems) if problems else f"{seen} public names keep to the vocabulary.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
