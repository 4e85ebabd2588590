# shellcheck shell=bash
# Installs what is missing and prepares the footage. Quick when nothing is. Sourced by ./dev.

# setup [LIST]: with LIST, a file like deploy/packages.txt, also what it names.
setup() {
    [[ -r /etc/debian_version ]] || die "./dev setup knows Debian 12. Elsewhere, install what deploy/packages.txt names."
    local missing
    missing=$(missing_packages deploy/packages.txt "$@")
    if [[ -n $missing ]]; then
        say "Missing packages: ${missing//$'\n'/ }"
        step "Updating the package lists" apt-update as_root apt-get -q update
        # shellcheck disable=SC2086  # one word per package
        step "Installing $(wc -w <<<"$missing") packages" apt-install \
            as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $missing
    fi
    footage
}

# missing_packages LIST...
missing_packages() {
    local wanted
    wanted=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@" | sort)
    # dpkg-query fails for names it does not know: they are missing, which is what the comparison says anyway.
    # shellcheck disable=SC2086
    comm -23 <(echo "$wanted") <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
        sed -n 's/^installed //p' | sort -u)
}

# Real footage comes from two documentation packages. They are unpacked, not installed: python3-mecavideo conflicts with
# libboost1.81-dev, and opencv-doc would bring 270 MB for one file.
footage() {
    mkdir -p build/footage
    [[ -s build/footage/balle-jbart.mp4 ]] ||
        step "Fetching the clip with sound" footage-clip \
            from_package python3-mecavideo usr/share/pymecavideo/data/video/balle-jbart.mp4
    [[ -s build/footage/vtest.avi ]] ||
        step "Fetching the surveillance footage" footage-vtest \
            from_package opencv-doc usr/share/doc/opencv-doc/examples/data/vtest.avi
    [[ -s build/footage/camera.mp4 ]] ||
        step "Encoding the camera's picture" footage-camera encode_camera
    [[ -s build/footage/camera_small.mp4 ]] ||
        step "Encoding the camera's small picture" footage-camera-small encode_camera_small
    [[ -s build/footage/clapper.mp4 ]] ||
        step "Encoding the clapper board" footage-clapper encode_clapper
}

# from_package PACKAGE FILE: puts FILE of a Debian package into build/footage.
from_package() {
    local package=$1 file=$2 name=${2##*/} temp
    if [[ -s /$file ]]; then
        cp "/$file" "build/footage/.$name"
    else
        temp=$(mktemp -d)
        (
            cd "$temp" || exit
            apt-get -q download "$package" || { as_root apt-get -q update && apt-get -q download "$package"; }
        ) || { rm -rf "$temp"; return 1; }
        dpkg-deb --fsys-tarfile "$temp/$package"_*.deb | tar -xOf - "./$file" >"build/footage/.$name" ||
            { rm -rf "$temp"; return 1; }
        rm -rf "$temp"
    fi
    mv "build/footage/.$name" "build/footage/$name"
}

# What the test camera sends: people and cars at three times their speed, 30 frames a second, a key frame every 2 s, no
# B-frames, about 1.5 Mbit/s, and a tone that beeps each second. 24 s are whole GOPs and whole AAC frames, so it loops
# without a seam.
encode_camera() {
    encode camera.mp4 -itsscale 0.333333333333 -i build/footage/vtest.avi \
        -f lavfi -i sine=frequency=330:beep_factor=4:sample_rate=16000 -map 0:v -map 1:a -t 24 -r 30 \
        -c:v libx264 -preset veryfast -profile:v main -pix_fmt yuv420p \
        -g 60 -keyint_min 60 -sc_threshold 0 -bf 0 -b:v 1500k -maxrate 1500k -bufsize 1500k \
        -colorspace bt470bg -color_primaries bt470bg -color_trc gamma28 -color_range tv -c:a aac -b:a 48k
}

# The same camera after its settings were changed: another size, profile, frame rate and key interval. 24 s, about 200 kbit/s.
encode_camera_small() {
    encode camera_small.mp4 -itsscale 0.333333333333 -i build/footage/vtest.avi \
        -f lavfi -i sine=frequency=440:beep_factor=4:sample_rate=16000 -map 0:v -map 1:a -t 24 -r 15 -vf scale=384:288 \
        -c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p \
        -g 15 -keyint_min 15 -sc_threshold 0 -bf 0 -b:v 200k -maxrate 200k -bufsize 200k -c:a aac -b:a 48k
}

# For tests of synchronism: each second, on its first frame, a white flash and a beep of 40 ms; black and silent between.
# (The sound track of balle-jbart.mp4 is silence.)
encode_clapper() {
    encode clapper.mp4 -f lavfi -i "color=c=black:size=640x360:rate=25:duration=10,drawbox=c=white:t=fill:enable='eq(mod(n,25),0)'" \
        -f lavfi -i "aevalsrc='if(lt(mod(t,1),0.04),0.5*sin(2*PI*1000*t),0)':s=48000:d=10,pan=stereo|c0=c0|c1=c0" \
        -map 0:v -map 1:a -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 50 -c:a aac -b:a 96k
}

# encode NAME FFMPEG_ARGUMENT…: whole or not at all, and the same bytes from the same FFmpeg.
encode() {
    local name=$1
    shift
    ffmpeg -nostdin -v warning -y "$@" \
        -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -f mp4 "build/footage/.$name" &&
        mv "build/footage/.$name" "build/footage/$name"
}
