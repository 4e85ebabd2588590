"""What the public headers declare, as `swig -xml` reads them, with their doc comments: the one source of what is generated for
Java and C#."""
import pathlib
import re
import subprocess
import tempfile
import xml.etree.ElementTree as xml


class Field:
    def __init__(self, name, kind, value):
        self.name, self.kind, self.value = name, kind, value


class Function:
    def __init__(self, name, result, parameters, static):
        self.name, self.result, self.parameters, self.static = name, result, parameters, static


class Class:
    def __init__(self, name, kind):
        self.name, self.kind = name, kind  # kind: struct or class
        self.base = None
        self.fields, self.functions, self.constructors = [], [], []
        self.closed_to_all = False  # only the library makes them

    @property
    def is_id(self):
        return any(function.name == "prefix" for function in self.functions)

    @property
    def is_handle(self):
        return self.kind == "class" and (self.closed_to_all or bool(self.constructors))

    def has(self, name):
        return any(function.name == name for function in self.functions)


class Enum:
    def __init__(self, name, items):
        self.name, self.items = name, items


class Model:
    """Types are spelled as in C++, fully qualified: std::optional<tenon::Bytes>."""

    def __init__(self, folder):
        self.headers = in_order(pathlib.Path(folder))
        self.classes, self.enums, self.functions = {}, {}, []
        self.docs = Docs(pathlib.Path(folder))
        self._read(parse(pathlib.Path(folder), self.headers))

    def _read(self, tree):
        for node in tree.iter():
            if node.tag == "class":
                self._class(node)
            elif node.tag == "enum":
                found, _ = attributes(node)
                items = [attributes(item)[0] for item in node.findall("enumitem")]
                self.enums[plain(found["name"])] = Enum(plain(found["name"]), [item["name"] for item in items])
            elif node.tag == "cdecl":
                found, parameters = attributes(node)
                if found.get("kind") == "function" and found["name"].startswith("tenon::") and not found.get("ismember"):
                    self.functions.append(function(found, parameters))

    def _class(self, node):
        found, _ = attributes(node)
        if not found["name"].startswith("tenon::"):
            return
        made = Class(plain(found["name"]), found["kind"])
        bases = [base.get("name") for base in node.iter("base")]
        made.base = next((plain(base) for base in bases if base != "std::exception"), None)
        for child in node:
            own, parameters = attributes(child)
            if child.tag == "constructor" and own.get("access", "public") != "public":
                made.closed_to_all = True
            if own.get("access", "public") != "public":
                continue
            if child.tag == "constructor":
                kinds = [spelled(parameter["type"]) for parameter in parameters]
                if not any(kind.endswith("&&") for kind in kinds):
                    made.constructors.append(Function(made.name, "void", list(zip([p.get("name") for p in parameters], kinds)), True))
            elif child.tag == "cdecl" and own.get("kind") == "variable":
                made.fields.append(Field(own["name"], spelled(own.get("decl", "") + own["type"]), own.get("value")))
            elif child.tag == "cdecl" and own.get("kind") == "function" and not own["name"].startswith("operator"):
                made.functions.append(function(own, parameters))
        self.classes[made.name] = made

    def all_kinds(self):
        """Every type that the headers use in a public place."""
        for each in self.classes.values():
            for field in each.fields:
                yield field.kind
            for function in each.functions + each.constructors:
                yield function.result
                yield from (kind for _, kind in function.parameters)
        for function in self.functions:
            yield function.result
            yield from (kind for _, kind in function.parameters)

    def taken(self):
        """The structs that a caller fills in: parameters, and the fields of those."""
        found = []

        def visit(kind):
            name = plain(inner(kind))
            if name not in self.classes or name in found:
                return
            each = self.classes[name]
            if each.kind == "struct" and not each.is_id and each.fields:
                found.append(name)
                for field in each.fields:
                    visit(field.kind)

        for each in self.classes.values():
            for function in each.functions + each.constructors:
                for _, kind in function.parameters:
                    visit(kind)
        return sorted(found)


def function(found, parameters):
    given = [(parameter.get("name"), spelled(parameter["type"])) for parameter in parameters]
    return Function(plain(found["name"]), spelled(returned(found["decl"], found.get("type", "void"))), given,
                    found.get("storage") == "static")


def plain(name):
    return re.sub(r"^(const )?tenon::", "", name).rstrip("&").strip()


def inner(kind):
    """The type within references, optional and vector."""
    kind = kind.replace("const ", "").rstrip("&").strip()
    found = re.fullmatch(r"std::(?:optional|vector)<(.*)>", kind)
    return inner(found.group(1)) if found else kind


