#!/usr/bin/env bash
# A stranger's project, built against an installed Tenon and run: by find_package, and by pkg-config.
#
#     install.sh SOURCE BUILD COMPILER
set -euo pipefail
source=$1 build=$2 compiler=$3
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

cmake --install "$build" --prefix "$temp/prefix" >"$temp/install.log" || { cat "$temp/install.log"; exit 1; }
mv "$temp/prefix" "$temp/moved" # an installed tree may be moved

mkdir "$temp/stranger"
cp "$source/examples/first_page.cpp" "$temp/stranger/"
cat >"$temp/stranger/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES CXX)
find_package(tenon 0.1 CONFIG REQUIRED)
add_executable(first_page first_page.cpp)
target_link_libraries(first_page PRIVATE tenon::tenon)
target_compile_options(first_page PRIVATE -Wall -Wextra -Werror)
END
cmake -S "$temp/stranger" -B "$temp/stranger/build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$temp/moved" >"$temp/configure.log" || { cat "$temp/configure.log"; exit 1; }
cmake --build "$temp/stranger/build"

libdir=$(dirname "$(find "$temp/moved" -name tenon.pc -printf '%h\n')")
export PKG_CONFIG_PATH=$libdir/pkgconfig
# shellcheck disable=SC2046  # flags are words
"$compiler" -Wall -Wextra -Werror "$source/examples/quota.cpp" -o "$temp/quota" $(pkg-config --cflags --libs tenon)
mkdir "$temp/desk.quota"
(cd "$temp/desk.quota" && LD_LIBRARY_PATH=$libdir timeout 300 "$temp/quota") | tee "$temp/quota.output"
grep -q '2040000 used' "$temp/quota.output" || { echo "the program built by pkg-config did not work"; exit 1; }

# The program as a reader of the README would run it: beside the video that it names.
mkdir "$temp/desk"
cp "$source/build/footage/balle-jbart.mp4" "$temp/desk/interview.mp4"
cd "$temp/desk"
timeout 600 "$temp/stranger/build/first_page" | tee "$temp/output"
made=$(grep -o '/[^%]*\.mp4$' "$temp/output" | head -n 1)
[[ $(ffprobe -v error -select_streams v -show_entries stream=codec_name -of csv=p=0 "$made") == h264* ]] ||
    { echo "no reel was made: '$made'"; exit 1; }

if grep -rIl "$source" "$temp/moved"; then
    echo "the installed files above name the source folder"
    exit 1
fi
