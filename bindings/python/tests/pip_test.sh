#!/usr/bin/env bash
# pip_test.sh SOURCE PYTHON [PIP-OPTION]…: `pip install SOURCE` into an empty environment, built in isolation, and used from an empty
# folder. Ends with 77 where no index can be reached.
set -euo pipefail
source=$1 python=$2
export LC_ALL=C.UTF-8
unset PYTHONPATH LD_LIBRARY_PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$python" -m venv empty
# -I: nothing of this folder's or of the user's is imported.
pip() { "$work/empty/bin/python" -I -m pip --disable-pip-version-check "$@"; }
pip download --quiet --no-deps --dest index scikit-build-core >/dev/null 2>&1 || { echo "No index with scikit-build-core is in reach."; exit 77; }
pip install --quiet "${@:3}" "$source"
"$work/empty/bin/python" -I - "$source/build/footage/clapper.mp4" <<'END'
import pathlib
import sys

import tenon

assert "site-packages" in tenon.__file__, tenon.__file__
with tenon.Engine(home="studio") as engine:
    with engine.open_operator(actor="a", reason="r") as setup:
        acme = setup.tenants.create(name="Acmé 🎬", slug="acme", plan="studio/professional")
    session = engine.open_session(tenant=acme.id, actor="a", role=tenon.Role.OWNER)
    project = session.projects.create(name="x")
    clip = session.assets.import_file(project=project.id, path=sys.argv[1])
    assert memoryview(session.assets.frame(clip.id, width=64).plane(0)).shape[1] == 64
libraries = {line.split()[-1] for line in open("/proc/self/maps") if "tenon" in pathlib.Path(line.split()[-1]).name}
assert libraries and all("site-packages" in each for each in libraries), libraries
print("works", tenon.__version__)
END
