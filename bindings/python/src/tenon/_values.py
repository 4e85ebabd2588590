"""What goes into the engine and comes out of it: enums, ids, options and results.

Written by bindings/api/generate.py from the public headers: change those.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Iterable, Optional, Tuple

from . import _tenon
from ._base import (EPOCH, AnyPath, Bytes, Id, Label, Labels, NamedEnum, Seconds, Value, as_path,
                    as_time, as_timedelta, as_tuple, label_tuple)
from ._tenon import Timeline


class UserState(NamedEnum):
    """Stored: append, never renumber."""
    INVITED = 1
    """Has no password yet and cannot log in."""
    ACTIVE = 2
    DISABLED = 3
    """Cannot do anything; takes no seat."""


class KeyEnvironment(NamedEnum):
    """Stored: append, never renumber."""
    LIVE = 1
    """sk_live_…"""
    TEST = 2
    """sk_test_…"""


class AuditFormat(NamedEnum):
    JSON_LINES = 1
    """An object on each line."""
    CSV = 2
    """RFC 4180 with a line of names. What a spreadsheet would take for a formula has a ' before it."""


class FileKind(NamedEnum):
    FILE = 1
    FOLDER = 2
    LINK = 3
    OTHER = 4


class ChangeKind(NamedEnum):
    ADDED = 1
    REMOVED = 2
    MODIFIED = 3
    """Other content."""
    ATTRIBUTES = 4
    """The same content with another mode, owner, modification time …"""


class CheckLevel(NamedEnum):
    STRUCTURE = 0
    """Lists and sizes; every snapshot's objects are there."""
    OBJECTS = 1
    """And every object's hash."""
    FULL = 2
    """And every frame is decrypted, every chunk's id recomputed, every tree walked."""


class KeyDerivation(NamedEnum):
    """How a password is made slow to try."""
    ARGON2ID = 1
    """64 MiB of memory for each try."""
    PBKDF2 = 2
    """HMAC-SHA256, 600,000 times: for those who must. Weaker against people with special hardware."""


class Overlap(NamedEnum):
    """What becomes of a time while the same work of the time before has not ended. Stored: append, never renumber."""
    SKIP = 1
    """The time is passed over."""
    QUEUE = 2
    """It waits until that has ended."""
    CANCEL = 3
    """That is cancelled."""


class ScheduledWork(NamedEnum):
    """What a schedule does. Stored: append, never renumber."""
    BACKUP = 1
    PRUNE = 2
    CHECK = 3
    DRILL = 4


class Recording(NamedEnum):
    """What a camera is meant to do. An intent: every restart and reconnect returns to it."""
    OFF = 0
    CONTINUOUS = 1
    SCHEDULE = 2
    """In the windows of the camera's schedule."""


class Weekday(NamedEnum):
    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7


class CameraState(NamedEnum):
    OFF = 0
    """Not meant to record."""
    CONNECTING = 1
    RECORDING = 2
    RETRYING = 3
    """Lost; tries again by itself."""


class SpanKind(NamedEnum):
    FOOTAGE = 0
    GAP = 1


class Cut(NamedEnum):
    """Where a clip may begin."""
    GOP = 0
    """At the key frame at or before `start`: a little more than asked for."""
    EXACT = 1
    """At the frame: what leads up to it is in the file but not shown."""


class CommitLevel(NamedEnum):
    """Where a backup has to be before its job has succeeded. The home's own store is one of the stores."""
    LOCAL = 1
    """In the home's own; the others get it afterwards."""
    QUORUM = 2
    """In more than half of all."""
    ALL = 3
    """In all."""


class BackupParity(NamedEnum):
    """What backups keep beside what they store, so that damage to it can be mended. Stored: never renumbered."""
    NONE = 0
    THIN = 1
    """Mends one run of damage of up to 960 KiB in each 32 MiB, and any damage to small objects: 3 % more storage."""
    FULL = 2
    """Two such runs: 13 % more."""


class Errc(NamedEnum):
    """What kind of failure this is. Numbers are stored and sent over wires: they never change."""
    INVALID_ARGUMENT = 1
    UNAUTHENTICATED = 2
    PERMISSION_DENIED = 3
    NOT_FOUND = 4
    CONFLICT = 5
    QUOTA_EXCEEDED = 6
    RATE_LIMITED = 7
    UNSUPPORTED = 8
    CORRUPT = 9
    NO_SPACE = 10
    UNAVAILABLE = 11
    CANCELLED = 12
    CLOSED = 13
    INTERNAL_ERROR = 14


class PixelFormat(NamedEnum):
    """How a frame's samples lie in memory. Rows go from the top down, samples from left to right."""
    YUV420P = 1
    """Planes Y, U, V of one byte a sample; U and V have half the width and height, rounded up. Y is 16 to 235."""
    YUV420P10 = 2
    """The same of two bytes a sample in the machine's order; Y is 64 to 940."""
    GRAY = 3
    """One plane: brightness, 0 to 255."""
    RGB24 = 4
    """One plane of three bytes a pixel: red, green, blue, each 0 to 255."""


class JobState(NamedEnum):
    SCHEDULED = 1
    """Waits for its time."""
    READY = 2
    """Waits for a worker."""
    RUNNING = 3
    SUCCEEDED = 4
    FAILED = 5
    CANCELLED = 6
    DEAD = 7
    """Every attempt it had failed or died with its process; see the message."""
    BLOCKED = 8
    """Waits for other jobs to end."""
    PAUSED = 9
    """Waits until it, its kind or all of the tenant's work is resumed."""


class AfterFailure(NamedEnum):
    """What becomes of a job when one that it waits for does not succeed."""
    CANCEL = 1
    """It is cancelled, and so is what waits for it in turn."""
    GO_ON = 2
    """It begins all the same."""


class LogLevel(NamedEnum):
    OFF = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    DEBUG = 4


class ForecastMethod(NamedEnum):
    """How a forecast was made. Stored: append, never renumber."""
    TOO_EARLY = 1
    """There are figures of less than an hour: none was made."""
    STEADY = 2
    """Nothing grew: at this pace the limit is never reached."""
    LINEAR = 3
    """What was added between `since` and `until` goes on being added at the same pace."""


class Resource(NamedEnum):
    """What a plan limits. Stored: append, never renumber."""
    PROJECTS = 1
    """Level, count."""
    STORAGE = 2
    """Level, bytes."""
    RENDER_TIME = 3
    """Per period, milliseconds of output."""
    CONCURRENT_JOBS = 4
    """Level, count."""
    SEATS = 5
    """Level, count."""
    CAMERAS = 6
    """Level, count."""
    SITES = 7
    """Level, count."""
    AGENTS = 8
    """Level, count."""
    API_CALLS = 9
    """Per period, count."""
    MODEL_TOKENS = 10
    """Per period, count: what language models took in and gave out."""
    BANDWIDTH = 11
    """Per period, bytes sent to those who watch and download."""


class OverageRule(NamedEnum):
    """What happens beyond a limit. Stored: append, never renumber."""
    BLOCK = 1
    """More is refused."""
    CHARGE = 2
    """More is let through and priced, up to `most` beyond the limit."""
    GRACE = 3
    """Up to `most` more is let through, for so long from when the limit was passed; then no more."""
    SHADOW = 4
    """Nothing is refused; what would have been is counted, see Quotas::shadowed()."""


class PlanEffect(NamedEnum):
    """When a change of plan takes effect. Stored: append, never renumber."""
    BY_RULE = 1
    """At once, unless the plan costs less than the one before: then at the period's end."""
    AT_ONCE = 2
    AT_PERIOD_END = 3


class PlanChangeState(NamedEnum):
    """How far a change of plan is. Stored: append, never renumber."""
    PREVIEW = 1
    """Only asked about."""
    PLANNED = 2
    """Takes effect at `effective_at`."""
    DONE = 3
    WITHDRAWN = 4
    """Another change took its place, or it was taken back."""


class Role(NamedEnum):
    """What a session may do. Stored: append, never renumber."""
    OWNER = 1
    """Everything within the tenant."""
    ADMIN = 2
    """Everything but billing and the tenant itself."""
    BILLING = 3
    """Reads usage and quotas; everything about bills."""
    EDITOR = 4
    """Projects, assets, renders; reads cameras."""
    CAMERA_OPERATOR = 5
    """Cameras, recordings and clips."""
    VIEWER = 6
    """Reads projects, assets, recordings."""
    AUDITOR = 7
    """Reads everything and the audit trail, changes nothing."""
    SUPPORT = 8
    """Reads what is needed to help: jobs, events, usage."""


class PrincipalKind(NamedEnum):
    """Who stands behind a session. Stored: append, never renumber."""
    HOST = 1
    """Somebody the host application vouches for."""
    USER = 2
    """A user of the tenant, by a login, a foreign token or the host's word."""
    KEY = 3
    """An API key."""
    SUPPORT = 4
    """Support of the operator, for a time that the tenant sees."""


class RateScope(NamedEnum):
    """What a rate counts. Stored: append, never renumber."""
    TENANT = 1
    """All calls of the tenant."""
    KEY = 2
    """Those with one of its keys."""
    ADDRESS = 3
    """Those from one network: /24 of IPv4, /56 of IPv6."""
    ROUTE = 4
    """Those of one class of calls, such as "upload"."""
    IN_FLIGHT = 5
    """Those that go on at the same time."""


class Misfire(NamedEnum):
    """What becomes of times that nobody saw because no process had the home open. Stored: append, never renumber."""
    RUN_ONCE = 1
    """One job makes up for all of them, as soon as a process is there."""
    SKIP = 2
    """They are passed over."""


class SettingsKind(NamedEnum):
    """What a tenant's settings are about. Stored: append, never renumber."""
    PREFERENCES = 1
    """Language, usual outputs and grade, quality, notifications."""
    WORKFLOWS = 2
    """Named chains of steps."""
    AUTOMATION = 3
    """How much happens unasked, and by which rules."""
    BRANDING = 4
    """Names, colours and addresses under which the tenant's users see the product."""


class TenantState(NamedEnum):
    """A tenant's life. Stored: append, never renumber."""
    TRIAL = 1
    """As active, but under nobody's brand but the partner's. Suspended by itself at `trial_ends_at`."""
    ACTIVE = 2
    SUSPENDED = 3
    """Its data can be read and exported, nothing changes."""
    ARCHIVED = 4
    """Put away: its data can be looked at and taken out, nothing else."""
    ERASING = 5
    """Closed to everyone; erased at `erased_at` unless that is undone before."""
    ERASED = 6
    """Only this row and the audit trail remain."""


class TransitionKind(NamedEnum):
    CUT = 0
    CROSSFADE = 1


class Advice(NamedEnum):
    UPGRADE = 1
    DOWNGRADE = 2
    CLEAN_UP = 3


class UsageGrain(NamedEnum):
    MINUTE = 1
    HOUR = 2
    DAY = 4


class UsageOutcome(NamedEnum):
    RECORDED = 1
    """Counted in the period in which it happened."""
    LATE = 2
    """That period is closed: counted in the one that is running, under its own time."""
    DUPLICATE = 3
    """It was there already; nothing counted again."""


class UsageFormat(NamedEnum):
    CSV = 1
    """RFC 4180 with a line of names. Text that a spreadsheet would take for a formula has a ' before it."""
    JSON_LINES = 2
    """One JSON object a line."""


class UsageKey(NamedEnum):
    PROJECT = 1
    SITE = 2
    TAG = 3


class TenantId(Id):
    __slots__ = ()
    prefix = "ten_"


class PartnerId(Id):
    __slots__ = ()
    prefix = "par_"


class ProjectId(Id):
    __slots__ = ()
    prefix = "prj_"


class AssetId(Id):
    __slots__ = ()
    prefix = "ast_"


class JobId(Id):
    __slots__ = ()
    prefix = "job_"


class HoldId(Id):
    __slots__ = ()
    prefix = "hld_"


class SiteId(Id):
    __slots__ = ()
    prefix = "sit_"


class CameraId(Id):
    __slots__ = ()
    prefix = "cam_"


class SnapshotId(Id):
    __slots__ = ()
    prefix = "snp_"


class UserId(Id):
    __slots__ = ()
    prefix = "usr_"


class RoleId(Id):
    __slots__ = ()
    prefix = "rol_"


class KeyId(Id):
    __slots__ = ()
    prefix = "key_"


class LoginId(Id):
    __slots__ = ()
    prefix = "lgn_"


class IssuerId(Id):
    __slots__ = ()
    prefix = "iss_"


class User(Value):
    """Somebody who works for a tenant.

    - email: Unique within the tenant, whatever its case.
    - role: Unset: `custom_role`.
    - second_factor: Logging in takes a code too.
    - locked_until: Too many wrong passwords: none is tried before.
    """
    __slots__ = (
            "id", "email", "name", "state", "role", "custom_role", "has_password", "second_factor", "last_login_at",
            "locked_until", "created_at"
    )
    id: UserId
    email: str
    name: str
    state: UserState
    role: Optional[Role]
    custom_role: Optional[RoleId]
    has_password: bool
    second_factor: bool
    last_login_at: Optional[datetime]
    locked_until: Optional[datetime]
    created_at: datetime

    def __init__(
            self, id: UserId = UserId(), email: str = "", name: str = "", state: UserState = UserState.INVITED,
            role: Optional[Role] = None, custom_role: Optional[RoleId] = None, has_password: bool = False,
            second_factor: bool = False, last_login_at: Optional[datetime] = None,
            locked_until: Optional[datetime] = None, created_at: datetime = EPOCH
    ) -> None:
        self.id = id
        self.email = email
        self.name = name
        self.state = state
        self.role = role
        self.custom_role = custom_role
        self.has_password = has_password
        self.second_factor = second_factor
        self.last_login_at = None if last_login_at is None else as_time(last_login_at)
        self.locked_until = None if locked_until is None else as_time(locked_until)
        self.created_at = as_time(created_at)


class UserOptions(Value):
    """- email: Required.
    - name: Required.
    - custom_role: Set: instead of `role`.
    """
    __slots__ = ("email", "name", "role", "custom_role")
    email: str
    name: str
    role: Role
    custom_role: Optional[RoleId]

    def __init__(
            self, *, email: str, name: str, role: Role = Role.VIEWER, custom_role: Optional[RoleId] = None
    ) -> None:
        self.email = email
        self.name = name
        self.role = role
        self.custom_role = custom_role


class UserFilter(Value):
    """- state: Unset: every state.
    - search: Part of the email or name, whatever its case (of a-z). Empty: all.
    - after: The last one of the page before.
    - limit: 1 to 1000, oldest first.
    """
    __slots__ = ("state", "search", "after", "limit")
    state: Optional[UserState]
    search: str
    after: Optional[UserId]
    limit: int

    def __init__(
            self, *, state: Optional[UserState] = None, search: str = "", after: Optional[UserId] = None, limit: int = 100
    ) -> None:
        self.state = state
        self.search = search
        self.after = after
        self.limit = limit


class UserUpdateOptions(Value):
    """What is left unset stays.

    - user: Required.
    - role: Also ends a custom role.
    """
    __slots__ = ("user", "email", "name", "role", "custom_role")
    user: UserId
    email: Optional[str]
    name: Optional[str]
    role: Optional[Role]
    custom_role: Optional[RoleId]

    def __init__(
            self, *, user: UserId, email: Optional[str] = None, name: Optional[str] = None, role: Optional[Role] = None,
            custom_role: Optional[RoleId] = None
    ) -> None:
        self.user = user
        self.email = email
        self.name = name
        self.role = role
        self.custom_role = custom_role


class ProjectGrant(Value):
    """What a user may do in one project beyond what he may everywhere. One for each user and project.

    - role: Unset: `custom_role`.
    """
    __slots__ = ("user", "project", "role", "custom_role")
    user: UserId
    project: ProjectId
    role: Optional[Role]
    custom_role: Optional[RoleId]

    def __init__(
            self, user: UserId = UserId(), project: ProjectId = ProjectId(), role: Optional[Role] = None,
            custom_role: Optional[RoleId] = None
    ) -> None:
        self.user = user
        self.project = project
        self.role = role
        self.custom_role = custom_role


class PasswordOptions(Value):
    """- user: Required.
    - password: Required. 10 to 1024 bytes of UTF-8; not the email or name.
    - current: Needed of a user who changes his own.
    """
    __slots__ = ("user", "password", "current")
    _secret = frozenset(['password', 'current'])
    user: UserId
    password: str
    current: str

    def __init__(self, *, user: UserId, password: str, current: str = "") -> None:
        self.user = user
        self.password = password
        self.current = current


class PasswordTicket(Value):
    """Lets a user choose a password once: send it to him. It is not shown again."""
    __slots__ = ("ticket", "expires_at")
    _secret = frozenset(['ticket'])
    ticket: str
    expires_at: datetime

    def __init__(self, ticket: str = "", expires_at: datetime = EPOCH) -> None:
        self.ticket = ticket
        self.expires_at = as_time(expires_at)


class SecondFactor(Value):
    """What an authenticator needs, once as text and once as the URI that is drawn as a QR code. It is not shown again.

    - secret: Base32.
    - uri: "otpauth://totp/…"
    """
    __slots__ = ("secret", "uri")
    _secret = frozenset(['secret', 'uri'])
    secret: str
    uri: str

    def __init__(self, secret: str = "", uri: str = "") -> None:
        self.secret = secret
        self.uri = uri


class CustomRole(Value):
    """A role of a tenant's own.

    - permissions: "project:read" …
    - version: Rises with each change.
    """
    __slots__ = ("id", "name", "permissions", "version", "created_at")
    id: RoleId
    name: str
    permissions: Tuple[str, ...]
    version: int
    created_at: datetime

    def __init__(
            self, id: RoleId = RoleId(), name: str = "", permissions: Iterable[str] = (), version: int = 1,
            created_at: datetime = EPOCH
    ) -> None:
        self.id = id
        self.name = name
        self.permissions = as_tuple(permissions)
        self.version = version
        self.created_at = as_time(created_at)


class RoleOptions(Value):
    """- name: Required. Unique within the tenant.
    - permissions: Of permissions(). Nobody gives what he lacks.
    """
    __slots__ = ("name", "permissions")
    name: str
    permissions: Tuple[str, ...]

    def __init__(self, *, name: str, permissions: Iterable[str] = ()) -> None:
        self.name = name
        self.permissions = as_tuple(permissions)


class ApiKey(Value):
    """What is known of a key. The secret itself is kept by nobody but its user.

    - shown: "sk_live_4fGh2kLm9QwZ": enough to tell keys apart.
    - role: Unset: `custom_role`.
    - scopes: Permissions that the role is narrowed to. Empty: all of the role.
    - cidrs: Networks it may be used from. Empty: any.
    - user: Who made it: it can never do more than he can now.
    - last_used_at: To the minute.
    - grace_ends_at: Until then the secret before the last rotation works too.
    """
    __slots__ = (
            "id", "name", "shown", "environment", "role", "custom_role", "scopes", "cidrs", "user", "created_at",
            "expires_at", "last_used_at", "grace_ends_at", "revoked_at"
    )
    id: KeyId
    name: str
    shown: str
    environment: KeyEnvironment
    role: Optional[Role]
    custom_role: Optional[RoleId]
    scopes: Tuple[str, ...]
    cidrs: Tuple[str, ...]
    user: Optional[UserId]
    created_at: datetime
    expires_at: Optional[datetime]
    last_used_at: Optional[datetime]
    grace_ends_at: Optional[datetime]
    revoked_at: Optional[datetime]

    def __init__(
            self, id: KeyId = KeyId(), name: str = "", shown: str = "", environment: KeyEnvironment = KeyEnvironment.LIVE,
            role: Optional[Role] = None, custom_role: Optional[RoleId] = None, scopes: Iterable[str] = (),
            cidrs: Iterable[str] = (), user: Optional[UserId] = None, created_at: datetime = EPOCH,
            expires_at: Optional[datetime] = None, last_used_at: Optional[datetime] = None,
            grace_ends_at: Optional[datetime] = None, revoked_at: Optional[datetime] = None
    ) -> None:
        self.id = id
        self.name = name
        self.shown = shown
        self.environment = environment
        self.role = role
        self.custom_role = custom_role
        self.scopes = as_tuple(scopes)
        self.cidrs = as_tuple(cidrs)
        self.user = user
        self.created_at = as_time(created_at)
        self.expires_at = None if expires_at is None else as_time(expires_at)
        self.last_used_at = None if last_used_at is None else as_time(last_used_at)
        self.grace_ends_at = None if grace_ends_at is None else as_time(grace_ends_at)
        self.revoked_at = None if revoked_at is None else as_time(revoked_at)


class NewApiKey(Value):
    """A key with its secret: the only time that it is shown.

    - secret: "sk_live_4fGh2kLm9QwZ_…"
    """
    __slots__ = ("key", "secret")
    _secret = frozenset(['secret'])
    key: ApiKey
    secret: str

    def __init__(self, key: Optional[ApiKey] = None, secret: str = "") -> None:
        self.key = ApiKey() if key is None else key
        self.secret = secret


class ApiKeyOptions(Value):
    """- name: Required. Need not be unique.
    - custom_role: Set: instead of `role`.
    - scopes: Narrows the role. Empty: all of it.
    - cidrs: "192.0.2.0/24", "2001:db8::/32". Empty: from anywhere.
    - expires_at: Unset: never.
    """
    __slots__ = ("name", "environment", "role", "custom_role", "scopes", "cidrs", "expires_at")
    name: str
    environment: KeyEnvironment
    role: Role
    custom_role: Optional[RoleId]
    scopes: Tuple[str, ...]
    cidrs: Tuple[str, ...]
    expires_at: Optional[datetime]

    def __init__(
            self, *, name: str, environment: KeyEnvironment = KeyEnvironment.LIVE, role: Role = Role.VIEWER,
            custom_role: Optional[RoleId] = None, scopes: Iterable[str] = (), cidrs: Iterable[str] = (),
            expires_at: Optional[datetime] = None
    ) -> None:
        self.name = name
        self.environment = environment
        self.role = role
        self.custom_role = custom_role
        self.scopes = as_tuple(scopes)
        self.cidrs = as_tuple(cidrs)
        self.expires_at = None if expires_at is None else as_time(expires_at)


class ApiKeyFilter(Value):
    """- revoked: Also those that were revoked or have expired.
    - after: The last one of the page before.
    - limit: 1 to 1000, oldest first.
    """
    __slots__ = ("revoked", "after", "limit")
    revoked: bool
    after: Optional[KeyId]
    limit: int

    def __init__(self, *, revoked: bool = False, after: Optional[KeyId] = None, limit: int = 100) -> None:
        self.revoked = revoked
        self.after = after
        self.limit = limit


class RotateOptions(Value):
    """- key: Required.
    - grace: How long the old secret works on: 0 to 7 days.
    """
    __slots__ = ("key", "grace")
    key: KeyId
    grace: timedelta

    def __init__(self, *, key: KeyId, grace: Seconds = timedelta(hours=24)) -> None:
        self.key = key
        self.grace = as_timedelta(grace)


class LoginInfo(Value):
    """A user who logged in, or support that was let in, until it expires or is ended.

    - kind: user or support.
    - actor: Of support: who of the operator's people …
    - reason: … and why.
    - address: As the host told it.
    - used_at: The last time that its tokens were renewed.
    """
    __slots__ = ("id", "kind", "user", "actor", "reason", "address", "created_at", "used_at", "expires_at")
    id: LoginId
    kind: PrincipalKind
    user: Optional[UserId]
    actor: str
    reason: str
    address: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime

    def __init__(
            self, id: LoginId = LoginId(), kind: PrincipalKind = PrincipalKind.USER, user: Optional[UserId] = None,
            actor: str = "", reason: str = "", address: str = "", created_at: datetime = EPOCH, used_at: datetime = EPOCH,
            expires_at: datetime = EPOCH
    ) -> None:
        self.id = id
        self.kind = kind
        self.user = user
        self.actor = actor
        self.reason = reason
        self.address = address
        self.created_at = as_time(created_at)
        self.used_at = as_time(used_at)
        self.expires_at = as_time(expires_at)


class LoginFilter(Value):
    """- user: Unset: everybody's.
    - after: The last one of the page before.
    - limit: 1 to 1000, oldest first.
    """
    __slots__ = ("user", "after", "limit")
    user: Optional[UserId]
    after: Optional[LoginId]
    limit: int

    def __init__(self, *, user: Optional[UserId] = None, after: Optional[LoginId] = None, limit: int = 100) -> None:
        self.user = user
        self.after = after
        self.limit = limit


