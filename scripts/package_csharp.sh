#!/usr/bin/env bash
# package_csharp.sh BUILD OUT: makes OUT/tenon-csharp-VERSION.zip of what a build folder would install, laid out as a nupkg: the
# assembly with its documentation below lib, the native libraries below runtimes.
set -euo pipefail
build=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
export LC_ALL=C.UTF-8

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cmake --install "$build" --component csharp --prefix "$stage" --strip >/dev/null
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
sed -i "s/@VERSION@/$version/" "$stage/Tenon.nuspec"
zip=$out/tenon-csharp-$version.zip
rm -f "$zip"
find "$stage" -exec touch -h -d 2026-01-01T00:00:00Z {} +
/usr/bin/python3 - "$stage" "$zip" <<'END'
import pathlib, sys, zipfile
stage = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED) as made:
    for file in sorted(stage.rglob("*")):
        if file.is_file():
            made.write(file, file.relative_to(stage))
END
du -h "$zip"
