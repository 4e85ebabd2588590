# shellcheck shell=bash
# What hosts install: one file for each language, in build/dist. Sourced by ./dev.

package() {
    local part
    setup
    build package _tenon tenon_java tenon_jar tenon_csharp tenon_assembly
    rm -rf build/dist
    mkdir -p build/dist
    for part in wheel jar assembly; do
        declare -F "package_$part" >/dev/null || continue
        "package_$part"
    done
    say "In build/dist:"
    (cd build/dist && find . -type f -printf '  %P, %s bytes\n' | sort)
}

# staged COMPONENT: what `cmake --install` writes of a component, in an empty folder. Never the build tree: its files look for
# libraries where they were built.
staged() {
    rm -rf "build/staged/$1"
    step "Staging $1" "stage-$1" cmake --install build/package --component "$1" --prefix "build/staged/$1"
}

package_wheel() {
    staged python
    step "Packing the wheel" wheel /usr/bin/python3 -B bindings/python/wheel.py build/staged/python build/dist
}

package_jar() {
    step "Packing the jars" jars scripts/package_java.sh build/package build/dist
}

package_assembly() {
    step "Packing the C# assembly" assembly scripts/package_csharp.sh build/package build/dist
}