class LoginOptions(Value):
    """For Engine::login().

    - tenant: Required.
    - email: Required.
    - password: Required.
    - code: Of the second factor, or a recovery code.
    - address: Where the client comes from; shown with the login.
    """
    __slots__ = ("tenant", "email", "password", "code", "address")
    _secret = frozenset(['password', 'code'])
    tenant: TenantId
    email: str
    password: str
    code: str
    address: str

    def __init__(self, *, tenant: TenantId, email: str, password: str, code: str = "", address: str = "") -> None:
        self.tenant = tenant
        self.email = email
        self.password = password
        self.code = code
        self.address = address


class Tokens(Value):
    """What a client gets. The access token is a JWT (EdDSA) for ten minutes; the refresh token gives the next pair once.

    - refresh_expires_at: The end of the login, however often it was renewed.
    """
    __slots__ = ("access_token", "refresh_token", "access_expires_at", "refresh_expires_at", "user", "login")
    _secret = frozenset(['access_token', 'refresh_token'])
    access_token: str
    refresh_token: str
    access_expires_at: datetime
    refresh_expires_at: datetime
    user: UserId
    login: LoginId

    def __init__(
            self, access_token: str = "", refresh_token: str = "", access_expires_at: datetime = EPOCH,
            refresh_expires_at: datetime = EPOCH, user: UserId = UserId(), login: LoginId = LoginId()
    ) -> None:
        self.access_token = access_token
        self.refresh_token = refresh_token
        self.access_expires_at = as_time(access_expires_at)
        self.refresh_expires_at = as_time(refresh_expires_at)
        self.user = user
        self.login = login


class AuthenticateOptions(Value):
    """For Engine::authenticate(): a key or a token, one of the two.

    - token: An access token of ours, or a JWT of one of the tenant's issuers.
    - tenant: Needed with a foreign token. Else, if given: whose it must be.
    - address: The client's. A key with networks is refused without.
    - request_id: Goes into the audit trail.
    """
    __slots__ = ("api_key", "token", "tenant", "address", "request_id")
    _secret = frozenset(['api_key', 'token'])
    api_key: str
    token: str
    tenant: Optional[TenantId]
    address: str
    request_id: str

    def __init__(
            self, *, api_key: str = "", token: str = "", tenant: Optional[TenantId] = None, address: str = "",
            request_id: str = ""
    ) -> None:
        self.api_key = api_key
        self.token = token
        self.tenant = tenant
        self.address = address
        self.request_id = request_id


class RedeemOptions(Value):
    """For Engine::redeem().

    - ticket: Required.
    - password: Required. As PasswordOptions has it.
    """
    __slots__ = ("ticket", "password")
    _secret = frozenset(['ticket', 'password'])
    ticket: str
    password: str

    def __init__(self, *, ticket: str, password: str) -> None:
        self.ticket = ticket
        self.password = password


class SupportOptions(Value):
    """For Engine::open_support().

    - tenant: Required.
    - actor: Required. Who of the operator's people.
    - reason: Required. The tenant sees it.
    - duration: At most 24 hours.
    """
    __slots__ = ("tenant", "actor", "reason", "duration")
    tenant: TenantId
    actor: str
    reason: str
    duration: timedelta

    def __init__(self, *, tenant: TenantId, actor: str, reason: str, duration: Seconds = timedelta(hours=1)) -> None:
        self.tenant = tenant
        self.actor = actor
        self.reason = reason
        self.duration = as_timedelta(duration)


class TrustedIssuer(Value):
    """Somebody else whose tokens let a tenant's users in: RS256, ES256 or EdDSA.

    - issuer: What `iss` must be.
    - audience: What `aud` must hold.
    - jwks: His public keys, RFC 7517.
    """
    __slots__ = ("id", "issuer", "audience", "jwks", "created_at")
    id: IssuerId
    issuer: str
    audience: str
    jwks: str
    created_at: datetime

    def __init__(
            self, id: IssuerId = IssuerId(), issuer: str = "", audience: str = "", jwks: str = "",
            created_at: datetime = EPOCH
    ) -> None:
        self.id = id
        self.issuer = issuer
        self.audience = audience
        self.jwks = jwks
        self.created_at = as_time(created_at)


class IssuerOptions(Value):
    """- issuer: Required.
    - audience: Required.
    - jwks: Required. At most 64 KiB. Nothing is fetched: hand over what he publishes.
    """
    __slots__ = ("issuer", "audience", "jwks")
    issuer: str
    audience: str
    jwks: str

    def __init__(self, *, issuer: str, audience: str, jwks: str) -> None:
        self.issuer = issuer
        self.audience = audience
        self.jwks = jwks


class TokenKey(Value):
    """A key that signs access tokens.

    - retired_at: Set: signs no more; what it signed holds until it expires.
    """
    __slots__ = ("kid", "created_at", "retired_at")
    kid: str
    created_at: datetime
    retired_at: Optional[datetime]

    def __init__(self, kid: str = "", created_at: datetime = EPOCH, retired_at: Optional[datetime] = None) -> None:
        self.kid = kid
        self.created_at = as_time(created_at)
        self.retired_at = None if retired_at is None else as_time(retired_at)


class Rational(Value):
    """A fraction, such as a frame rate: {30000, 1001}."""
    __slots__ = ("num", "den")
    num: int
    den: int

    def __init__(self, num: int = 0, den: int = 1) -> None:
        self.num = num
        self.den = den


class Asset(Value):
    """A media file of a project: film, sound, a still, or a colour table (.cube).

    - path: Within the workspace. Read only.
    - thumbnail: JPEG; empty if the asset has no picture.
    - sha256: Hex.
    - container: "mp4"; "cube": a colour table.
    - video_codec: "h264"; empty: no picture.
    - width: As shown, in pixels.
    - audio_codec: "aac"; empty: no sound.
    - sample_rate: Hz
    """
    __slots__ = (
            "id", "project", "name", "path", "thumbnail", "size", "sha256", "container", "duration", "video_codec",
            "width", "height", "frame_rate", "audio_codec", "sample_rate", "channels", "created_at"
    )
    id: AssetId
    project: ProjectId
    name: str
    path: Path
    thumbnail: Optional[Path]
    size: Bytes
    sha256: str
    container: str
    duration: timedelta
    video_codec: str
    width: int
    height: int
    frame_rate: Rational
    audio_codec: str
    sample_rate: int
    channels: int
    created_at: datetime

    def __init__(
            self, id: AssetId = AssetId(), project: ProjectId = ProjectId(), name: str = "", path: AnyPath = Path(),
            thumbnail: Optional[AnyPath] = None, size: int = Bytes(0), sha256: str = "", container: str = "",
            duration: Seconds = timedelta(0), video_codec: str = "", width: int = 0, height: int = 0,
            frame_rate: Optional[Rational] = None, audio_codec: str = "", sample_rate: int = 0, channels: int = 0,
            created_at: datetime = EPOCH
    ) -> None:
        self.id = id
        self.project = project
        self.name = name
        self.path = as_path(path)
        self.thumbnail = None if thumbnail is None else as_path(thumbnail)
        self.size = Bytes(size)
        self.sha256 = sha256
        self.container = container
        self.duration = as_timedelta(duration)
        self.video_codec = video_codec
        self.width = width
        self.height = height
        self.frame_rate = Rational(0, 1) if frame_rate is None else frame_rate
        self.audio_codec = audio_codec
        self.sample_rate = sample_rate
        self.channels = channels
        self.created_at = as_time(created_at)


class ImportOptions(Value):
    """- project: Required.
    - path: Required. Copied; the original stays as it is.
    - name: Empty: the file's name.
    """
    __slots__ = ("project", "path", "name")
    project: ProjectId
    path: Path
    name: str

    def __init__(self, *, project: ProjectId, path: AnyPath, name: str = "") -> None:
        self.project = project
        self.path = as_path(path)
        self.name = name


class AssetFilter(Value):
    """- project: Unset: every project.
    - after: The last one of the page before.
    - limit: 1 to 1000, oldest first.
    """
    __slots__ = ("project", "after", "limit")
    project: Optional[ProjectId]
    after: Optional[AssetId]
    limit: int

    def __init__(
            self, *, project: Optional[ProjectId] = None, after: Optional[AssetId] = None, limit: int = 100
    ) -> None:
        self.project = project
        self.after = after
        self.limit = limit


class AuditRecord(Value):
    """One thing that was done, or was refused. Records of a tenant form a chain: each holds the hash of the one before.

    Whatever changes something has its record. Of refusals alike (actor, action and error) ten a minute have one each; a
    record
    after that minute tells in `details.unrecorded` how many more there were.

    - seq: 0, 1, 2 … without holes; the oldest may have been pruned.
    - action: "project.create"
    - target: The id of what it was done to.
    - outcome: "ok", or the name of an error code.
    - details: JSON object.
    - hash: SHA-256 of the record, in hex: the next record's link.
    - actor_erased: `actor` was recorded and is empty because it was erased: see Audit::erase_personal().
    - reason_erased: The same of `reason`,
    - details_erased: and of `details`.
    """
    __slots__ = (
            "seq", "at", "actor", "action", "target", "outcome", "reason", "details", "hash", "actor_erased",
            "reason_erased", "details_erased"
    )
    seq: int
    at: datetime
    actor: str
    action: str
    target: str
    outcome: str
    reason: str
    details: str
    hash: str
    actor_erased: bool
    reason_erased: bool
    details_erased: bool

    def __init__(
            self, seq: int = 0, at: datetime = EPOCH, actor: str = "", action: str = "", target: str = "",
            outcome: str = "", reason: str = "", details: str = "", hash: str = "", actor_erased: bool = False,
            reason_erased: bool = False, details_erased: bool = False
    ) -> None:
        self.seq = seq
        self.at = as_time(at)
        self.actor = actor
        self.action = action
        self.target = target
        self.outcome = outcome
        self.reason = reason
        self.details = details
        self.hash = hash
        self.actor_erased = actor_erased
        self.reason_erased = reason_erased
        self.details_erased = details_erased


class AuditFilter(Value):
    """- action: Empty: every action. "project." matches all that begin so.
    - after: Records with a larger seq.
    - limit: 1 to 10000, oldest first.
    - start: Recorded at or after. Unset: no bound.
    - end: Recorded before. Unset: no bound.
    """
    __slots__ = ("action", "after", "limit", "start", "end")
    action: str
    after: int
    limit: int
    start: Optional[datetime]
    end: Optional[datetime]

    def __init__(
            self, *, action: str = "", after: int = -1, limit: int = 100, start: Optional[datetime] = None,
            end: Optional[datetime] = None
    ) -> None:
        self.action = action
        self.after = after
        self.limit = limit
        self.start = None if start is None else as_time(start)
        self.end = None if end is None else as_time(end)


class ErasePersonalOptions(Value):
    """What personal values are to be erased: those of a person, or those of one record.

    - subject: The person as the trail names him: an actor, a user's id, an e-mail address, a name. 3 to 256 bytes. Empty:
        `seq` says which record.
    - seq: One record, whose reason and details go.
    - reason: Required. Is recorded, so it should name nobody.
    """
    __slots__ = ("subject", "seq", "reason")
    subject: str
    seq: Optional[int]
    reason: str

    def __init__(self, *, subject: str = "", seq: Optional[int] = None, reason: str) -> None:
        self.subject = subject
        self.seq = seq
        self.reason = reason


class ErasedPersonal(Value):
    """- records: Records whose reason and details were erased.
    - actor: The name went from every record of which he was the actor.
    """
    __slots__ = ("records", "actor")
    records: int
    actor: bool

    def __init__(self, records: int = 0, actor: bool = False) -> None:
        self.records = records
        self.actor = actor


class AuditListOptions(Value):
    """Which records are to be written to a file for people, and how.

    - path: Required. Must not exist.
    - action: As in AuditFilter, as the next three.
    """
    __slots__ = ("path", "format", "action", "after", "start", "end")
    path: Path
    format: AuditFormat
    action: str
    after: int
    start: Optional[datetime]
    end: Optional[datetime]

    def __init__(
            self, *, path: AnyPath, format: AuditFormat = AuditFormat.JSON_LINES, action: str = "", after: int = -1,
            start: Optional[datetime] = None, end: Optional[datetime] = None
    ) -> None:
        self.path = as_path(path)
        self.format = format
        self.action = action
        self.after = after
        self.start = None if start is None else as_time(start)
        self.end = None if end is None else as_time(end)


class AuditListing(Value):
    """- records: How many were written.
    - last: The seq of the last one: where a later listing goes on (`after`). -1: none was written.
    - size: Of the file.
    - sha256: Of the file, in hex.
    """
    __slots__ = ("records", "last", "size", "sha256")
    records: int
    last: int
    size: Bytes
    sha256: str

    def __init__(self, records: int = 0, last: int = -1, size: int = Bytes(0), sha256: str = "") -> None:
        self.records = records
        self.last = last
        self.size = Bytes(size)
        self.sha256 = sha256


class AuditReport(Value):
    """- records: How many were checked.
    - head: The hash of the last one; keep it to detect a rollback later.
    """
    __slots__ = ("records", "head")
    records: int
    head: str

    def __init__(self, records: int = 0, head: str = "") -> None:
        self.records = records
        self.head = head


class AuditCheckpoint(Value):
    """A signed statement that the log began with `size` records whose tree has this root. Keep `note`: no later rewriting of
    the
    log can agree with it. Formats: docs/design/tenant.md.

    - size: Records of this log that it covers.
    - root: RFC 6962 root of those records, in hex.
    - note: C2SP signed note over the tree of all logs' heads.
    - key: The public key in C2SP form; tell it to those who verify, by another way.
    """
    __slots__ = ("size", "root", "at", "note", "key")
    size: int
    root: str
    at: datetime
    note: str
    key: str

    def __init__(self, size: int = 0, root: str = "", at: datetime = EPOCH, note: str = "", key: str = "") -> None:
        self.size = size
        self.root = root
        self.at = as_time(at)
        self.note = note
        self.key = key


class AuditProof(Value):
    """That one record is in the log which a checkpoint signs.

    - size: Of the checkpoint.
    - path: Hashes from the record up to the root, in hex.
    - text: All of it as a file for the independent verifier.
    """
    __slots__ = ("seq", "size", "path", "text")
    seq: int
    size: int
    path: Tuple[str, ...]
    text: str

    def __init__(self, seq: int = 0, size: int = 0, path: Iterable[str] = (), text: str = "") -> None:
        self.seq = seq
        self.size = size
        self.path = as_tuple(path)
        self.text = text


class AuditRetention(Value):
    """How long records are kept. Older ones are pruned: their content goes, their hashes stay, so that every proof of what is
    younger,
    and every checkpoint, stays valid.

    - plan_days: What the plan keeps. Unset: for ever.
    - own_days: What set_retention() set.
    - days: What holds: the shorter one. Unset: for ever.
    - first: The first record whose content is there. 0: nothing was pruned.
    - held: A legal hold: nothing is pruned, no personal value erased.
    """
    __slots__ = ("plan_days", "own_days", "days", "first", "held")
    plan_days: Optional[int]
    own_days: Optional[int]
    days: Optional[int]
    first: int
    held: bool

    def __init__(
            self, plan_days: Optional[int] = None, own_days: Optional[int] = None, days: Optional[int] = None,
            first: int = -1, held: bool = False
    ) -> None:
        self.plan_days = plan_days
        self.own_days = own_days
        self.days = days
        self.first = first
        self.held = held


class AuditRetentionOptions(Value):
    """- days: 1 to 36500. Unset: as long as the plan says.
    - reason: Required.
    """
    __slots__ = ("days", "reason")
    days: Optional[int]
    reason: str

    def __init__(self, *, days: Optional[int] = None, reason: str) -> None:
        self.days = days
        self.reason = reason


class ErasableFolder(Value):
    """A folder that can be erased by itself, in every snapshot at once, without touching the others.

    - path: Required. As `browse` shows it: "projects/prj_…".
    - subject: Required. Whose it is: folders of one subject are erased together. Better an id than a name, as receipts keep
        it.
    """
    __slots__ = ("path", "subject")
    path: str
    subject: str

    def __init__(self, *, path: str, subject: str) -> None:
        self.path = path
        self.subject = subject


class JobSchedule(Value):
    """When long work begins, and what of a tenant's own work goes first. Between tenants their plans' shares decide.

    - start: Not before this; at most 366 days ahead. Unset or past: as soon as a worker is free.
    - priority: -100 to 100: of what could begin, the tenant's higher goes first.
    - unique_key: At most 200 characters. As long as a job of this kind with the same key has not ended, starting another
        starts nothing and returns that one. Empty: every start is a job of its own.
    - after: Begins when these, at most 100, have ended.
    - batch: At most 200 characters: jobs of one name are counted and cancelled together. Empty: none.
    """
    __slots__ = ("start", "priority", "unique_key", "after", "after_failure", "batch")
    start: Optional[datetime]
    priority: int
    unique_key: str
    after: Tuple[JobId, ...]
    after_failure: AfterFailure
    batch: str

    def __init__(
            self, start: Optional[datetime] = None, priority: int = 0, unique_key: str = "", after: Iterable[JobId] = (),
            after_failure: AfterFailure = AfterFailure.CANCEL, batch: str = ""
    ) -> None:
        self.start = None if start is None else as_time(start)
        self.priority = priority
        self.unique_key = unique_key
        self.after = as_tuple(after)
        self.after_failure = after_failure
        self.batch = batch


class WorkLimits(Value):
    """What one job may take of the machine and its network, so that others keep theirs. 0: no limit.

    - threads: At work at once, 1 to 64. 0: as many as the machine has processors, 4 at most.
    - memory: Of buffers and caches together, 32 MiB or more; fewer threads work where these need more. Beside it there are
        the repository's index, at most 16 bytes a stored chunk, and lists of names that a job works on.
    - download_per_second: Read from the stores.
    - upload_per_second: Written to the stores, once compressed.
    """
    __slots__ = ("threads", "memory", "download_per_second", "upload_per_second")
    threads: int
    memory: Bytes
    download_per_second: Bytes
    upload_per_second: Bytes

    def __init__(
            self, threads: int = 0, memory: int = Bytes(0), download_per_second: int = Bytes(0),
            upload_per_second: int = Bytes(0)
    ) -> None:
        self.threads = threads
        self.memory = Bytes(memory)
        self.download_per_second = Bytes(download_per_second)
        self.upload_per_second = Bytes(upload_per_second)


class BackupOptions(Value):
    """- name: Required. Shown in lists; need not be unique.
    - include_recordings: Camera footage too, closed segments only.
    - exclude: What to leave out, by paths as `browse` shows them: `*`, `?` and `[…]` stand for parts of one name, `**` for
        any number of folders. A pattern without '/' is about names in every folder, one that ends with '/' about folders
        alone; '!' before one takes back what those before it left out.
    - erasable: Folders with keys of their own. Nothing is shared between two subjects, also where content is the same, nor
        with the rest. Of folders within one another the inner one's subject counts.
    - include: Only these files and folders with what is below them, by paths as `browse` shows them; what `exclude` names
        of them stays out. One that is not there is none. Empty: everything.
    - include_rows: What the tenant's rows say, as a takeout tells it, in the snapshot's folder `rows`: assets, exports,
        users, usage, audit trail and all else, never a secret. All of one moment, and they name no file that the snapshot
        does not have, or `problems` says so. They are restored to folders alone. Needs the permission tenant:export, too.
    """
    __slots__ = (
            "name", "include_recordings", "tags", "schedule", "exclude", "erasable", "limits", "include", "include_rows"
    )
    name: str
    include_recordings: bool
    tags: Tuple[Label, ...]
    schedule: JobSchedule
    exclude: Tuple[str, ...]
    erasable: Tuple[ErasableFolder, ...]
    limits: WorkLimits
    include: Tuple[str, ...]
    include_rows: bool

    def __init__(
            self, *, name: str, include_recordings: bool = False, tags: Labels = (),
            schedule: Optional[JobSchedule] = None, exclude: Iterable[str] = (), erasable: Iterable[ErasableFolder] = (),
            limits: Optional[WorkLimits] = None, include: Iterable[str] = (), include_rows: bool = False
    ) -> None:
        self.name = name
        self.include_recordings = include_recordings
        self.tags = label_tuple(tags)
        self.schedule = JobSchedule() if schedule is None else schedule
        self.exclude = as_tuple(exclude)
        self.erasable = as_tuple(erasable)
        self.limits = WorkLimits() if limits is None else limits
        self.include = as_tuple(include)
        self.include_rows = include_rows


class Snapshot(Value):
    """One committed state of the workspace.

    - size: Of the files, before deduplication and compression.
    - stored: What it added to the repository; unset where an older version took it.
    - held: Why it must not be forgotten; no text: it may be. See Backups::hold().
    """
    __slots__ = ("id", "name", "taken_at", "tags", "files", "size", "stored", "held")
    id: SnapshotId
    name: str
    taken_at: datetime
    tags: Tuple[Label, ...]
    files: int
    size: Bytes
    stored: Optional[Bytes]
    held: str

    def __init__(
            self, id: SnapshotId = SnapshotId(), name: str = "", taken_at: datetime = EPOCH, tags: Labels = (),
            files: int = 0, size: int = Bytes(0), stored: Optional[int] = None, held: str = ""
    ) -> None:
        self.id = id
        self.name = name
        self.taken_at = as_time(taken_at)
        self.tags = label_tuple(tags)
        self.files = files
        self.size = Bytes(size)
        self.stored = None if stored is None else Bytes(stored)
        self.held = held


class BackupResult(Value):
    """- files_new: Read because they were new or changed.
    - files_unchanged: Taken over from the snapshot before; read only if they had just been written then.
    - deduplicated: Read, but already in the repository.
    - stored: Written to the repository, encrypted, all overhead included.
    - problems: Files that could not be read or changed while being read.
    """
    __slots__ = ("snapshot", "files_new", "files_unchanged", "read", "deduplicated", "stored", "problems")
    snapshot: Snapshot
    files_new: int
    files_unchanged: int
    read: Bytes
    deduplicated: Bytes
    stored: Bytes
    problems: Tuple[str, ...]

    def __init__(
            self, snapshot: Optional[Snapshot] = None, files_new: int = 0, files_unchanged: int = 0, read: int = Bytes(0),
            deduplicated: int = Bytes(0), stored: int = Bytes(0), problems: Iterable[str] = ()
    ) -> None:
        self.snapshot = Snapshot() if snapshot is None else snapshot
        self.files_new = files_new
        self.files_unchanged = files_unchanged
        self.read = Bytes(read)
        self.deduplicated = Bytes(deduplicated)
        self.stored = Bytes(stored)
        self.problems = as_tuple(problems)


class SnapshotFilter(Value):
    """- start: Taken at or after. Unset: no bound.
    - end: Taken before.
    - name: Empty: every name.
    - tags: With all of these; an empty value stands for any.
    """
    __slots__ = ("start", "end", "name", "tags")
    start: Optional[datetime]
    end: Optional[datetime]
    name: str
    tags: Tuple[Label, ...]

    def __init__(
            self, *, start: Optional[datetime] = None, end: Optional[datetime] = None, name: str = "", tags: Labels = ()
    ) -> None:
        self.start = None if start is None else as_time(start)
        self.end = None if end is None else as_time(end)
        self.name = name
        self.tags = label_tuple(tags)


class BrowseOptions(Value):
    """- snapshot: Required.
    - path: A folder within the snapshot. Empty: its root.
    """
    __slots__ = ("snapshot", "path")
    snapshot: SnapshotId
    path: str

    def __init__(self, *, snapshot: SnapshotId, path: str = "") -> None:
        self.snapshot = snapshot
        self.path = path


class FileEntry(Value):
    """- erased: A folder whose keys were destroyed: nobody reads what was in it."""
    __slots__ = ("name", "kind", "size", "modified_at", "erased")
    name: str
    kind: FileKind
    size: Bytes
    modified_at: datetime
    erased: bool

    def __init__(
            self, name: str = "", kind: FileKind = FileKind.FILE, size: int = Bytes(0), modified_at: datetime = EPOCH,
            erased: bool = False
    ) -> None:
        self.name = name
        self.kind = kind
        self.size = Bytes(size)
        self.modified_at = as_time(modified_at)
        self.erased = erased


