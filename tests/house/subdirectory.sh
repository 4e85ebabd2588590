#!/usr/bin/env bash
# A stranger's project that has the source tree inside of its own: add_subdirectory, as FetchContent does it.
#
#     subdirectory.sh SOURCE COMPILER look     configures it, compiles the stranger's program, looks at what came with it
#     subdirectory.sh SOURCE COMPILER build    builds the library too, links and runs the program
set -euo pipefail
source=$1 compiler=$2 how=$3
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

mkdir -p "$temp/stranger"
cp "$source/examples/quota.cpp" "$temp/stranger/"
cat >"$temp/stranger/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES CXX)
add_subdirectory("$source" engine)
add_executable(stranger quota.cpp)
target_link_libraries(stranger PRIVATE tenon::tenon)
target_compile_options(stranger PRIVATE -Wall -Wextra -Wpedantic -Werror)
install(TARGETS stranger)
foreach(name CMAKE_CXX_STANDARD CMAKE_CXX_FLAGS CMAKE_CXX_VISIBILITY_PRESET CMAKE_POSITION_INDEPENDENT_CODE CMAKE_BUILD_TYPE)
  if(NOT "\${\${name}}" STREQUAL "")
    message(FATAL_ERROR "\${name} of the stranger's project was set to '\${\${name}}'")
  endif()
endforeach()
get_property(targets DIRECTORY PROPERTY TESTS)
if(targets)
  message(FATAL_ERROR "tests were added: \${targets}")
endif()
END
cmake -S "$temp/stranger" -B "$temp/build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" >"$temp/configure.log" 2>&1 ||
    { cat "$temp/configure.log"; exit 1; }
cmake --build "$temp/build" --target CMakeFiles/stranger.dir/quota.cpp.o

# Nothing but the stranger's own is installed, tested or built with `all`, the library aside.
if grep -q 'include/tenon' "$temp/build/engine/cmake_install.cmake" 2>/dev/null; then
    echo "the stranger's install would install the engine's headers"
    exit 1
fi
if ninja -C "$temp/build" -t targets all | grep -E '/(tests|examples|benchmarks)/.*\.o:'; then
    echo "the stranger's build has the tests in it"
    exit 1
fi
[[ $how == build ]] || exit 0

cmake --build "$temp/build" --target stranger
cd "$temp"
timeout 300 "$temp/build/stranger" | tee "$temp/output"
grep -q '2040000 used' "$temp/output" || { echo "the program did not work"; exit 1; }
