"""The public headers as data: what generate.py and parity.py work from.

Reads include/tenon/*.hpp and nothing else. The reader knows the vocabulary of the public face (docs/design/bindings.md) and no
more C++ than that; what it does not know it refuses, so nothing is left out in silence. parity.py holds it against `swig -xml`.
"""
import dataclasses
import pathlib
import re
from typing import Dict, Iterator, List, Optional, Tuple

SCALARS = {
    "bool": "bool", "double": "double", "std::string": "string", "std::filesystem::path": "path", "Time": "time",
    "Duration": "duration", "std::uint8_t": "uint8", "std::uint16_t": "uint16", "std::int32_t": "int32", "std::int64_t": "int64",
    "std::uint64_t": "uint64", "std::size_t": "uint64", "int": "int32", "Buffer": "buffer",
}


class Refused(Exception):
    """Something in a header that the bindings could not follow."""


@dataclasses.dataclass(frozen=True)
class Type:
    kind: str                        # a value of SCALARS, optional, vector, data, void, text, enum, id, struct, handle, value
    name: str = ""                   # of an enum, id, struct, handle or class of values
    of: Optional["Type"] = None      # of optional and vector

    @property
    def cpp(self) -> str:
        if self.kind in ("optional", "vector"):
            assert self.of
            return f"std::{self.kind}<{self.of.cpp}>"
        if self.name:
            return f"tenon::{self.name}"
        for cpp, kind in SCALARS.items():
            if kind == self.kind:
                return f"tenon::{cpp}" if cpp in ("Time", "Duration", "Buffer") else cpp
        raise Refused(f"{self.kind} has no C++ name")


@dataclasses.dataclass
class Field:
    name: str
    type: Type
    default: str                     # as C++ has it; "" for {}
    doc: str

    @property
    def required(self) -> bool:
        return self.doc.startswith("Required.")


@dataclasses.dataclass
class Parameter:
    name: str
    type: Type
    default: Optional[str] = None    # None: must be given


@dataclasses.dataclass
class Function:
    name: str
    result: Type
    parameters: List[Parameter]
    doc: str
    is_static: bool = False
    is_const: bool = False
    is_noexcept: bool = False
    owner: str = ""


@dataclasses.dataclass
class Enum:
    name: str
    items: List[Tuple[str, int, str]]
    doc: str
    header: str


@dataclasses.dataclass
class Class:
    """A struct of values, an id, a handle, or a class of values (Timeline)."""
    name: str
    kind: str                        # struct, id, handle, value, error
    doc: str
    header: str
    base: str = ""
    fields: List[Field] = dataclasses.field(default_factory=list)
    methods: List[Function] = dataclasses.field(default_factory=list)
    constructors: List[Function] = dataclasses.field(default_factory=list)
    prefix: str = ""                 # of an id
    code: str = ""                   # of an error

    @property
    def is_options(self) -> bool:
        return self.name.endswith(("Options", "Filter"))

    def method(self, name: str) -> Function:
        return next(each for each in self.methods if each.name == name)


@dataclasses.dataclass
class Model:
    headers: List[str] = dataclasses.field(default_factory=list)
    enums: Dict[str, Enum] = dataclasses.field(default_factory=dict)
    classes: Dict[str, Class] = dataclasses.field(default_factory=dict)
    functions: List[Function] = dataclasses.field(default_factory=list)

    def of_kind(self, *kinds: str) -> List[Class]:
        return [each for each in self.classes.values() if each.kind in kinds]

    def all_types(self) -> Iterator[Type]:
        """Every type in a public place, most of them more than once."""
        for each in self.classes.values():
            yield from (field.type for field in each.fields)
        for one in [one for each in self.classes.values() for one in each.methods + each.constructors] + self.functions:
            yield one.result
            yield from (parameter.type for parameter in one.parameters)

    def taken(self) -> List[str]:
        """The structs that a caller fills in: parameters, and the fields of those."""
        found: List[str] = []

        def visit(kind: Type) -> None:
            while kind.of:
                kind = kind.of
            if kind.kind == "struct" and kind.name not in found:
                found.append(kind.name)
                for field in self.classes[kind.name].fields:
                    visit(field.type)

        for each in self.classes.values():
            if each.kind != "error":
                for one in each.methods + each.constructors:
                    for parameter in one.parameters:
                        visit(parameter.type)
        return sorted(found)

    def in_order(self, *kinds: str) -> List[Class]:
        """Structs so that each comes after those that it holds."""
        ordered: List[Class] = []

        def visit(each: Class) -> None:
            if each in ordered:
                return
            for field in each.fields:
                held = field.type
                while held.of:
                    held = held.of
                if held.kind in kinds:
                    visit(self.classes[held.name])
            ordered.append(each)

        for each in self.of_kind(*kinds):
            visit(each)
        return ordered