class DiffOptions(Value):
    """- before: Required.
    - after: Required.
    - path: At and below it. Empty: everything.
    - limit: Changes listed at most; all are counted. 0: only counted.
    """
    __slots__ = ("before", "after", "path", "limit")
    before: SnapshotId
    after: SnapshotId
    path: str
    limit: int

    def __init__(self, *, before: SnapshotId, after: SnapshotId, path: str = "", limit: int = 10000) -> None:
        self.before = before
        self.after = after
        self.path = path
        self.limit = limit


class FileChange(Value):
    """One file or folder that differs between two snapshots.

    - before: A file's size there; 0 where it is not, and of other things.
    """
    __slots__ = ("path", "change", "kind", "before", "after")
    path: str
    change: ChangeKind
    kind: FileKind
    before: Bytes
    after: Bytes

    def __init__(
            self, path: str = "", change: ChangeKind = ChangeKind.ADDED, kind: FileKind = FileKind.FILE,
            before: int = Bytes(0), after: int = Bytes(0)
    ) -> None:
        self.path = path
        self.change = change
        self.kind = kind
        self.before = Bytes(before)
        self.after = Bytes(after)


class SnapshotDiff(Value):
    """- changes: In the order of names, a folder before what is in it.
    - bytes_added: Of files; a modified one counts here and there with its whole size.
    """
    __slots__ = ("changes", "added", "removed", "modified", "attributes", "bytes_added", "bytes_removed")
    changes: Tuple[FileChange, ...]
    added: int
    removed: int
    modified: int
    attributes: int
    bytes_added: Bytes
    bytes_removed: Bytes

    def __init__(
            self, changes: Iterable[FileChange] = (), added: int = 0, removed: int = 0, modified: int = 0,
            attributes: int = 0, bytes_added: int = Bytes(0), bytes_removed: int = Bytes(0)
    ) -> None:
        self.changes = as_tuple(changes)
        self.added = added
        self.removed = removed
        self.modified = modified
        self.attributes = attributes
        self.bytes_added = Bytes(bytes_added)
        self.bytes_removed = Bytes(bytes_removed)


class TagOptions(Value):
    """- snapshot: Required.
    - add: One whose key it has already replaces that.
    - remove: Keys; those that it does not have are passed over.
    """
    __slots__ = ("snapshot", "add", "remove")
    snapshot: SnapshotId
    add: Tuple[Label, ...]
    remove: Tuple[str, ...]

    def __init__(self, *, snapshot: SnapshotId, add: Labels = (), remove: Iterable[str] = ()) -> None:
        self.snapshot = snapshot
        self.add = label_tuple(add)
        self.remove = as_tuple(remove)


class KeepRules(Value):
    """A snapshot stays if any of these wants it. Of each hour, day … the newest snapshot counts. -1: as many as there are.

    - weekly: From Monday (ISO 8601).
    - within: Those that are at most so much older than the newest.
    - tags: Those with one of these; an empty value stands for any.
    - utc_offset: Of the clock on the wall that hours and days go by.
    - zone: IANA time zone of that clock instead, set forward and back as it is there.
    """
    __slots__ = ("last", "hourly", "daily", "weekly", "monthly", "yearly", "within", "tags", "utc_offset", "zone")
    last: int
    hourly: int
    daily: int
    weekly: int
    monthly: int
    yearly: int
    within: timedelta
    tags: Tuple[Label, ...]
    utc_offset: timedelta
    zone: str

    def __init__(
            self, last: int = 0, hourly: int = 0, daily: int = 0, weekly: int = 0, monthly: int = 0, yearly: int = 0,
            within: Seconds = timedelta(0), tags: Labels = (), utc_offset: Seconds = timedelta(0), zone: str = ""
    ) -> None:
        self.last = last
        self.hourly = hourly
        self.daily = daily
        self.weekly = weekly
        self.monthly = monthly
        self.yearly = yearly
        self.within = as_timedelta(within)
        self.tags = label_tuple(tags)
        self.utc_offset = as_timedelta(utc_offset)
        self.zone = zone


class ForgetOptions(Value):
    """- keep: For each name by itself, whose newest snapshot always stays.
    - name: Only snapshots of this name. Empty: all.
    - snapshots: Instead of rules: exactly these.
    - dry_run: Only say what would become of each.
    """
    __slots__ = ("keep", "name", "snapshots", "dry_run")
    keep: KeepRules
    name: str
    snapshots: Tuple[SnapshotId, ...]
    dry_run: bool

    def __init__(
            self, *, keep: Optional[KeepRules] = None, name: str = "", snapshots: Iterable[SnapshotId] = (),
            dry_run: bool = False
    ) -> None:
        self.keep = KeepRules() if keep is None else keep
        self.name = name
        self.snapshots = as_tuple(snapshots)
        self.dry_run = dry_run


class SnapshotVerdict(Value):
    """What became of one snapshot, and why.

    - reasons: For people: the rules that want it, "daily 2026-11-21". Empty: none does.
    """
    __slots__ = ("snapshot", "kept", "reasons")
    snapshot: Snapshot
    kept: bool
    reasons: Tuple[str, ...]

    def __init__(self, snapshot: Optional[Snapshot] = None, kept: bool = False, reasons: Iterable[str] = ()) -> None:
        self.snapshot = Snapshot() if snapshot is None else snapshot
        self.kept = kept
        self.reasons = as_tuple(reasons)


class ForgetResult(Value):
    """- snapshots: Newest first.
    - forgotten: Or would be.
    """
    __slots__ = ("snapshots", "kept", "forgotten")
    snapshots: Tuple[SnapshotVerdict, ...]
    kept: int
    forgotten: int

    def __init__(self, snapshots: Iterable[SnapshotVerdict] = (), kept: int = 0, forgotten: int = 0) -> None:
        self.snapshots = as_tuple(snapshots)
        self.kept = kept
        self.forgotten = forgotten


class DamagedFile(Value):
    """A part of a snapshot that is lost.

    - path: Of a file, or of a folder of which nothing can be read. Empty: all of the snapshot.
    - offset: In the file.
    - size: 0: all of it.
    """
    __slots__ = ("snapshot", "path", "offset", "size")
    snapshot: SnapshotId
    path: str
    offset: Bytes
    size: Bytes

    def __init__(
            self, snapshot: SnapshotId = SnapshotId(), path: str = "", offset: int = Bytes(0), size: int = Bytes(0)
    ) -> None:
        self.snapshot = snapshot
        self.path = path
        self.offset = Bytes(offset)
        self.size = Bytes(size)


class RestoreOptions(Value):
    """- snapshot: Required.
    - target: Empty: the workspace itself.
    - paths: Files and folders within the snapshot. Empty: all.
    - exclude: What of that to leave out: patterns as in BackupOptions.
    - salvage: Where something is lost, bring back all the rest: lost parts of files are zeros, lost folders are not there,
        and the result names them. False: the job ends in Corrupt.
    - delete_extra: What the target has in the snapshot's folders, and the snapshot has not, goes, once all that the
        snapshot has is there: also what the backup had left out. It stays: what `exclude` names, what lies beside the
        snapshot's uppermost folders, or beside `paths`, what is mounted; in the workspace the files and folders of
        projects' assets, exports and recordings, which are removed as such. No link is followed. Not with `salvage`.
    """
    __slots__ = ("snapshot", "target", "paths", "schedule", "exclude", "limits", "salvage", "delete_extra")
    snapshot: SnapshotId
    target: Optional[Path]
    paths: Tuple[str, ...]
    schedule: JobSchedule
    exclude: Tuple[str, ...]
    limits: WorkLimits
    salvage: bool
    delete_extra: bool

    def __init__(
            self, *, snapshot: SnapshotId, target: Optional[AnyPath] = None, paths: Iterable[str] = (),
            schedule: Optional[JobSchedule] = None, exclude: Iterable[str] = (), limits: Optional[WorkLimits] = None,
            salvage: bool = False, delete_extra: bool = False
    ) -> None:
        self.snapshot = snapshot
        self.target = None if target is None else as_path(target)
        self.paths = as_tuple(paths)
        self.schedule = JobSchedule() if schedule is None else schedule
        self.exclude = as_tuple(exclude)
        self.limits = WorkLimits() if limits is None else limits
        self.salvage = salvage
        self.delete_extra = delete_extra


class RestoreResult(Value):
    """- files: That are now as in the snapshot.
    - files_unchanged: Of them: were already there with the same content.
    - problems: Owners, modes and the like that the target refused, and files that the tenant's storage had no room for in
        the end.
    - damaged: With `salvage`: what did not come back, at most 1000.
    - deleted: With `delete_extra`: files, links and folders that went.
    """
    __slots__ = ("target", "files", "written", "files_unchanged", "problems", "damaged", "deleted")
    target: Path
    files: int
    written: Bytes
    files_unchanged: int
    problems: Tuple[str, ...]
    damaged: Tuple[DamagedFile, ...]
    deleted: int

    def __init__(
            self, target: AnyPath = Path(), files: int = 0, written: int = Bytes(0), files_unchanged: int = 0,
            problems: Iterable[str] = (), damaged: Iterable[DamagedFile] = (), deleted: int = 0
    ) -> None:
        self.target = as_path(target)
        self.files = files
        self.written = Bytes(written)
        self.files_unchanged = files_unchanged
        self.problems = as_tuple(problems)
        self.damaged = as_tuple(damaged)
        self.deleted = deleted


class RestorePreview(Value):
    """What a restore would do.

    - files: In the snapshot, of what was asked for; links too.
    - files_new: Of them: nothing bears their name in the target.
    - files_replaced: Something else does, and goes.
    - files_unchanged: Are there with the same content, and stay.
    - extra: Files and folders that the target has in the folders of the snapshot, and the snapshot has not. They stay, but
        for `deleted`.
    - deleted: With `delete_extra`: files, links and folders that would go, those in extra folders too.
    - written: Out of the repository.
    - kept: Of what is asked for, already in the target.
    - fetched: Read from the repository, where it is compressed.
    - requests: To its store.
    - time: How long it takes: as the newest drill of the backup measured it, scaled to what is written. Where there was
        none: what fetching and opening a sample took just now, without what the target's disk costs.
    - measured: `time` comes from a drill.
    - changes: What is new (`added`), replaced (`modified`) or would go (`removed`), at most 10,000.
    - problems: What would end the restore in Conflict: a folder where a file belongs and the like. And what was erased, and
        does not come back, and what is extra and would stay as it is mounted.
    """
    __slots__ = (
            "target", "files", "files_new", "files_replaced", "files_unchanged", "folders_new", "extra", "deleted",
            "written", "kept", "fetched", "requests", "time", "measured", "changes", "problems"
    )
    target: Path
    files: int
    files_new: int
    files_replaced: int
    files_unchanged: int
    folders_new: int
    extra: int
    deleted: int
    written: Bytes
    kept: Bytes
    fetched: Bytes
    requests: int
    time: timedelta
    measured: bool
    changes: Tuple[FileChange, ...]
    problems: Tuple[str, ...]

    def __init__(
            self, target: AnyPath = Path(), files: int = 0, files_new: int = 0, files_replaced: int = 0,
            files_unchanged: int = 0, folders_new: int = 0, extra: int = 0, deleted: int = 0, written: int = Bytes(0),
            kept: int = Bytes(0), fetched: int = Bytes(0), requests: int = 0, time: Seconds = timedelta(0),
            measured: bool = False, changes: Iterable[FileChange] = (), problems: Iterable[str] = ()
    ) -> None:
        self.target = as_path(target)
        self.files = files
        self.files_new = files_new
        self.files_replaced = files_replaced
        self.files_unchanged = files_unchanged
        self.folders_new = folders_new
        self.extra = extra
        self.deleted = deleted
        self.written = Bytes(written)
        self.kept = Bytes(kept)
        self.fetched = Bytes(fetched)
        self.requests = requests
        self.time = as_timedelta(time)
        self.measured = measured
        self.changes = as_tuple(changes)
        self.problems = as_tuple(problems)


class CheckOptions(Value):
    """- percent: Of what is stored so much is read, 1 to 100, and the next check that reads a part goes on behind it: after
        100 / `percent` of them all has been read. Lists, sizes, snapshots, folders, records and checkpoints are looked at
        entirely each time.
    - against: A checkpoint's record that was kept elsewhere: it must be in the repository's past. That also tells of a
        repository that was put back together with the whole home. Empty: none.
    """
    __slots__ = ("level", "percent", "against", "limits", "schedule")
    level: CheckLevel
    percent: int
    against: str
    limits: WorkLimits
    schedule: JobSchedule

    def __init__(
            self, *, level: CheckLevel = CheckLevel.FULL, percent: int = 100, against: str = "",
            limits: Optional[WorkLimits] = None, schedule: Optional[JobSchedule] = None
    ) -> None:
        self.level = level
        self.percent = percent
        self.against = against
        self.limits = WorkLimits() if limits is None else limits
        self.schedule = JobSchedule() if schedule is None else schedule


class CheckReport(Value):
    """- problems: Empty: all is well.
    - unused: Stored and needed by no snapshot, about: `prune` gives it back.
    - under_old_keys: Stored before the data keys were rotated and not written anew yet.
    - tampered: Of the problems: objects that were deleted, put back, replaced or forked, as checkpoints show.
    - repairable: Of the problems: `repair` mends them from what is stored.
    - unprotected: Objects without the parity that this home keeps: `repair` makes it. 0 where other stores have copies: no
        parity is made then.
    - read_since: All that was stored then, and still is, has been read since, by this check and those before it at its
        level. Unset: not all, yet.
    """
    __slots__ = (
            "snapshots", "objects", "chunks", "read", "problems", "unused", "under_old_keys", "tampered", "repairable",
            "unprotected", "read_since"
    )
    snapshots: int
    objects: int
    chunks: int
    read: Bytes
    problems: Tuple[str, ...]
    unused: Bytes
    under_old_keys: Bytes
    tampered: int
    repairable: int
    unprotected: int
    read_since: Optional[datetime]

    def __init__(
            self, snapshots: int = 0, objects: int = 0, chunks: int = 0, read: int = Bytes(0),
            problems: Iterable[str] = (), unused: int = Bytes(0), under_old_keys: int = Bytes(0), tampered: int = 0,
            repairable: int = 0, unprotected: int = 0, read_since: Optional[datetime] = None
    ) -> None:
        self.snapshots = snapshots
        self.objects = objects
        self.chunks = chunks
        self.read = Bytes(read)
        self.problems = as_tuple(problems)
        self.unused = Bytes(unused)
        self.under_old_keys = Bytes(under_old_keys)
        self.tampered = tampered
        self.repairable = repairable
        self.unprotected = unprotected
        self.read_since = None if read_since is None else as_time(read_since)


class RepairOptions(Value):
    """- level: How closely damage is looked for.
    - reread: What nothing stored brings back is read from the workspace again, where it still is.
    """
    __slots__ = ("level", "reread", "schedule", "limits")
    level: CheckLevel
    reread: bool
    schedule: JobSchedule
    limits: WorkLimits

    def __init__(
            self, *, level: CheckLevel = CheckLevel.FULL, reread: bool = True, schedule: Optional[JobSchedule] = None,
            limits: Optional[WorkLimits] = None
    ) -> None:
        self.level = level
        self.reread = reread
        self.schedule = JobSchedule() if schedule is None else schedule
        self.limits = WorkLimits() if limits is None else limits


class RepairResult(Value):
    """- objects: Looked at.
    - repaired: Objects that are again as they were stored, proven by their hashes or seals.
    - protected_again: Objects whose parity was missing or damaged.
    - reread: That came from the workspace.
    - damaged: What stays lost, of every snapshot, at most 1000. Empty: all restores work.
    - problems: Stored objects that are still damaged. Those that nothing needs go with `prune`.
    """
    __slots__ = ("objects", "read", "repaired", "protected_again", "reread", "damaged", "problems")
    objects: int
    read: Bytes
    repaired: int
    protected_again: int
    reread: Bytes
    damaged: Tuple[DamagedFile, ...]
    problems: Tuple[str, ...]

    def __init__(
            self, objects: int = 0, read: int = Bytes(0), repaired: int = 0, protected_again: int = 0,
            reread: int = Bytes(0), damaged: Iterable[DamagedFile] = (), problems: Iterable[str] = ()
    ) -> None:
        self.objects = objects
        self.read = Bytes(read)
        self.repaired = repaired
        self.protected_again = protected_again
        self.reread = Bytes(reread)
        self.damaged = as_tuple(damaged)
        self.problems = as_tuple(problems)


class BackupCheckpoint(Value):
    """What a repository held at one moment, signed. Whoever keeps its record somewhere else sees at any later time whether
    something was
    taken away, put back or replaced since: see CheckOptions::against.

    - number: From 1; each is greater than those before.
    - packs: Files of data that it vouches for, besides indexes and logs.
    - record: Text of less than 1 KiB, signed by the repository's own key: what is to be kept.
    - public_key: That key, Ed25519, in base64.
    - accepted: What accept() took for right.
    """
    __slots__ = ("number", "made_at", "snapshots", "packs", "record", "public_key", "accepted")
    number: int
    made_at: datetime
    snapshots: int
    packs: int
    record: str
    public_key: str
    accepted: Tuple[str, ...]

    def __init__(
            self, number: int = 0, made_at: datetime = EPOCH, snapshots: int = 0, packs: int = 0, record: str = "",
            public_key: str = "", accepted: Iterable[str] = ()
    ) -> None:
        self.number = number
        self.made_at = as_time(made_at)
        self.snapshots = snapshots
        self.packs = packs
        self.record = record
        self.public_key = public_key
        self.accepted = as_tuple(accepted)


class PruneOptions(Value):
    """- unused_percent: So much of what is stored may stay unused; packs are written anew until no more is. 0 to 100.
    - dry_run: Only say what it would do, about.
    """
    __slots__ = ("unused_percent", "dry_run", "schedule", "limits")
    unused_percent: int
    dry_run: bool
    schedule: JobSchedule
    limits: WorkLimits

    def __init__(
            self, *, unused_percent: int = 5, dry_run: bool = False, schedule: Optional[JobSchedule] = None,
            limits: Optional[WorkLimits] = None
    ) -> None:
        self.unused_percent = unused_percent
        self.dry_run = dry_run
        self.schedule = JobSchedule() if schedule is None else schedule
        self.limits = WorkLimits() if limits is None else limits


class PruneResult(Value):
    """- snapshots: Forgotten ones whose last traces went.
    - packs_removed: Nothing in them was needed any more.
    - packs_rewritten: What is needed of them lies in others now.
    - freed: What the repository weighs less by this run, to the byte; the tenant's storage, too.
    - rewritten: Written anew on the way.
    - unused: Not needed and left in packs that mostly are, about.
    - problems: What is damaged and stays until it is mended.
    """
    __slots__ = ("snapshots", "packs_removed", "packs_rewritten", "freed", "rewritten", "unused", "problems")
    snapshots: int
    packs_removed: int
    packs_rewritten: int
    freed: Bytes
    rewritten: Bytes
    unused: Bytes
    problems: Tuple[str, ...]

    def __init__(
            self, snapshots: int = 0, packs_removed: int = 0, packs_rewritten: int = 0, freed: int = Bytes(0),
            rewritten: int = Bytes(0), unused: int = Bytes(0), problems: Iterable[str] = ()
    ) -> None:
        self.snapshots = snapshots
        self.packs_removed = packs_removed
        self.packs_rewritten = packs_rewritten
        self.freed = Bytes(freed)
        self.rewritten = Bytes(rewritten)
        self.unused = Bytes(unused)
        self.problems = as_tuple(problems)


class RekeyOptions(Value):
    """- resume: No new data keys: only go on with what an earlier job has left."""
    __slots__ = ("resume", "limits", "schedule")
    resume: bool
    limits: WorkLimits
    schedule: JobSchedule

    def __init__(
            self, *, resume: bool = False, limits: Optional[WorkLimits] = None, schedule: Optional[JobSchedule] = None
    ) -> None:
        self.resume = resume
        self.limits = WorkLimits() if limits is None else limits
        self.schedule = JobSchedule() if schedule is None else schedule


class RekeyResult(Value):
    """- packs: Under old data keys, that are gone.
    - objects: Snapshots, records of the log and the like that were sealed anew.
    - rewritten: What was needed of these packs, written anew.
    - left: Still under old keys, because it is damaged.
    - revoked: Nothing is left: old data keys open nothing that the repository holds.
    - problems: What is damaged. Once it is mended, `resume` does the rest.
    """
    __slots__ = ("packs", "objects", "rewritten", "left", "revoked", "problems")
    packs: int
    objects: int
    rewritten: Bytes
    left: Bytes
    revoked: bool
    problems: Tuple[str, ...]

    def __init__(
            self, packs: int = 0, objects: int = 0, rewritten: int = Bytes(0), left: int = Bytes(0),
            revoked: bool = False, problems: Iterable[str] = ()
    ) -> None:
        self.packs = packs
        self.objects = objects
        self.rewritten = Bytes(rewritten)
        self.left = Bytes(left)
        self.revoked = revoked
        self.problems = as_tuple(problems)


class KeySlot(Value):
    """One way to open the repository.

    - kind: "password", "key_file" (this home's own too: "home"), "recovery_code", "recipient", "host"
    - derivation: Of a password: "argon2id", "pbkdf2". Empty for others.
    - generation: Of the root key that it opens; grows with each rotation.
    """
    __slots__ = ("number", "kind", "label", "derivation", "generation")
    number: int
    kind: str
    label: str
    derivation: str
    generation: int

    def __init__(
            self, number: int = 0, kind: str = "", label: str = "", derivation: str = "", generation: int = 0
    ) -> None:
        self.number = number
        self.kind = kind
        self.label = label
        self.derivation = derivation
        self.generation = generation


class RecoveryCode(Value):
    """- code: 256 bits in letters, digits and hyphens, with a checksum. Said this once."""
    __slots__ = ("slot", "code")
    slot: KeySlot
    code: str

    def __init__(self, slot: Optional[KeySlot] = None, code: str = "") -> None:
        self.slot = KeySlot() if slot is None else slot
        self.code = code


class KeyFileOptions(Value):
    """- path: Required. Outside of the engine's home. A new file of 256 random bits with a checksum, as text, which this user
        alone may read: it is never put in another one's place.
    - label: Required.
    - existing: The file is there: a key file, or 32 random bytes of another tool's. It stays as it is.
    """
    __slots__ = ("path", "label", "existing")
    path: Path
    label: str
    existing: bool

    def __init__(self, *, path: AnyPath, label: str, existing: bool = False) -> None:
        self.path = as_path(path)
        self.label = label
        self.existing = existing


class RecipientKey(Value):
    """A pair of X25519 keys, each 32 bytes in base64.

    - private_key: Kept nowhere here.
    """
    __slots__ = ("public_key", "private_key")
    public_key: str
    private_key: str

    def __init__(self, public_key: str = "", private_key: str = "") -> None:
        self.public_key = public_key
        self.private_key = private_key


class DeferredKeyOptions(Value):
    """- key: Required. 32 random bytes or more, in base64. Kept nowhere here.
    - label: Required.
    - unlock_within: Work that needs the key waits for it so long. 0: ten minutes.
    """
    __slots__ = ("key", "label", "unlock_within")
    key: str
    label: str
    unlock_within: timedelta

    def __init__(self, *, key: str, label: str, unlock_within: Seconds = timedelta(0)) -> None:
        self.key = key
        self.label = label
        self.unlock_within = as_timedelta(unlock_within)


class BackupErasure(Value):
    """Proof of an erasure.

    - packs: Objects that nobody can read any more; their space comes back when they are collected.
    - size: Of these.
    - receipt: All of that as JSON, with the repository's id and the generations of its keys.
    - signature: Ed25519 over the bytes of `receipt`, in base64.
    - public_key: Whose signature it is: the repository's, in base64.
    """
    __slots__ = ("subject", "erased_at", "packs", "size", "receipt", "signature", "public_key")
    subject: str
    erased_at: datetime
    packs: int
    size: Bytes
    receipt: str
    signature: str
    public_key: str

    def __init__(
            self, subject: str = "", erased_at: datetime = EPOCH, packs: int = 0, size: int = Bytes(0), receipt: str = "",
            signature: str = "", public_key: str = ""
    ) -> None:
        self.subject = subject
        self.erased_at = as_time(erased_at)
        self.packs = packs
        self.size = Bytes(size)
        self.receipt = receipt
        self.signature = signature
        self.public_key = public_key


