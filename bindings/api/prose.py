"""Doc comments of the headers as paragraphs, and the names in them as a language spells them."""
import re

LABELS = "Threads|Lifetime|Throws|Units|Shape|Cost|Cancel"
ERRORS = ("InvalidArgument", "Unauthenticated", "PermissionDenied", "NotFound", "Conflict", "QuotaExceeded", "RateLimited",
          "Unsupported", "Corrupt", "NoSpace", "Unavailable", "Cancelled", "Closed", "InternalError")


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def pascal(name):
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def paragraphs(text):
    """(label or None, text) for each paragraph. A label goes on while its lines are indented."""
    found = []
    for line in text.splitlines():
        labelled = re.match(rf"({LABELS})\s{{2,}}(.*)", line)
        if labelled:
            found.append([labelled.group(1), [labelled.group(2)]])
        elif not line.strip():
            found.append([None, []])
        elif found and (found[-1][0] is None or line.startswith("  ")):
            found[-1][1].append(line.strip())
        else:
            found.append([None, [line.strip()]])
    return [(label, " ".join(lines)) for label, lines in found if lines]


def marked_up(text, escape, code, error, member):
    """Escapes the text; `code` in backticks, errors and members' names become what the language writes."""
    parts = []
    for piece in re.split(r"(`[^`]*`|\"[^\"]*\")", text):
        if piece.startswith("`") and len(piece) > 1:
            parts.append(code(names(piece[1:-1], member)))
        elif piece.startswith('"'):
            parts.append(escape(piece))
        else:
            piece = names(escape(piece), member)
            parts.append(re.sub(rf"\b({'|'.join(ERRORS)})\b(?!\w)", lambda found: error(found.group(1)), piece))
    return "".join(parts)


def names(text, member):
    text = text.replace("::", ".")
    return re.sub(r"(?<![\w./<-])[a-z]+(?:_[a-z0-9]+)+(?![\w/-])", lambda found: member(found.group(0)), text)
