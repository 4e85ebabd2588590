"""describe.hpp: names, fields and enum items of the public types, for code that handles them all alike."""
from headers import Model


def describe(api: Model) -> str:
    lines = ["#pragma once", "", "#include <optional>", "#include <vector>", "", "#include <tenon/tenon.hpp>", "",
             "// Written by bindings/api/generate.py from the public headers.", "namespace tenon_bindings {", "",
             "enum class Kind { structure, enumeration, id, handle, value };", "",
             "struct Item {", "    const char* name;", "    int number;", "};", "",
             "template <class T> struct Describe;", "",
             "template <class T> inline constexpr bool is_optional = false;",
             "template <class T> inline constexpr bool is_optional<std::optional<T>> = true;",
             "template <class T> inline constexpr bool is_vector = false;",
             "template <class T> inline constexpr bool is_vector<std::vector<T>> = true;", ""]
    for each in api.enums.values():
        items = ", ".join(f'{{"{item}", {value}}}' for item, value, _ in each.items)
        lines += [f"template <> struct Describe<tenon::{each.name}> {{", "    static constexpr Kind kind = Kind::enumeration;",
                  f'    static constexpr const char* name = "{each.name}";', f"    static constexpr Item items[] = {{{items}}};", "};"]
    for each in api.of_kind("id", "handle", "value"):
        lines += [f"template <> struct Describe<tenon::{each.name}> {{", f"    static constexpr Kind kind = Kind::{each.kind};",
                  f'    static constexpr const char* name = "{each.name}";', "};"]
    for each in api.in_order("struct"):
        lines += [f"template <> struct Describe<tenon::{each.name}> {{", "    static constexpr Kind kind = Kind::structure;",
                  f'    static constexpr const char* name = "{each.name}";',
                  "    template <class Visit, class Value> static void visit(Visit&& visit, Value& value) {"]
        lines += [f'        visit("{field.name}", value.{field.name});' for field in each.fields]
        lines += ["    }", "};"]
    lines += ["", "}  // namespace tenon_bindings", ""]
    return "\n".join(lines)
