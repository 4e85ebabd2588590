#!/usr/bin/env bash
# package_java.sh BUILD OUT: makes a Maven repository below OUT/maven of what a build folder would install: the classes with their
# sources and documentation, and the native libraries as a jar of their own. What the documentation says must be well-formed and
# name what exists.
set -euo pipefail
build=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
export LC_ALL=C.UTF-8
platform=linux-x86_64
tools=${JAVA_HOME:-/usr/lib/jvm/java-17-openjdk-amd64}/bin

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cmake --install "$build" --component java --prefix "$stage" --strip >/dev/null

jar=$(cd "$stage" && ls tenon-*.jar)
version=${jar#tenon-}
version=${version%.jar}

# The index says what to unpack and how to tell that it is whole: hash, size, name.
natives=$stage/jar/META-INF/native/$platform
mkdir -p "$natives"
cp "$stage"/natives/* "$natives"
(
    cd "$natives"
    for file in *; do
        printf '%s %s %s\n' "$(sha256sum "$file" | cut -d' ' -f1)" "$(stat -c %s "$file")" "$file"
    done
) >"$stage/index"
mv "$stage/index" "$natives/tenon-java.index"
natives_jar=tenon-natives-$platform-$version.jar

# pack JAR FOLDER: with one date for all entries, so that the same files make the same bytes.
pack() { "$tools/jar" --create --file "$stage/$1" --date=2026-01-01T00:00:00Z -C "$2" .; }
pack "$natives_jar" "$stage/jar"
pack tenon-sources.jar "$stage/sources"
find "$stage/sources" -name '*.java' >"$stage/files"
"$tools/javadoc" -quiet -notimestamp -encoding UTF-8 --release 11 -Xdoclint:all,-missing -Werror -J-XX:TieredStopAtLevel=1 \
    -windowtitle "Tenon $version" -d "$stage/docs" "@$stage/files"
pack tenon-javadoc.jar "$stage/docs"

# place ARTIFACT JAR POM [CLASSIFIER]…: where Maven looks for it, and for what belongs to it.
place() {
    local folder=$out/maven/io/tenon/$1/$version name=$1-$version jar=$2 pom=$3 file
    mkdir -p "$folder"
    cp "$stage/$jar" "$folder/$name.jar"
    sed "s/@VERSION@/$version/" "$stage/$pom" >"$folder/$name.pom"
    for file in "${@:4}"; do cp "$stage/$1-$file.jar" "$folder/$name-$file.jar"; done
    for file in "$folder/$name"*.{jar,pom}; do
        sha1sum "$file" | cut -d' ' -f1 >"$file.sha1"
    done
}
place tenon "$jar" pom.xml sources javadoc
place "tenon-natives-$platform" "$natives_jar" pom-natives.xml
du -h "$out"/maven/io/tenon/*/"$version"/*.jar
