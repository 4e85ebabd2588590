#!/usr/bin/env bash
# package_test.sh SOURCE BUILD: packs what the build folder would install, and lets a stranger's program use it in an empty place,
# where the assembly finds its library beside itself.
set -euo pipefail
source=$1 build=$2
export LC_ALL=C.UTF-8
unset LD_LIBRARY_PATH MONO_PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$source/scripts/package_csharp.sh" "$build" "$work/out"
version=$(basename "$work"/out/*.zip .zip)
version=${version#tenon-csharp-}
/usr/bin/python3 -m zipfile -e "$work"/out/*.zip "$work/package"
[[ -s $work/package/lib/netstandard2.0/Tenon.xml ]] || { echo "No documentation."; exit 1; }
grep -q "<version>$version</version>" "$work/package/Tenon.nuspec"

# What a build that uses the package does: everything beside the program.
mkdir "$work/app"
cp "$work"/package/lib/netstandard2.0/Tenon.dll "$work"/package/runtimes/linux-x64/native/* "$work/app"
mcs -langversion:7.2 -codepage:utf8 -r:"$work/app/Tenon.dll" -out:"$work/app/App.exe" "$source/bindings/csharp/test/consumer/App.cs"
cd "$work"
said=$(mono app/App.exe)
[[ $said == "Tenon $version: Acmé 🎬" ]] || { echo "It printed: $said"; exit 1; }

# The program that the guide begins with.
{
    echo 'using Tenon; internal static class Guide { private static void Main() {'
    /usr/bin/python3 -B "$source/tests/support/guide_block.py" "$source/docs/guide/csharp.md" csharp
    echo '}}'
} >Guide.cs
mcs -langversion:7.2 -codepage:utf8 -r:"$work/app/Tenon.dll" -out:"$work/app/Guide.exe" Guide.cs
mono app/Guide.exe
[[ -d studio ]] || { echo "The guide's program made no home."; exit 1; }
