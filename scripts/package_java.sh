#!/usr/bin/env bash
# package_java.sh BUILD OUT: makes a Maven repository below OUT/maven of what a build folder would install: the classes, and the
# native libraries as a jar of their own.
set -euo pipefail
build=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
export LC_ALL=C.UTF-8
platform=linux-x86_64

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
"${JAVA_HOME:-/usr/lib/jvm/java-17-openjdk-amd64}/bin/jar" --create --file "$stage/$natives_jar" --date=2026-01-01T00:00:00Z -C "$stage/jar" .

# place ARTIFACT JAR POM: where Maven looks for it.
place() {
    local folder=$out/maven/io/tenon/$1/$version
    mkdir -p "$folder"
    cp "$stage/$2" "$folder/$1-$version.jar"
    sed "s/@VERSION@/$version/" "$stage/$3" >"$folder/$1-$version.pom"
    for file in "$folder/$1-$version".{jar,pom}; do
        sha1sum "$file" | cut -d' ' -f1 >"$file.sha1"
    done
}
place tenon "$jar" pom.xml
place "tenon-natives-$platform" "$natives_jar" pom-natives.xml
du -h "$out"/maven/io/tenon/*/"$version"/*.jar
