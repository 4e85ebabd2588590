"""The generated C++ of the Python module: one function for each method, and what puts them into their classes."""
from typing import Dict, List

from cpp_describe import describe
from headers import Class, Function, Model
from python_names import is_property, methods_by_name, struct_parameter

UNITS = 3

# Written by hand in module.cpp.
BY_HAND = {("Job", "join"), ("Job", "join_for"), ("Plane", "data")}


def files(api: Model) -> Dict[str, str]:
    classes = bases_first(api.of_kind("handle", "value"))
    made = {"describe.hpp": describe(api), "classes.hpp": classes_header(api, classes)}
    parts: List[List[Class]] = [[] for _ in range(UNITS)]
    for each in sorted(classes, key=lambda one: -len(one.methods)):
        min(parts, key=lambda part: sum(2 + len(one.methods) for one in part)).append(each)
    for number, part in enumerate(parts):
        made[f"bind_{number}.cpp"] = unit(api, number, part)
    made["bind_values.cpp"] = values_unit(api)
    return made


def bases_first(classes: List[Class]) -> List[Class]:
    return sorted(classes, key=lambda each: bool(each.base))


def classes_header(api: Model, classes: List[Class]) -> str:
    lines = ["#pragma once", "", '#include "handle.hpp"', "", "// Written by bindings/api/generate.py from the public headers.",
             "namespace tenon_python {", "",
             "void declare_classes(py::module_& module);  ///< All classes, bases first, still without members.",
             "void bind_values(py::module_& module, const py::dict& registered);"]
    lines += [f"void bind_{number}(py::module_& module);" for number in range(UNITS)]
    lines += ["inline void bind_classes(py::module_& module) {"]
    lines += [f"    bind_{number}(module);" for number in range(UNITS)]
    lines += ["}", "", "}  // namespace tenon_python", ""]
    return "\n".join(lines)


def quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def unit(api: Model, number: int, classes: List[Class]) -> str:
    lines = ['#include "classes.hpp"', '#include "waiting.hpp"', "", "namespace tenon_python {", "namespace {", ""]
    for each in classes:
        for named in methods_by_name(each).values():
            if not is_by_hand(each, named[0]) and not patient(each, named[0]):
                lines += thunk(api, each, named)
    if number == 0:
        for function in free_functions(api):
            lines += free_thunk(function)
    lines += ["}  // namespace", "", f"void bind_{number}(py::module_& module) {{"]
    for each in classes:
        lines += ["    {", f'        const py::object made = module.attr("{each.name}");']
        if each.doc:
            lines.append(f'        made.attr("__doc__") = {quoted(each.doc)};')
        for name, named in methods_by_name(each).items():
            if is_by_hand(each, named[0]):
                continue
            doc = quoted(head(each, named) + "\n".join(one.doc for one in named if one.doc))
            if is_property(named[0]):
                doc = quoted(named[0].doc)
            add = "add_static" if named[0].is_static else "add_getter" if is_property(named[0]) else "add_method"
            waiting = patient(each, named[0])
            function = f"{waiting}<tenon::{each.name}>" if waiting else f"{each.name}_{name}"
            lines.append(f'        {add}<&{function}>(made, "{name}", {doc});')
        lines.append("    }")
    if number == 0:
        for function in free_functions(api):
            lines.append(f'    add_static<&free_{function.name}>(module, "{function.name}", {quoted(function.doc)});')
    lines += ["    (void)module;", "}", "", "}  // namespace tenon_python", ""]
    return "\n".join(lines)


def is_by_hand(owner: Class, one: Function) -> bool:
    return (owner.name, one.name) in BY_HAND


def patient(owner: Class, one: Function) -> str:
    """The template of waiting.hpp for a member that waits for long, in pieces, so that Ctrl-C is heard."""
    if owner.base == "Job" and one.name == "result":
        return "result_of"
    if one.name == "next" and [each.type.kind for each in one.parameters] == ["duration"]:
        return "next_of"
    return ""