def spelled(kind):
    """SWIG's r.q(const).std::vector<(tenon::Label)> as C++ spells it."""
    if kind.startswith("r."):
        return spelled(kind[2:]) + "&"
    if kind.startswith("z."):
        return spelled(kind[2:]) + "&&"
    if kind.startswith("p."):
        return spelled(kind[2:]) + "*"
    if kind.startswith("q(const)."):
        return "const " + spelled(kind[9:])
    return kind.replace("<(", "<").replace(")>", ">")


def returned(decl, kind):
    """What a function returns, from SWIG's declarator `q(const).f(…).r.` and type."""
    depth, at = 0, decl.index("f(") + 1
    for end in range(at, len(decl)):
        depth += {"(": 1, ")": -1}.get(decl[end], 0)
        if depth == 0:
            return decl[end + 2:] + kind
    return kind


def attributes(node):
    """A node's own attributes, and its parameters'."""
    found, parameters = {}, []
    for child in node.findall("attributelist"):
        for attribute in child.findall("attribute"):
            found.setdefault(attribute.get("name"), attribute.get("value"))
        for parms in child.findall("parmlist"):
            parameters = [attributes(parm)[0] for parm in parms.findall("parm")]
    return found, parameters


def in_order(folder):
    """Headers so that each comes after those it includes."""
    headers = {path.name: path.read_text(encoding="utf-8") for path in sorted((folder / "tenon").glob("*.hpp"))}
    needs = {name: re.findall(r"#include <tenon/(\w+\.hpp)>", text) for name, text in headers.items()}
    order = []

    def visit(name):
        if name in order or name not in headers:
            return
        for other in needs[name]:
            visit(other)
        order.append(name)

    for name in headers:
        visit(name)
    return order


def parse(folder, headers):
    with tempfile.TemporaryDirectory() as temp:
        interface = pathlib.Path(temp) / "tenon.i"
        interface.write_text("%module tenon\n" + "".join(f'%include "tenon/{name}"\n' for name in headers))
        output = pathlib.Path(temp) / "tenon.xml"
        # 401: std::exception is unknown to SWIG; each language has exception classes of its own.
        subprocess.run(["swig", "-xml", "-xmllite", "-c++", "-w401", f"-I{folder}", "-o", output, interface], check=True)
        return xml.parse(output).getroot()


class Docs:
    """The `///` comments, by tenon name: Job, Job::join, JobState::running. A comment belongs to what follows it, `///<` to
    what stands before it."""

    def __init__(self, folder):
        self.texts, self.id_text, self.depths = {}, [], []
        for header in sorted((folder / "tenon").glob("*.hpp")):
            self._read(header.read_text(encoding="utf-8"))

    def of(self, name):
        return "\n".join(self.texts.get(name, [])).strip()

    def _read(self, text):
        scopes, depth, pending, last = [], 0, [], None
        for line in text.splitlines():
            line = line.strip()
            if line.startswith("///<"):
                self.texts.setdefault(last, []).append(line[4:].strip())
                continue
            if line.startswith("///"):
                pending.append(line[3:].removeprefix(" "))
                continue
            code, _, trailing = line.partition("///<")
            code = code.partition(" // ")[0].strip()
            if not code:
                continue
            if code.startswith("#define TENON_ID("):
                self.id_text = pending
            name, opens = self._named(code, scopes)
            if code.startswith("TENON_ID("):
                pending = self.id_text
            if name:
                last = "::".join(scopes[-1:] + [name]) if scopes else name
                said = pending + ([trailing.strip()] if trailing else [])
                if said and last not in self.texts:
                    self.texts[last] = said
            pending = []
            before, depth = depth, depth + code.count("{") - code.count("}")
            if opens and depth > before:
                scopes.append(name)
                self.depths.append(before)
            while scopes and depth <= self.depths[-1]:
                scopes.pop()
                self.depths.pop()

    @staticmethod
    def _named(code, scopes):
        """The name that a line declares, and whether a scope opens with it."""
        found = re.match(r"TENON_ID\((\w+),", code)
        if found:
            return found.group(1), False
        found = re.match(r"(?:class|struct|enum class)\s+(?:TENON_API\s+)?(\w+)[^;()]*\{", code)
        if found:
            return found.group(1), True
        found = re.match(r"(?!return\b|friend\b|using\b|#)[^=({;]*?(\w+)\s*\(", code)
        if found and code[:found.start(1)].strip():
            return found.group(1), False
        found = re.match(r"[\w:<>, ]+?\s(\w+)\s*(?:=|\{|;)", code) or (scopes and re.match(r"(\w+)\s*=\s*\w+\s*,?", code))
        return (found.group(1), False) if found else (None, False)
