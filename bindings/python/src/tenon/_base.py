"""What the generated values are made of."""
from __future__ import annotations

import enum
import math
import numbers
import os
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ClassVar, FrozenSet, Iterable, Iterator, Mapping, Tuple, TypeVar, Union

AnyPath = Union[str, "os.PathLike[str]"]
AnyBytes = Union[bytes, bytearray, memoryview]
Seconds = Union[timedelta, float]
"""A length of time: a timedelta, or seconds as a number."""

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_ID = re.compile(rf"[a-z]+_[0-7][{_DIGITS}]{{25}}", re.ASCII)
_T = TypeVar("_T")
_I = TypeVar("_I", bound="Id")


class NamedEnum(enum.Enum):
    """str() is the name that texts, logs and the command line use: str(Role.CAMERA_OPERATOR) == "camera_operator"."""

    def __str__(self) -> str:
        return str(self.name).lower()


class Value:
    """Fields that are compared, shown, copied and pickled together."""
    __slots__: ClassVar[Tuple[str, ...]] = ()
    _secret: ClassVar[FrozenSet[str]] = frozenset()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __repr__(self) -> str:
        def shown(name: str) -> str:
            value = getattr(self, name)
            return "***" if value and name in self._secret else repr(value)

        return f"{type(self).__name__}({', '.join(f'{name}={shown(name)}' for name in self.__slots__)})"


class Id:
    """Sixteen bytes that sort by the time they were made; as text a prefix that names their kind and 26 characters.

    Without an argument it is nil and names nothing.
    """
    __slots__ = ("_text",)
    prefix: ClassVar[str] = ""
    _text: str

    def __init__(self, text: str = "") -> None:
        if not isinstance(text, str):
            raise TypeError(f"{type(self).__name__}: text must be str, not {type(text).__name__}")
        if not text:
            text = self.prefix + "0" * 26
        elif not (text.startswith(self.prefix) and _ID.fullmatch(text)):
            from ._errors import InvalidArgument
            raise InvalidArgument(f"not an id of this kind: expected {self.prefix} and 26 characters", subject=text[:64])
        object.__setattr__(self, "_text", text)

    @classmethod
    def parse(cls: "type[_I]", text: str) -> _I:
        """Raises InvalidArgument unless `text` is the text of exactly this kind of id."""
        return cls(text if text else " ")

    @property
    def text(self) -> str:
        return self._text

    @property
    def is_nil(self) -> bool:
        return self._text.endswith("_" + "0" * 26)

    @property
    def high(self) -> int:
        """The first eight bytes, big endian."""
        return self._number() >> 64

    @property
    def low(self) -> int:
        return self._number() & (2**64 - 1)

    def _number(self) -> int:
        number = 0
        for digit in self._text[len(self.prefix):]:
            number = number << 5 | _DIGITS.index(digit)
        return number

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __reduce__(self) -> Any:
        return type(self), (self._text,)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._text!r})"

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Id) or type(other) is not type(self):
            return NotImplemented
        return self._text == other._text

    def __lt__(self, other: "Id") -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._text < other._text

    def __le__(self, other: "Id") -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._text <= other._text

    def __gt__(self, other: "Id") -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._text > other._text

    def __ge__(self, other: "Id") -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._text >= other._text


class Bytes(int):
    """An amount of data: a number of bytes."""
    __slots__ = ()

    @property
    def count(self) -> int:
        return int(self)


class Label(Value):
    """One entry of a map."""
    __slots__ = ("key", "value")
    key: str
    value: str

    def __init__(self, key: str = "", value: str = "") -> None:
        self.key = key
        self.value = value

    def __iter__(self) -> Iterator[str]:
        return iter((self.key, self.value))


Labels = Union[Mapping[str, str], Iterable[Label]]
"""A dict, or Label after Label."""


def as_timedelta(value: Seconds) -> timedelta:
    """To the microsecond; what is finer is left away."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"a timedelta or seconds as a number, not {type(value).__name__}")
    if isinstance(value, numbers.Rational):
        return timedelta(microseconds=value.numerator * 1_000_000 // value.denominator)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no length of time")
    exact = float(value) * 1e6
    near = round(exact)
    # 0.29 s is 290,000 µs, although the nearest float is a little less.
    return timedelta(microseconds=near if abs(exact - near) < 1e-4 else math.floor(exact))


def as_time(value: datetime) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"an aware datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise ValueError("a naive datetime names no instant: give it a tzinfo, such as timezone.utc")
    return value


def as_path(value: AnyPath) -> Path:
    return Path(os.fsdecode(value))


def as_tuple(value: "Iterable[_T]") -> "Tuple[_T, ...]":
    if isinstance(value, (str, bytes)):
        raise TypeError(f"a list, not {type(value).__name__}")
    return tuple(value)


def label_tuple(value: Labels) -> Tuple[Label, ...]:
    if isinstance(value, Mapping):
        return tuple(Label(key, each) for key, each in value.items())
    return as_tuple(value)