def free_functions(api: Model) -> List[Function]:
    return [each for each in api.functions if each.name not in ("to_string", "throw_error")]


def head(owner: Class, named: List[Function]) -> str:
    """How it is called, as help() shows it first."""
    one = named[0]
    at = struct_parameter(one)
    shown = [each.name if i != at else f"{each.name} | **fields" for i, each in enumerate(one.parameters)]
    return f"{one.name}({', '.join(shown)})\n\n"


def waits(one: Function, root: str) -> bool:
    """Whether it can wait: what is noexcept and const reads memory. A Timeline is guarded by Python's lock instead."""
    return not (one.is_const and one.is_noexcept) and (bool(root) or one.is_static or not one.owner)


def invoke(one: Function, target: str, arguments: List[str], root: str) -> List[str]:
    call = f"{target}({', '.join(arguments)})"
    if one.result.kind == "text":
        call = f"std::string({call})"
    if waits(one, root):
        return answered(call if one.result.kind == "void" else f"return {call}", root)
    if one.result.kind == "void":
        return [f"    {call};", "    return py::none();"]
    return [f"    return give_from({root}, {call});" if root else f"    return give({call});"]


def answered(work: str, root: str) -> List[str]:
    return [f"    return answer({root + ', ' if root else ''}[&] {{ {work}; }});"]


def thunk(api: Model, owner: Class, named: List[Function]) -> List[str]:
    one = named[0]
    label = f"{owner.name}.{one.name}()"
    name = f"{owner.name}_{one.name}"
    boxed = owner.kind == "handle"
    if one.is_static:
        return static_thunk(name, label, f"tenon::{owner.name}::{one.name}", one)
    self_lines = ([f'    auto& box = box_of<tenon::{owner.name}>(self, "{label}");',
                   f"    auto& handle = handle_of<tenon::{owner.name}>(box);"] if boxed else
                  [f'    auto& handle = value_of<tenon::{owner.name}>(self, "{label}");'])
    root = "box.root()" if boxed else ""
    if is_property(one):
        lines = [f"py::object {name}(py::handle self) {{", *self_lines]
        return lines + invoke(one, f"handle.{one.name}", [], root) + ["}", ""]
    lines = [f"py::object {name}(py::handle self, py::handle args, py::handle keywords) {{", *self_lines]
    if len(named) > 1:
        return lines + overloads(named, label, root) + ["}", ""]
    return lines + parse(one, label) + invoke(one, f"handle.{one.name}", moved(one), root) + ["}", ""]


def parse(one: Function, label: str) -> List[str]:
    names = ", ".join(f'"{each.name}"' for each in one.parameters)
    at = struct_parameter(one)
    lines = [f'    const Arguments given("{label}", args, keywords, {{{names}}}, {at});']
    for i, each in enumerate(one.parameters):
        kind = each.type.cpp
        if each.type.kind == "handle":
            lines.append(f'    auto& {each.name} = handle_of<{kind}>(box_of<{kind}>(given.given({i}), "{label}"));')
        elif i == at:
            lines.append(f"    const auto {each.name} = given.fields<{kind}>({i});")
        elif each.default is None:
            lines.append(f"    const auto {each.name} = given.take<{kind}>({i});")
        else:
            lines.append(f"    const auto {each.name} = given.take<{kind}>({i}, {default(each)});")
    return lines


def default(parameter) -> str:
    if parameter.type.kind == "enum":
        return f"tenon::{parameter.default}"
    return parameter.default or "{}"


def moved(one: Function) -> List[str]:
    return [each.name for each in one.parameters]