class KeyRotation(Value):
    """- generation: Of the new root key.
    - slots: What opens it: those of before, each sealed anew.
    """
    __slots__ = ("generation", "slots")
    generation: int
    slots: Tuple[KeySlot, ...]

    def __init__(self, generation: int = 0, slots: Iterable[KeySlot] = ()) -> None:
        self.generation = generation
        self.slots = as_tuple(slots)


class DrillOptions(Value):
    """- name: The newest snapshot of this name is restored from. Empty: the newest of all.
    - files: So many files are restored, drawn at random: 459 find, 99 times out of 100, damage to one file in a hundred. 0:
        all of them. Where these are less than a 64th of all bytes the largest file of at most 256 MiB goes with them, so
        that the time of bytes is measured, too.
    - rto_goal: What restoring everything may take. 0: whatever it takes.
    - rpo_goal: How old the newest snapshot may be. 0: any age.
    - limits: A drill that keeps to them takes longer than a restore that has none, and says so.
    """
    __slots__ = ("name", "files", "rto_goal", "rpo_goal", "schedule", "limits")
    name: str
    files: int
    rto_goal: timedelta
    rpo_goal: timedelta
    schedule: JobSchedule
    limits: WorkLimits

    def __init__(
            self, *, name: str = "", files: int = 459, rto_goal: Seconds = timedelta(0), rpo_goal: Seconds = timedelta(0),
            schedule: Optional[JobSchedule] = None, limits: Optional[WorkLimits] = None
    ) -> None:
        self.name = name
        self.files = files
        self.rto_goal = as_timedelta(rto_goal)
        self.rpo_goal = as_timedelta(rpo_goal)
        self.schedule = JobSchedule() if schedule is None else schedule
        self.limits = WorkLimits() if limits is None else limits


class DrillReport(Value):
    """What a drill found. Kept for two years.

    - schedule: That it belonged to. Empty: it was started by hand.
    - snapshot: What was restored from.
    - passed: No problem, and both goals are met.
    - complete: Everything was restored: `rto` is measured, not estimated.
    - files: Restored to a folder that is gone again, read back and compared with the snapshot's hashes.
    - size: Of these.
    - compared: Of these: also equal to the workspace's files, which were as old and as large as then.
    - restore_time: What restoring these took.
    - rto: Recovery time: what restoring everything takes, on this machine and to this disk.
    - rpo: Recovery point: what would be lost now, the snapshot's age.
    - rpo_goal: Of a schedule's drill: the age that it reaches only if a backup is missed.
    - problems: What did not come back as it was backed up.
    """
    __slots__ = (
            "job", "schedule", "snapshot", "started_at", "passed", "complete", "files", "size", "compared",
            "restore_time", "rto", "rto_goal", "rpo", "rpo_goal", "problems"
    )
    job: JobId
    schedule: str
    snapshot: Snapshot
    started_at: datetime
    passed: bool
    complete: bool
    files: int
    size: Bytes
    compared: int
    restore_time: timedelta
    rto: timedelta
    rto_goal: timedelta
    rpo: timedelta
    rpo_goal: timedelta
    problems: Tuple[str, ...]

    def __init__(
            self, job: JobId = JobId(), schedule: str = "", snapshot: Optional[Snapshot] = None,
            started_at: datetime = EPOCH, passed: bool = False, complete: bool = False, files: int = 0,
            size: int = Bytes(0), compared: int = 0, restore_time: Seconds = timedelta(0), rto: Seconds = timedelta(0),
            rto_goal: Seconds = timedelta(0), rpo: Seconds = timedelta(0), rpo_goal: Seconds = timedelta(0),
            problems: Iterable[str] = ()
    ) -> None:
        self.job = job
        self.schedule = schedule
        self.snapshot = Snapshot() if snapshot is None else snapshot
        self.started_at = as_time(started_at)
        self.passed = passed
        self.complete = complete
        self.files = files
        self.size = Bytes(size)
        self.compared = compared
        self.restore_time = as_timedelta(restore_time)
        self.rto = as_timedelta(rto)
        self.rto_goal = as_timedelta(rto_goal)
        self.rpo = as_timedelta(rpo)
        self.rpo_goal = as_timedelta(rpo_goal)
        self.problems = as_tuple(problems)


class DrillFilter(Value):
    """- schedule: Empty: of all, and those by hand.
    - after: The last one of the page before.
    - limit: 1 to 1000.
    """
    __slots__ = ("schedule", "after", "limit")
    schedule: str
    after: Optional[JobId]
    limit: int

    def __init__(self, *, schedule: str = "", after: Optional[JobId] = None, limit: int = 100) -> None:
        self.schedule = schedule
        self.after = after
        self.limit = limit


class BackupScheduleOptions(Value):
    """- name: Required. Unique among the tenant's, which are at most 100.
    - cron: Required. When backups are taken: see RecurrenceOptions.
    - zone: IANA time zone of all expressions, and of the hours and days that `keep` counts. Empty: the tenant's, as it is
        now.
    - backup: What is taken. Without a name, under the schedule's. Of its schedule priority, key and batch count.
    - misfire: Of times that nobody saw because no process had the home open.
    - overlap: Work of others never counts as overlap: a backup waits until one that was started by hand or by another
        schedule has ended.
    - retries: So often is tried again what failed, before the next of its times comes; 0 to 100. Each try is a job of its
        own.
    - retry_pause: Before the first; each next is twice as long, up to six hours. 0: five minutes.
    - time_limit: Work that has not ended so long after its turn is cancelled, and has failed. 0: none.
    - keep: Applied after each successful backup to the snapshots of its name, by `zone`'s clocks. Unset: all of them stay.
    - prune_cron: When the space of forgotten snapshots is given back. Empty: never.
    - unused_percent: See PruneOptions.
    - check_cron: When the backups are checked. Empty: never.
    - check_percent: How much of what is stored each of them reads, going on where the last one ended: see CheckOptions.
    - check_repairs: A check that finds damage is followed by a job that repairs it: see Backups::repair.
    - drill_cron: When a restore is practised. Empty: never.
    - drill_files: See DrillOptions.
    - rto_goal: See DrillOptions.
    - limits: Of its prunes, checks, repairs and drills. Its backups have those of `backup`.
    - overdue_after: The schedule is overdue at the first of its times that comes without a successful backup for longer
        than so many intervals. 0: never.
    """
    __slots__ = (
            "name", "cron", "zone", "backup", "misfire", "overlap", "retries", "retry_pause", "time_limit", "keep",
            "prune_cron", "unused_percent", "check_cron", "check_level", "check_percent", "check_repairs", "drill_cron",
            "drill_files", "rto_goal", "limits", "overdue_after"
    )
    name: str
    cron: str
    zone: str
    backup: BackupOptions
    misfire: Misfire
    overlap: Overlap
    retries: int
    retry_pause: timedelta
    time_limit: timedelta
    keep: Optional[KeepRules]
    prune_cron: str
    unused_percent: int
    check_cron: str
    check_level: CheckLevel
    check_percent: int
    check_repairs: bool
    drill_cron: str
    drill_files: int
    rto_goal: timedelta
    limits: WorkLimits
    overdue_after: int

    def __init__(
            self, *, name: str, cron: str, zone: str = "", backup: Optional[BackupOptions] = None,
            misfire: Misfire = Misfire.RUN_ONCE, overlap: Overlap = Overlap.SKIP, retries: int = 3,
            retry_pause: Seconds = timedelta(0), time_limit: Seconds = timedelta(0), keep: Optional[KeepRules] = None,
            prune_cron: str = "", unused_percent: int = 5, check_cron: str = "",
            check_level: CheckLevel = CheckLevel.FULL, check_percent: int = 100, check_repairs: bool = True,
            drill_cron: str = "", drill_files: int = 459, rto_goal: Seconds = timedelta(0),
            limits: Optional[WorkLimits] = None, overdue_after: int = 1
    ) -> None:
        self.name = name
        self.cron = cron
        self.zone = zone
        self.backup = BackupOptions(name="") if backup is None else backup
        self.misfire = misfire
        self.overlap = overlap
        self.retries = retries
        self.retry_pause = as_timedelta(retry_pause)
        self.time_limit = as_timedelta(time_limit)
        self.keep = keep
        self.prune_cron = prune_cron
        self.unused_percent = unused_percent
        self.check_cron = check_cron
        self.check_level = check_level
        self.check_percent = check_percent
        self.check_repairs = check_repairs
        self.drill_cron = drill_cron
        self.drill_files = drill_files
        self.rto_goal = as_timedelta(rto_goal)
        self.limits = WorkLimits() if limits is None else limits
        self.overdue_after = overdue_after


class ScheduleStanding(Value):
    """How one kind of a schedule's work stands.

    - next_at: When it is looked at next: one of its times, or a retry's. Unset while paused.
    - last_at: The last time whose turn it was, or when it was run by hand.
    - last_job: Unset where none could be started.
    - last_state: How that job stands, as long as it is kept.
    - last_error: Why it failed; Corrupt for a check or drill that found damage.
    - last_message: For people: what went wrong, what was passed over.
    - failures: In a row, until now.
    - succeeded_at: When it ended well the last time.
    - snapshot: Of a backup: what it took then.
    - runs: Jobs started, retries included.
    """
    __slots__ = (
            "work", "cron", "next_at", "last_at", "last_job", "last_state", "last_error", "last_message", "failures",
            "succeeded_at", "snapshot", "runs"
    )
    work: ScheduledWork
    cron: str
    next_at: Optional[datetime]
    last_at: Optional[datetime]
    last_job: Optional[JobId]
    last_state: Optional[JobState]
    last_error: Optional[Errc]
    last_message: str
    failures: int
    succeeded_at: Optional[datetime]
    snapshot: Optional[SnapshotId]
    runs: int

    def __init__(
            self, work: ScheduledWork = ScheduledWork.BACKUP, cron: str = "", next_at: Optional[datetime] = None,
            last_at: Optional[datetime] = None, last_job: Optional[JobId] = None, last_state: Optional[JobState] = None,
            last_error: Optional[Errc] = None, last_message: str = "", failures: int = 0,
            succeeded_at: Optional[datetime] = None, snapshot: Optional[SnapshotId] = None, runs: int = 0
    ) -> None:
        self.work = work
        self.cron = cron
        self.next_at = None if next_at is None else as_time(next_at)
        self.last_at = None if last_at is None else as_time(last_at)
        self.last_job = last_job
        self.last_state = last_state
        self.last_error = last_error
        self.last_message = last_message
        self.failures = failures
        self.succeeded_at = None if succeeded_at is None else as_time(succeeded_at)
        self.snapshot = snapshot
        self.runs = runs


class BackupSchedule(Value):
    """- options: With zone and name of the backup filled in.
    - overdue_at: When it becomes overdue unless a backup succeeds before; past: since when it is. Unset while paused.
    - standings: Of backups first.
    """
    __slots__ = ("options", "paused", "overdue_at", "standings", "created_at")
    options: BackupScheduleOptions
    paused: bool
    overdue_at: Optional[datetime]
    standings: Tuple[ScheduleStanding, ...]
    created_at: datetime

    def __init__(
            self, options: Optional[BackupScheduleOptions] = None, paused: bool = False,
            overdue_at: Optional[datetime] = None, standings: Iterable[ScheduleStanding] = (),
            created_at: datetime = EPOCH
    ) -> None:
        self.options = BackupScheduleOptions(name="", cron="") if options is None else options
        self.paused = paused
        self.overdue_at = None if overdue_at is None else as_time(overdue_at)
        self.standings = as_tuple(standings)
        self.created_at = as_time(created_at)


class UpcomingWork(Value):
    """A time that will come."""
    __slots__ = ("at", "work")
    at: datetime
    work: ScheduledWork

    def __init__(self, at: datetime = EPOCH, work: ScheduledWork = ScheduledWork.BACKUP) -> None:
        self.at = as_time(at)
        self.work = work


class BackupStreamOptions(Value):
    """- name: Required. Of the snapshot; need not be unique. Keep rules count for each name by itself.
    - upload_per_second: Written to the repository at most, once compressed. 0: no limit.
    """
    __slots__ = ("name", "tags", "upload_per_second")
    name: str
    tags: Tuple[Label, ...]
    upload_per_second: Bytes

    def __init__(self, *, name: str, tags: Labels = (), upload_per_second: int = Bytes(0)) -> None:
        self.name = name
        self.tags = label_tuple(tags)
        self.upload_per_second = Bytes(upload_per_second)


class OpenFileOptions(Value):
    """- snapshot: Required.
    - path: Required. A file, as `browse` shows it: "projects/prj_…/cut.mp4".
    """
    __slots__ = ("snapshot", "path")
    snapshot: SnapshotId
    path: str

    def __init__(self, *, snapshot: SnapshotId, path: str) -> None:
        self.snapshot = snapshot
        self.path = path


class ArchiveOptions(Value):
    """- snapshot: Required.
    - paths: Files and folders within the snapshot. Empty: all.
    - exclude: What of that to leave out: patterns as in BackupOptions.
    - download_per_second: Read from the repository at most. 0: no limit.
    """
    __slots__ = ("snapshot", "paths", "exclude", "download_per_second")
    snapshot: SnapshotId
    paths: Tuple[str, ...]
    exclude: Tuple[str, ...]
    download_per_second: Bytes

    def __init__(
            self, *, snapshot: SnapshotId, paths: Iterable[str] = (), exclude: Iterable[str] = (),
            download_per_second: int = Bytes(0)
    ) -> None:
        self.snapshot = snapshot
        self.paths = as_tuple(paths)
        self.exclude = as_tuple(exclude)
        self.download_per_second = Bytes(download_per_second)


class Brand(Value):
    """Under whose name the product appears. Nothing that a user or his customers see says anything else.

    - product: In texts, logs and pictures.
    - vendor: Who stands behind it. Empty: not shown.
    - url: Where help is found. Empty: not shown.
    - key_prefix: What API keys begin with: sk_live_… 1 to 16 of a-z and 0-9.
    """
    __slots__ = ("product", "vendor", "url", "key_prefix")
    product: str
    vendor: str
    url: str
    key_prefix: str

    def __init__(self, product: str = "Tenon", vendor: str = "", url: str = "", key_prefix: str = "sk") -> None:
        self.product = product
        self.vendor = vendor
        self.url = url
        self.key_prefix = key_prefix


class RecordingWindow(Value):
    """When a camera records, every week, by the clocks of the tenant's time zone: an hour that they repeat belongs to the
    window
    both times, one that they skip is not there.

    - start: Since midnight, less than 24 h.
    - end: Since midnight, at most 24 h. Not after `start`: on the next day.
    """
    __slots__ = ("day", "start", "end")
    day: Weekday
    start: timedelta
    end: timedelta

    def __init__(
            self, day: Weekday = Weekday.MONDAY, start: Seconds = timedelta(0), end: Seconds = timedelta(0)
    ) -> None:
        self.day = day
        self.start = as_timedelta(start)
        self.end = as_timedelta(end)


class Retention(Value):
    """How long footage is kept. What was asked to be protected, and what is being read by a job, stays longer.

    - keep_for: 0: for ever.
    - keep_bytes: The oldest goes when the camera's footage weighs more, protected footage not counted. 0: no bound.
    """
    __slots__ = ("keep_for", "keep_bytes")
    keep_for: timedelta
    keep_bytes: Bytes

    def __init__(self, keep_for: Seconds = timedelta(0), keep_bytes: int = Bytes(0)) -> None:
        self.keep_for = as_timedelta(keep_for)
        self.keep_bytes = Bytes(keep_bytes)


class CameraHealth(Value):
    """What arrives from a camera, measured over the last five seconds.

    - bits_per_second: Picture and sound.
    - key_frame_interval: The longest of this connection. 0: not known.
    - arrived_at: When the last picture arrived; on disk it is a second later at most.
    - reconnects: Since the recording began.
    """
    __slots__ = ("frames_per_second", "bits_per_second", "key_frame_interval", "arrived_at", "reconnects")
    frames_per_second: float
    bits_per_second: int
    key_frame_interval: timedelta
    arrived_at: Optional[datetime]
    reconnects: int

    def __init__(
            self, frames_per_second: float = 0.0, bits_per_second: int = 0, key_frame_interval: Seconds = timedelta(0),
            arrived_at: Optional[datetime] = None, reconnects: int = 0
    ) -> None:
        self.frames_per_second = frames_per_second
        self.bits_per_second = bits_per_second
        self.key_frame_interval = as_timedelta(key_frame_interval)
        self.arrived_at = None if arrived_at is None else as_time(arrived_at)
        self.reconnects = reconnects


class CameraOptions(Value):
    """- name: Required.
    - url: Required. rtsp:// or rtsps://. Sealed at rest, since cameras take passwords and tokens in path and query too. A
        login in it is taken out and used as `username` and `password`, which must be empty then. rtsps:// is encrypted;
        whose certificate the camera shows is not checked, since cameras sign their own: who listens in learns nothing, who
        stands in between and answers in the camera's place is not found out.
    - password: Sealed at rest, never shown again.
    - schedule: Required for Recording::schedule.
    """
    __slots__ = ("name", "url", "username", "password", "recording", "schedule", "retention")
    _secret = frozenset(['url', 'password'])
    name: str
    url: str
    username: str
    password: str
    recording: Recording
    schedule: Tuple[RecordingWindow, ...]
    retention: Retention

    def __init__(
            self, *, name: str, url: str, username: str = "", password: str = "", recording: Recording = Recording.OFF,
            schedule: Iterable[RecordingWindow] = (), retention: Optional[Retention] = None
    ) -> None:
        self.name = name
        self.url = url
        self.username = username
        self.password = password
        self.recording = recording
        self.schedule = as_tuple(schedule)
        self.retention = Retention() if retention is None else retention


class CameraUpdate(Value):
    """What is to change of a camera; what is unset stays. All of it changes or nothing.

    - url: As CameraOptions::url. It replaces the whole address. The login stays where it is sent to the same host and port
        over nothing less safe; anywhere else it has to be given anew, here or below, so that no password goes where its
        owner did not send it. An empty username and password: none.
    - password: Sealed at rest, never shown again. Empty: none.
    - schedule: Not empty: in place of the windows there are.
    """
    __slots__ = ("name", "url", "username", "password", "recording", "schedule", "retention")
    _secret = frozenset(['url', 'password'])
    name: Optional[str]
    url: Optional[str]
    username: Optional[str]
    password: Optional[str]
    recording: Optional[Recording]
    schedule: Tuple[RecordingWindow, ...]
    retention: Optional[Retention]

    def __init__(
            self, name: Optional[str] = None, url: Optional[str] = None, username: Optional[str] = None,
            password: Optional[str] = None, recording: Optional[Recording] = None,
            schedule: Iterable[RecordingWindow] = (), retention: Optional[Retention] = None
    ) -> None:
        self.name = name
        self.url = url
        self.username = username
        self.password = password
        self.recording = recording
        self.schedule = as_tuple(schedule)
        self.retention = retention


class CameraInfo(Value):
    """- url: Scheme, host, port and path; *** for the query and what may be secret.
    - problem: Why it is retrying. Empty while all is well.
    - last_frame_at: The end of what is recorded.
    """
    __slots__ = (
            "id", "site", "name", "url", "recording", "state", "problem", "last_frame_at", "created_at", "schedule",
            "retention", "health"
    )
    id: CameraId
    site: SiteId
    name: str
    url: str
    recording: Recording
    state: CameraState
    problem: str
    last_frame_at: Optional[datetime]
    created_at: datetime
    schedule: Tuple[RecordingWindow, ...]
    retention: Retention
    health: CameraHealth

    def __init__(
            self, id: CameraId = CameraId(), site: SiteId = SiteId(), name: str = "", url: str = "",
            recording: Recording = Recording.OFF, state: CameraState = CameraState.OFF, problem: str = "",
            last_frame_at: Optional[datetime] = None, created_at: datetime = EPOCH,
            schedule: Iterable[RecordingWindow] = (), retention: Optional[Retention] = None,
            health: Optional[CameraHealth] = None
    ) -> None:
        self.id = id
        self.site = site
        self.name = name
        self.url = url
        self.recording = recording
        self.state = state
        self.problem = problem
        self.last_frame_at = None if last_frame_at is None else as_time(last_frame_at)
        self.created_at = as_time(created_at)
        self.schedule = as_tuple(schedule)
        self.retention = Retention() if retention is None else retention
        self.health = CameraHealth() if health is None else health


class RecordingInfo(Value):
    """Footage without a gap.

    - gap_before: Why footage is missing before it: "offline", "stalled" … Empty: no gap.
    """
    __slots__ = ("start", "end", "size", "frames", "gap_before")
    start: datetime
    end: datetime
    size: Bytes
    frames: int
    gap_before: str

    def __init__(
            self, start: datetime = EPOCH, end: datetime = EPOCH, size: int = Bytes(0), frames: int = 0,
            gap_before: str = ""
    ) -> None:
        self.start = as_time(start)
        self.end = as_time(end)
        self.size = Bytes(size)
        self.frames = frames
        self.gap_before = gap_before


class RecordingFilter(Value):
    """- start: Footage that ends after this. Unset: no bound.
    - end: Footage that starts before this.
    """
    __slots__ = ("start", "end")
    start: Optional[datetime]
    end: Optional[datetime]

    def __init__(self, *, start: Optional[datetime] = None, end: Optional[datetime] = None) -> None:
        self.start = None if start is None else as_time(start)
        self.end = None if end is None else as_time(end)


class FootageSpan(Value):
    """A part of a range of time: footage, or that there is none and why.

    - end: Equal to `start` where the camera's or this machine's clock was set and nothing is missing.
    - reason: Of a gap: "offline", "stalled", "retention" … Empty: nothing says why.
    """
    __slots__ = ("kind", "start", "end", "reason")
    kind: SpanKind
    start: datetime
    end: datetime
    reason: str

    def __init__(
            self, kind: SpanKind = SpanKind.FOOTAGE, start: datetime = EPOCH, end: datetime = EPOCH, reason: str = ""
    ) -> None:
        self.kind = kind
        self.start = as_time(start)
        self.end = as_time(end)
        self.reason = reason


class TimeRange(Value):
    """- start: Required.
    - end: Required. After start.
    """
    __slots__ = ("start", "end")
    start: datetime
    end: datetime

    def __init__(self, *, start: datetime, end: datetime) -> None:
        self.start = as_time(start)
        self.end = as_time(end)


class CameraSnapshotOptions(Value):
    """- at: Required. Shown is the frame at this time.
    - target: Required. A JPEG file of the host's; one that is there is replaced.
    - quality: 1 to 100.
    """
    __slots__ = ("at", "target", "quality")
    at: datetime
    target: Path
    quality: int

    def __init__(self, *, at: datetime, target: AnyPath, quality: int = 85) -> None:
        self.at = as_time(at)
        self.target = as_path(target)
        self.quality = quality


class CameraSnapshot(Value):
    """- at: When the frame was taken."""
    __slots__ = ("at", "width", "height", "size")
    at: datetime
    width: int
    height: int
    size: Bytes

    def __init__(self, at: datetime = EPOCH, width: int = 0, height: int = 0, size: int = Bytes(0)) -> None:
        self.at = as_time(at)
        self.width = width
        self.height = height
        self.size = Bytes(size)


class PlaylistOptions(Value):
    """- start: Required.
    - end: Required. After start.
    - uri_prefix: Put before the files' names, such as "/footage/door/". Empty: relative to the camera's folder.
    """
    __slots__ = ("start", "end", "uri_prefix")
    start: datetime
    end: datetime
    uri_prefix: str

    def __init__(self, *, start: datetime, end: datetime, uri_prefix: str = "") -> None:
        self.start = as_time(start)
        self.end = as_time(end)
        self.uri_prefix = uri_prefix


class Playlist(Value):
    """An HLS playlist over the recorded files themselves: fragmented MP4 by byte ranges, nothing is copied. Whoever serves it
    serves the files of `folder` below the prefix, with range requests.

    - text: application/vnd.apple.mpegurl
    - folder: What the files' names are relative to.
    - files: The names that it speaks of.
    - start: Of the key frame that it begins with.
    - duration: Without the gaps.
    """
    __slots__ = ("text", "folder", "files", "start", "end", "duration")
    text: str
    folder: Path
    files: Tuple[str, ...]
    start: datetime
    end: datetime
    duration: timedelta

    def __init__(
            self, text: str = "", folder: AnyPath = Path(), files: Iterable[str] = (), start: datetime = EPOCH,
            end: datetime = EPOCH, duration: Seconds = timedelta(0)
    ) -> None:
        self.text = text
        self.folder = as_path(folder)
        self.files = as_tuple(files)
        self.start = as_time(start)
        self.end = as_time(end)
        self.duration = as_timedelta(duration)


