"""What C#'s proxies get beside what SWIG writes: equality, text, XML documentation."""
import re
from xml.sax.saxutils import escape

import prose
from language import Language
from prose import pascal


class CSharp(Language):
    def class_code(self, model, each):
        if each.kind == "id":
            return self._id(each)
        if each.kind == "struct" and each.fields:
            return self._value(model, each)
        return []

    def _id(self, each):
        name = each.name
        return self.extend(each, [
            "/// <summary>Whether both name the same.</summary>",
            f"public bool Equals({name} other) {{ return !ReferenceEquals(other, null) && other.High == High && other.Low == Low; }}",
            "/// <inheritdoc/>",
            f"public override bool Equals(object other) {{ return Equals(other as {name}); }}",
            "/// <inheritdoc/>",
            "public override int GetHashCode() { return (High * 31 + Low).GetHashCode(); }",
            "/// <summary>The id as text.</summary>",
            "public override string ToString() { return Text(); }",
            "/// <summary>Ids sort by the time they were made.</summary>",
            f"public int CompareTo({name} other) {{",
            "  if (ReferenceEquals(other, null)) return 1;",
            "  int high = unchecked((ulong)High).CompareTo(unchecked((ulong)other.High));",
            "  return high != 0 ? high : unchecked((ulong)Low).CompareTo(unchecked((ulong)other.Low));",
            "}",
            "/// <summary>Whether both name the same.</summary>",
            f"public static bool operator ==({name} one, {name} other) {{",
            "  return ReferenceEquals(one, null) ? ReferenceEquals(other, null) : one.Equals(other);",
            "}",
            "/// <summary>Whether they name different things.</summary>",
            f"public static bool operator !=({name} one, {name} other) {{ return !(one == other); }}"])

    def _value(self, model, each):
        names = [(field.name, pascal(field.name)) for field in each.fields]
        same = "\n      && ".join(f"Native.Same({name}, that.{name})" for _, name in names)
        text = ' + ", " + '.join(f'"{name} = " + {self._shown(each, plain_name, name)}' for plain_name, name in names)
        code = ["/// <summary>Whether all fields are equal.</summary>",
                f"public override bool Equals(object other) {{",
                f"  var that = other as {each.name};",
                f"  return that != null && {same};",
                "}",
                "/// <inheritdoc/>",
                "public override int GetHashCode() {",
                "  unchecked {",
                "    int hash = 17;"]
        code += [f"    hash = hash * 31 + Native.Hash({name});" for _, name in names]
        code += ["    return hash;", "  }", "}",
                 "/// <summary>The fields, for people. Secrets are shown as ***.</summary>",
                 f'public override string ToString() {{ return "{each.name} {{ " + {text} + " }}"; }}']
        return self.extend(each, code)

    def _shown(self, each, name, property_name):
        return f'({property_name}.Length == 0 ? "" : "***")' if self.is_secret(each, name) else f"Native.Show({property_name})"

    def enum_doc(self, name, text, items):
        said = self._summary(text or self._words(name))
        lines = [f"%typemap(csclassmodifiers) tenon::{name} %{{{said}\npublic enum%}}"]
        for item, doc in items:
            said = self._summary(doc or f"`{pascal(item)}`.")
            lines.append(f'%feature("cs:attributes") tenon::{name}::{item} %{{{said}\n  %}}')
        return lines

    def class_doc(self, each, text):
        said = self._summary(text or self._words(each.name))
        lines = [f"%typemap(csclassmodifiers) tenon::{each.name} %{{{said}\npublic {'' if each.name == 'Job' else 'sealed '}class%}}"]
        if not each.constructors:
            lines += self.member_doc(f"tenon::{each.name}::{each.name}", "All fields at their defaults, or a copy.")
        return lines

    def member_doc(self, name, text, static=False):
        said = self._summary(text or self._words(name.split("::")[-1]))
        return [f'%feature("cs:methodmodifiers") {name} %{{{said}\n  public%}}']

    @staticmethod
    def _words(name):
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()
        return words[:1].upper() + words[1:] + "."

    def _summary(self, text, listed=()):
        parts = prose.paragraphs(text)
        first = self._marked(parts[0][1]) if parts else ""
        lines = [f"/// <summary>{first}</summary>"]
        rest = [f"<para>{(label + ': ') if label else ''}{self._marked(said)}</para>" for label, said in parts[1:]]
        rest += [f"<para>{self._marked(item)}</para>" for item in listed]
        if rest:
            lines += ["/// <remarks>"] + [f"/// {line}" for line in rest] + ["/// </remarks>"]
        return "\n".join(lines)

    @staticmethod
    def _marked(text):
        return prose.marked_up(text, escape, lambda piece: f"<c>{escape(piece)}</c>",
                               lambda error: f'<see cref="{error}Exception"/>', pascal)
