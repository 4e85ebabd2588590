"""Long work: watch it with asyncio, find it again by its id, cancel it."""
import asyncio

import tenon


async def main(session: tenon.Session) -> None:
    project = session.projects.create(name="Spring reel")
    clip = session.assets.import_file(project=project.id, path="interview.mp4")
    cut = tenon.Timeline()
    cut.append(asset=clip.id, start=1, end=3)

    job = session.renders.start(project=project.id, timeline=cut, outputs=["mp4"], name="short")
    async for progress in job:  # the newest change, at most twenty a second
        left = f", {progress.eta.total_seconds():.1f} s left" if progress.eta else ""
        print(f"{progress.percent:5.1f} %  {progress.stage:<10} {progress.done} of {progress.total} {progress.unit}{left}")
    result = await job
    print(result.outputs[0].path)

    # Jobs are rows of the home: a handle, a session or a process later the id is enough.
    again = session.renders.find(job.id)
    if again:
        print(f"{job.id} is {again.state}")

    # What is cancelled leaves no file and gives back what was held for it.
    whole = tenon.Timeline()
    whole.append(asset=clip.id)
    second = session.renders.start(project=project.id, timeline=whole, outputs=["mp4"], name="whole")
    second.cancel()  # so does cancelling a task that awaits it
    try:
        await second
    except tenon.Cancelled:
        print(f"{second.id} is {second.state}")
    for each in session.renders.list():
        print(each.id, each.state)


with tenon.Engine(home="studio") as engine:
    with engine.open_operator(actor="setup", reason="onboarding") as setup:
        acme = setup.tenants.create(name="Acme", slug="acme", plan="studio/professional")
    with engine.open_session(tenant=acme.id, actor="studio-app", role=tenon.Role.OWNER) as session:
        asyncio.run(main(session))