class Protection(Value):
    """Footage that retention leaves alone until it is taken back.

    - number: Of this camera, from 1.
    """
    __slots__ = ("number", "start", "end", "reason")
    number: int
    start: datetime
    end: datetime
    reason: str

    def __init__(self, number: int = 0, start: datetime = EPOCH, end: datetime = EPOCH, reason: str = "") -> None:
        self.number = number
        self.start = as_time(start)
        self.end = as_time(end)
        self.reason = reason


class ClipOptions(Value):
    """- start: Required.
    - end: Required. After start.
    - name: Of the file below exports/: <name>-<end of the job's id>.mp4
    """
    __slots__ = ("start", "end", "cut", "name", "schedule")
    start: datetime
    end: datetime
    cut: Cut
    name: str
    schedule: JobSchedule

    def __init__(
            self, *, start: datetime, end: datetime, cut: Cut = Cut.GOP, name: str = "clip",
            schedule: Optional[JobSchedule] = None
    ) -> None:
        self.start = as_time(start)
        self.end = as_time(end)
        self.cut = cut
        self.name = name
        self.schedule = JobSchedule() if schedule is None else schedule


class Clip(Value):
    """- start: Of the first frame shown.
    - duration: Shorter than end - start if footage is missing in between.
    - sha256: Hex.
    """
    __slots__ = ("path", "start", "end", "duration", "frames", "size", "sha256")
    path: Path
    start: datetime
    end: datetime
    duration: timedelta
    frames: int
    size: Bytes
    sha256: str

    def __init__(
            self, path: AnyPath = Path(), start: datetime = EPOCH, end: datetime = EPOCH,
            duration: Seconds = timedelta(0), frames: int = 0, size: int = Bytes(0), sha256: str = ""
    ) -> None:
        self.path = as_path(path)
        self.start = as_time(start)
        self.end = as_time(end)
        self.duration = as_timedelta(duration)
        self.frames = frames
        self.size = Bytes(size)
        self.sha256 = sha256


class BackupStoreOptions(Value):
    """- name: Required. a-z, 0-9 and '-'. Unique in this home; "home" is its own store.
    - path: Required. A folder that is there, outside of the home. A file `store` in it says that it is this store, so that
        a mount point without its disk is not taken for it.
    - regions: Whose data may lie in it: those of tenants of these regions. Empty: everybody's.
    """
    __slots__ = ("name", "path", "regions")
    name: str
    path: Path
    regions: Tuple[str, ...]

    def __init__(self, *, name: str, path: AnyPath, regions: Iterable[str] = ()) -> None:
        self.name = name
        self.path = as_path(path)
        self.regions = as_tuple(regions)


class BackupStore(Value):
    """A place for copies of backups, beside the home's own."""
    __slots__ = ("name", "path", "regions")
    name: str
    path: Path
    regions: Tuple[str, ...]

    def __init__(self, name: str = "", path: AnyPath = Path(), regions: Iterable[str] = ()) -> None:
        self.name = name
        self.path = as_path(path)
        self.regions = as_tuple(regions)


class CopyPolicy(Value):
    """- stores: Those that get copies. Empty: every store that may hold the tenant's data. What one that is left out has from
        before stays there as it was, so what is forgotten and pruned from then on too; named again it is caught up. Erased
        tenants' data goes from all.
    - limits: Of all copying: what other stores get counts as uploaded, what comes from them as downloaded, all of them
        together. As many are brought up to date at once as there are threads.
    """
    __slots__ = ("level", "stores", "limits")
    level: CommitLevel
    stores: Tuple[str, ...]
    limits: WorkLimits

    def __init__(
            self, level: CommitLevel = CommitLevel.LOCAL, stores: Iterable[str] = (), limits: Optional[WorkLimits] = None
    ) -> None:
        self.level = level
        self.stores = as_tuple(stores)
        self.limits = WorkLimits() if limits is None else limits


class CopyState(Value):
    """One of the stores that a tenant's backups are, or could be, copied to.

    - store: "home": the home's own.
    - is_allowed: The tenant's region may lie there.
    - is_reached: It answered.
    - is_whole: It has all that the home's own store has.
    - objects: It holds.
    - behind_objects: That it lacks.
    - seen_at: When it answered last. Unset: never.
    - whole_at: When it was whole last.
    - problem: Why it is not whole, or not reached. Empty: nothing is wrong.
    """
    __slots__ = (
            "store", "is_allowed", "is_reached", "is_whole", "objects", "size", "behind_objects", "behind", "seen_at",
            "whole_at", "problem"
    )
    store: str
    is_allowed: bool
    is_reached: bool
    is_whole: bool
    objects: int
    size: Bytes
    behind_objects: int
    behind: Bytes
    seen_at: Optional[datetime]
    whole_at: Optional[datetime]
    problem: str

    def __init__(
            self, store: str = "", is_allowed: bool = False, is_reached: bool = False, is_whole: bool = False,
            objects: int = 0, size: int = Bytes(0), behind_objects: int = 0, behind: int = Bytes(0),
            seen_at: Optional[datetime] = None, whole_at: Optional[datetime] = None, problem: str = ""
    ) -> None:
        self.store = store
        self.is_allowed = is_allowed
        self.is_reached = is_reached
        self.is_whole = is_whole
        self.objects = objects
        self.size = Bytes(size)
        self.behind_objects = behind_objects
        self.behind = Bytes(behind)
        self.seen_at = None if seen_at is None else as_time(seen_at)
        self.whole_at = None if whole_at is None else as_time(whole_at)
        self.problem = problem


class CopyOptions(Value):
    """- stores: Only these. Empty: all of the policy's.
    - heal: Also bring back what the home's own store has lost, be it all of it.
    - verify: Also read everything and replace what is damaged, here and there.
    - limits: In place of the policy's, where one is set.
    """
    __slots__ = ("stores", "heal", "verify", "schedule", "limits")
    stores: Tuple[str, ...]
    heal: bool
    verify: bool
    schedule: JobSchedule
    limits: WorkLimits

    def __init__(
            self, *, stores: Iterable[str] = (), heal: bool = False, verify: bool = False,
            schedule: Optional[JobSchedule] = None, limits: Optional[WorkLimits] = None
    ) -> None:
        self.stores = as_tuple(stores)
        self.heal = heal
        self.verify = verify
        self.schedule = JobSchedule() if schedule is None else schedule
        self.limits = WorkLimits() if limits is None else limits


class CopyResult(Value):
    """- stores: The home's own first.
    - removed_objects: That were removed from the backup while a store was away, or must not lie where they lay.
    - healed_objects: Damaged ones that were replaced, and what the home's own store had lost.
    """
    __slots__ = ("stores", "copied_objects", "copied", "removed_objects", "healed_objects")
    stores: Tuple[CopyState, ...]
    copied_objects: int
    copied: Bytes
    removed_objects: int
    healed_objects: int

    def __init__(
            self, stores: Iterable[CopyState] = (), copied_objects: int = 0, copied: int = Bytes(0),
            removed_objects: int = 0, healed_objects: int = 0
    ) -> None:
        self.stores = as_tuple(stores)
        self.copied_objects = copied_objects
        self.copied = Bytes(copied)
        self.removed_objects = removed_objects
        self.healed_objects = healed_objects


class EngineOptions(Value):
    """- home: Required. Made if missing, readable by its owner only.
    - master_key_file: Empty: home/keys/master.key, made at the first start.
    - master_passphrase: Not empty: seals secrets at rest instead of a key file.
    - postgres: Not empty: the metadata are in this PostgreSQL database, 15 or newer, in the place of home/metadata.db, from
        the home's first opening on. libpq's connection string: "host=… dbname=… user=… passfile=…". Never shown, logged or
        part of an error.
    - plan_catalogues: JSON files; same names replace the shipped ones.
    - camera_networks: CIDR blocks cameras may live in. Empty: the private ranges of RFC 1918 and RFC 4193; loopback only if
        listed.
    - regions: Whose data may lie in this home: tenants of another region are neither made nor served. Empty: every region.
    - workers: Jobs at once. 0: as many as cores, at most 4.
    - background: False: takes no jobs, records no cameras, sweeps nothing. For a process that looks or enqueues and leaves
        the work to others that have the home open.
    - backup_parity: Of what is stored from now on; counted as the tenant's storage.
    - log_level: What goes to home/logs.
    """
    __slots__ = (
            "home", "brand", "master_key_file", "master_passphrase", "postgres", "plan_catalogues", "camera_networks",
            "regions", "workers", "background", "backup_parity", "log_level"
    )
    _secret = frozenset(['master_passphrase', 'postgres'])
    home: Path
    brand: Brand
    master_key_file: Optional[Path]
    master_passphrase: str
    postgres: str
    plan_catalogues: Tuple[Path, ...]
    camera_networks: Tuple[str, ...]
    regions: Tuple[str, ...]
    workers: int
    background: bool
    backup_parity: BackupParity
    log_level: LogLevel

    def __init__(
            self, *, home: AnyPath, brand: Optional[Brand] = None, master_key_file: Optional[AnyPath] = None,
            master_passphrase: str = "", postgres: str = "", plan_catalogues: Iterable[AnyPath] = (),
            camera_networks: Iterable[str] = (), regions: Iterable[str] = (), workers: int = 0, background: bool = True,
            backup_parity: BackupParity = BackupParity.THIN, log_level: LogLevel = LogLevel.INFO
    ) -> None:
        self.home = as_path(home)
        self.brand = Brand() if brand is None else brand
        self.master_key_file = None if master_key_file is None else as_path(master_key_file)
        self.master_passphrase = master_passphrase
        self.postgres = postgres
        self.plan_catalogues = tuple(as_path(each) for each in as_tuple(plan_catalogues))
        self.camera_networks = as_tuple(camera_networks)
        self.regions = as_tuple(regions)
        self.workers = workers
        self.background = background
        self.backup_parity = backup_parity
        self.log_level = log_level




class Event(Value):
    """- id: Grows within a tenant.
    - kind: "job.succeeded", "camera.online" …
    - subject: The id of what it is about.
    - data: JSON object.
    - dropped_before: Events lost just before this one because nobody drained the queue, or asked for when they were no
        longer kept: of these, events of every kind are counted.
    """
    __slots__ = ("id", "kind", "at", "subject", "data", "dropped_before")
    id: int
    kind: str
    at: datetime
    subject: str
    data: str
    dropped_before: int

    def __init__(
            self, id: int = 0, kind: str = "", at: datetime = EPOCH, subject: str = "", data: str = "",
            dropped_before: int = 0
    ) -> None:
        self.id = id
        self.kind = kind
        self.at = as_time(at)
        self.subject = subject
        self.data = data
        self.dropped_before = dropped_before


class SubscribeOptions(Value):
    """- kinds: Empty: all. "job." matches all that begin so.
    - after: First what came after this event, then what is new. Unset: only new.
    - capacity: Of the queue; when full the oldest are dropped and counted.
    """
    __slots__ = ("kinds", "after", "capacity")
    kinds: Tuple[str, ...]
    after: Optional[int]
    capacity: int

    def __init__(self, *, kinds: Iterable[str] = (), after: Optional[int] = None, capacity: int = 1024) -> None:
        self.kinds = as_tuple(kinds)
        self.after = after
        self.capacity = capacity


class ExportedFile(Value):
    """A file that a job made below the workspace's exports: a rendered reel, a camera clip. It counts as storage until it is
    removed.

    - name: Unique within the tenant.
    - job: Which job made it.
    - sha256: Hex.
    """
    __slots__ = ("name", "path", "job", "size", "sha256", "created_at")
    name: str
    path: Path
    job: JobId
    size: Bytes
    sha256: str
    created_at: datetime

    def __init__(
            self, name: str = "", path: AnyPath = Path(), job: JobId = JobId(), size: int = Bytes(0), sha256: str = "",
            created_at: datetime = EPOCH
    ) -> None:
        self.name = name
        self.path = as_path(path)
        self.job = job
        self.size = Bytes(size)
        self.sha256 = sha256
        self.created_at = as_time(created_at)


class ExportFilter(Value):
    """- job: Unset: every job.
    - after: The name of the last one of the page before. Empty: the first page.
    - limit: 1 to 1000, newest first.
    """
    __slots__ = ("job", "after", "limit")
    job: Optional[JobId]
    after: str
    limit: int

    def __init__(self, *, job: Optional[JobId] = None, after: str = "", limit: int = 100) -> None:
        self.job = job
        self.after = after
        self.limit = limit


class FrameOptions(Value):
    """- at: The frame shown at this time is given; past the end: the last frame.
    - format: Unset: yuv420p, or yuv420p10 if the source has more than 8 bits a sample. In its own format and size a frame
        is what the decoder made, without a copy.
    - width: Pixels, 2 to 16384; the height follows the picture's shape. 0: its own size.
    """
    __slots__ = ("at", "format", "width")
    at: timedelta
    format: Optional[PixelFormat]
    width: int

    def __init__(self, *, at: Seconds = timedelta(0), format: Optional[PixelFormat] = None, width: int = 0) -> None:
        self.at = as_timedelta(at)
        self.format = format
        self.width = width


class FramesOptions(Value):
    """- start: The frame shown at this time is the first.
    - end: Those shown before this. After start. Unset: to the last frame.
    - step: The frames shown at start, start + step and so on. 0: every frame, once.
    - format: See FrameOptions.
    - width: See FrameOptions.
    """
    __slots__ = ("start", "end", "step", "format", "width")
    start: timedelta
    end: Optional[timedelta]
    step: timedelta
    format: Optional[PixelFormat]
    width: int

    def __init__(
            self, *, start: Seconds = timedelta(0), end: Optional[Seconds] = None, step: Seconds = timedelta(0),
            format: Optional[PixelFormat] = None, width: int = 0
    ) -> None:
        self.start = as_timedelta(start)
        self.end = None if end is None else as_timedelta(end)
        self.step = as_timedelta(step)
        self.format = format
        self.width = width


class Progress(Value):
    """How far work is at one moment.

    - percent: 0 to 100; of all stages together.
    - stage: "encode", "upload" … Empty until the work has begun.
    - done: In this stage, in `unit`.
    - total: 0: not known yet.
    - unit: "frames", "bytes", "files" …
    - eta: Until the end of the work; unset while too little is known.
    - per_second: Of `unit`, an average of the last seconds. 0: nothing was done, or too little is known.
    - files: Done in this stage, of work that goes through files; 0 elsewhere.
    """
    __slots__ = ("percent", "stage", "done", "total", "unit", "eta", "per_second", "files", "files_per_second")
    percent: float
    stage: str
    done: int
    total: int
    unit: str
    eta: Optional[timedelta]
    per_second: float
    files: int
    files_per_second: float

    def __init__(
            self, percent: float = 0.0, stage: str = "", done: int = 0, total: int = 0, unit: str = "",
            eta: Optional[Seconds] = None, per_second: float = 0.0, files: int = 0, files_per_second: float = 0.0
    ) -> None:
        self.percent = percent
        self.stage = stage
        self.done = done
        self.total = total
        self.unit = unit
        self.eta = None if eta is None else as_timedelta(eta)
        self.per_second = per_second
        self.files = files
        self.files_per_second = files_per_second


class JobInfo(Value):
    """One row of a list of jobs.

    - kind: "render", "backup" …
    - attempt: Times a worker has begun it.
    - max_attempts: What may pass by itself (a store that is away, say) is tried so often, with growing pauses.
    - priority: See JobSchedule.
    - due_at: When a scheduled one is begun; unset in every other state.
    - unique_key: See JobSchedule.
    - after: What it still waits for.
    - started_at: When a worker began it, the last time; unset before the first.
    - error: Set when failed, cancelled or dead, and while one that failed waits to be tried again.
    - message: What went wrong, for people.
    """
    __slots__ = (
            "id", "kind", "state", "progress", "attempt", "max_attempts", "priority", "due_at", "unique_key", "batch",
            "after", "created_at", "started_at", "ended_at", "error", "message"
    )
    id: JobId
    kind: str
    state: JobState
    progress: Progress
    attempt: int
    max_attempts: int
    priority: int
    due_at: Optional[datetime]
    unique_key: str
    batch: str
    after: Tuple[JobId, ...]
    created_at: datetime
    started_at: Optional[datetime]
    ended_at: Optional[datetime]
    error: Optional[Errc]
    message: str

    def __init__(
            self, id: JobId = JobId(), kind: str = "", state: JobState = JobState.READY,
            progress: Optional[Progress] = None, attempt: int = 0, max_attempts: int = 0, priority: int = 0,
            due_at: Optional[datetime] = None, unique_key: str = "", batch: str = "", after: Iterable[JobId] = (),
            created_at: datetime = EPOCH, started_at: Optional[datetime] = None, ended_at: Optional[datetime] = None,
            error: Optional[Errc] = None, message: str = ""
    ) -> None:
        self.id = id
        self.kind = kind
        self.state = state
        self.progress = Progress() if progress is None else progress
        self.attempt = attempt
        self.max_attempts = max_attempts
        self.priority = priority
        self.due_at = None if due_at is None else as_time(due_at)
        self.unique_key = unique_key
        self.batch = batch
        self.after = as_tuple(after)
        self.created_at = as_time(created_at)
        self.started_at = None if started_at is None else as_time(started_at)
        self.ended_at = None if ended_at is None else as_time(ended_at)
        self.error = error
        self.message = message


class JobFilter(Value):
    """- kind: Empty: every kind.
    - state: Unset: every state.
    - batch: Empty: of every batch and of none.
    - after: The last one of the page before.
    - limit: 1 to 1000, newest first.
    """
    __slots__ = ("kind", "state", "batch", "after", "limit")
    kind: str
    state: Optional[JobState]
    batch: str
    after: Optional[JobId]
    limit: int

    def __init__(
            self, *, kind: str = "", state: Optional[JobState] = None, batch: str = "", after: Optional[JobId] = None,
            limit: int = 100
    ) -> None:
        self.kind = kind
        self.state = state
        self.batch = batch
        self.after = after
        self.limit = limit


class StartedJob(Value):
    """What was asked to be started together with others.

    - job: Nil: it could not be started.
    - error: Why not.
    - message: For people.
    """
    __slots__ = ("job", "error", "message")
    job: JobId
    error: Optional[Errc]
    message: str

    def __init__(self, job: JobId = JobId(), error: Optional[Errc] = None, message: str = "") -> None:
        self.job = job
        self.error = error
        self.message = message


class JobBatch(Value):
    """Where the jobs of one batch stand.

    - waiting: Scheduled, ready, blocked or paused.
    - failed: Failed or dead.
    - percent: 0 to 100, of all of them.
    """
    __slots__ = ("name", "total", "waiting", "running", "succeeded", "failed", "cancelled", "percent")
    name: str
    total: int
    waiting: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    percent: float

    def __init__(
            self, name: str = "", total: int = 0, waiting: int = 0, running: int = 0, succeeded: int = 0, failed: int = 0,
            cancelled: int = 0, percent: float = 0.0
    ) -> None:
        self.name = name
        self.total = total
        self.waiting = waiting
        self.running = running
        self.succeeded = succeeded
        self.failed = failed
        self.cancelled = cancelled
        self.percent = percent


class JobPause(Value):
    """Work that is not begun until it is resumed.

    - kind: Empty: every kind.
    """
    __slots__ = ("kind", "paused_at")
    kind: str
    paused_at: datetime

    def __init__(self, kind: str = "", paused_at: datetime = EPOCH) -> None:
        self.kind = kind
        self.paused_at = as_time(paused_at)


class LeaseOptions(Value):
    """- resource: One that counts per period.
    - block: At most so much is taken at a time; of what is left a quarter. 1 to 2⁵³.
    - ttl: 1 s to 1 h. A process that is stopped for so long has lost what it had taken.
    """
    __slots__ = ("resource", "block", "ttl")
    resource: Resource
    block: int
    ttl: timedelta

    def __init__(
            self, *, resource: Resource = Resource.API_CALLS, block: int = 1000, ttl: Seconds = timedelta(seconds=30)
    ) -> None:
        self.resource = resource
        self.block = block
        self.ttl = as_timedelta(ttl)


class LeaseInfo(Value):
    """A slice of a quota that some process has taken.

    - amount: Taken, and not yet told to be used or returned.
    - expires_at: Unless it is told of before, it all counts as used then.
    """
    __slots__ = ("id", "resource", "amount", "expires_at")
    id: HoldId
    resource: Resource
    amount: int
    expires_at: datetime

    def __init__(
            self, id: HoldId = HoldId(), resource: Resource = Resource.API_CALLS, amount: int = 0,
            expires_at: datetime = EPOCH
    ) -> None:
        self.id = id
        self.resource = resource
        self.amount = amount
        self.expires_at = as_time(expires_at)


class LimitOverride(Value):
    """A limit that one tenant has in place of its plan's: for a reason and, mostly, for a time.

    - name: Unique within the tenant.
    - limit: In the resource's unit. Unset: unlimited.
    - granted_by: Who did. Empty where that is not said.
    - expires_at: From then on the limit before holds again. Unset: until it is revoked.
    - in_force: False: it has expired, or one of the resource that was granted later holds.
    - shadow: It refuses nothing: what it would have refused is counted, see Quotas::shadowed().
    """
    __slots__ = ("name", "resource", "limit", "reason", "granted_by", "granted_at", "expires_at", "in_force", "shadow")
    name: str
    resource: Resource
    limit: Optional[int]
    reason: str
    granted_by: str
    granted_at: datetime
    expires_at: Optional[datetime]
    in_force: bool
    shadow: bool

    def __init__(
            self, name: str = "", resource: Resource = Resource.PROJECTS, limit: Optional[int] = None, reason: str = "",
            granted_by: str = "", granted_at: datetime = EPOCH, expires_at: Optional[datetime] = None,
            in_force: bool = False, shadow: bool = False
    ) -> None:
        self.name = name
        self.resource = resource
        self.limit = limit
        self.reason = reason
        self.granted_by = granted_by
        self.granted_at = as_time(granted_at)
        self.expires_at = None if expires_at is None else as_time(expires_at)
        self.in_force = in_force
        self.shadow = shadow


class LimitOptions(Value):
    """What grant_limit() grants. Of several for one resource the last one granted holds; when it expires, the one before it
    does,
    and then the plan.

    - tenant: Required.
    - name: Required. a-z, 0-9 and '-', such as "spring-campaign".
    - limit: 0 or more. What is beyond is refused, also where the plan charges for it. Unset: unlimited.
    - reason: Required.
    - expires_at: In the future. Unset: until it is revoked.
    - shadow: To try a limit out: it refuses nothing, and counts what it would have refused.
    """
    __slots__ = ("tenant", "name", "resource", "limit", "reason", "expires_at", "shadow")
    tenant: TenantId
    name: str
    resource: Resource
    limit: Optional[int]
    reason: str
    expires_at: Optional[datetime]
    shadow: bool

    def __init__(
            self, *, tenant: TenantId, name: str, resource: Resource = Resource.PROJECTS, limit: Optional[int] = None,
            reason: str, expires_at: Optional[datetime] = None, shadow: bool = False
    ) -> None:
        self.tenant = tenant
        self.name = name
        self.resource = resource
        self.limit = limit
        self.reason = reason
        self.expires_at = None if expires_at is None else as_time(expires_at)
        self.shadow = shadow


class LogRecord(Value):
    """What the engine says of itself, for those who run it. Holds no secrets.

    - level: Never off.
    - area: Of the engine: "engine", "jobs", "nvr", "backup" …
    - message: A fixed text; what varies is in the fields.
    - fields: {"job", "job_01jd8w…"}, {"code", "no_space"} … in the order of the log's line.
    - dropped_before: Records lost just before this one because nobody drained the queue.
    """
    __slots__ = ("at", "level", "area", "message", "fields", "dropped_before")
    at: datetime
    level: LogLevel
    area: str
    message: str
    fields: Tuple[Label, ...]
    dropped_before: int

    def __init__(
            self, at: datetime = EPOCH, level: LogLevel = LogLevel.INFO, area: str = "", message: str = "",
            fields: Labels = (), dropped_before: int = 0
    ) -> None:
        self.at = as_time(at)
        self.level = level
        self.area = area
        self.message = message
        self.fields = label_tuple(fields)
        self.dropped_before = dropped_before


