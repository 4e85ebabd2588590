"""A camera: record it, hear what becomes of it, cut a clip out of the footage.

    camera.py rtsp://192.168.1.20/stream
"""
import sys
from datetime import timedelta

import tenon

if len(sys.argv) != 2:
    sys.exit(f"Usage: {sys.argv[0]} RTSP-URL")

# Cameras live in private networks unless told otherwise; loopback must be named.
networks = ["127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16"]
with tenon.Engine(home="studio", camera_networks=networks) as engine:
    with engine.open_operator(actor="setup", reason="onboarding") as setup:
        shop = setup.tenants.create(name="Shop", slug="shop", plan="nvr/professional")
    session = engine.open_session(tenant=shop.id, actor="guard", role=tenon.Role.OWNER)

    with session.subscribe(kinds=["camera."]) as news:  # a queue of one's own; nothing calls back
        door = session.cameras.create(name="Door", url=sys.argv[1], recording=tenon.Recording.CONTINUOUS)

        # Wait for six seconds of footage, at most a minute.
        for _ in range(120):
            while event := news.next(0.5):
                print(event.kind, event.data)
            footage = door.recordings()
            if footage and footage[-1].end - footage[-1].start >= timedelta(seconds=6):
                break
    door.set_recording(tenon.Recording.OFF)

    footage = door.recordings()
    if not footage:
        sys.exit(f"no footage: {door.info.problem}")
    for stretch in footage:
        print(f"{stretch.frames} frames in {(stretch.end - stretch.start).total_seconds():.1f} s")

    start = footage[-1].start + timedelta(seconds=1)
    clip = door.export_clip(start=start, end=start + timedelta(seconds=3), cut=tenon.Cut.EXACT, name="visitor").result()
    print(f"{clip.path}: {clip.duration.total_seconds():.1f} s, not re-encoded")
