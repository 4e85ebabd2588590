"""The Python sources that are committed: _values.py (enums, ids, structs) and _tenon.pyi (stubs of the compiled part)."""
import textwrap
from typing import List

from headers import Class, Field, Function, Model, Type
from language import secret_fields
from python_names import enum_item, is_property, literal, may_be_empty, methods_by_name, struct_parameter

HEAD = '"""{about}\n\nWritten by bindings/api/generate.py from the public headers: change those.\n"""\n'

NUMBERS = {"bool": "bool", "double": "float", "string": "str", "text": "str", "int32": "int", "int64": "int", "uint64": "int",
           "uint8": "int", "uint16": "int", "void": "None", "time": "datetime", "duration": "timedelta", "data": "memoryview",
           "path": "Path", "buffer": "bytes"}


def out_type(kind: Type) -> str:
    """As it comes out of the engine, and as a field holds it."""
    if kind.kind == "optional":
        return f"Optional[{out_type(kind.of)}]"
    if kind.kind == "vector":
        return f"Tuple[{out_type(kind.of)}, ...]"
    return NUMBERS.get(kind.kind) or kind.name


def in_type(kind: Type) -> str:
    """What may be given for it."""
    if kind.kind == "optional":
        return f"Optional[{in_type(kind.of)}]"
    if kind.kind == "vector":
        return "Labels" if kind.of.name == "Label" else f"Iterable[{in_type(kind.of)}]"
    if kind.name == "Bytes":
        return "int"
    return {"duration": "Seconds", "path": "AnyPath", "buffer": "AnyBytes"}.get(kind.kind) or out_type(kind)


def field_type(field: Field, given: bool) -> str:
    kind = in_type(field.type) if given else out_type(field.type)
    return f"Optional[{kind}]" if may_be_empty(field) else kind


def indented(text: str, by: str) -> str:
    return textwrap.indent(text, by, lambda line: bool(line.strip()))


def docstring(text: str, by: str) -> List[str]:
    if not text:
        return []
    lines = text.replace("\\", "\\\\").replace('"""', "'''").split("\n")
    if lines[-1].endswith('"'):
        lines[-1] += " "
    if len(lines) == 1 and len(lines[0]) < 120:
        return [f'{by}"""{lines[0]}"""']
    wrapped = []
    for line in lines:
        wrapped += textwrap.wrap(line, 124 - len(by), subsequent_indent="    " if line.startswith("- ") else "",
                                 break_long_words=False, break_on_hyphens=False) or [""]
    return [f'{by}"""{wrapped[0]}', *(f"{by}{line}".rstrip() for line in wrapped[1:]), f'{by}"""']


def wrapped_call(head: str, parts: List[str], tail: str, by: str) -> List[str]:
    """`head(part, part)tail`, on as many lines as it needs."""
    one = f"{by}{head}({', '.join(parts)}){tail}"
    if len(one) <= 120:
        return [one]
    lines = textwrap.wrap(", ".join(part.replace(" ", "\x00") for part in parts), 118 - len(by) - 4, break_long_words=False,
                          break_on_hyphens=False)
    return [f"{by}{head}(", *(f"{by}        {line}".replace("\x00", " ") for line in lines), f"{by}){tail}"]


# ---- _values.py

def values(api: Model) -> str:
    lines = [HEAD.format(about="What goes into the engine and comes out of it: enums, ids, options and results."),
             "from __future__ import annotations", "", "from datetime import datetime, timedelta", "from pathlib import Path",
             "from typing import Iterable, Optional, Tuple", "", "from . import _tenon",
             "from ._base import (EPOCH, AnyPath, Bytes, Id, Label, Labels, NamedEnum, Seconds, Value, as_path,",
             "                    as_time, as_timedelta, as_tuple, label_tuple)", "from ._tenon import Timeline", "", ""]
    for each in api.enums.values():
        lines += [f"class {each.name}(NamedEnum):", *docstring(each.doc, "    ")]
        for item, value, doc in each.items:
            lines.append(f"    {enum_item(item)} = {value}")
            lines += docstring(doc, "    ")
        lines += ["", ""]
    for each in api.of_kind("id"):
        lines += [f"class {each.name}(Id):", "    __slots__ = ()", f'    prefix = "{each.prefix}"', "", ""]
    for each in api.in_order("struct"):
        if each.name not in ("Bytes", "Label"):
            lines += struct(each, api) + ["", ""]
    names = [*api.enums, *(each.name for each in api.of_kind("id")),
             *(each.name for each in api.of_kind("struct") if each.name not in ("Bytes", "Label", "ErrorInfo"))]
    listed = textwrap.wrap(", ".join(f'"{name}"' for name in sorted(names)), 118)
    lines += ["__all__ = [", *(f"    {line}" for line in listed), "]", ""]
    return "\n".join(lines)