class LogOptions(Value):
    """- level: This and whatever is worse, whatever goes to home/logs.
    - capacity: Of the queue, 1 to 65536; when full the oldest are dropped and counted.
    """
    __slots__ = ("level", "capacity")
    level: LogLevel
    capacity: int

    def __init__(self, *, level: LogLevel = LogLevel.INFO, capacity: int = 1024) -> None:
        self.level = level
        self.capacity = capacity


class MoveOptions(Value):
    """A home whose metadata go from its own file into a PostgreSQL database: see move_to_postgres().

    - home: Required. No process has it open.
    - postgres: Required. As EngineOptions::postgres, of a database that holds no metadata yet.
    """
    __slots__ = ("home", "postgres")
    _secret = frozenset(['postgres'])
    home: Path
    postgres: str

    def __init__(self, *, home: AnyPath, postgres: str) -> None:
        self.home = as_path(home)
        self.postgres = postgres


class MovedTable(Value):
    """One table of the metadata, as the file and the database have it.

    - sha256: Of its rows in the order of their key, every value with its kind and length: computed from what was read from
        the file, and again from what the database gave back. 64 hexadecimal digits.
    """
    __slots__ = ("name", "rows", "sha256")
    name: str
    rows: int
    sha256: str

    def __init__(self, name: str = "", rows: int = 0, sha256: str = "") -> None:
        self.name = name
        self.rows = rows
        self.sha256 = sha256


class MovedHome(Value):
    """What was moved.

    - tables: By name.
    - rows: Of all of them.
    """
    __slots__ = ("tables", "rows", "took")
    tables: Tuple[MovedTable, ...]
    rows: int
    took: timedelta

    def __init__(self, tables: Iterable[MovedTable] = (), rows: int = 0, took: Seconds = timedelta(0)) -> None:
        self.tables = as_tuple(tables)
        self.rows = rows
        self.took = as_timedelta(took)


class OperatorOptions(Value):
    """- actor: Required. Who acts; goes into the audit trail.
    - reason: Required. Why; goes into the audit trail.
    - partner: Set: that partner's own operator. Its tenants are all there is; anybody else's are not found. Limits,
        partners and their shares are not his to change.
    """
    __slots__ = ("actor", "reason", "partner")
    actor: str
    reason: str
    partner: Optional[PartnerId]

    def __init__(self, *, actor: str, reason: str, partner: Optional[PartnerId] = None) -> None:
        self.actor = actor
        self.reason = reason
        self.partner = partner


class TenantOptions(Value):
    """- name: Required.
    - slug: Required. a-z, 0-9 and '-'; unique with its partner.
    - plan: Required. A plan of a loaded catalogue.
    - partner: Whose tenant it is. Unset: the operator's own, or the operator's partner's.
    - region: Where its data must stay.
    - zone: IANA time zone.
    - anchor_day: Day of the month on which its periods begin.
    - trial: Begins as a trial of the plan's length.
    - owner_email: Not empty: a user is invited with it, as the tenant's owner.
    - owner_name: Needed with `owner_email`.
    """
    __slots__ = (
            "name", "slug", "plan", "partner", "region", "zone", "anchor_day", "trial", "owner_email", "owner_name"
    )
    name: str
    slug: str
    plan: str
    partner: Optional[PartnerId]
    region: str
    zone: str
    anchor_day: int
    trial: bool
    owner_email: str
    owner_name: str

    def __init__(
            self, *, name: str, slug: str, plan: str, partner: Optional[PartnerId] = None, region: str = "local",
            zone: str = "UTC", anchor_day: int = 1, trial: bool = False, owner_email: str = "", owner_name: str = ""
    ) -> None:
        self.name = name
        self.slug = slug
        self.plan = plan
        self.partner = partner
        self.region = region
        self.zone = zone
        self.anchor_day = anchor_day
        self.trial = trial
        self.owner_email = owner_email
        self.owner_name = owner_name


class TenantUpdate(Value):
    """What is to change of a tenant. Unset fields stay as they are.

    - tenant: Required.
    - slug: Unique with its partner.
    - zone: Counts from the next period on, as the anchor day does.
    - expected: Conflict unless this is the tenant's version: nobody's change is lost.
    """
    __slots__ = ("tenant", "name", "slug", "zone", "anchor_day", "expected")
    tenant: TenantId
    name: Optional[str]
    slug: Optional[str]
    zone: Optional[str]
    anchor_day: Optional[int]
    expected: Optional[int]

    def __init__(
            self, tenant: TenantId, name: Optional[str] = None, slug: Optional[str] = None, zone: Optional[str] = None,
            anchor_day: Optional[int] = None, expected: Optional[int] = None
    ) -> None:
        self.tenant = tenant
        self.name = name
        self.slug = slug
        self.zone = zone
        self.anchor_day = anchor_day
        self.expected = expected


class TenantFilter(Value):
    """- state: Unset: every state but erased.
    - plan: Empty: every plan.
    - partner: Nil: the operator's own tenants. Unset: everybody's.
    - region: Empty: every region.
    - text: Part of the name or the slug, upper and lower case alike. Empty: every tenant.
    - after: The last one of the page before.
    - limit: 1 to 1000, oldest first.
    """
    __slots__ = ("state", "plan", "partner", "region", "text", "after", "limit")
    state: Optional[TenantState]
    plan: str
    partner: Optional[PartnerId]
    region: str
    text: str
    after: Optional[TenantId]
    limit: int

    def __init__(
            self, *, state: Optional[TenantState] = None, plan: str = "", partner: Optional[PartnerId] = None,
            region: str = "", text: str = "", after: Optional[TenantId] = None, limit: int = 100
    ) -> None:
        self.state = state
        self.plan = plan
        self.partner = partner
        self.region = region
        self.text = text
        self.after = after
        self.limit = limit


class EraseOptions(Value):
    """- tenant: Required.
    - reason: Required.
    - undo_window: Until then undo_erase() brings it back. 0: erased at once.
    """
    __slots__ = ("tenant", "reason", "undo_window")
    tenant: TenantId
    reason: str
    undo_window: timedelta

    def __init__(self, *, tenant: TenantId, reason: str, undo_window: Seconds = timedelta(hours=720)) -> None:
        self.tenant = tenant
        self.reason = reason
        self.undo_window = as_timedelta(undo_window)


class CorrectionOptions(Value):
    """Says that an event of a tenant's usage was wrong.

    - tenant: Required.
    - source: Required, with `id`: the correction's own name. Told again, it counts once.
    - corrects_source: Required, with `corrects_id`: the event that is corrected.
    - by: What is added to it, mostly below 0 …
    - to: … or what it should have been. One of the two.
    - reason: Required.
    """
    __slots__ = ("tenant", "source", "id", "corrects_source", "corrects_id", "by", "to", "reason")
    tenant: TenantId
    source: str
    id: str
    corrects_source: str
    corrects_id: str
    by: Optional[int]
    to: Optional[int]
    reason: str

    def __init__(
            self, *, tenant: TenantId, source: str = "", id: str = "", corrects_source: str = "", corrects_id: str = "",
            by: Optional[int] = None, to: Optional[int] = None, reason: str
    ) -> None:
        self.tenant = tenant
        self.source = source
        self.id = id
        self.corrects_source = corrects_source
        self.corrects_id = corrects_id
        self.by = by
        self.to = to
        self.reason = reason


class LegalHold(Value):
    """Why nothing of a tenant may be destroyed, such as a dispute at court. As long as it has one, no record of its audit
    trail is pruned,
    no personal value in it erased, and the tenant itself is not erased.

    - name: Unique within the tenant.
    """
    __slots__ = ("name", "reason", "placed_by", "placed_at")
    name: str
    reason: str
    placed_by: str
    placed_at: datetime

    def __init__(self, name: str = "", reason: str = "", placed_by: str = "", placed_at: datetime = EPOCH) -> None:
        self.name = name
        self.reason = reason
        self.placed_by = placed_by
        self.placed_at = as_time(placed_at)


class LegalHoldOptions(Value):
    """- tenant: Required.
    - name: Required. a-z, 0-9 and '-', such as "case-17".
    - reason: Required.
    """
    __slots__ = ("tenant", "name", "reason")
    tenant: TenantId
    name: str
    reason: str

    def __init__(self, *, tenant: TenantId, name: str, reason: str) -> None:
        self.tenant = tenant
        self.name = name
        self.reason = reason


class RemovedCount(Value):
    """- kind: "asset", "job", "segment": a kind of row. "files": of the workspace, the backups and their keys; "file_bytes":
        what those weighed.
    """
    __slots__ = ("kind", "count")
    kind: str
    count: int

    def __init__(self, kind: str = "", count: int = 0) -> None:
        self.kind = kind
        self.count = count


class ErasureReceipt(Value):
    """That a tenant was erased, signed with the key of the audit trail's checkpoints. It names nobody.

    - removed: What there was of each kind; kinds of which there was nothing are left out.
    - audit_records: How long its audit trail is, which stays without personal values,
    - audit_root: and the RFC 6962 root of it, in hex.
    - key: The public key in C2SP form.
    - text: All of it as a file for the independent verifier.
    """
    __slots__ = ("tenant", "erased_at", "removed", "audit_records", "audit_root", "key", "text")
    tenant: TenantId
    erased_at: datetime
    removed: Tuple[RemovedCount, ...]
    audit_records: int
    audit_root: str
    key: str
    text: str

    def __init__(
            self, tenant: TenantId = TenantId(), erased_at: datetime = EPOCH, removed: Iterable[RemovedCount] = (),
            audit_records: int = 0, audit_root: str = "", key: str = "", text: str = ""
    ) -> None:
        self.tenant = tenant
        self.erased_at = as_time(erased_at)
        self.removed = as_tuple(removed)
        self.audit_records = audit_records
        self.audit_root = audit_root
        self.key = key
        self.text = text


class TenantTakeoutOptions(Value):
    """What is to be taken out in a tenant's place.

    - tenant: Required.
    - target: As in TakeoutOptions.
    """
    __slots__ = ("tenant", "target", "schedule")
    tenant: TenantId
    target: Path
    schedule: JobSchedule

    def __init__(self, *, tenant: TenantId, target: AnyPath = Path(), schedule: Optional[JobSchedule] = None) -> None:
        self.tenant = tenant
        self.target = as_path(target)
        self.schedule = JobSchedule() if schedule is None else schedule


class QuotaForecast(Value):
    """When a resource runs out, and how that is known. The figures suffice to work it out again: it runs out at
    until + (limit - used) * (until - since) / grown, rounded up to a microsecond.

    - limit: What the plan includes.
    - since: The period's start; in its first seven days that of the one before, if there was one.
    - until: Now.
    - grown: What was added between the two. Levels: less what was given back.
    - exhausts_at: `until` if it has run out. Unset: not before it begins anew, or not in ten years.
    """
    __slots__ = ("resource", "method", "limit", "used", "since", "until", "grown", "exhausts_at")
    resource: Resource
    method: ForecastMethod
    limit: int
    used: int
    since: datetime
    until: datetime
    grown: int
    exhausts_at: Optional[datetime]

    def __init__(
            self, resource: Resource = Resource.PROJECTS, method: ForecastMethod = ForecastMethod.TOO_EARLY,
            limit: int = 0, used: int = 0, since: datetime = EPOCH, until: datetime = EPOCH, grown: int = 0,
            exhausts_at: Optional[datetime] = None
    ) -> None:
        self.resource = resource
        self.method = method
        self.limit = limit
        self.used = used
        self.since = as_time(since)
        self.until = as_time(until)
        self.grown = grown
        self.exhausts_at = None if exhausts_at is None else as_time(exhausts_at)


class QuotaOverage(Value):
    """Where a resource stands that its plan does not simply refuse more of.

    - included: The plan's limit.
    - over: How much more was used in this period; of a level, the most there was at once.
    - cost_micros: Of that, in millionths of the currency's minor unit, rounded up.
    - currency: "USD"
    - grace_ends_at: Set once the limit was passed: from then on more is refused.
    """
    __slots__ = ("resource", "rule", "included", "over", "cost_micros", "currency", "grace_ends_at")
    resource: Resource
    rule: OverageRule
    included: int
    over: int
    cost_micros: int
    currency: str
    grace_ends_at: Optional[datetime]

    def __init__(
            self, resource: Resource = Resource.PROJECTS, rule: OverageRule = OverageRule.BLOCK, included: int = 0,
            over: int = 0, cost_micros: int = 0, currency: str = "", grace_ends_at: Optional[datetime] = None
    ) -> None:
        self.resource = resource
        self.rule = rule
        self.included = included
        self.over = over
        self.cost_micros = cost_micros
        self.currency = currency
        self.grace_ends_at = None if grace_ends_at is None else as_time(grace_ends_at)


class ShadowCount(Value):
    """What a limit that only watches would have refused in the running period.

    - refusals: How many asks.
    - amount: What they asked for, together.
    """
    __slots__ = ("resource", "refusals", "amount", "first_at", "last_at")
    resource: Resource
    refusals: int
    amount: int
    first_at: datetime
    last_at: datetime

    def __init__(
            self, resource: Resource = Resource.PROJECTS, refusals: int = 0, amount: int = 0, first_at: datetime = EPOCH,
            last_at: datetime = EPOCH
    ) -> None:
        self.resource = resource
        self.refusals = refusals
        self.amount = amount
        self.first_at = as_time(first_at)
        self.last_at = as_time(last_at)


class Partner(Value):
    """A reseller to whom tenants belong.

    - slug: Unique among partners.
    - catalogues: Whose plans its tenants may have: "studio". Empty: every one.
    - share_basis_points: Its part of what its tenants pay: 2000 is 20 %.
    - branding: JSON object, as settings of the kind `branding`: what its tenants' users see.
    - version: 1, 2, 3 …
    """
    __slots__ = ("id", "name", "slug", "catalogues", "share_basis_points", "branding", "version", "created_at")
    id: PartnerId
    name: str
    slug: str
    catalogues: Tuple[str, ...]
    share_basis_points: int
    branding: str
    version: int
    created_at: datetime

    def __init__(
            self, id: PartnerId = PartnerId(), name: str = "", slug: str = "", catalogues: Iterable[str] = (),
            share_basis_points: int = 0, branding: str = "{}", version: int = 0, created_at: datetime = EPOCH
    ) -> None:
        self.id = id
        self.name = name
        self.slug = slug
        self.catalogues = as_tuple(catalogues)
        self.share_basis_points = share_basis_points
        self.branding = branding
        self.version = version
        self.created_at = as_time(created_at)


class PartnerOptions(Value):
    """- name: Required.
    - slug: Required. a-z, 0-9 and '-'.
    - catalogues: Names of loaded catalogues. Empty: every one, and those loaded later.
    - share_basis_points: 0 to 10000.
    """
    __slots__ = ("name", "slug", "catalogues", "share_basis_points", "branding")
    name: str
    slug: str
    catalogues: Tuple[str, ...]
    share_basis_points: int
    branding: str

    def __init__(
            self, *, name: str, slug: str, catalogues: Iterable[str] = (), share_basis_points: int = 0,
            branding: str = "{}"
    ) -> None:
        self.name = name
        self.slug = slug
        self.catalogues = as_tuple(catalogues)
        self.share_basis_points = share_basis_points
        self.branding = branding


class PartnerFilter(Value):
    """- text: Part of the name or the slug, upper and lower case alike. Empty: every partner.
    - after: The last one of the page before.
    - limit: 1 to 1000, oldest first.
    """
    __slots__ = ("text", "after", "limit")
    text: str
    after: Optional[PartnerId]
    limit: int

    def __init__(self, *, text: str = "", after: Optional[PartnerId] = None, limit: int = 100) -> None:
        self.text = text
        self.after = after
        self.limit = limit


class ContactSheetOptions(Value):
    """- asset: Of this asset …
    - exported: … or of this export. One of the two is required.
    - target: Required. A PNG file of the host's; one that is there is replaced.
    - columns: 1 to 16.
    - rows: 1 to 16.
    - cell_width: Pixels, 16 to 4096; the height follows the picture's shape.
    """
    __slots__ = ("asset", "exported", "target", "columns", "rows", "cell_width")
    asset: Optional[AssetId]
    exported: str
    target: Path
    columns: int
    rows: int
    cell_width: int

    def __init__(
            self, *, asset: Optional[AssetId] = None, exported: str = "", target: AnyPath, columns: int = 4,
            rows: int = 3, cell_width: int = 320
    ) -> None:
        self.asset = asset
        self.exported = exported
        self.target = as_path(target)
        self.columns = columns
        self.rows = rows
        self.cell_width = cell_width


class FrameImageOptions(Value):
    """- asset: Of this asset …
    - exported: … or of this export. One of the two is required.
    - at: The frame shown at this time; past the end: the last frame.
    - target: Required. A PNG file of the host's; one that is there is replaced.
    - width: Pixels, 2 to 16384; the height follows the picture's shape. 0: its own size.
    """
    __slots__ = ("asset", "exported", "at", "target", "width")
    asset: Optional[AssetId]
    exported: str
    at: timedelta
    target: Path
    width: int

    def __init__(
            self, *, asset: Optional[AssetId] = None, exported: str = "", at: Seconds = timedelta(0), target: AnyPath,
            width: int = 0
    ) -> None:
        self.asset = asset
        self.exported = exported
        self.at = as_timedelta(at)
        self.target = as_path(target)
        self.width = width


class GradeStillOptions(Value):
    """- asset: Required.
    - grade: Required. As Timeline::grade takes it: "cinematic_warm".
    - at: The frame's time in the asset; past its end: the last frame.
    - target: Required. A PNG file of the host's; one that is there is replaced.
    - width: Pixels, 320 to 8192, of both frames together.
    """
    __slots__ = ("asset", "grade", "at", "target", "width")
    asset: AssetId
    grade: str
    at: timedelta
    target: Path
    width: int

    def __init__(
            self, *, asset: AssetId, grade: str, at: Seconds = timedelta(0), target: AnyPath, width: int = 1600
    ) -> None:
        self.asset = asset
        self.grade = grade
        self.at = as_timedelta(at)
        self.target = as_path(target)
        self.width = width


class WaveformOptions(Value):
    """- asset: Of this asset …
    - exported: … or of this export. One of the two is required.
    - target: A PNG file of the host's; one that is there is replaced. Empty: no picture.
    - data_target: A file for Waveform::to_json(), replaced likewise. Empty: none.
    - width: Of the picture. Pixels, 320 to 8192.
    - height: 160 to 4096.
    - points: Of the data, at most: 1 to 100,000.
    """
    __slots__ = ("asset", "exported", "target", "data_target", "width", "height", "points")
    asset: Optional[AssetId]
    exported: str
    target: Optional[Path]
    data_target: Optional[Path]
    width: int
    height: int
    points: int

    def __init__(
            self, *, asset: Optional[AssetId] = None, exported: str = "", target: Optional[AnyPath] = None,
            data_target: Optional[AnyPath] = None, width: int = 1600, height: int = 400, points: int = 1000
    ) -> None:
        self.asset = asset
        self.exported = exported
        self.target = None if target is None else as_path(target)
        self.data_target = None if data_target is None else as_path(data_target)
        self.width = width
        self.height = height
        self.points = points


class Waveform(Value):
    """How loud a sound is from its first to its last moment, point by point. More than two channels are mixed to two.

    - sample_rate: What samples are counted in: 48,000 Hz, whatever the source has.
    - channels: 1 or 2.
    - samples_per_point: The last point may have fewer.
    - peak: The largest distance from zero; 1 is full scale.
    - minimum: Three numbers for each point, and within a point for each channel: point * channels + channel. 1 is full
        scale.
    """
    __slots__ = ("duration", "sample_rate", "channels", "samples_per_point", "peak", "minimum", "maximum", "rms")
    duration: timedelta
    sample_rate: int
    channels: int
    samples_per_point: int
    peak: float
    minimum: Tuple[float, ...]
    maximum: Tuple[float, ...]
    rms: Tuple[float, ...]

    def __init__(
            self, duration: Seconds = timedelta(0), sample_rate: int = 0, channels: int = 0, samples_per_point: int = 0,
            peak: float = 0.0, minimum: Iterable[float] = (), maximum: Iterable[float] = (), rms: Iterable[float] = ()
    ) -> None:
        self.duration = as_timedelta(duration)
        self.sample_rate = sample_rate
        self.channels = channels
        self.samples_per_point = samples_per_point
        self.peak = peak
        self.minimum = as_tuple(minimum)
        self.maximum = as_tuple(maximum)
        self.rms = as_tuple(rms)

    def to_json(self) -> str:
        """The data as players in web pages read it: audiowaveform's JSON, version 2, 16 bits."""
        return _tenon._Waveform_to_json(self)


class TimelineImageOptions(Value):
    """- timeline: This edit …
    - render: … or that of this render job. One of the two is required.
    - target: Required. An SVG file of the host's; one that is there is replaced.
    - title: Written above it. Empty: the render's name, or none.
    - width: Pixels, 480 to 8192. The height follows the tracks.
    """
    __slots__ = ("timeline", "render", "target", "title", "width")
    timeline: Timeline
    render: Optional[JobId]
    target: Path
    title: str
    width: int

    def __init__(
            self, *, timeline: Optional[Timeline] = None, render: Optional[JobId] = None, target: AnyPath,
            title: str = "", width: int = 1600
    ) -> None:
        self.timeline = Timeline() if timeline is None else timeline
        self.render = render
        self.target = as_path(target)
        self.title = title
        self.width = width


class PlanLimit(Value):
    """- limit: In the resource's unit. Unset: unlimited."""
    __slots__ = ("resource", "limit")
    resource: Resource
    limit: Optional[int]

    def __init__(self, resource: Resource = Resource.PROJECTS, limit: Optional[int] = None) -> None:
        self.resource = resource
        self.limit = limit


class PlanOverage(Value):
    """What a plan says of use beyond one of its limits.

    - price_micros: charge: millionths of the currency's minor unit for each `per` units beyond.
    - per: In the resource's unit.
    - most: charge, grace: how much beyond the limit. Unset: no end.
    - grace: grace: for how long.
    """
    __slots__ = ("resource", "rule", "price_micros", "per", "most", "grace")
    resource: Resource
    rule: OverageRule
    price_micros: int
    per: int
    most: Optional[int]
    grace: timedelta

    def __init__(
            self, resource: Resource = Resource.PROJECTS, rule: OverageRule = OverageRule.BLOCK, price_micros: int = 0,
            per: int = 1, most: Optional[int] = None, grace: Seconds = timedelta(0)
    ) -> None:
        self.resource = resource
        self.rule = rule
        self.price_micros = price_micros
        self.per = per
        self.most = most
        self.grace = as_timedelta(grace)


class Money(Value):
    """An amount of money in the minor unit of its currency (cents for EUR, none for JPY).

    - currency: ISO 4217, upper case.
    """
    __slots__ = ("minor", "currency")
    minor: int
    currency: str

    def __init__(self, minor: int = 0, currency: str = "") -> None:
        self.minor = minor
        self.currency = currency


class Plan(Value):
    """A plan of a catalogue. Catalogues are data: four ship with the library and a partner may replace them.

    - name: "studio/professional": catalogue and tier.
    - price: Per month.
    - features: "priority", "webhooks", "white_label" …
    - overage: Resources that are not named are refused beyond their limit.
    """
    __slots__ = ("name", "version", "price", "trial_days", "limits", "features", "overage")
    name: str
    version: int
    price: Money
    trial_days: int
    limits: Tuple[PlanLimit, ...]
    features: Tuple[str, ...]
    overage: Tuple[PlanOverage, ...]

    def __init__(
            self, name: str = "", version: int = 1, price: Optional[Money] = None, trial_days: int = 0,
            limits: Iterable[PlanLimit] = (), features: Iterable[str] = (), overage: Iterable[PlanOverage] = ()
    ) -> None:
        self.name = name
        self.version = version
        self.price = Money() if price is None else price
        self.trial_days = trial_days
        self.limits = as_tuple(limits)
        self.features = as_tuple(features)
        self.overage = as_tuple(overage)


class PlanChangeOptions(Value):
    """- tenant: Required.
    - plan: Required. A plan of a loaded catalogue.
    - reason: Required, but for a preview.
    - expected: Conflict unless this is the tenant's version.
    """
    __slots__ = ("tenant", "plan", "reason", "effect", "expected")
    tenant: TenantId
    plan: str
    reason: str
    effect: PlanEffect
    expected: Optional[int]

    def __init__(
            self, *, tenant: TenantId, plan: str, reason: str = "", effect: PlanEffect = PlanEffect.BY_RULE,
            expected: Optional[int] = None
    ) -> None:
        self.tenant = tenant
        self.plan = plan
        self.reason = reason
        self.effect = effect
        self.expected = expected


