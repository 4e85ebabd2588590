"""Limits that cannot be oversold: reserve what a piece of work may need, do it, commit what it really took."""
import itertools

import tenon
from tenon import Ask, Resource

MINUTE = 60_000  # render time is counted in milliseconds of output


def show(quota: tenon.Quota) -> None:
    limit = "" if quota.limit is None else f", limit {quota.limit}"
    print(f"{quota.resource}: {quota.used} used, {quota.reserved} reserved{limit}")


with tenon.Engine(home="studio") as engine:
    with engine.open_operator(actor="setup", reason="onboarding") as setup:
        small = setup.tenants.create(name="Small", slug="small", plan="studio/basic")
    session = engine.open_session(tenant=small.id, actor="renderer", role=tenon.Role.OWNER)
    quotas = session.quotas

    # A hold is durable before reserve() returns; leaving the block gives back what was not committed, and if this process
    # dies, it returns by itself after its ttl.
    with quotas.reserve(asks=[Ask(Resource.RENDER_TIME, 30 * MINUTE)], ttl=5 * 60, idempotency="upload-17") as hold:
        show(quotas.get(Resource.RENDER_TIME))
        hold.extend(resource=Resource.RENDER_TIME, amount=10 * MINUTE)  # it takes longer than was thought
        hold.commit([Ask(Resource.RENDER_TIME, 34 * MINUTE)])  # what it really took; the rest is returned
    show(quotas.get(Resource.RENDER_TIME))

    # All or nothing: the second ask cannot be granted, so the first is not either.
    both = quotas.try_reserve(asks=[Ask(Resource.RENDER_TIME, MINUTE), Ask(Resource.STORAGE, 1 << 50)])
    print("a pebibyte:", "granted" if both else "refused")

    try:
        for number in itertools.count(1):
            session.projects.create(name=f"Project {number}")
    except tenon.QuotaExceeded as refusal:
        print(f"{refusal} ({refusal.resource}: {refusal.used} of {refusal.limit} used)")
    show(quotas.get(Resource.PROJECTS))
