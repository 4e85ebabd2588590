#!/usr/bin/env python3
"""The layering scan notices what it is for."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import layering  # noqa: E402

REFUSED = [
    ("src/base/clock.cpp", "<", "db/database.hpp"),
    ("src/nvr/record.cpp", "<", "render/renderer.hpp"),
    ("src/jobs/queue.cpp", "<", "media/input.hpp"),
    ("src/render/encode.cpp", "<", "libavcodec/avcodec.h"),
    ("src/tenant/quota.cpp", "<", "sqlite3.h"),
    ("src/backup/pack.cpp", "<", "openssl/evp.h"),
    ("src/db/writer.cpp", "<", "boost/asio/io_context.hpp"),
    ("src/media/include/media/input.hpp", "<", "libavformat/avformat.h"),
    ("src/cli/main.cpp", "<", "engine/core.hpp"),
    ("src/base/json.cpp", "<", "nlohmann/json.hpp"),
    ("src/db/writer.cpp", '"', "../../blob/store.hpp"),
    ("include/tenon/job.hpp", "<", "functional"),
    ("include/tenon/job.hpp", "<", "boost/json.hpp"),
    ("include/tenon/job.hpp", '"', "error.hpp"),
    ("tests/unit/jobs/queue_test.cpp", "<", "libavcodec/avcodec.h"),
    ("examples/first_page.cpp", "<", "base/clock.hpp"),
]
ALLOWED = [
    ("src/nvr/record.cpp", "<", "media/input.hpp"),
    ("src/engine/wire.cpp", "<", "backup/repository.hpp"),
    ("src/media/input.cpp", "<", "libavformat/avformat.h"),
    ("src/db/writer.cpp", "<", "sqlite3.h"),
    ("src/db/writer.cpp", "<", "mutex"),
    ("src/blob/files.cpp", "<", "sys/stat.h"),
    ("src/cli/main.cpp", "<", "tenon/tenon.hpp"),
    ("tests/unit/db/tx_test.cpp", "<", "db/tx.hpp"),
    ("tests/unit/db/tx_test.cpp", "<", "sqlite3.h"),
    ("include/tenon/job.hpp", "<", "optional"),
]

wrong = [case for case in REFUSED if not layering.check_include(pathlib.Path(case[0]), *case[1:])]
wrong += [case for case in ALLOWED if layering.check_include(pathlib.Path(case[0]), *case[1:])]
good = "\n".join(f"tenon_room({room} SEES {' '.join(sees)} THIRD X::y)" for room, sees in layering.SEES.items())
if layering.check_arrows(good):
    wrong.append(("CMakeLists.txt", "the table itself is refused", layering.check_arrows(good)))
if not layering.check_arrows(good.replace("tenon_room(exec SEES base", "tenon_room(exec SEES base crypto")):
    wrong.append(("CMakeLists.txt", "a new arrow is not noticed"))
for case in wrong:
    print("judged wrongly:", *case)
sys.exit(1 if wrong else 0)
