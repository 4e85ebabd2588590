#!/usr/bin/env python3
"""Packs an installed package into a wheel, with Python's own library alone.

    wheel.py FOLDER OUTPUT_FOLDER

FOLDER is what `cmake --install build/package --component python --prefix FOLDER` wrote. Prints the wheel's path.
"""
import base64
import hashlib
import pathlib
import re
import sys
import sysconfig
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def version():
    return re.search(r"project\(tenon VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")).group(1)


def metadata(number):
    return "\n".join(["Metadata-Version: 2.1", "Name: tenon", f"Version: {number}",
                      "Summary: A media engine for many tenants, in this process", "Requires-Python: >=3.9",
                      "Provides-Extra: arrays", 'Requires-Dist: numpy; extra == "arrays"',
                      "Description-Content-Type: text/markdown", "",
                      (ROOT / "docs" / "guide" / "python.md").read_text(encoding="utf-8")])


def entry(name, content, executable=False):
    """Always the same bytes from the same files."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.external_attr = (0o100755 if executable else 0o100644) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return info, content, f"{name},sha256={digest},{len(content)}"


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    number = version()
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = f"{python}-{python}-{platform}"
    about = f"tenon-{number}.dist-info"
    entries = [entry(path.relative_to(source).as_posix(), path.read_bytes(), ".so" in path.name)
               for path in sorted(source.rglob("*")) if path.is_file()]
    if not any("_tenon." in info.filename for info, _, _ in entries):
        sys.exit(f"there is no module in {source}")
    entries.append(entry(f"{about}/METADATA", metadata(number).encode()))
    entries.append(entry(f"{about}/WHEEL", f"Wheel-Version: 1.0\nGenerator: tenon\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()))
    record = "".join(f"{line}\n" for _, _, line in entries) + f"{about}/RECORD,,\n"
    entries.append(entry(f"{about}/RECORD", record.encode()))
    target.mkdir(parents=True, exist_ok=True)
    wheel = target / f"tenon-{number}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as out:
        for info, content, _ in entries:
            out.writestr(info, content)
    print(wheel)


if __name__ == "__main__":
    main()