class PlanImpact(Value):
    """A limit that a change of plan moves.

    - before: Unset: unlimited, as `after`.
    - used: Now, with what is reserved.
    - over: More is used than `after` allows: nothing is removed, more is refused.
    """
    __slots__ = ("resource", "before", "after", "used", "over")
    resource: Resource
    before: Optional[int]
    after: Optional[int]
    used: int
    over: bool

    def __init__(
            self, resource: Resource = Resource.PROJECTS, before: Optional[int] = None, after: Optional[int] = None,
            used: int = 0, over: bool = False
    ) -> None:
        self.resource = resource
        self.before = before
        self.after = after
        self.used = used
        self.over = over


class PlanChange(Value):
    """A tenant's way from one plan to another.

    - before: The plan it comes from.
    - impacts: In the order of the resources' numbers; those that stay are left out.
    """
    __slots__ = (
            "before", "version_before", "plan", "version", "state", "asked_at", "effective_at", "reason", "impacts",
            "features_gained", "features_lost"
    )
    before: str
    version_before: int
    plan: str
    version: int
    state: PlanChangeState
    asked_at: datetime
    effective_at: datetime
    reason: str
    impacts: Tuple[PlanImpact, ...]
    features_gained: Tuple[str, ...]
    features_lost: Tuple[str, ...]

    def __init__(
            self, before: str = "", version_before: int = 0, plan: str = "", version: int = 0,
            state: PlanChangeState = PlanChangeState.PREVIEW, asked_at: datetime = EPOCH, effective_at: datetime = EPOCH,
            reason: str = "", impacts: Iterable[PlanImpact] = (), features_gained: Iterable[str] = (),
            features_lost: Iterable[str] = ()
    ) -> None:
        self.before = before
        self.version_before = version_before
        self.plan = plan
        self.version = version
        self.state = state
        self.asked_at = as_time(asked_at)
        self.effective_at = as_time(effective_at)
        self.reason = reason
        self.impacts = as_tuple(impacts)
        self.features_gained = as_tuple(features_gained)
        self.features_lost = as_tuple(features_lost)


class Principal(Value):
    """Who a session acts for and what it may do now.

    - actor: As the audit trail names it.
    - user: Also of a key that belongs to a user.
    - role: Unset: a custom role.
    - permissions: "project:read" … that hold everywhere in the tenant.
    - expires_at: When the session ends by itself. Unset: never.
    """
    __slots__ = ("kind", "actor", "user", "key", "login", "role", "custom_role", "permissions", "expires_at")
    kind: PrincipalKind
    actor: str
    user: Optional[UserId]
    key: Optional[KeyId]
    login: Optional[LoginId]
    role: Optional[Role]
    custom_role: Optional[RoleId]
    permissions: Tuple[str, ...]
    expires_at: Optional[datetime]

    def __init__(
            self, kind: PrincipalKind = PrincipalKind.HOST, actor: str = "", user: Optional[UserId] = None,
            key: Optional[KeyId] = None, login: Optional[LoginId] = None, role: Optional[Role] = None,
            custom_role: Optional[RoleId] = None, permissions: Iterable[str] = (), expires_at: Optional[datetime] = None
    ) -> None:
        self.kind = kind
        self.actor = actor
        self.user = user
        self.key = key
        self.login = login
        self.role = role
        self.custom_role = custom_role
        self.permissions = as_tuple(permissions)
        self.expires_at = None if expires_at is None else as_time(expires_at)


class Project(Value):
    __slots__ = ("id", "name", "created_at")
    id: ProjectId
    name: str
    created_at: datetime

    def __init__(self, id: ProjectId = ProjectId(), name: str = "", created_at: datetime = EPOCH) -> None:
        self.id = id
        self.name = name
        self.created_at = as_time(created_at)


class ProjectOptions(Value):
    """- name: Required. Need not be unique."""
    __slots__ = ("name",)
    name: str

    def __init__(self, *, name: str) -> None:
        self.name = name


class ProjectFilter(Value):
    """- after: The last one of the page before.
    - limit: 1 to 1000, oldest first.
    """
    __slots__ = ("after", "limit")
    after: Optional[ProjectId]
    limit: int

    def __init__(self, *, after: Optional[ProjectId] = None, limit: int = 100) -> None:
        self.after = after
        self.limit = limit


class Ask(Value):
    """So much of one resource.

    - amount: In the resource's unit; above 0.
    """
    __slots__ = ("resource", "amount")
    resource: Resource
    amount: int

    def __init__(self, resource: Resource = Resource.PROJECTS, amount: int = 0) -> None:
        self.resource = resource
        self.amount = amount


class HoldOptions(Value):
    """- asks: Required. All are granted or none.
    - ttl: Returned by itself after that, if still open.
    - idempotency: Not empty: asking again with it gives the same hold; Conflict once it was given back.
    - keep: Dropping it returns nothing: it stays until it is ended or its time is up.
    """
    __slots__ = ("asks", "ttl", "idempotency", "keep")
    asks: Tuple[Ask, ...]
    ttl: timedelta
    idempotency: str
    keep: bool

    def __init__(
            self, *, asks: Iterable[Ask], ttl: Seconds = timedelta(minutes=10), idempotency: str = "", keep: bool = False
    ) -> None:
        self.asks = as_tuple(asks)
        self.ttl = as_timedelta(ttl)
        self.idempotency = idempotency
        self.keep = keep


class Quota(Value):
    """Where one resource stands.

    - limit: Unset: unlimited.
    - reserved: In open holds.
    - resets_at: Unset for levels.
    - limit_until: When the limit changes by itself: a custom one expires, a planned change of plan takes effect. Unset: it
        does not.
    """
    __slots__ = ("resource", "limit", "used", "reserved", "resets_at", "limit_until")
    resource: Resource
    limit: Optional[int]
    used: int
    reserved: int
    resets_at: Optional[datetime]
    limit_until: Optional[datetime]

    def __init__(
            self, resource: Resource = Resource.PROJECTS, limit: Optional[int] = None, used: int = 0, reserved: int = 0,
            resets_at: Optional[datetime] = None, limit_until: Optional[datetime] = None
    ) -> None:
        self.resource = resource
        self.limit = limit
        self.used = used
        self.reserved = reserved
        self.resets_at = None if resets_at is None else as_time(resets_at)
        self.limit_until = None if limit_until is None else as_time(limit_until)


class OpenHold(Value):
    """A hold that is open: of a host, or of a job or an upload that goes on.

    - expires_at: Unset: it lives as long as the work it belongs to.
    """
    __slots__ = ("id", "asks", "expires_at")
    id: HoldId
    asks: Tuple[Ask, ...]
    expires_at: Optional[datetime]

    def __init__(self, id: HoldId = HoldId(), asks: Iterable[Ask] = (), expires_at: Optional[datetime] = None) -> None:
        self.id = id
        self.asks = as_tuple(asks)
        self.expires_at = None if expires_at is None else as_time(expires_at)


class RateCall(Value):
    """A call that somebody makes.

    - key: Which of the tenant's keys it comes with. Empty: the session's own, or none.
    - address: Where it comes from: "192.0.2.7", "2001:db8::7". Empty: not known, its rate is not checked.
    - route: Its class. Empty: none.
    - cost: How much it counts; above 0.
    """
    __slots__ = ("key", "address", "route", "cost")
    key: str
    address: str
    route: str
    cost: int

    def __init__(self, key: str = "", address: str = "", route: str = "", cost: int = 1) -> None:
        self.key = key
        self.address = address
        self.route = route
        self.cost = cost


class RateDecision(Value):
    """What became of it. Of several rates the one that refused longest, or that has the least left.

    - route: Of a rate of a class.
    - limit: So many in `window`, or at once. Unset: the plan has no rate for such a call.
    - remaining: How many more would be let through now.
    - reset: Until nothing of it is used.
    - retry_after: Refused: until as much would be let through.
    - headers: For HTTP: RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy, RateLimit and, if refused,
        Retry-After; times in whole seconds, rounded up.
    """
    __slots__ = ("allowed", "scope", "route", "limit", "window", "remaining", "reset", "retry_after", "headers")
    allowed: bool
    scope: RateScope
    route: str
    limit: Optional[int]
    window: timedelta
    remaining: int
    reset: timedelta
    retry_after: timedelta
    headers: Tuple[Label, ...]

    def __init__(
            self, allowed: bool = True, scope: RateScope = RateScope.TENANT, route: str = "", limit: Optional[int] = None,
            window: Seconds = timedelta(0), remaining: int = 0, reset: Seconds = timedelta(0),
            retry_after: Seconds = timedelta(0), headers: Labels = ()
    ) -> None:
        self.allowed = allowed
        self.scope = scope
        self.route = route
        self.limit = limit
        self.window = as_timedelta(window)
        self.remaining = remaining
        self.reset = as_timedelta(reset)
        self.retry_after = as_timedelta(retry_after)
        self.headers = label_tuple(headers)


class RenderOptions(Value):
    """- project: Required.
    - timeline: Required. Not empty.
    - outputs: Required. Presets: mp4, mov, social_square, social_vertical, 4k.
    - loudness: LUFS, -40 to -5; 0: sound stays as mixed. Unset: the preset's, -14 for most.
    - name: Of the files below exports/: <name>-<end of the job's id>.mp4 …
    """
    __slots__ = ("project", "timeline", "outputs", "loudness", "name", "schedule")
    project: ProjectId
    timeline: Timeline
    outputs: Tuple[str, ...]
    loudness: Optional[int]
    name: str
    schedule: JobSchedule

    def __init__(
            self, *, project: ProjectId, timeline: Timeline, outputs: Iterable[str], loudness: Optional[int] = None,
            name: str = "render", schedule: Optional[JobSchedule] = None
    ) -> None:
        self.project = project
        self.timeline = timeline
        self.outputs = as_tuple(outputs)
        self.loudness = loudness
        self.name = name
        self.schedule = JobSchedule() if schedule is None else schedule


class RecurrenceOptions(Value):
    """Work that comes again: exactly one of `backup`, `check` and `render`. Of a schedule priority, key and batch count.

    - name: Required. Unique among the tenant's, which are at most 100.
    - cron: Required. As crontab(5): minute, hour, day of the month, month, day of the week. `30 2 * * *`, `*/15 9-17 * *
        mon-fri`; or @hourly, @daily, @weekly, @monthly, @yearly. Day of the month and day of the week both limited: either
        is enough.
    - zone: IANA time zone that the fields are read in. Empty: the tenant's, as it is now.
    - check: Of the backups.
    - render: Checked as Renders::start would; what its assets are when its time comes counts. As JSON at most 1 MiB.
    """
    __slots__ = ("name", "cron", "zone", "misfire", "backup", "check", "render")
    name: str
    cron: str
    zone: str
    misfire: Misfire
    backup: Optional[BackupOptions]
    check: Optional[CheckLevel]
    render: Optional[RenderOptions]

    def __init__(
            self, *, name: str, cron: str, zone: str = "", misfire: Misfire = Misfire.RUN_ONCE,
            backup: Optional[BackupOptions] = None, check: Optional[CheckLevel] = None,
            render: Optional[RenderOptions] = None
    ) -> None:
        self.name = name
        self.cron = cron
        self.zone = zone
        self.misfire = misfire
        self.backup = backup
        self.check = check
        self.render = render


class RecurrenceUpdate(Value):
    """What is to change of a recurrence; what is unset stays.

    - name: Required.
    """
    __slots__ = ("name", "cron", "zone", "misfire")
    name: str
    cron: Optional[str]
    zone: Optional[str]
    misfire: Optional[Misfire]

    def __init__(
            self, name: str, cron: Optional[str] = None, zone: Optional[str] = None, misfire: Optional[Misfire] = None
    ) -> None:
        self.name = name
        self.cron = cron
        self.zone = zone
        self.misfire = misfire


class Recurrence(Value):
    """- kind: Of the jobs: "backup", "check", "render".
    - project: Of a render. Unset: it is about the tenant as a whole.
    - next_at: When the next job is started. Unset while paused.
    - last_at: The last time whose turn it was, with what came of it:
    - last_job: the job that was started for it,
    - last_error: or why none was,
    - last_message: for people.
    - runs: Jobs started.
    - refused: Times without a job: the one before still ran, no storage was left …
    """
    __slots__ = (
            "name", "kind", "project", "cron", "zone", "misfire", "paused", "next_at", "last_at", "last_job",
            "last_error", "last_message", "runs", "refused", "created_at"
    )
    name: str
    kind: str
    project: Optional[ProjectId]
    cron: str
    zone: str
    misfire: Misfire
    paused: bool
    next_at: Optional[datetime]
    last_at: Optional[datetime]
    last_job: Optional[JobId]
    last_error: Optional[Errc]
    last_message: str
    runs: int
    refused: int
    created_at: datetime

    def __init__(
            self, name: str = "", kind: str = "", project: Optional[ProjectId] = None, cron: str = "", zone: str = "",
            misfire: Misfire = Misfire.RUN_ONCE, paused: bool = False, next_at: Optional[datetime] = None,
            last_at: Optional[datetime] = None, last_job: Optional[JobId] = None, last_error: Optional[Errc] = None,
            last_message: str = "", runs: int = 0, refused: int = 0, created_at: datetime = EPOCH
    ) -> None:
        self.name = name
        self.kind = kind
        self.project = project
        self.cron = cron
        self.zone = zone
        self.misfire = misfire
        self.paused = paused
        self.next_at = None if next_at is None else as_time(next_at)
        self.last_at = None if last_at is None else as_time(last_at)
        self.last_job = last_job
        self.last_error = last_error
        self.last_message = last_message
        self.runs = runs
        self.refused = refused
        self.created_at = as_time(created_at)


class UpcomingOptions(Value):
    """- cron: Required. See RecurrenceOptions.
    - zone: Empty: the tenant's.
    - start: Those after this. Unset: now.
    - limit: 1 to 1000.
    """
    __slots__ = ("cron", "zone", "start", "limit")
    cron: str
    zone: str
    start: Optional[datetime]
    limit: int

    def __init__(self, *, cron: str, zone: str = "", start: Optional[datetime] = None, limit: int = 10) -> None:
        self.cron = cron
        self.zone = zone
        self.start = None if start is None else as_time(start)
        self.limit = limit


class Loudness(Value):
    """What ITU-R BS.1770-4 says of a finished file's sound.

    - measured: False: silent, or shorter than 400 ms.
    - integrated: LUFS.
    - range: LU.
    - true_peak: dBTP.
    """
    __slots__ = ("measured", "integrated", "range", "true_peak")
    measured: bool
    integrated: float
    range: float
    true_peak: float

    def __init__(
            self, measured: bool = False, integrated: float = 0.0, range: float = 0.0, true_peak: float = 0.0
    ) -> None:
        self.measured = measured
        self.integrated = integrated
        self.range = range
        self.true_peak = true_peak


class Quality(Value):
    """How close a finished file's pictures came to what was composed, before it was encoded, and its sound to the loudness
    asked
    for.

    - measured: False: rendered before it was measured.
    - score: 0 to 1, of everything below and blockiness and loudness; about 0.9 is good.
    - ssim: Structural similarity of luma, mean. 1: the same.
    - ssim_low: What one picture of twenty stays below.
    - psnr: dB, of luma.
    - frames: Looked at.
    """
    __slots__ = ("measured", "score", "ssim", "ssim_low", "psnr", "frames")
    measured: bool
    score: float
    ssim: float
    ssim_low: float
    psnr: float
    frames: int

    def __init__(
            self, measured: bool = False, score: float = 0.0, ssim: float = 0.0, ssim_low: float = 0.0, psnr: float = 0.0,
            frames: int = 0
    ) -> None:
        self.measured = measured
        self.score = score
        self.ssim = ssim
        self.ssim_low = ssim_low
        self.psnr = psnr
        self.frames = frames


class RenderedFile(Value):
    """- sha256: Hex."""
    __slots__ = ("preset", "path", "size", "sha256", "duration", "frames", "width", "height", "loudness", "quality")
    preset: str
    path: Path
    size: Bytes
    sha256: str
    duration: timedelta
    frames: int
    width: int
    height: int
    loudness: Loudness
    quality: Quality

    def __init__(
            self, preset: str = "", path: AnyPath = Path(), size: int = Bytes(0), sha256: str = "",
            duration: Seconds = timedelta(0), frames: int = 0, width: int = 0, height: int = 0,
            loudness: Optional[Loudness] = None, quality: Optional[Quality] = None
    ) -> None:
        self.preset = preset
        self.path = as_path(path)
        self.size = Bytes(size)
        self.sha256 = sha256
        self.duration = as_timedelta(duration)
        self.frames = frames
        self.width = width
        self.height = height
        self.loudness = Loudness() if loudness is None else loudness
        self.quality = Quality() if quality is None else quality


class DamagedRange(Value):
    """A stretch of an asset that was damaged where the edit shows it.

    - start: In the asset.
    - sound: Silent there; else pictures: the last good one stays, for a second at most.
    """
    __slots__ = ("asset", "start", "end", "sound")
    asset: AssetId
    start: timedelta
    end: timedelta
    sound: bool

    def __init__(
            self, asset: AssetId = AssetId(), start: Seconds = timedelta(0), end: Seconds = timedelta(0),
            sound: bool = False
    ) -> None:
        self.asset = asset
        self.start = as_timedelta(start)
        self.end = as_timedelta(end)
        self.sound = sound


class RenderResult(Value):
    """- damage: By asset, pictures before sound, in order of time. Empty: all was whole.
    - render_time: What was charged: the duration of the outputs together.
    """
    __slots__ = ("outputs", "damage", "render_time")
    outputs: Tuple[RenderedFile, ...]
    damage: Tuple[DamagedRange, ...]
    render_time: timedelta

    def __init__(
            self, outputs: Iterable[RenderedFile] = (), damage: Iterable[DamagedRange] = (),
            render_time: Seconds = timedelta(0)
    ) -> None:
        self.outputs = as_tuple(outputs)
        self.damage = as_tuple(damage)
        self.render_time = as_timedelta(render_time)


class RenderBatchOptions(Value):
    """Many renders at once, of one project or of many.

    - batch: Required. What they are counted, listed and cancelled by: Jobs::batch.
    - renders: Required. At most 1000. A schedule's own batch is not used.
    """
    __slots__ = ("batch", "renders")
    batch: str
    renders: Tuple[RenderOptions, ...]

    def __init__(self, *, batch: str, renders: Iterable[RenderOptions]) -> None:
        self.batch = batch
        self.renders = as_tuple(renders)


class SessionOptions(Value):
    """- tenant: Required.
    - actor: Required, unless `user` is given. Who acts; goes into the audit trail.
    - custom_role: Set: this role of the tenant's own, instead of `role`.
    - user: A user whom the host has authenticated: with his rights, instead of `role`.
    """
    __slots__ = ("tenant", "actor", "role", "custom_role", "user")
    tenant: TenantId
    actor: str
    role: Role
    custom_role: Optional[RoleId]
    user: Optional[UserId]

    def __init__(
            self, *, tenant: TenantId, actor: str = "", role: Role = Role.VIEWER, custom_role: Optional[RoleId] = None,
            user: Optional[UserId] = None
    ) -> None:
        self.tenant = tenant
        self.actor = actor
        self.role = role
        self.custom_role = custom_role
        self.user = user


class SettingsDocument(Value):
    """One document. Which members it may have says Settings::schema().

    - body: JSON object.
    - version: 1, 2, 3 …; 0: never written.
    - changed_at: Unset: never written.
    """
    __slots__ = ("kind", "body", "version", "changed_at")
    kind: SettingsKind
    body: str
    version: int
    changed_at: Optional[datetime]

    def __init__(
            self, kind: SettingsKind = SettingsKind.PREFERENCES, body: str = "{}", version: int = 0,
            changed_at: Optional[datetime] = None
    ) -> None:
        self.kind = kind
        self.body = body
        self.version = version
        self.changed_at = None if changed_at is None else as_time(changed_at)


class SettingsOptions(Value):
    """- body: Required. JSON object, at most 64 KiB with what is there.
    - expected: Conflict unless this is the document's version: nobody's change is lost.
    """
    __slots__ = ("kind", "body", "expected")
    kind: SettingsKind
    body: str
    expected: Optional[int]

    def __init__(
            self, *, kind: SettingsKind = SettingsKind.PREFERENCES, body: str, expected: Optional[int] = None
    ) -> None:
        self.kind = kind
        self.body = body
        self.expected = expected


class TakeoutOptions(Value):
    """- target: Required. A folder that is not there yet, outside of the engine's home; the folder it is to lie in is there."""
    __slots__ = ("target", "schedule")
    target: Path
    schedule: JobSchedule

    def __init__(self, *, target: AnyPath, schedule: Optional[JobSchedule] = None) -> None:
        self.target = as_path(target)
        self.schedule = JobSchedule() if schedule is None else schedule


class RecordCount(Value):
    """How many records of one kind there are.

    - kind: "asset", "usage_event" …: a file of the takeout's folder `records`.
    """
    __slots__ = ("kind", "count")
    kind: str
    count: int

    def __init__(self, kind: str = "", count: int = 0) -> None:
        self.kind = kind
        self.count = count


class Takeout(Value):
    """A folder with everything that a tenant owned at a moment, in open formats. Formats: docs/design/takeout.md.

    - at: Records are what was stored at this moment, all of one transaction.
    - records: Of every kind, those of which there is nothing too.
    - originals: Assets, exports, footage: copied as they are.
    - files: All that the list of files names, those of records too.
    - size: Of these.
    - problems: Originals that could not be copied, or are not what was recorded of them; see problems.jsonl.
    - manifest_sha256: Of manifest.txt, in hex.
    - key: That signed it: the public key in C2SP form, the one of the audit trail.
    """
    __slots__ = ("path", "at", "records", "originals", "files", "size", "problems", "manifest_sha256", "key")
    path: Path
    at: datetime
    records: Tuple[RecordCount, ...]
    originals: int
    files: int
    size: Bytes
    problems: int
    manifest_sha256: str
    key: str

    def __init__(
            self, path: AnyPath = Path(), at: datetime = EPOCH, records: Iterable[RecordCount] = (), originals: int = 0,
            files: int = 0, size: int = Bytes(0), problems: int = 0, manifest_sha256: str = "", key: str = ""
    ) -> None:
        self.path = as_path(path)
        self.at = as_time(at)
        self.records = as_tuple(records)
        self.originals = originals
        self.files = files
        self.size = Bytes(size)
        self.problems = problems
        self.manifest_sha256 = manifest_sha256
        self.key = key


class Tenant(Value):
    """One tenant, as it stands at the moment of the call.

    - plan: "studio/professional"
    - zone: IANA name; monthly periods begin at midnight there.
    - anchor_day: 1 to 31; clipped to the month's length.
    - trial_ends_at: Set of every tenant that began as a trial.
    - next_plan: Which plan it will have from `plan_changes_at` on. Empty: no change is planned.
    - version: Grows with each change of the tenant: what TenantUpdate::expected is compared with.
    """
    __slots__ = (
            "id", "name", "slug", "plan", "plan_version", "state", "partner", "region", "zone", "anchor_day",
            "trial_ends_at", "erased_at", "created_at", "next_plan", "next_plan_version", "plan_changes_at", "version"
    )
    id: TenantId
    name: str
    slug: str
    plan: str
    plan_version: int
    state: TenantState
    partner: Optional[PartnerId]
    region: str
    zone: str
    anchor_day: int
    trial_ends_at: Optional[datetime]
    erased_at: Optional[datetime]
    created_at: datetime
    next_plan: str
    next_plan_version: int
    plan_changes_at: Optional[datetime]
    version: int

    def __init__(
            self, id: TenantId = TenantId(), name: str = "", slug: str = "", plan: str = "", plan_version: int = 0,
            state: TenantState = TenantState.ACTIVE, partner: Optional[PartnerId] = None, region: str = "",
            zone: str = "", anchor_day: int = 1, trial_ends_at: Optional[datetime] = None,
            erased_at: Optional[datetime] = None, created_at: datetime = EPOCH, next_plan: str = "",
            next_plan_version: int = 0, plan_changes_at: Optional[datetime] = None, version: int = 0
    ) -> None:
        self.id = id
        self.name = name
        self.slug = slug
        self.plan = plan
        self.plan_version = plan_version
        self.state = state
        self.partner = partner
        self.region = region
        self.zone = zone
        self.anchor_day = anchor_day
        self.trial_ends_at = None if trial_ends_at is None else as_time(trial_ends_at)
        self.erased_at = None if erased_at is None else as_time(erased_at)
        self.created_at = as_time(created_at)
        self.next_plan = next_plan
        self.next_plan_version = next_plan_version
        self.plan_changes_at = None if plan_changes_at is None else as_time(plan_changes_at)
        self.version = version


