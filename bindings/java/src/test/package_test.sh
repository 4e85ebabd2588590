#!/usr/bin/env bash
# package_test.sh SOURCE BUILD JAVA_HOME: packs what the build folder would install into a Maven repository, and lets a stranger's
# Maven project use it, without network and without any path to this tree.
set -euo pipefail
source=$1 build=$2 java_home=$3
export LC_ALL=C.UTF-8 JAVA_HOME=$java_home
unset LD_LIBRARY_PATH CLASSPATH JAVA_TOOL_OPTIONS
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$source/scripts/package_java.sh" "$build" "$work/out"
repository=$work/repository
cp -rL /usr/share/maven-repo "$repository"  # Maven's own plugins, from Debian's packages
cp -r "$work/out/maven/." "$repository"
version=$(ls "$repository/io/tenon/tenon")

# What an editor shows beside the classes.
has() {
    local jar=$repository/io/tenon/tenon/$version/tenon-$version-$1.jar
    "$java_home/bin/jar" --list --file "$jar" >"$work/listed"
    grep -qx "$2" "$work/listed" || { echo "No $2 in the $1."; exit 1; }
}
has sources io/tenon/Session.java
has javadoc io.tenon/io/tenon/Session.html

cp -r "$source/bindings/java/src/test/consumer" "$work/app"
cd "$work/app"
sed -i "s/@VERSION@/$version/" pom.xml
mvn -o -B -q -Dmaven.repo.local="$repository" compile

class_path=target/classes
for artifact in tenon tenon-natives-linux-x86_64; do
    class_path+=:$repository/io/tenon/$artifact/$version/$artifact-$version.jar
done
run() { "$java_home/bin/java" -Dtenon.library.cache="$work/cache" -cp "$class_path" App; }
expect() {
    [[ $1 == "Tenon $version: Acmé 🎬" ]] || { echo "It printed: $1"; exit 1; }
}

# Two at once: one of them unpacks, both use it.
run >"$work/first" &
first=$!
expect "$(run)"
wait "$first"
expect "$(cat "$work/first")"
[[ $(find "$work/cache" -name 'libtenon-java.so' | wc -l) == 1 ]] || { echo "Unpacked more than once."; exit 1; }

# A copy that something has cut short is made again; one that is whole stays as it is.
unpacked=$(find "$work/cache" -name 'libtenon-java.so')
: >"$unpacked"
expect "$(run)"
[[ -s $unpacked ]] || { echo "The damaged copy was not replaced."; exit 1; }
before=$(stat -c %i "$unpacked")
expect "$(run)"
[[ $(stat -c %i "$unpacked") == "$before" ]] || { echo "Unpacked again without need."; exit 1; }

# The program that the guide begins with.
mkdir "$work/guide"
cd "$work/guide"
{
    echo 'import io.tenon.*; import java.nio.file.Path; class Guide { public static void main(String[] arguments) {'
    /usr/bin/python3 -B "$source/tests/support/guide_block.py" "$source/docs/guide/java.md" java
    echo '}}'
} >Guide.java
jars=${class_path#target/classes:}
"$java_home/bin/javac" -encoding UTF-8 -cp "$jars" Guide.java
"$java_home/bin/java" -Dtenon.library.cache="$work/cache" -cp "$jars:." Guide
[[ -d studio ]] || { echo "The guide's program made no home."; exit 1; }
cd "$work/app"

# As modules.
expect "$("$java_home/bin/java" -Dtenon.library.cache="$work/cache" --add-modules io.tenon \
    -p "$repository/io/tenon/tenon/$version/tenon-$version.jar" -cp "$class_path" App)"
