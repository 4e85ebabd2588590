"""The generated C++ that finds members by name, for the conformance cases: what reflection is to the other languages."""
from typing import Dict, List

from cpp_describe import describe
from headers import Class, Function, Model, Parameter
from python_names import struct_parameter

UNITS = 2


def files(api: Model) -> Dict[str, str]:
    owners = api.of_kind("handle", "value", "id") + [each for each in api.of_kind("struct") if each.methods]
    made = {"describe.hpp": describe(api)}
    for number in range(UNITS):
        made[f"dispatch_{number}.cpp"] = unit(api, number, owners[number::UNITS])
    return made


def unit(api: Model, number: int, owners: List[Class]) -> str:
    lines = ['#include "dispatch.hpp"', "", "// Written by bindings/api/generate.py from the public headers.",
             "namespace conformance {", "", f"void add_entries_{number}(std::vector<Entry>& all) {{"]
    for owner in owners:
        for one in owner.methods:
            lines.append(f"    all.push_back({entry(owner, one)});")
        for one in owner.constructors if owner.kind == "handle" else []:
            lines.append(f'    all.push_back({{"{owner.name}", "{owner.name}", "", {whole(one)}, [](void*, Args& a) {{ '
                         f"return a.makes<tenon::{owner.name}>({arguments(one)}); }}}});")
        if owner.kind == "value":
            lines.append(f'    all.push_back({{"{owner.name}", "{owner.name}", "", -1, [](void*, Args& a) {{ '
                         f"return a.makes<tenon::{owner.name}>(); }}}});")
    if number == 0:
        for one in api.functions:
            if one.name not in ("to_string", "throw_error"):
                call = f"tenon::{one.name}({arguments(one)})"
                body = f"{call}; return a.nothing();" if one.result.kind == "void" else f"return a.gives({call});"
                lines.append(f'    all.push_back({{"", "{one.name}", "", {whole(one)}, [](void*, Args& a) {{ {body} }}}});')
    lines += ["}", ""]
    if number == 0:
        lines += ["void add_entries(std::vector<Entry>& all) {", *(f"    add_entries_{i}(all);" for i in range(UNITS)), "}", "",
                  "std::string base_of(const std::string& name) {"]
        lines += [f'    if (name == "{each.name}") return "{each.base}";' for each in api.of_kind("handle") if each.base]
        lines += ["    (void)name;", '    return "";', "}", "",
                  "std::string text_of(const std::string& kind, int number) {"]
        for one in api.functions:
            if one.name == "to_string":
                name = one.parameters[0].type.name
                lines.append(f'    if (kind == "{name}") return tenon::to_string(static_cast<tenon::{name}>(number));')
        lines += ["    (void)kind, (void)number;", '    return "";', "}", ""]
    lines += ["}  // namespace conformance", ""]
    if number == 0:
        lines.insert(4, "".join(f"void add_entries_{i}(std::vector<Entry>& all);\n" for i in range(1, UNITS)))
    return "\n".join(lines)


def whole(one: Function) -> int:
    return struct_parameter(one)


def argument(i: int, each: Parameter) -> str:
    if each.type.kind == "handle":
        return f"a.handle<{each.type.cpp}>({i})"
    if each.default:
        default = f"tenon::{each.default}" if each.type.kind == "enum" else each.default
        return f"a.at<{each.type.cpp}>({i}, {default})"
    if each.default is not None and each.type.kind != "struct":
        return f"a.at<{each.type.cpp}>({i}, {{}})"
    return f"a.at<{each.type.cpp}>({i})"


def arguments(one: Function) -> str:
    return ", ".join(argument(i, each) for i, each in enumerate(one.parameters))


def entry(owner: Class, one: Function) -> str:
    overload = one.parameters[0].type.name if one.parameters and one.parameters[0].type.kind == "handle" else ""
    if one.is_static:
        call = f"tenon::{owner.name}::{one.name}({arguments(one)})"
    elif owner.kind in ("handle", "value"):
        call = f"on<tenon::{owner.name}>(self).{one.name}({arguments(one)})"
    else:
        call = f"a.value<tenon::{owner.name}>().{one.name}({arguments(one)})"
    if one.result.kind == "void":
        body = f"{call}; return a.nothing();"
    elif one.result.kind == "data":
        body = f"return a.rows(on<tenon::{owner.name}>(self));"
    elif one.result.kind == "text":
        body = f"return a.gives(std::string({call}));"
    else:
        body = f"return a.gives({call});"
    unused = "self" if "self" in body else ""
    return f'{{"{owner.name}", "{one.name}", "{overload}", {whole(one)}, [](void*{" " + unused if unused else ""}, Args& a) {{ {body} }}}}'