class Transition(Value):
    """How a clip follows the one before it.

    - duration: Both clips overlap by it, within their given ranges.
    """
    __slots__ = ("kind", "duration")
    kind: TransitionKind
    duration: timedelta

    def __init__(self, kind: TransitionKind = TransitionKind.CUT, duration: Seconds = timedelta(0)) -> None:
        self.kind = kind
        self.duration = as_timedelta(duration)


class TimelineClip(Value):
    """A range of an asset, placed after what is there.

    - asset: Required.
    - start: In the asset. Snaps to the nearest source frame.
    - end: In the asset, after start; 0: to its end.
    - transition: From the clip before.
    """
    __slots__ = ("asset", "start", "end", "transition")
    asset: AssetId
    start: timedelta
    end: timedelta
    transition: Transition

    def __init__(
            self, asset: AssetId, start: Seconds = timedelta(0), end: Seconds = timedelta(0),
            transition: Optional[Transition] = None
    ) -> None:
        self.asset = asset
        self.start = as_timedelta(start)
        self.end = as_timedelta(end)
        self.transition = Transition() if transition is None else transition


class TimelineTitle(Value):
    """Text over the picture.

    - text: Required. UTF-8.
    - start: In the edit.
    - duration: Required.
    - look: caption, centre, corner, lower_third, subtitle. Empty: caption.
    - font: Family, such as "Noto Serif"; must be installed. Empty: the look's own.
    """
    __slots__ = ("text", "start", "duration", "look", "font")
    text: str
    start: timedelta
    duration: timedelta
    look: str
    font: str

    def __init__(
            self, *, text: str, start: Seconds = timedelta(0), duration: Seconds, look: str = "", font: str = ""
    ) -> None:
        self.text = text
        self.start = as_timedelta(start)
        self.duration = as_timedelta(duration)
        self.look = look
        self.font = font


class TimelineImage(Value):
    """A still over the picture, below titles: a logo, a frame. Keeps its transparency and its proportions.

    - asset: Required. PNG, JPEG, WebP …
    - start: In the edit.
    - duration: 0: to the end.
    - x: 0: flush with the left side, 1: with the right one, 0.5: in the middle.
    - y: 0: flush with the upper side, 1: with the lower one.
    - width: In parts of the picture's, 0 to 1; 0: its own pixels, on a picture of 1080 lines.
    - opacity: 0 to 1.
    - fade: How long it takes to appear, and to go. 0: at once.
    """
    __slots__ = ("asset", "start", "duration", "x", "y", "width", "opacity", "fade")
    asset: AssetId
    start: timedelta
    duration: timedelta
    x: float
    y: float
    width: float
    opacity: float
    fade: timedelta

    def __init__(
            self, asset: AssetId, start: Seconds = timedelta(0), duration: Seconds = timedelta(0), x: float = 0.5,
            y: float = 0.5, width: float = 0.0, opacity: float = 1.0, fade: Seconds = timedelta(0)
    ) -> None:
        self.asset = asset
        self.start = as_timedelta(start)
        self.duration = as_timedelta(duration)
        self.x = x
        self.y = y
        self.width = width
        self.opacity = opacity
        self.fade = as_timedelta(fade)


class MeterTotal(Value):
    """What was used of one meter.

    - meter: "render_time", "rendered_bytes", "imported_bytes", "backup_bytes" …
    - unit: "ms", "bytes", "count", or what a host said
    """
    __slots__ = ("meter", "unit", "quantity")
    meter: str
    unit: str
    quantity: int

    def __init__(self, meter: str = "", unit: str = "", quantity: int = 0) -> None:
        self.meter = meter
        self.unit = unit
        self.quantity = quantity


class UsageReport(Value):
    """One period of one tenant."""
    __slots__ = ("start", "end", "plan", "meters", "quotas")
    start: datetime
    end: datetime
    plan: str
    meters: Tuple[MeterTotal, ...]
    quotas: Tuple[Quota, ...]

    def __init__(
            self, start: datetime = EPOCH, end: datetime = EPOCH, plan: str = "", meters: Iterable[MeterTotal] = (),
            quotas: Iterable[Quota] = ()
    ) -> None:
        self.start = as_time(start)
        self.end = as_time(end)
        self.plan = plan
        self.meters = as_tuple(meters)
        self.quotas = as_tuple(quotas)


class ResourceUsage(Value):
    """One resource in one period, beside the limit that the tenant has now.

    - limit: Unset: unlimited.
    - used: Per period: in it. Levels: at its end, or now.
    - peak: Levels: the most there was at once. Per period: as used.
    - percent: That the peak is of the limit. Unset: unlimited.
    """
    __slots__ = ("resource", "limit", "used", "peak", "percent")
    resource: Resource
    limit: Optional[int]
    used: int
    peak: int
    percent: Optional[float]

    def __init__(
            self, resource: Resource = Resource.PROJECTS, limit: Optional[int] = None, used: int = 0, peak: int = 0,
            percent: Optional[float] = None
    ) -> None:
        self.resource = resource
        self.limit = limit
        self.used = used
        self.peak = peak
        self.percent = percent


class UsageReason(Value):
    """A figure that led to advice.

    - month: Which one: UsageMonth.number.
    - peak: ResourceUsage.peak.
    - limit: Now. Unset: unlimited.
    - limit_then: With the advised plan. Unset: unlimited, or no plan is named.
    """
    __slots__ = ("resource", "month", "peak", "limit", "limit_then")
    resource: Resource
    month: int
    peak: int
    limit: Optional[int]
    limit_then: Optional[int]

    def __init__(
            self, resource: Resource = Resource.PROJECTS, month: int = 0, peak: int = 0, limit: Optional[int] = None,
            limit_then: Optional[int] = None
    ) -> None:
        self.resource = resource
        self.month = month
        self.peak = peak
        self.limit = limit
        self.limit_then = limit_then


class UsageAdvice(Value):
    """What the figures suggest.

    - resource: What is short; unset when a smaller plan would do.
    - plan: "studio/professional": which would fit. Empty: none of the catalogue, or none is needed.
    - text: For people, with the figures.
    - reasons: Of a downgrade: whatever was used in the months that were looked at.
    - threshold: Per cent of a limit from which on it is short; an advised plan leaves all below it.
    - price: Per month, now. Unset: the plan has none.
    - price_then: With the advised plan. Unset: no plan is named.
    """
    __slots__ = ("advice", "resource", "plan", "text", "reasons", "threshold", "price", "price_then")
    advice: Advice
    resource: Optional[Resource]
    plan: str
    text: str
    reasons: Tuple[UsageReason, ...]
    threshold: int
    price: Optional[Money]
    price_then: Optional[Money]

    def __init__(
            self, advice: Advice = Advice.UPGRADE, resource: Optional[Resource] = None, plan: str = "", text: str = "",
            reasons: Iterable[UsageReason] = (), threshold: int = 0, price: Optional[Money] = None,
            price_then: Optional[Money] = None
    ) -> None:
        self.advice = advice
        self.resource = resource
        self.plan = plan
        self.text = text
        self.reasons = as_tuple(reasons)
        self.threshold = threshold
        self.price = price
        self.price_then = price_then


class UsageMonth(Value):
    """One of a tenant's months: from its anchor day, at midnight in its own zone, to the next.

    - number: 0 is the trial.
    """
    __slots__ = ("number", "start", "end", "running", "meters", "resources", "advice")
    number: int
    start: datetime
    end: datetime
    running: bool
    meters: Tuple[MeterTotal, ...]
    resources: Tuple[ResourceUsage, ...]
    advice: Tuple[UsageAdvice, ...]

    def __init__(
            self, number: int = 0, start: datetime = EPOCH, end: datetime = EPOCH, running: bool = False,
            meters: Iterable[MeterTotal] = (), resources: Iterable[ResourceUsage] = (), advice: Iterable[UsageAdvice] = ()
    ) -> None:
        self.number = number
        self.start = as_time(start)
        self.end = as_time(end)
        self.running = running
        self.meters = as_tuple(meters)
        self.resources = as_tuple(resources)
        self.advice = as_tuple(advice)


class UsageSeriesOptions(Value):
    """- meter: Required: "rendered_bytes" …
    - grain: Days are the tenant's own; minutes and hours are UTC's.
    - start: Steps that begin at or after this …
    - end: … and before this. At most 10,000 of them come, the first ones.
    """
    __slots__ = ("meter", "grain", "start", "end")
    meter: str
    grain: UsageGrain
    start: datetime
    end: datetime

    def __init__(
            self, *, meter: str = "", grain: UsageGrain = UsageGrain.DAY, start: datetime = EPOCH, end: datetime = EPOCH
    ) -> None:
        self.meter = meter
        self.grain = grain
        self.start = as_time(start)
        self.end = as_time(end)


class UsagePoint(Value):
    """What was used of a meter in one step; steps with nothing are left out."""
    __slots__ = ("start", "quantity")
    start: datetime
    quantity: int

    def __init__(self, start: datetime = EPOCH, quantity: int = 0) -> None:
        self.start = as_time(start)
        self.quantity = quantity


class UsageEvent(Value):
    """One thing that was used and that a host measured. Its source and id name it for ever: told again, it counts once.

    - source: Required. Who measured: "gateway" … Not the engine's own: hold, lease, import, render, backup.
    - id: Required. Unique within the source; a request's id, say.
    - meter: Required. 1 to 63 of a-z, 0-9, '_': "api_calls", "model_tokens", "scans" …
    - unit: Empty: the meter's: bytes for …_bytes, ms for …_time, else count, or what its first event said.
    - quantity: 0 to 2^53.
    - occurred_at: Required. At most ten minutes ahead of the engine's clock.
    - project: What it was for.
    - site: Where: a name of the host's.
    - tags: At most 16. Keys, each once: 1 to 63 of a-z, A-Z, 0-9, '_', '-', '.', '/'. Values: 1 to 200 characters.
    """
    __slots__ = ("source", "id", "meter", "unit", "quantity", "occurred_at", "project", "site", "tags")
    source: str
    id: str
    meter: str
    unit: str
    quantity: int
    occurred_at: datetime
    project: Optional[ProjectId]
    site: str
    tags: Tuple[Label, ...]

    def __init__(
            self, *, source: str, id: str, meter: str, unit: str = "", quantity: int = 0, occurred_at: datetime,
            project: Optional[ProjectId] = None, site: str = "", tags: Labels = ()
    ) -> None:
        self.source = source
        self.id = id
        self.meter = meter
        self.unit = unit
        self.quantity = quantity
        self.occurred_at = as_time(occurred_at)
        self.project = project
        self.site = site
        self.tags = label_tuple(tags)


class UsageReceipt(Value):
    """What became of one event.

    - period: UsageMonth.number of the one that it counts in.
    """
    __slots__ = ("source", "id", "outcome", "period")
    source: str
    id: str
    outcome: UsageOutcome
    period: int

    def __init__(
            self, source: str = "", id: str = "", outcome: UsageOutcome = UsageOutcome.RECORDED, period: int = 0
    ) -> None:
        self.source = source
        self.id = id
        self.outcome = outcome
        self.period = period


class UsageRecord(Value):
    """One event as stored.

    - quantity: Below 0: a correction.
    - tags: Its own over the cost tags of site, project and tenant that held when it happened.
    - corrects_source: Not empty: it corrects that event.
    """
    __slots__ = (
            "source", "id", "meter", "unit", "quantity", "occurred_at", "received_at", "period", "late", "project",
            "site", "tags", "corrects_source", "corrects_id"
    )
    source: str
    id: str
    meter: str
    unit: str
    quantity: int
    occurred_at: datetime
    received_at: datetime
    period: int
    late: bool
    project: Optional[ProjectId]
    site: str
    tags: Tuple[Label, ...]
    corrects_source: str
    corrects_id: str

    def __init__(
            self, source: str = "", id: str = "", meter: str = "", unit: str = "", quantity: int = 0,
            occurred_at: datetime = EPOCH, received_at: datetime = EPOCH, period: int = 0, late: bool = False,
            project: Optional[ProjectId] = None, site: str = "", tags: Labels = (), corrects_source: str = "",
            corrects_id: str = ""
    ) -> None:
        self.source = source
        self.id = id
        self.meter = meter
        self.unit = unit
        self.quantity = quantity
        self.occurred_at = as_time(occurred_at)
        self.received_at = as_time(received_at)
        self.period = period
        self.late = late
        self.project = project
        self.site = site
        self.tags = label_tuple(tags)
        self.corrects_source = corrects_source
        self.corrects_id = corrects_id


class UsageFilter(Value):
    """- meter: Empty: every meter.
    - start: Events that happened at or after this …
    - end: … and before this.
    - period: Only what counts in this period: UsageMonth.number.
    - after: UsagePage.next of the page before.
    - limit: 1 to 10000.
    """
    __slots__ = ("meter", "start", "end", "period", "after", "limit")
    meter: str
    start: Optional[datetime]
    end: Optional[datetime]
    period: Optional[int]
    after: str
    limit: int

    def __init__(
            self, *, meter: str = "", start: Optional[datetime] = None, end: Optional[datetime] = None,
            period: Optional[int] = None, after: str = "", limit: int = 1000
    ) -> None:
        self.meter = meter
        self.start = None if start is None else as_time(start)
        self.end = None if end is None else as_time(end)
        self.period = period
        self.after = after
        self.limit = limit


class UsagePage(Value):
    """- records: By the time at which they happened. May be fewer than the limit before the last page.
    - next: Empty: this was the last page.
    """
    __slots__ = ("records", "next")
    records: Tuple[UsageRecord, ...]
    next: str

    def __init__(self, records: Iterable[UsageRecord] = (), next: str = "") -> None:
        self.records = as_tuple(records)
        self.next = next


class UsageExportOptions(Value):
    """- path: Required. A new file.
    - meter: As in UsageFilter, also the next three.
    """
    __slots__ = ("path", "format", "meter", "start", "end", "period")
    path: Path
    format: UsageFormat
    meter: str
    start: Optional[datetime]
    end: Optional[datetime]
    period: Optional[int]

    def __init__(
            self, *, path: AnyPath, format: UsageFormat = UsageFormat.CSV, meter: str = "",
            start: Optional[datetime] = None, end: Optional[datetime] = None, period: Optional[int] = None
    ) -> None:
        self.path = as_path(path)
        self.format = format
        self.meter = meter
        self.start = None if start is None else as_time(start)
        self.end = None if end is None else as_time(end)
        self.period = period


class UsageExport(Value):
    __slots__ = ("records", "size")
    records: int
    size: Bytes

    def __init__(self, records: int = 0, size: int = Bytes(0)) -> None:
        self.records = records
        self.size = Bytes(size)


class BreakdownOptions(Value):
    """- tag: Which tag, where `by` is tag.
    - meter: Empty: every meter.
    - start: What happened at or after this, a quarter of an hour of UTC …
    - end: … and before this. Unset, both or one: no such border.
    - period: Only what counts in this period: its sums are those of UsageMonth.meters.
    """
    __slots__ = ("by", "tag", "meter", "start", "end", "period")
    by: UsageKey
    tag: str
    meter: str
    start: Optional[datetime]
    end: Optional[datetime]
    period: Optional[int]

    def __init__(
            self, *, by: UsageKey = UsageKey.PROJECT, tag: str = "", meter: str = "", start: Optional[datetime] = None,
            end: Optional[datetime] = None, period: Optional[int] = None
    ) -> None:
        self.by = by
        self.tag = tag
        self.meter = meter
        self.start = None if start is None else as_time(start)
        self.end = None if end is None else as_time(end)
        self.period = period


class UsageShare(Value):
    """What one project, site or value of a tag used of one meter.

    - key: The project's id, the site, the value. Empty: what has none.
    """
    __slots__ = ("key", "meter", "unit", "quantity")
    key: str
    meter: str
    unit: str
    quantity: int

    def __init__(self, key: str = "", meter: str = "", unit: str = "", quantity: int = 0) -> None:
        self.key = key
        self.meter = meter
        self.unit = unit
        self.quantity = quantity


class CostTags(Value):
    """Tags for chargeback, of the tenant, of a project or of a site.

    - project: Set: of that project.
    - site: Not empty: of that site. Neither: of the tenant as a whole.
    - tags: As in UsageEvent.
    """
    __slots__ = ("project", "site", "tags")
    project: Optional[ProjectId]
    site: str
    tags: Tuple[Label, ...]

    def __init__(self, project: Optional[ProjectId] = None, site: str = "", tags: Labels = ()) -> None:
        self.project = project
        self.site = site
        self.tags = label_tuple(tags)


class UsageDifference(Value):
    """A sum that is kept and is not what the events add up to.

    - sum: "minute", "hour", "period", "share" (by project, site and tags), "quota"
    - start: Of the minute, the hour, the quarter of an hour, the period.
    - counted: From the events.
    """
    __slots__ = ("sum", "meter", "start", "kept", "counted")
    sum: str
    meter: str
    start: datetime
    kept: int
    counted: int

    def __init__(
            self, sum: str = "", meter: str = "", start: datetime = EPOCH, kept: int = 0, counted: int = 0
    ) -> None:
        self.sum = sum
        self.meter = meter
        self.start = as_time(start)
        self.kept = kept
        self.counted = counted


class UsageCheck(Value):
    """- events: That were added up.
    - different: How many sums are.
    - differences: The first 1,000 of them.
    """
    __slots__ = ("events", "different", "differences")
    events: int
    different: int
    differences: Tuple[UsageDifference, ...]

    def __init__(self, events: int = 0, different: int = 0, differences: Iterable[UsageDifference] = ()) -> None:
        self.events = events
        self.different = different
        self.differences = as_tuple(differences)


class Change(Value):
    """What is new of one job or one stream.

    - job: Nil: it is about a stream.
    - stream: Its number(): it has news, drain it with next(0s). 0: it is about a job.
    - last: Nothing follows, and the watch has forgotten it: the job ended, the stream was closed, or it cannot be seen any
        more (see `error`).
    - state: The job's, like all below; as it stood when it was last heard of.
    - error: As JobInfo::error. Of a job whose state is not an end, with `last`: why it is not watched any more: closed (the
        session it was added through), not_found (its tenant was erased). Of a stream: closed, with `last`.
    - message: What went wrong, for people.
    """
    __slots__ = ("job", "stream", "last", "state", "progress", "error", "message")
    job: JobId
    stream: int
    last: bool
    state: JobState
    progress: Progress
    error: Optional[Errc]
    message: str

    def __init__(
            self, job: JobId = JobId(), stream: int = 0, last: bool = False, state: JobState = JobState.READY,
            progress: Optional[Progress] = None, error: Optional[Errc] = None, message: str = ""
    ) -> None:
        self.job = job
        self.stream = stream
        self.last = last
        self.state = state
        self.progress = Progress() if progress is None else progress
        self.error = error
        self.message = message


__all__ = [
    "Advice", "AfterFailure", "ApiKey", "ApiKeyFilter", "ApiKeyOptions", "ArchiveOptions", "Ask", "Asset", "AssetFilter",
    "AssetId", "AuditCheckpoint", "AuditFilter", "AuditFormat", "AuditListOptions", "AuditListing", "AuditProof",
    "AuditRecord", "AuditReport", "AuditRetention", "AuditRetentionOptions", "AuthenticateOptions", "BackupCheckpoint",
    "BackupErasure", "BackupOptions", "BackupParity", "BackupResult", "BackupSchedule", "BackupScheduleOptions",
    "BackupStore", "BackupStoreOptions", "BackupStreamOptions", "Brand", "BreakdownOptions", "BrowseOptions",
    "CameraHealth", "CameraId", "CameraInfo", "CameraOptions", "CameraSnapshot", "CameraSnapshotOptions", "CameraState",
    "CameraUpdate", "Change", "ChangeKind", "CheckLevel", "CheckOptions", "CheckReport", "Clip", "ClipOptions",
    "CommitLevel", "ContactSheetOptions", "CopyOptions", "CopyPolicy", "CopyResult", "CopyState", "CorrectionOptions",
    "CostTags", "CustomRole", "Cut", "DamagedFile", "DamagedRange", "DeferredKeyOptions", "DiffOptions", "DrillFilter",
    "DrillOptions", "DrillReport", "EngineOptions", "ErasableFolder", "EraseOptions", "ErasePersonalOptions",
    "ErasedPersonal", "ErasureReceipt", "Errc", "Event", "ExportFilter", "ExportedFile", "FileChange", "FileEntry",
    "FileKind", "FootageSpan", "ForecastMethod", "ForgetOptions", "ForgetResult", "FrameImageOptions", "FrameOptions",
    "FramesOptions", "GradeStillOptions", "HoldId", "HoldOptions", "ImportOptions", "IssuerId", "IssuerOptions",
    "JobBatch", "JobFilter", "JobId", "JobInfo", "JobPause", "JobSchedule", "JobState", "KeepRules", "KeyDerivation",
    "KeyEnvironment", "KeyFileOptions", "KeyId", "KeyRotation", "KeySlot", "LeaseInfo", "LeaseOptions", "LegalHold",
    "LegalHoldOptions", "LimitOptions", "LimitOverride", "LogLevel", "LogOptions", "LogRecord", "LoginFilter", "LoginId",
    "LoginInfo", "LoginOptions", "Loudness", "MeterTotal", "Misfire", "Money", "MoveOptions", "MovedHome", "MovedTable",
    "NewApiKey", "OpenFileOptions", "OpenHold", "OperatorOptions", "OverageRule", "Overlap", "Partner", "PartnerFilter",
    "PartnerId", "PartnerOptions", "PasswordOptions", "PasswordTicket", "PixelFormat", "Plan", "PlanChange",
    "PlanChangeOptions", "PlanChangeState", "PlanEffect", "PlanImpact", "PlanLimit", "PlanOverage", "Playlist",
    "PlaylistOptions", "Principal", "PrincipalKind", "Progress", "Project", "ProjectFilter", "ProjectGrant", "ProjectId",
    "ProjectOptions", "Protection", "PruneOptions", "PruneResult", "Quality", "Quota", "QuotaForecast", "QuotaOverage",
    "RateCall", "RateDecision", "RateScope", "Rational", "RecipientKey", "RecordCount", "Recording", "RecordingFilter",
    "RecordingInfo", "RecordingWindow", "RecoveryCode", "Recurrence", "RecurrenceOptions", "RecurrenceUpdate",
    "RedeemOptions", "RekeyOptions", "RekeyResult", "RemovedCount", "RenderBatchOptions", "RenderOptions", "RenderResult",
    "RenderedFile", "RepairOptions", "RepairResult", "Resource", "ResourceUsage", "RestoreOptions", "RestorePreview",
    "RestoreResult", "Retention", "Role", "RoleId", "RoleOptions", "RotateOptions", "ScheduleStanding", "ScheduledWork",
    "SecondFactor", "SessionOptions", "SettingsDocument", "SettingsKind", "SettingsOptions", "ShadowCount", "SiteId",
    "Snapshot", "SnapshotDiff", "SnapshotFilter", "SnapshotId", "SnapshotVerdict", "SpanKind", "StartedJob",
    "SubscribeOptions", "SupportOptions", "TagOptions", "Takeout", "TakeoutOptions", "Tenant", "TenantFilter", "TenantId",
    "TenantOptions", "TenantState", "TenantTakeoutOptions", "TenantUpdate", "TimeRange", "TimelineClip", "TimelineImage",
    "TimelineImageOptions", "TimelineTitle", "TokenKey", "Tokens", "Transition", "TransitionKind", "TrustedIssuer",
    "UpcomingOptions", "UpcomingWork", "UsageAdvice", "UsageCheck", "UsageDifference", "UsageEvent", "UsageExport",
    "UsageExportOptions", "UsageFilter", "UsageFormat", "UsageGrain", "UsageKey", "UsageMonth", "UsageOutcome",
    "UsagePage", "UsagePoint", "UsageReason", "UsageReceipt", "UsageRecord", "UsageReport", "UsageSeriesOptions",
    "UsageShare", "User", "UserFilter", "UserId", "UserOptions", "UserState", "UserUpdateOptions", "Waveform",
    "WaveformOptions", "Weekday", "WorkLimits"
]