# ---- text to tokens

TOKEN = re.compile(
    r"(?P<after>///<[^\n]*)|(?P<doc>///[^\n]*)|(?P<block>/\*\*.*?\*/)|(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<space>\s+)"
    r'|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_]\w*(?:::~?[A-Za-z_]\w*)*)|(?P<number>\d[\d.\'a-zA-Z]*)'
    r"|(?P<mark>\[\[|\]\]|<=>|&&|==|::|[{}()<>\[\];:,=&*~+-])", re.DOTALL)


def without_preprocessor(text: str, macros: Dict[str, Tuple[List[str], str]]) -> str:
    """The text as SWIG would read it: conditions decided, macros remembered and taken out."""
    lines = text.replace("\\\n", "\x00").split("\n")
    kept, conditions = [], []
    for line in lines:
        directive = line.strip()
        if not directive.startswith("#"):
            if all(conditions):
                kept.append(line.replace("\x00", "\n"))
            continue
        word = re.match(r"#\s*(\w+)\s*(.*)", directive, re.DOTALL)
        assert word
        name, rest = word.groups()
        if name == "ifdef":
            conditions.append(rest.strip() == "SWIG")
        elif name == "ifndef":
            conditions.append(rest.strip() != "SWIG")
        elif name == "else":
            conditions[-1] = not conditions[-1]
        elif name == "endif":
            conditions.pop()
        elif name == "define":
            if all(conditions):
                found = re.match(r"(\w+)\(([^)]*)\)(.*)", rest, re.DOTALL)
                if not found:
                    raise Refused(f"a macro without parameters: {rest}")
                parameters = [each.strip() for each in found.group(2).split(",")]
                macros[found.group(1)] = (parameters, found.group(3).replace("\x00", "\n"))
        elif name not in ("pragma", "include"):
            raise Refused(f"#{name} {rest}")
    if conditions:
        raise Refused("#if without #endif")
    return "\n".join(kept)


def expanded(text: str, macros: Dict[str, Tuple[List[str], str]]) -> str:
    def replace(found: "re.Match[str]") -> str:
        parameters, body = macros[found.group(1)]
        for parameter, value in zip(parameters, found.group(2).split(",")):
            body = re.sub(rf"\b{parameter}\b", lambda _, value=value: value.strip(), body)
        return expanded(body, macros)

    if not macros:
        return text
    return re.sub(rf"\b({'|'.join(macros)})\(([^()]*)\)", replace, text)


@dataclasses.dataclass
class Token:
    kind: str
    text: str


def tokens_of(text: str) -> List[Token]:
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise Refused(f"at: {text[at:at + 60]!r}")
        at = found.end()
        kind = found.lastgroup
        assert kind
        if kind not in ("space", "comment"):
            tokens.append(Token(kind, found.group()))
    return tokens


def comment_text(token: Token) -> str:
    text = token.text
    if token.kind == "block":
        return " ".join(text[3:-2].lstrip("<").replace("\n", " ").split())
    return text[4 if token.kind == "after" else 3:].removeprefix(" ")


# ---- tokens to the model

