"""A backup: take a snapshot, lose a file, bring it back."""
import sys

import tenon

with tenon.Engine(home="studio") as engine:
    with engine.open_operator(actor="setup", reason="onboarding") as setup:
        acme = setup.tenants.create(name="Acme", slug="acme", plan="studio/professional")
    session = engine.open_session(tenant=acme.id, actor="studio-app", role=tenon.Role.OWNER)
    project = session.projects.create(name="Spring reel")
    clip = session.assets.import_file(project=project.id, path="interview.mp4")

    backups = session.backups
    backups.keys.add_password("a long sentence is a good password", "safe")  # opens it where this home's keys are lost

    first = backups.start(name="nightly", tags={"reason": "example"}).result()
    print(f"{first.snapshot.files} files, {first.stored} bytes stored")

    second = backups.start(name="nightly").result()  # reads only what changed
    print(f"{second.files_unchanged} files unchanged, {second.read} bytes read")

    clip.path.unlink()
    print("lost:", "no" if clip.path.exists() else "yes")

    restored = backups.restore(snapshot=first.snapshot.id).result()
    print(f"{restored.files} files, {restored.files_unchanged} of them were as they should be")
    print("back:", "yes" if clip.path.stat().st_size == clip.size else "no")

    report = backups.check().result()  # decrypts and recomputes everything
    print(f"{report.objects} objects, {len(report.problems)} problems")
    sys.exit(1 if report.problems else 0)
