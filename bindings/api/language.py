"""What java.py and csharp.py share: the code that they add to SWIG's proxies, and what they show of a value."""
import re

SECRET = re.compile(r"password|passphrase|secret|token")


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
        """Secrets stay out of logs; a camera's URL may hold a login."""
        return bool(SECRET.search(name)) or (name == "url" and any(SECRET.search(field.name) for field in each.fields))