class Reader:
    def __init__(self, model: Model, header: str, tokens: List[Token], kinds: Dict[str, str]):
        self.model, self.header, self.tokens, self.kinds = model, header, tokens, kinds
        self.at = 0

    def fail(self, why: str) -> Refused:
        near = " ".join(token.text for token in self.tokens[max(0, self.at - 8):self.at + 8])
        return Refused(f"{self.header}: {why}, near: {near}")

    def peek(self, ahead: int = 0) -> str:
        at = self.at
        while at < len(self.tokens):
            if self.tokens[at].kind not in ("doc", "after", "block"):
                if ahead == 0:
                    return self.tokens[at].text
                ahead -= 1
            at += 1
        return ""

    def docs(self) -> str:
        """The comment lines before what comes next."""
        lines = []
        while self.at < len(self.tokens) and self.tokens[self.at].kind in ("doc", "block"):
            lines.append(comment_text(self.tokens[self.at]))
            self.at += 1
        return "\n".join(lines).strip()

    def docs_after(self) -> str:
        """The comment behind what was just read, and its further lines."""
        lines = []
        while self.at < len(self.tokens) and (self.tokens[self.at].kind == "after" or
                                              self.tokens[self.at].text.startswith("/**<")):
            lines.append(comment_text(self.tokens[self.at]))
            self.at += 1
        return " ".join(line.strip() for line in lines).strip()

    def next(self) -> str:
        while self.at < len(self.tokens) and self.tokens[self.at].kind in ("doc", "after", "block"):
            self.at += 1
        if self.at == len(self.tokens):
            raise self.fail("the end")
        self.at += 1
        return self.tokens[self.at - 1].text

    def accept(self, text: str) -> bool:
        if self.peek() == text:
            self.next()
            return True
        return False

    def expect(self, text: str) -> None:
        found = self.next()
        if found != text:
            raise self.fail(f"{text} expected, not {found}")

    def type(self) -> Type:
        constant = self.accept("const")
        name = self.next()
        if name in ("std::optional", "std::vector"):
            self.expect("<")
            inner = self.type()
            self.expect(">")
            made = Type(name[5:], of=inner)
        elif name == "void":
            made = Type("void")
        elif name == "char" and constant:
            self.expect("*")
            return Type("text")
        elif name in SCALARS:
            made = Type(SCALARS[name])
            if constant and name == "std::uint8_t" and self.accept("*"):
                return Type("data")
        elif name in self.kinds:
            made = Type(self.kinds[name], name)
        else:
            raise self.fail(f"no type of the vocabulary: {name}")
        if self.accept("&") and not constant:
            raise self.fail("a reference that is not const")
        return made

    def until(self, *ends: str) -> str:
        """The text of an expression up to one of the ends, which stays."""
        text, depth = "", 0
        while depth or self.peek() not in ends:
            word = self.next()
            depth += (word in ("(", "{")) - (word in (")", "}"))
            text += word
        return text

    def default(self, *ends: str) -> str:
        if self.accept("="):
            text = self.until(*ends)
            return "" if text == "{}" else text
        if self.peek() == "{":
            return self.until(*ends)[1:-1]
        raise self.fail("a field without an initialiser")

    def parameters(self) -> List[Parameter]:
        self.expect("(")
        found: List[Parameter] = []
        while not self.accept(")"):
            if found:
                self.expect(",")
            kind = self.type()
            name = self.next()
            found.append(Parameter(name, kind, self.default(",", ")") if self.peek() == "=" else None))
        return found

    def skip_body(self) -> None:
        self.expect("{")
        depth = 1
        while depth:
            word = self.next()
            depth += (word == "{") - (word == "}")

    def attributes(self) -> None:
        while True:
            if self.accept("[["):
                while not self.accept("]]"):
                    self.next()
            elif not self.accept("TENON_API"):
                return

    def function(self, result: Type, name: str, doc: str, owner: str = "", static: bool = False) -> Function:
        made = Function(name, result, self.parameters(), doc, is_static=static, owner=owner)
        while self.peek() in ("const", "noexcept", "override"):
            word = self.next()
            made.is_const |= word == "const"
            made.is_noexcept |= word == "noexcept"
        if self.peek() == "{":
            self.skip_body()
        else:
            self.expect(";")
        made.doc = "\n".join(part for part in (doc, self.docs_after()) if part)
        return made

    def enumeration(self, doc: str) -> None:
        self.expect("enum")
        self.expect("class")
        name = self.next()
        self.expect(":")
        self.next()
        self.expect("{")
        items, value = [], -1
        while not self.accept("}"):
            before = self.docs()
            if self.accept("}"):
                break
            item = self.next()
            value = int(self.next()) if self.accept("=") else value + 1
            self.accept(",")
            items.append((item, value, "\n".join(part for part in (before, self.docs_after()) if part)))
        self.expect(";")
        self.model.enums[name] = Enum(name, items, doc, self.header)

    def record(self, doc: str) -> None:
        public = self.next() == "struct"
        self.attributes()
        name = self.next()
        if self.accept(";"):
            return
        made = Class(name, self.kinds[name], doc, self.header)
        if self.accept(":"):
            self.expect("public")
            made.base = self.next().replace("std::exception", "")
        self.expect("{")
        while not self.accept("}"):
            before = self.docs()
            word = self.peek()
            if word == "}":
                continue
            if word in ("public", "private", "protected"):
                public = self.next() == "public"
                self.expect(":")
            elif not public:
                self.skip_declaration()
            else:
                self.member(made, before)
        self.expect(";")
        self.model.classes[name] = made

    def skip_declaration(self) -> None:
        while True:
            word = self.peek()
            if word == "{":
                self.skip_body()
                if self.peek() != ";":
                    break
            elif self.next() == ";":
                break
        self.docs_after()  # what is said of it belongs to nothing that follows

    def member(self, owner: Class, doc: str) -> None:
        self.attributes()
        if self.peek() in ("friend", "using") or self.peek() == "~" or self.peek() == f"{owner.name}":
            if self.peek() == owner.name and self.peek(1) == "&":  # assignment
                return self.skip_declaration()
            if self.peek() == owner.name and self.peek(1) == "(" and self.peek(2) not in (owner.name, "const"):
                self.next()
                owner.constructors.append(self.function(Type("void"), owner.name, doc, owner.name))
                return None
            if self.peek() == owner.name and self.peek(1) != "(":
                pass  # a member that returns its own kind
            elif self.peek() == owner.name and self.peek(2) == "const" and self.peek(3) != owner.name:
                self.next()
                owner.constructors.append(self.function(Type("void"), owner.name, doc, owner.name))
                return None
            else:
                return self.skip_declaration()
        if self.peek() == "explicit":
            self.next()
            if self.next() != owner.name:
                raise self.fail("explicit")
            owner.constructors.append(self.function(Type("void"), owner.name, doc, owner.name))
            return None
        static = self.accept("static")
        self.attributes()
        kind = self.type()
        name = self.next()
        if name == "operator":
            return self.skip_declaration()
        if self.peek() == "(":
            owner.methods.append(self.function(kind, name, doc, owner.name, static))
            return None
        default = self.default(";")
        self.expect(";")
        doc = "\n".join(part for part in (doc, self.docs_after()) if part)
        owner.fields.append(Field(name, kind, default, doc))
        return None

    def read(self) -> None:
        while True:
            doc = self.docs()
            if self.at == len(self.tokens):
                return
            if self.tokens[self.at].kind == "after":
                self.at += 1
                continue
            word = self.peek()
            if word == "":
                return
            if word in ("TENON_BEGIN", "TENON_END"):
                self.next()
            elif word == "enum":
                self.enumeration(doc)
            elif word in ("struct", "class"):
                self.record(doc)
            elif word == "using":
                if self.peek(1) not in ("Time", "Duration", "Buffer"):
                    raise self.fail("an alias; only Time, Duration and Buffer are")
                self.skip_declaration()
            else:
                self.attributes()
                kind = self.type()
                self.model.functions.append(self.function(kind, self.next(), doc))


