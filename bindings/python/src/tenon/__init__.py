"""Tenon: a media engine for many tenants, in this process.

    import tenon

    with tenon.Engine(home="studio") as engine:
        with engine.open_operator(actor="setup", reason="onboarding") as setup:
            acme = setup.tenants.create(name="Acme", slug="acme", plan="studio/professional")
        with engine.open_session(tenant=acme.id, actor="script", role=tenon.Role.OWNER) as session:
            project = session.projects.create(name="Spring reel")

Options are keywords, or one options object. Lengths of time are timedeltas, or seconds as a number; instants are aware
datetimes; paths are anything that os.fspath takes. Every call that can wait lets other threads run, and everything may be
called from any thread. What goes wrong is a subclass of tenon.Error.
"""
from . import _base, _errors, _tenon, _values
from ._base import Bytes, Label, Labels, Seconds
from ._errors import (Cancelled, Closed, Conflict, Corrupt, Error, InternalError, InvalidArgument, NoSpace, NotFound,
                      PermissionDenied, QuotaExceeded, RateLimited, Unauthenticated, Unavailable, Unsupported)
from ._tenon import *  # noqa: F401,F403
from ._values import *  # noqa: F401,F403

_tenon._register({**vars(_values), **vars(_errors), "Bytes": Bytes, "Label": Label})

from . import _idioms, aio  # noqa: E402

__all__ = [*_tenon.__all__, *_values.__all__, "Bytes", "Cancelled", "Closed", "Conflict", "Corrupt", "Error", "InternalError",
           "InvalidArgument", "Label", "Labels", "NoSpace", "NotFound", "PermissionDenied", "QuotaExceeded", "RateLimited",
           "Seconds", "Unauthenticated", "Unavailable", "Unsupported", "aio"]
__version__ = _tenon.Engine.version()

for _name in __all__:
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = "tenon"
del _name