def field_docs(each: Class) -> str:
    told = "\n".join(f"- {field.name}: {' '.join(field.doc.split())}" for field in each.fields if field.doc)
    return "\n\n".join(part for part in (each.doc, told) if part)


def struct(each: Class, api: Model) -> List[str]:
    if each.name == "ErrorInfo":  # what an Error has of its own in Python
        return []
    secret = secret_fields(each)
    lines = [f"class {each.name}(Value):", *docstring(field_docs(each), "    ")]
    slots = ", ".join(f'"{field.name}"' for field in each.fields)
    lines += wrapped_call("__slots__ = ", [f'"{field.name}"' for field in each.fields] + ([""] if len(each.fields) == 1 else []), "",
                          "    ") if len(each.fields) > 1 else [f"    __slots__ = ({slots},)"]
    if secret:
        lines.append(f"    _secret = frozenset({secret!r})")
    lines += [f"    {field.name}: {field_type(field, False)}" for field in each.fields] + [""]
    parameters = ["self"]
    keyword_only = each.is_options or any(field.required for field in each.fields[1:])
    if keyword_only:
        parameters.append("*")
    for field in each.fields:
        parameters.append(parameter(field, api))
    lines += wrapped_call("def __init__", parameters, " -> None:", "    ")
    lines += [f"        self.{field.name} = {stored(field, api)}" for field in each.fields]
    for method in each.methods:
        lines += ["", f"    def {method.name}(self) -> {out_type(method.result)}:", *docstring(method.doc, "        "),
                  f"        return _tenon._{each.name}_{method.name}(self)"]
    return lines


def fresh(field: Field) -> bool:
    """Whether its default must be made anew for each value."""
    return field.type.kind in ("struct", "value") and field.type.name != "Bytes"


def parameter(field: Field, api: Model) -> str:
    kind = field_type(field, True)
    if field.required and not fresh(field):
        return f"{field.name}: {kind}"
    if field.required:
        return f"{field.name}: {kind}"
    if fresh(field):
        return f"{field.name}: Optional[{kind}] = None"
    if may_be_empty(field):
        return f"{field.name}: {kind} = None"
    default = "Path()" if field.type.kind == "path" else literal(field.default, field.type, api)
    return f"{field.name}: {kind} = {default}"


def stored(field: Field, api: Model) -> str:
    name, kind = field.name, field.type
    if fresh(field) and not field.required:
        return f"{literal(field.default, kind, api)} if {name} is None else {name}"
    if kind.kind == "path":
        return f"None if {name} is None else as_path({name})" if may_be_empty(field) else f"as_path({name})"
    held = kind.of if kind.kind == "optional" else kind
    wrap = {"duration": "as_timedelta", "time": "as_time"}.get(held.kind) or ("Bytes" if held.name == "Bytes" else "")
    if kind.kind == "vector" and kind.of.kind == "path":
        return f"tuple(as_path(each) for each in as_tuple({name}))"
    if kind.kind == "vector":
        wrap = "label_tuple" if kind.of.name == "Label" else "as_tuple"
    if not wrap:
        return name
    return f"None if {name} is None else {wrap}({name})" if kind.kind == "optional" else f"{wrap}({name})"


# ---- _tenon.pyi

EXTRAS = {
    "BackupFile": ["def stream(self) -> BufferedReader: ..."],
    "BackupStream": ["def file(self, path: str) -> BufferedWriter: ..."],
    "BackupArchive": ["def stream(self) -> BufferedReader: ..."],
    "EventStream": ["def __iter__(self) -> Iterator[Event]: ...", "def __aiter__(self) -> AsyncIterator[Event]: ..."],
    "LogStream": ["def __iter__(self) -> Iterator[LogRecord]: ..."],
    "FrameStream": ["def __iter__(self) -> Iterator[Frame]: ..."],
    "Frame": ["def copy(self) -> Tuple[memoryview, ...]: ...", "def __iter__(self) -> Iterator[Plane]: ..."],
    "Plane": ["def copy(self) -> memoryview: ...", "def __buffer__(self, flags: int) -> memoryview: ...",
              "@property", "def __array_interface__(self) -> Dict[str, Any]: ..."],
    "Timeline": ["def __init__(self) -> None: ...", "def __eq__(self, other: object) -> bool: ...",
                 "def __copy__(self) -> Timeline: ...", "def __deepcopy__(self, memo: object) -> Timeline: ...",
                 "def __reduce__(self) -> Any: ..."],
}


def with_extras(each: Class) -> List[str]:
    """What closes, or gives back what it holds, does so at the end of a block."""
    if not any(one.name in ("close", "release") for one in each.methods):
        return []
    return [f"def __enter__(self) -> {each.name}: ...", "def __exit__(self, *about: object) -> None: ..."]


def job_extras(result: str) -> List[str]:
    return [f"def __await__(self) -> Generator[Any, None, {result}]: ..."]


