# shellcheck shell=bash
# What every verb of ./dev uses. Sourced, never run.

if [[ -t 1 ]]; then bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'; else bold='' red='' plain=''; fi

say() { printf '%s%s%s\n' "$bold" "$*" "$plain"; }
die() { printf '%s%s%s\n' "$red" "$*" "$plain" >&2; exit 1; }

# step WHAT LOG COMMAND…: runs it quietly and says how long it took; shows the end of its log if it fails.
step() {
    local what=$1 log=build/log/$2.log began=$SECONDS
    shift 2
    mkdir -p build/log
    printf '%-58s' "$what"
    if "$@" >"$log" 2>&1 </dev/null; then
        printf '%4d s\n' $((SECONDS - began))
        return
    fi
    printf 'failed after %d s\n' $((SECONDS - began))
    tail -n 60 "$log"
    die "$what failed. The whole log: $log"
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# build PRESET [TARGET…]
build() {
    local preset=$1 targets=()
    shift
    (($#)) && targets=(--target "$@")
    step "Configuring build/$preset" "configure-$preset" cmake --preset "$preset"
    step "Building build/$preset${1:+ ($*)}" "build-$preset" \
        cmake --build --preset "$preset" --parallel "$(nproc)" "${targets[@]}"
}
