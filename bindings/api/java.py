"""What Java's proxies get beside what SWIG writes: builders, equality, text, javadoc."""
import re

import prose
from language import Language
from prose import camel, pascal

SCALARS = {"bool": ("boolean", "Boolean"), "double": ("double", "Double"), "int32": ("int", "Integer"), "int64": ("long", "Long"),
           "uint64": ("long", "Long"), "string": ("String",) * 2, "path": ("java.nio.file.Path",) * 2,
           "time": ("java.time.Instant",) * 2, "duration": ("java.time.Duration",) * 2, "buffer": ("byte[]",) * 2}


def boxed(kind):
    return SCALARS[kind.kind][1] if kind.kind in SCALARS else kind.name


def typed(kind):
    """The type of a setter's parameter."""
    if kind.kind == "optional":
        return boxed(kind.of)
    if kind.kind == "vector":
        return f"java.util.List<{boxed(kind.of)}>"
    return SCALARS[kind.kind][0] if kind.kind in SCALARS else kind.name


class Java(Language):
    def class_code(self, model, each):
        if each.kind == "id":
            return self._id(each)
        if each.kind == "struct" and each.fields:
            return self._value(model, each)
        if each.name == "Engine":
            return self.extend(each, self._builder(model, model.classes["EngineOptions"], "Engine", "new Engine(made)"))
        return []

    def _id(self, each):
        name = each.name
        return self.extend(each, [
            "@Override public boolean equals(Object other) {",
            f"  return other instanceof {name} && (({name}) other).getHigh() == getHigh() && (({name}) other).getLow() == getLow();",
            "}",
            "",
            "@Override public int hashCode() { return Long.hashCode(getHigh() * 31 + getLow()); }",
            "",
            "/** The id as text, as {@link #text()} gives it. */",
            "@Override public String toString() { return text(); }",
            "",
            "/** Ids sort by the time they were made. */",
            f"@Override public int compareTo({name} other) {{",
            "  int high = Long.compareUnsigned(getHigh(), other.getHigh());",
            "  return high != 0 ? high : Long.compareUnsigned(getLow(), other.getLow());",
            "}"])

    def _value(self, model, each):
        getters = [(field.name, f"get{pascal(field.name)}()") for field in each.fields]
        same = "\n      && ".join(f"java.util.Objects.equals({getter}, that.{getter})" for _, getter in getters)
        listed = ", ".join(getter for _, getter in getters)
        text = ' + ", " + '.join(f'"{camel(name)}=" + {self._shown(each, name, getter)}' for name, getter in getters)
        code = ["@Override public boolean equals(Object other) {",
                f"  if (!(other instanceof {each.name})) return false;",
                f"  {each.name} that = ({each.name}) other;",
                f"  return {same};",
                "}",
                "",
                f"@Override public int hashCode() {{ return java.util.Objects.hash({listed}); }}",
                "",
                f'@Override public String toString() {{ return "{each.name}[" + {text} + "]"; }}']
        for field in each.fields:
            if field.type.kind == "optional":
                setter = f"set{pascal(field.name)}"
                code += ["", *self._javadoc(field.doc + "\nNull: unset.", ""),
                         f"public void {setter}({typed(field.type)} value) {{ {setter}(java.util.Optional.ofNullable(value)); }}"]
        if each.name in model.taken():
            code += [""] + self._builder(model, each, each.name, f"new {each.name}(made)")
            if len(each.fields) <= 3:
                code += [""] + self._of(each)
        return self.extend(each, code)

    @staticmethod
    def _of(each):
        """Small ones are made in one go."""
        parameters = ", ".join(f"{typed(field.type)} {camel(field.name)}" for field in each.fields)
        sets = [f"  made.set{pascal(field.name)}({camel(field.name)});" for field in each.fields]
        return [f"/** A {{@link {each.name}}} of these. */", f"public static {each.name} of({parameters}) {{",
                f"  {each.name} made = new {each.name}();", *sets, "  return made;", "}"]

    def _shown(self, each, name, getter):
        return f'({getter}.isEmpty() ? "" : "***")' if self.is_secret(each, name) else getter

    def _builder(self, model, each, made, build):
        code = [f"/** Sets what is to differ from the defaults of {{@link {each.name}}}. */",
                "public static Builder builder() { return new Builder(); }",
                "",
                f"/** Builds {'an' if made[0] in 'AEIOU' else 'a'} {{@link {made}}}. May be used again after {{@link #build()}}. */",
                "public static final class Builder {",
                f"  private final {each.name} made = new {each.name}();",
                "",
                "  private Builder() {}"]
        for field in each.fields:
            doc = self._javadoc(field.doc, "  ")
            name, setter = camel(field.name), f"set{pascal(field.name)}"
            code += [""] + doc + [f"  public Builder {name}({typed(field.type)} value) {{ made.{setter}(value); return this; }}"]
            if field.type.kind == "vector":
                element = boxed(field.type.of)
                code += [""] + doc + [f"  public Builder {name}({element}... values) {{ return {name}(java.util.List.of(values)); }}"]
        verb = "Opens the engine with what was set." if made == "Engine" else "What was set, as a value of its own."
        return code + ["", f"  /** {verb} */", f"  public {made} build() {{ return {build}; }}", "}"]

    def enum_doc(self, name, text, items):
        said = self._javadoc(text, "", [f"{item.upper()}: {doc}" for item, doc in items if doc])
        doc = "\n".join(said)
        return [f"%typemap(javaclassmodifiers) tenon::{name} %{{{doc}\npublic enum%}}"] if said else []

    def class_doc(self, each, text):
        said = "\n".join(self._javadoc(text, ""))
        return [f"%typemap(javaclassmodifiers) tenon::{each.name} %{{{said}\npublic {self._final(each)}class%}}"]

    @staticmethod
    def _final(each):
        return "" if each.name == "Job" else "final "

    def member_doc(self, name, text, static=False):
        said = "\n".join(self._javadoc(text, ""))
        return [f'%feature("java:methodmodifiers") {name} %{{{said}\npublic%}}'] if said else []

    def _javadoc(self, text, indent, listed=()):
        if not text and not listed:
            return []
        lines = []
        for label, said in prose.paragraphs(text):
            said = self._marked(said)
            lines.append(f"<p><b>{label}</b> {said}" if label else (f"<p>{said}" if lines else said))
        if listed:
            lines += ["<ul>"] + [f"<li>{self._marked(item)}</li>" for item in listed] + ["</ul>"]
        lines = [part for line in lines for part in wrapped(line, 110 - len(indent))]
        if len(lines) == 1:
            return [f"{indent}/** {lines[0]} */"]
        return [f"{indent}/**"] + [f"{indent} * {line}" for line in lines] + [f"{indent} */"]

    @staticmethod
    def _marked(text):
        def escape(piece):
            for plain_text, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "&#64;"), ("{", "&#123;"), ("}", "&#125;"),
                                       ("*/", "*&#47;"), ("\\", "&#92;")):
                piece = piece.replace(plain_text, entity)
            return piece
        return prose.marked_up(text, escape, lambda piece: f"<code>{escape(piece)}</code>",
                               lambda error: f"{{@link {error}Exception}}", camel)


def wrapped(line, width):
    lines, at = [], ""
    for word in re.findall(r"\{@link \w+\}\S*|\S+", line):
        if at and len(at) + 1 + len(word) > width:
            lines.append(at)
            at = ""
        at = f"{at} {word}" if at else word
    return lines + [at]
