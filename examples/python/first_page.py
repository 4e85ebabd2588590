import tenon

with tenon.Engine(home="studio") as engine:  # SQLite and plain files below ./studio
    with engine.open_operator(actor="setup", reason="onboarding") as setup:  # crosses tenants; always audited
        acme = setup.tenants.create(name="Acme", slug="acme", plan="studio/professional")

    with engine.open_session(tenant=acme.id, actor="studio-app", role=tenon.Role.OWNER) as session:
        project = session.projects.create(name="Spring reel")
        clip = session.assets.import_file(project=project.id, path="interview.mp4")

        cut = tenon.Timeline()
        cut.append(asset=clip.id, start=1, end=4)
        cut.append(asset=clip.id, start=5, end=9, transition=tenon.crossfade(0.5))
        cut.title(text="Acme", start=0, duration=2)
        cut.grade("cinematic_warm")

        job = session.renders.start(project=project.id, timeline=cut, outputs=["mp4", "social_square"])
        for progress in job:  # or: for progress in tqdm(job)
            print(f"\r{progress.percent:3.0f} %", end="")
        print()
        for file in job.result().outputs:  # result() raises what ended the job
            print(file.path)

        session.cameras.create(name="Door", url="rtsp://camera.local/stream",
                               recording=tenon.Recording.CONTINUOUS)  # an intent: survives restarts
        session.backups.start(name="nightly").join()  # the workspace, encrypted
