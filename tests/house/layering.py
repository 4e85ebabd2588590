#!/usr/bin/env python3
"""Scans every #include of the tree against the table of what each place may see.

    layering.py ROOT

The build already refuses an include that is not on a room's path. This scan also sees third-party headers, which lie in
/usr/include for everyone, and it keeps the table and CMakeLists.txt the same.
"""
import pathlib
import re
import sys

# Rooms from the bottom up, with what each sees. architecture.md draws it; CMakeLists.txt must say the same.
SEES = {
    "base": [],
    "exec": ["base"],
    "crypto": ["base"],
    "db": ["base", "exec", "crypto"],
    "blob": ["base", "exec", "crypto", "db"],
    "tenant": ["base", "exec", "crypto", "db", "blob"],
    "jobs": ["base", "exec", "crypto", "db", "blob", "tenant"],
    "media": ["base", "exec", "crypto", "db", "blob", "tenant"],
    "render": ["base", "exec", "crypto", "db", "blob", "tenant", "jobs", "media"],
    "nvr": ["base", "exec", "crypto", "db", "blob", "tenant", "jobs", "media"],
    "backup": ["base", "exec", "crypto", "db", "blob", "tenant", "jobs"],
    "engine": ["base", "exec", "crypto", "db", "blob", "tenant", "jobs", "media", "render", "nvr", "backup"],
}

# Third-party headers: a pattern, and the places that may include it. The first pattern that matches decides.
EVERYWHERE = set(SEES) | {"cli", "examples", "tests"}  # not verify: it stands alone
THIRD = [
    (r"boost/json/fwd\.hpp", EVERYWHERE - {"examples"}),
    (r"boost/json(/.*|\.hpp)", {"base", "db", "tenant", "jobs", "media", "render", "nvr", "backup", "engine", "cli", "tests"}),
    (r"boost/asio(/.*|\.hpp)", {"exec"}),
    (r"boost/url(/.*|\.hpp)", {"base", "nvr"}),
    (r"boost/.*", set()),
    (r"openssl/ssl\.h", {"tests"}),  # tests are servers of TLS
    (r"openssl/err\.h", {"crypto", "verify", "tests"}),
    (r"openssl/.*", {"crypto", "verify"}),
    (r"sodium(/.*|\.h)", {"crypto"}),
    (r"sqlite3\.h", {"db", "tests"}),  # tests damage stores behind the library's back
    (r"libpq-fe\.h", {"db", "tests"}),
    (r"date/.*", {"tenant"}),
    (r"lib(av\w+|sw\w+)/.*", {"media"}),
    (r"(pango|cairo)/.*|cairo\.h|pango.*\.h|hb.*\.h", {"render"}),
    (r"zstd\w*\.h", {"backup"}),
    (r"isa-l/.*", {"backup", "crypto"}),
    (r"gtest/.*|gmock/.*", {"tests"}),
    (r"gst/.*", {"tests"}),
]

# Public headers: what a stranger's compiler meets.
PUBLIC_STD = {
    "chrono", "compare", "cstddef", "cstdint", "exception", "filesystem", "memory", "optional", "string", "vector",
}
# A room's face may not show its third-party library, with these reasoned exceptions.
FACE_EXCEPTIONS = [
    ("base", r"boost/json(/.*|\.hpp)"),  # Boost.JSON is the one JSON library, and base is its glue
]
# The operating system's own headers. Sockets and readiness belong to exec; everyone may meet files and clocks.
SYSTEM = re.compile(r"(sys|netinet|arpa|linux)/[\w/]+\.h|[a-z_0-9]+\.h")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def is_std(header):
    return re.fullmatch(r"[a-z_0-9]+", header) is not None


def third_party(header):
    for pattern, places in THIRD:
        if re.fullmatch(pattern, header):
            return places
    return None


def place_of(path):
    """The room, or cli, examples, tests, public."""
    parts = path.parts
    if parts[0] == "src":
        return parts[1]
    return {"include": "public", "benchmarks": "tests"}.get(parts[0], parts[0])


def check_include(path, quote, header):
    """Why this include is wrong, or None."""
    place = place_of(path)
    first = header.split("/")[0]
    if header == "tenon/version.hpp" or (first == "tenon" and place != "public"):
        return None
    if place == "public":
        if quote == "<" and (first == "tenon" or header in PUBLIC_STD):
            return None
        return f"a public header includes only <tenon/…> and {', '.join(sorted(PUBLIC_STD))}"

    places = third_party(header)
    if places is not None:
        behind = {path.parts[2]} if path.parts[:2] == ("tests", "unit") else set()  # the room under test
        if place not in places and not behind & places:
            return f"only {', '.join(sorted(places)) or 'nobody'} may see it"
        if "/include/" in str(path) and place in SEES:
            if header != "boost/json/fwd.hpp" and not any(
                    place == room and re.fullmatch(pattern, header) for room, pattern in FACE_EXCEPTIONS):
                return f"the face of {place} shows its third-party library"
        return None

    if quote == "<" and first in SEES and "/" in header:
        if place == "tests" or place == first or first in SEES.get(place, []):
            return None
        return f"{place} does not see {first}"
    if quote == '"':
        if header.startswith("..") or "/../" in header:
            return "no climbing out of a folder"
        if first in SEES and place in SEES and place != first and not (pathlib.Path("src") / place / first).exists():
            return f"{place} does not see {first}"
        return None
    if place == "tests" and re.fullmatch(r"[a-z_0-9]+\.hpp", header):
        return None  # tests/support
    if is_std(header) or SYSTEM.fullmatch(header):
        return None
    return "unknown header: add it to the table with the places that may see it"


def check_tree(root):
    problems = []
    for folder in ("include", "src", "examples", "tests", "benchmarks"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".hpp", ".cpp", ".h", ".c"):
                continue
            inside = path.relative_to(root)
            if inside.parts[:2] == ("tests", "nocompile"):
                continue  # these must not compile: that is their point
            if inside.parts[0] == "src" and inside.parts[1] not in SEES and inside.parts[1] not in ("cli", "verify"):
                problems.append(f"{inside}: a room that the table does not know")
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                found = INCLUDE.match(line)
                if found:
                    why = check_include(inside, found.group(1), found.group(2))
                    if why:
                        problems.append(f"{inside}:{number}: {found.group(2)}: {why}")
    return problems


def check_arrows(cmake):
    """CMakeLists.txt and the table are one."""
    declared = {}
    for name, rest in re.findall(r"^tenon_room\(\s*(\w+)([^)]*)\)", cmake, re.MULTILINE):
        sees = re.search(r"SEES([\w\s]*?)(?:THIRD|DELAYED|$)", rest.strip())
        declared[name] = sees.group(1).split() if sees else []
    problems = [f"CMakeLists.txt: no room {room}" for room in SEES if room not in declared]
    for room, sees in declared.items():
        if room not in SEES:
            problems.append(f"CMakeLists.txt: room {room} is not in the table of {pathlib.Path(__file__).name}")
        elif set(sees) != set(SEES[room]):
            problems.append(f"CMakeLists.txt: {room} sees {' '.join(sees)}, the table says {' '.join(SEES[room])}")
    order = list(SEES)
    for room, sees in SEES.items():
        problems += [f"the arrow from {room} to {other} points up" for other in sees if order.index(other) >= order.index(room)]
    return problems


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    problems = check_tree(root) + check_arrows((root / "CMakeLists.txt").read_text(encoding="utf-8"))
    print("\n".join(problems) if problems else "Every include is one its place may see.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
