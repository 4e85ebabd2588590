"""How the public API is called in Python: what generated sources, stubs and parity.py agree on."""
from headers import Class, Function, Model, Refused, Type

# Members without arguments read like attributes, unless they do something or their name is a verb.
CALLS = {"list", "verify", "checkpoint", "snapshot", "current", "to_json", "result", "logs", "watch", "protections", "close"}


def enum_item(name: str) -> str:
    return name.upper()


def is_property(function: Function) -> bool:
    return (function.is_const and not function.is_static and not function.parameters and function.result.kind != "void"
            and function.name not in CALLS)


def may_be_empty(field) -> bool:
    """A path that the header calls empty is None in Python."""
    return field.type.kind == "path" and "empty" in field.doc.lower()


def literal(default: str, kind: Type, api: Model) -> str:
    """A C++ default as a Python expression."""
    if kind.kind == "bool":
        return {"": "False", "false": "False", "true": "True"}[default]
    if kind.kind in ("int32", "int64", "uint64", "uint8", "uint16"):
        return default.replace("'", "") or "0"
    if kind.kind == "double":
        return repr(float(default or 0))
    if kind.kind == "string":
        return default or '""'
    if kind.kind == "optional":
        if default:
            raise Refused(f"an optional with a default: {default}")
        return "None"
    if kind.kind == "vector":
        if default:
            raise Refused(f"a list with a default: {default}")
        return "()"
    if kind.kind == "duration":
        for word, unit in (("std::chrono::hours(", "hours"), ("std::chrono::minutes(", "minutes"),
                           ("std::chrono::seconds(", "seconds")):
            if default.startswith(word):
                return f"timedelta({unit}={int(default[len(word):-1])})"
        if not default:
            return "timedelta(0)"
    if kind.kind == "time" and not default:
        return "EPOCH"
    if kind.kind == "enum":
        first = api.enums[kind.name].items[0][0]
        return f"{kind.name}.{enum_item(default.split('::')[-1] or first)}"
    if kind.kind == "id" and not default:
        return f"{kind.name}()"
    if kind.name == "Bytes" and not default:
        return "Bytes(0)"
    if kind.kind == "struct":
        if not default:
            # What the caller of its own constructor must say is empty, as in C++.
            needed = [field for field in api.classes[kind.name].fields if field.required]
            return f"{kind.name}({', '.join(f'{field.name}={literal(field.default, field.type, api)}' for field in needed)})"
        if all(each.lstrip("-").isdigit() for each in default.split(",")):
            return f"{kind.name}({default.replace(',', ', ')})"
    if kind.kind == "value" and not default:
        return f"{kind.name}()"
    raise Refused(f"a default that Python cannot say: {default} of {kind.kind} {kind.name}")


def struct_parameter(function: Function) -> int:
    """Which parameter may be given by its fields as keywords; -1: none."""
    found = [i for i, each in enumerate(function.parameters) if each.type.kind == "struct" and each.type.name != "Bytes"]
    return found[0] if len(found) == 1 else -1


def methods_by_name(owner: Class):
    """A class's methods, overloads together."""
    named = {}
    for each in owner.methods:
        named.setdefault(each.name, []).append(each)
    return named
