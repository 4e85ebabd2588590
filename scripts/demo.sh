# shellcheck shell=bash
# The main job on real footage, with the commands a user types. Sourced by ./dev.

readonly demo_output=$PWD/demo-output

demo() {
    setup
    build ci tenon_cli rtsp_camera
    rm -rf "$demo_output"
    mkdir -p "$demo_output"
    demo_steps
}

# One command as typed, shown and run.
tenon() {
    say "\$ tenon $(quoted "$@")"
    command tenon "$@"
}

quoted() {
    local word line=''
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./:,=@%+-]+$ ]] || word="\"$word\""
        line+="${line:+ }$word"
    done
    printf '%s' "${line//$PWD\//}"
}

# A field of a JSON document on standard input: field snapshot.id
field() {
    /usr/bin/python3 -c '
import functools, json, sys
step = lambda value, key: value[int(key)] if isinstance(value, list) else value[key]
print(functools.reduce(step, sys.argv[1].split("."), json.load(sys.stdin)))' "$1"
}

heading() { printf '\n'; say "== $*"; }

# Every file that a backup keeps, with its hash.
manifest() {
    (cd "$1" && find . -path ./temp -prune -o -path ./backups -prune -o -type f -print0 | sort -z | xargs -0 sha256sum)
}

demo_steps() {
    local began=$SECONDS workspace
    export PATH=$PWD/build/ci/src/cli:$PATH
    export TENON_HOME=$demo_output/studio TENON_ACTOR=demo
    export TENON_CAMERA_NETWORKS=127.0.0.0/8 # cameras live in private networks unless another is named

    heading "A tenant, on a plan of one minute of rendering and 200 MB"
    tenon tenant create "Acme" --plan demo/pocket --plan-file deploy/demo-plans.json
    tenon project create "Spring reel"
    workspace=$(echo "$TENON_HOME"/workspaces/*) # one tenant, one workspace

    heading "A live camera: real street footage over RTSP, recorded as it comes while a clip is imported"
    coproc CAMERA { build/ci/tests/camera/rtsp_camera build/footage/camera.mp4; }
    # The pipes are ours to close; without them the camera ends, however this script does.
    local camera_out=${CAMERA[0]} camera_in=${CAMERA[1]} url
    read -r -t 30 url <&"$camera_out" || die "The camera does not start."
    tenon camera add "Door" "$url" --record
    tenon camera run --for 24s >"$demo_output/camera.log" 2>&1 &
    local recorder=$!
    tenon asset import build/footage/balle-jbart.mp4 --project "Spring reel"
    wait "$recorder" || { cat "$demo_output/camera.log"; die "The recording failed."; }
    tail -n 3 "$demo_output/camera.log"
    eval "exec $camera_in>&-"
    tenon camera recordings "Door"

    heading "Footage and clip become a reel"
    local start end
    read -r start end < <(command tenon camera recordings "Door" --quiet | tail -n 1)
    tenon camera clip "Door" --start "$start" --end "$end" --name door
    tenon asset import "$(exported door)" --name door.mp4 --project "Spring reel"
    tenon render start --project "Spring reel" --name reel \
        --clip door.mp4:2s-8s --clip balle-jbart.mp4:1s-7s --clip door.mp4:12s-18s \
        --crossfade 500ms --title "Acme@0s-3s" --grade cinematic_warm

    heading "Pictures of it: frames, the look, the sound, the edit"
    local reel
    reel=$(basename "$(exported reel)")
    tenon export contact-sheet "$reel" --target "$demo_output/contact-sheet.png"
    tenon asset grade-still balle-jbart.mp4 --grade cinematic_warm --at 3s --target "$demo_output/before-after.png"
    tenon export waveform "$reel" --target "$demo_output/waveform.png" --data "$demo_output/waveform.json"
    tenon render draw "$(command tenon render list --quiet --limit 1)" --target "$demo_output/timeline.svg"

    heading "An encrypted backup, the workspace lost, and every byte back"
    tenon backup start --name nightly --recordings
    manifest "$workspace" >"$demo_output/before.sha256"
    say "Deleting $(wc -l <"$demo_output/before.sha256") files of the workspace"
    find "$workspace" -mindepth 1 -type f -delete
    tenon backup restore nightly
    manifest "$workspace" >"$demo_output/after.sha256"
    diff "$demo_output/before.sha256" "$demo_output/after.sha256" || die "The restored files differ."
    say "All $(wc -l <"$demo_output/after.sha256") files are back with the same SHA-256"
    tenon backup check
    # Taken again, nothing is stored twice.
    command tenon backup start --name again --recordings --json >"$demo_output/again.json"

    heading "The audit trail"
    tenon audit verify

    heading "More than the plan holds"
    tenon asset import build/footage/vtest.avi --project "Spring reel" --quiet
    local code=0
    tenon render start --project "Spring reel" --clip vtest.avi --name too-long || code=$?
    ((code == 16)) || die "A render beyond the plan ended with $code, not with 16 (quota_exceeded)."
    say "Refused before any work was done: exit code 16, quota_exceeded"

    demo_report "$began" "$workspace"
}

# exported NAME: the newest exported file of that name.
exported() { command tenon export list --quiet | grep "/$1" | head -n 1; }

demo_report() {
    local began=$1 workspace=$2 reel="$demo_output/reel.mp4" report="$demo_output/report.txt"
    cp "$(exported reel)" "$reel"
    cp -r "$workspace/recordings" "$demo_output/recordings"
    {
        printf 'Made in %d s, in %s\n' $((SECONDS - began)) "$demo_output"
        printf '  reel.mp4            %s\n' "$(ffprobe -v error -show_entries format=duration,size -of csv=p=0 "$reel" |
            awk -F, '{printf "%.1f s, %.1f MB", $1, $2 / 1e6}')"
        printf '  contact-sheet.png   12 frames of it\n'
        printf '  before-after.png    a frame before and after its grade\n'
        printf '  waveform.png        its sound; waveform.json is the same for players in web pages\n'
        printf '  timeline.svg        the edit on its tracks\n'
        printf '  recordings/         %s\n' "$(du -sb "$demo_output/recordings" | awk '{printf "%.1f MB of MP4 segments", $1 / 1e6}')"
        printf '  studio/             the home: database, keys, workspace, backup repository\n'
        printf 'Second backup: %s bytes read, %s saved by deduplication, %s stored\n' \
            "$(field read <"$demo_output/again.json")" "$(field deduplicated <"$demo_output/again.json")" \
            "$(field stored <"$demo_output/again.json")"
        command tenon usage
    } >"$report"
    heading "Report"
    cat "$report"
}
