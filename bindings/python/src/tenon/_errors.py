"""Everything that the engine raises: one class for each code, and where it fits a class of Python's own as well."""
from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Optional

from ._values import Errc


class Error(Exception):
    """The root of what the engine raises. The message is for people: what failed and what to try."""
    code: ClassVar[Errc] = Errc.INTERNAL_ERROR

    # Those that the engine raises are made without __init__: it sets what differs from these.
    message: str = ""
    subject: str = ""
    """Which snapshot, camera, option or frame."""
    resource: str = ""
    """The quota or rate that ran out."""
    limit: Optional[int] = None
    """Its limit, in the resource's unit."""
    used: Optional[int] = None
    """What was used or held when the call was refused."""
    resets_at: Optional[datetime] = None
    """When asking again can succeed."""
    retryable: bool = False
    """Whether the same call may succeed later without anything else being changed."""

    def __init__(self, message: str = "", *, subject: str = "", resource: str = "", limit: Optional[int] = None,
                 used: Optional[int] = None, resets_at: Optional[datetime] = None, retryable: Optional[bool] = None) -> None:
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.resource = resource
        self.limit = limit
        self.used = used
        self.resets_at = resets_at
        self.retryable = self.code in _RETRYABLE if retryable is None else retryable

    def __str__(self) -> str:
        """With what it is about: a traceback shows no fields."""
        return f"{self.message} ({self.subject})" if self.subject and self.subject not in self.message else self.message

    def __reduce__(self) -> Any:
        return _again, (type(self), dict(self.__dict__))


def _again(kind: "type[Error]", fields: Any) -> Error:
    fields = dict(fields)
    made = kind(fields.pop("message", ""))
    made.__dict__.update(fields)
    return made


class InvalidArgument(Error, ValueError):
    code = Errc.INVALID_ARGUMENT


class Unauthenticated(Error, PermissionError):
    code = Errc.UNAUTHENTICATED


class PermissionDenied(Error, PermissionError):
    code = Errc.PERMISSION_DENIED


class NotFound(Error, LookupError):
    code = Errc.NOT_FOUND


class Conflict(Error):
    code = Errc.CONFLICT


class QuotaExceeded(Error):
    code = Errc.QUOTA_EXCEEDED


class RateLimited(Error):
    code = Errc.RATE_LIMITED


class Unsupported(Error):
    code = Errc.UNSUPPORTED


class Corrupt(Error):
    code = Errc.CORRUPT


class NoSpace(Error, OSError):
    code = Errc.NO_SPACE


class Unavailable(Error, ConnectionError):
    code = Errc.UNAVAILABLE


class Cancelled(Error):
    """The work was cancelled, by anyone. Not asyncio's CancelledError, which is about the task that waits."""
    code = Errc.CANCELLED


class Closed(Error, RuntimeError):
    """The engine, session or stream behind this was closed."""
    code = Errc.CLOSED


class InternalError(Error, RuntimeError):
    code = Errc.INTERNAL_ERROR


_RETRYABLE = frozenset({Errc.RATE_LIMITED, Errc.UNAVAILABLE})