def stubs(api: Model) -> str:
    names = sorted(name for name in (*api.enums, *(each.name for each in api.of_kind("id", "struct")))
                   if name not in ("Bytes", "Label", "ErrorInfo"))
    imported = textwrap.wrap(", ".join(names), 114)
    lines = [HEAD.format(about="Stubs of the compiled part of tenon."),
             "from datetime import datetime, timedelta", "from io import BufferedReader, BufferedWriter", "from pathlib import Path",
             "from typing import Any, AsyncIterator, Dict, Generator, Iterable, Iterator, Optional, Tuple, overload", "",
             "from ._base import AnyBytes, AnyPath, Bytes, Label, Labels, Seconds", "from ._values import (",
             *(f"    {line}" for line in imported), ")", ""]
    for each in bases_first(api.of_kind("handle", "value")):
        lines += stub_class(each, api) + [""]
    for function in public_functions(api):
        lines += stub_function(function, api, "", method=False)
    for each in api.of_kind("struct"):
        lines += [f"def _{each.name}_{method.name}(value: {each.name}) -> {out_type(method.result)}: ..." for method in each.methods]
    lines += ["def _register(values: object) -> None: ...", "def _close_all() -> None: ...", "def _after_fork() -> None: ...",
              "def _open_engines() -> int: ...", "def _engine_number(handle: object) -> int: ...",
              "def _new_watch(handle: object) -> Watch: ...", ""]
    shown = [*(each.name for each in api.of_kind("handle", "value")), *(each.name for each in public_functions(api))]
    listed = textwrap.wrap(", ".join(f'"{name}"' for name in sorted(shown)), 114)
    lines += ["__all__ = [", *(f"    {line}" for line in listed), "]", ""]
    return "\n".join(lines)


def public_functions(api: Model) -> List[Function]:
    return [each for each in api.functions if each.name not in ("to_string", "throw_error")]


def bases_first(classes: List[Class]) -> List[Class]:
    return sorted(classes, key=lambda each: bool(each.base))


def stub_class(each: Class, api: Model) -> List[str]:
    lines = [f"class {each.name}({each.base}):" if each.base else f"class {each.name}:"]
    for made in each.constructors:
        if each.name == "Engine":
            lines += stub_function(Function("__init__", Type("void"), made.parameters, made.doc), api, "    ")
    for named in methods_by_name(each).values():
        for one in named:
            if is_property(one):
                lines += ["    @property", f"    def {one.name}(self) -> {path_aware(one)}: ..."]
            else:
                lines += stub_function(one, api, "    ", overloaded=len(named) > 1)
    extras = with_extras(each) + EXTRAS.get(each.name, [])
    if each.name == "Job":
        extras += job_extras("Any") + ["def __len__(self) -> int: ...", "def __iter__(self) -> Iterator[Progress]: ...",
                                       "def __aiter__(self) -> AsyncIterator[Progress]: ..."]
    elif each.base == "Job":
        extras += job_extras(out_type(each.method("result").result))
    return lines + [f"    {line}" for line in extras]


def path_aware(one: Function) -> str:
    return out_type(one.result)


def stub_function(one: Function, api: Model, by: str, method: bool = True, overloaded: bool = False) -> List[str]:
    result = out_type(one.result)
    at = struct_parameter(one)
    forms = [plain_parameters(one, api)]
    if at >= 0:
        forms.append(keyword_parameters(one, at, api))
    lines = []
    for form in forms:
        if len(forms) > 1 or overloaded:
            lines.append(f"{by}@overload")
        if one.is_static:
            lines.append(f"{by}@staticmethod")
        own = [] if one.is_static or not method else ["self"]
        lines += wrapped_call(f"def {one.name}", own + form, f" -> {result}: ...", by)
    return lines


def plain_parameters(one: Function, api: Model) -> List[str]:
    return [f"{each.name}: {in_type(each.type)}" + ("" if each.default is None else " = ...") for each in one.parameters]


def keyword_parameters(one: Function, at: int, api: Model) -> List[str]:
    own = [each for i, each in enumerate(one.parameters) if i != at]
    before = [f"{each.name}: {in_type(each.type)}" + ("" if each.default is None else " = ...")
              for i, each in enumerate(one.parameters) if i < at]
    after = [f"{each.name}: {in_type(each.type)}" for i, each in enumerate(one.parameters) if i > at]
    fields = []
    for field in api.classes[one.parameters[at].type.name].fields:
        kind = field_type(field, True)
        if field.required:
            fields.append(f"{field.name}: {kind}")
        else:
            fields.append(f"{field.name}: {kind if kind.startswith('Optional') or not fresh(field) else f'Optional[{kind}]'} = ...")
    assert len({part.split(':')[0] for part in before + after + fields}) == len(own) + len(fields), one.name
    return before + ["*"] + fields + after