def overloads(named: List[Function], label: str, root: str) -> List[str]:
    """Overloads differ in the class of their one parameter, a handle."""
    lines = [f'    const Arguments given("{label}", args, keywords, {{"{named[0].parameters[0].name}"}});',
             "    const py::handle one = given.given(0);"]
    for each in named:
        kind = each.parameters[0].type.cpp
        assert each.parameters[0].type.kind == "handle" and len(each.parameters) == 1
        lines += [f"    if (holds<{kind}>(one)) {{", f'        auto& other = handle_of<{kind}>(box_of<{kind}>(one, "{label}"));',
                  *(f"    {line}" for line in answered(f"handle.{each.name}(other)", root)), "    }"]
    wanted = " or ".join(each.parameters[0].type.name for each in named)
    return lines + [f'    refuse({{"{label}", "{named[0].parameters[0].name}"}}, "{wanted}", one);']


def static_thunk(name: str, label: str, target: str, one: Function) -> List[str]:
    lines = [f"py::object {name}(py::handle args, py::handle keywords) {{", *parse(one, label)]
    return lines + invoke(one, target, moved(one), "") + ["}", ""]


def free_thunk(one: Function) -> List[str]:
    return static_thunk(f"free_{one.name}", f"{one.name}()", f"tenon::{one.name}", one)


def values_unit(api: Model) -> str:
    lines = ['#include "arguments.hpp"', '#include "classes.hpp"', "", "namespace tenon_python {", "namespace {", "",
             "/// Notes a struct's field names, in the order in which visitors meet them.",
             "struct Names {", "    std::vector<PyObject*>& names;",
             "    template <class F> void operator()(const char* name, const F&) { names.push_back(PyUnicode_InternFromString(name)); }",
             "};", "",
             "template <class T> void find_struct(const py::dict& registered) {", "    auto& known = python_class<T>();",
             "    known.find(Describe<T>::name, registered);", "    known.names.clear();", "    const T sample{};",
             "    Describe<T>::visit(Names{known.names}, sample);", "}", "",
             "template <class T> void find_enum(const py::dict& registered) {", "    auto& known = python_class<T>();",
             "    known.find(Describe<T>::name, registered);", "    known.members.clear();",
             "    const py::handle type(reinterpret_cast<PyObject*>(known.type));",
             "    for (const auto& item : Describe<T>::items) {",
             "        if (known.members.size() <= static_cast<std::size_t>(item.number))",
             "            known.members.resize(static_cast<std::size_t>(item.number) + 1, Py_None);",
             "        known.members[static_cast<std::size_t>(item.number)] = type(item.number).release().ptr();  // kept for ever",
             "    }", "}", ""]
    functions = []
    for each in api.of_kind("struct"):
        for method in each.methods:
            functions.append((each, method))
            lines += [f"py::object {each.name}_{method.name}(py::handle args, py::handle keywords) {{",
                      f'    const Arguments given("{each.name}.{method.name}()", args, keywords, {{"self"}});',
                      f"    const auto value = given.take<tenon::{each.name}>(0);",
                      *answered(f"return value.{method.name}()", ""), "}", ""]
    lines += ["}  // namespace", "", "void bind_values(py::module_& module, const py::dict& registered) {"]
    lines += [f"    find_enum<tenon::{each.name}>(registered);" for each in api.enums.values()]
    lines += [f"    python_class<tenon::{each.name}>().find(\"{each.name}\", registered);" for each in api.of_kind("id")]
    lines += [f"    find_struct<tenon::{each.name}>(registered);" for each in api.of_kind("struct") if each.name != "ErrorInfo"]
    lines += [f'    add_static<&{each.name}_{method.name}>(module, "_{each.name}_{method.name}", "");' for each, method in functions]
    lines += ["    (void)module;", "}", "", "void declare_classes(py::module_& module) {"]
    for each in bases_first(api.of_kind("handle", "value")):
        held = f"BoxOf<tenon::{each.name}>" if each.kind == "handle" else f"tenon::{each.name}"
        base = f", Box<tenon::{each.base}>" if each.base else ""
        extra = ", py::buffer_protocol()" if any(one.result.kind == "data" for one in each.methods) else ""
        lines.append(f'    py::class_<{held}{base}>(module, "{each.name}"{extra});')
    lines += ["}", "", "}  // namespace tenon_python", ""]
    return "\n".join(lines)