def kinds_of(texts: Dict[str, str]) -> Dict[str, str]:
    """What each name that the headers define stands for, before they are read closely."""
    kinds: Dict[str, str] = {}
    for text in texts.values():
        for name in re.findall(r"\benum class (\w+)", text):
            kinds[name] = "enum"
        for word, name, rest in re.findall(r"(?<!enum )\b(struct|class) (?:TENON_API )?(\w+)\s*(:[^{;]*)?\{", text):
            if word == "struct":
                kinds[name] = "id" if name.endswith("Id") else "struct"
            elif "Error" in rest or "std::exception" in rest:
                kinds[name] = "error"
            else:
                own = re.search(rf"class (?:TENON_API )?{name}\b[^{{;]*\{{(.*?)\n\}};", text, re.DOTALL)
                kinds[name] = "value" if own and "to_json" in own.group(1) and "impl_" not in own.group(1) else "handle"
    return kinds


def include_order(folder: pathlib.Path) -> List[str]:
    """A folder's headers, so that each comes after those it includes."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.hpp"))}
    order: List[str] = []

    def visit(name: str) -> None:
        if name in order or name not in texts:
            return
        for other in re.findall(r"#include <tenon/(\w+\.hpp)>", texts[name]):
            visit(other)
        order.append(name)

    for name in texts:
        visit(name)
    return order


def read_headers(folder: pathlib.Path) -> Model:
    """`folder` holds tenon/*.hpp."""
    macros: Dict[str, Tuple[List[str], str]] = {}
    raw = {path.name: path.read_text(encoding="utf-8") for path in sorted((folder / "tenon").glob("*.hpp"))
           if path.name not in ("config.hpp", "version.hpp", "tenon.hpp")}
    plain = {name: without_preprocessor(text, macros) for name, text in raw.items()}
    texts = {name: expanded(text, macros) for name, text in plain.items()}
    kinds = kinds_of(texts)
    model = Model(headers=list(texts))
    for name, text in texts.items():
        Reader(model, name[:-4], tokens_of(text), kinds).read()
    finish(model, raw)
    return model


def finish(model: Model, raw: Dict[str, str]) -> None:
    about = re.search(r"((?:^///[^\n]*\n)+)#define TENON_ID\(", raw["id.hpp"], re.MULTILINE)
    about_ids = "\n".join(line[3:].strip() for line in about.group(1).splitlines()) if about else ""
    for name, prefix in re.findall(r'TENON_ID\((\w+), "(\w+)"\)', "".join(raw.values())):
        model.classes[name].prefix = prefix
        model.classes[name].doc = model.classes[name].doc or about_ids
    for name, code in re.findall(r"TENON_ERROR\((\w+), (\w+)\)", raw["error.hpp"]):
        if name != "Name":
            model.classes[name].code = code
    missing = {item for item, _, _ in model.enums["Errc"].items} - {each.code for each in model.of_kind("error")}
    if missing:
        raise Refused(f"no class of errors for {sorted(missing)}")
    for each in model.of_kind("id"):
        if not each.prefix:
            raise Refused(f"{each.name} has no prefix")
