"""What java.py and csharp.py share: the code that they add to SWIG's proxies, and what they show of a value."""
import re

SECRET = re.compile(r"password|passphrase|secret|token|ticket|^api_key$|^postgres$")
BESIDE = {"url", "uri", "code", "current"}  # that may hold one where another secret is


def secret_fields(each):
    """Names of a struct's fields that stay out of logs: texts alone, since whether there is a password is none."""
    def is_text(kind):
        return (kind.of if kind.kind == "optional" else kind).kind in ("string", "text")

    texts = [field.name for field in each.fields if is_text(field.type)]
    found = [name for name in texts if SECRET.search(name)]
    return [name for name in texts if name in found or (found and name in BESIDE)]


class Language:
    def before_class(self, model, each):
        """A builder gives away copies, and hosts may want some."""
        return [f"%copyctor tenon::{each.name};"] if each.name in model.taken() else []

    @staticmethod
    def extend(each, code):
        body = "\n".join(f"  {line}".rstrip() for line in code)
        return [f"%extend tenon::{each.name} {{\n%proxycode %{{\n{body}\n%}}\n}}"]

    @staticmethod
    def is_secret(each, name):
        return name in secret_fields(each)
