"""The lenses: small translations between what one side holds and the shared value, each with its round-trip laws.

Most work on one path; these are `Scalar`. A column's lens is built in layers (`Chain`): nearest the side is what the
system does by itself (`native`), nearest the shared value what people agreed on in the flow file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from syncline.mapping.model import LensError
from syncline.mapping.types import Kind, PropertyType
from syncline.records import Value

_WIDE = Context(prec=200)


class Scalar(Struct, frozen=True):
    """A lens on one path. Every kind says how it reads and how it writes."""

    def read(self, raw: Any) -> Value:
        """The shared value of what the side holds. Raises `LensError`."""
        raise NotImplementedError

    def write(self, value: Value) -> Any:
        """What the side is sent. Raises `LensError`."""
        raise NotImplementedError

    def get(self, raw: tuple[Any, ...]) -> Value:
        return self.read(raw[0])

    def put(self, value: Value) -> tuple[Any, ...]:
        return (self.write(value),)

    @property
    def words(self) -> str | None:
        return None

    @property
    def lossy(self) -> str | None:
        return None


# --- What systems do by themselves


class Text(Scalar, frozen=True):
    """Text; what is empty or only blanks is ``None``. Ids are text too."""

    blank: str | None = None

    def read(self, raw: Any) -> Value:
        if type(raw) is str:
            return raw if raw and raw != self.blank and not raw.isspace() else None
        if raw is None:
            return None
        raise _not(raw, "text")

    def write(self, value: Value) -> Any:
        if value is None or type(value) is str:
            return value or self.blank
        raise _not(value, "text")


class Code(Scalar, frozen=True):
    """Text that its system keeps trimmed and in upper case."""

    blank: str | None = None

    def read(self, raw: Any) -> Value:
        if type(raw) is str:
            code = raw.strip().upper()
            return code if code and code != self.blank else None
        if raw is None:
            return None
        raise _not(raw, "text")

    def write(self, value: Value) -> Any:
        if value is None or type(value) is str:
            return (value.strip().upper() if value else None) or self.blank
        raise _not(value, "text")

    @property
    def lossy(self) -> str | None:
        return "lower case becomes upper case"


class Number(Scalar, frozen=True):
    """A decimal number, rounded half up to ``decimals`` places where the side keeps only so many."""

    decimals: int | None = None
    blank: Decimal | None = None

    def read(self, raw: Any) -> Value:
        if type(raw) is Decimal or raw is None:
            return raw
        if type(raw) is int:
            return Decimal(raw)
        raise _not(raw, "a number")

    def write(self, value: Value) -> Any:
        if value is None:
            return self.blank
        if type(value) is int:
            return Decimal(value)
        if type(value) is not Decimal or not value.is_finite():
            raise _not(value, "a number")
        places = -int(value.as_tuple().exponent)
        if self.decimals is None or places <= self.decimals:
            return value
        try:
            return value.quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP, _WIDE)
        except InvalidOperation as error:
            raise LensError(f"{value} has too many digits") from error

    @property
    def lossy(self) -> str | None:
        return None if self.decimals is None else f"numbers are rounded to {self.decimals} places"


class Integer(Scalar, frozen=True):
    """A whole number. One with a fraction is not rounded but refused."""

    blank: int | None = None

    def read(self, raw: Any) -> Value:
        if type(raw) is int or raw is None:
            return raw
        return self._whole(raw)

    def write(self, value: Value) -> Any:
        if value is None:
            return self.blank
        return value if type(value) is int else self._whole(value)

    def _whole(self, number: Any) -> int:
        if type(number) is Decimal and number.is_finite() and number == number.to_integral_value():
            return int(number)
        raise _not(number, "a whole number")


class Flag(Scalar, frozen=True):
    """True or false."""

    blank: bool | None = None

    def read(self, raw: Any) -> Value:
        if raw is True or raw is False or raw is None:
            return raw
        raise _not(raw, "true or false")

    def write(self, value: Value) -> Any:
        return self.blank if value is None else self.read(value)


class Day(Scalar, frozen=True):
    """A date, as ISO 8601 text."""

    blank: str | None = None

    def read(self, raw: Any) -> Value:
        if not raw or raw == self.blank:
            return None
        if type(raw) is not str or len(raw) != len("2000-01-31"):
            raise _not(raw, "a date like 2000-01-31")
        try:
            return date.fromisoformat(raw).isoformat()
        except ValueError as error:
            raise _not(raw, "a date like 2000-01-31") from error

    def write(self, value: Value) -> Any:
        day = self.read(value)
        return self.blank if day is None else day


class Moment(Scalar, frozen=True):
    """A time, as ISO 8601 text in UTC. One without a zone is taken as UTC."""

    blank: str | None = None

    def read(self, raw: Any) -> Value:
        if not raw or raw == self.blank:
            return None
        try:
            moment = datetime.fromisoformat(raw)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (TypeError, ValueError, OverflowError) as error:
            raise _not(raw, "a time like 2000-01-31T12:00:00Z") from error
        return moment.isoformat().removesuffix("+00:00") + "Z"

    def write(self, value: Value) -> Any:
        moment = self.read(value)
        return self.blank if moment is None else moment


class DayOfMoment(Scalar, frozen=True):
    """A date on a side that keeps a time: its day in UTC, and midnight when it is sent."""

    moment: Moment = Moment()

    def read(self, raw: Any) -> Value:
        moment = self.moment.read(raw)
        return moment[:10] if isinstance(moment, str) else None

    def write(self, value: Value) -> Any:
        day = Day().read(value)
        return self.moment.write(None if day is None else f"{day}T00:00:00Z")

    @property
    def words(self) -> str | None:
        return "only the day counts"

    @property
    def lossy(self) -> str | None:
        return "the time of day is lost"


class Member(Scalar, frozen=True):
    """One of a fixed set of words, spelled alike on every side."""

    members: tuple[str, ...]
    blank: str | None = None

    def read(self, raw: Any) -> Value:
        if raw is None or raw in ("", self.blank):
            return None
        return self._known(raw)

    def write(self, value: Value) -> Any:
        return self.blank if value is None else self._known(value)

    def _known(self, word: Any) -> str:
        if type(word) is str and word in self.members:
            return word
        raise LensError(f"{_show(word)} is none of {', '.join(self.members)}")


class Listed(Scalar, frozen=True):
    """A list of texts; shared as its members joined by a comma and a blank."""

    def read(self, raw: Any) -> Value:
        if raw is None:
            return None
        if not isinstance(raw, list | tuple) or any(type(member) is not str for member in raw):
            raise _not(raw, "a list of texts")
        return ", ".join(filter(None, (member.strip() for member in raw))) or None

    def write(self, value: Value) -> Any:
        if value is not None and type(value) is not str:
            raise _not(value, "a list")
        return [part for member in (value or "").split(",") if (part := member.strip())]

    @property
    def lossy(self) -> str | None:
        return "a comma inside a member parts it in two"


def native(declared: PropertyType) -> Scalar:
    """What the side does by itself with a property of this type."""
    blank = declared.blank
    match declared.kind:
        case Kind.TEXT | Kind.ID:
            return Code(blank) if declared.upper_case else Text(blank)
        case Kind.DECIMAL:
            return Number(declared.decimals, None if blank is None else Decimal(blank))
        case Kind.INTEGER:
            return Integer(None if blank is None else int(blank))
        case Kind.BOOLEAN:
            return Flag(None if blank is None else blank == "true")
        case Kind.DATE:
            return Day(blank)
        case Kind.DATETIME:
            return Moment(blank)
        case Kind.ENUM:
            return Member(declared.members, blank)
        case Kind.LIST:
            return Listed()


# --- What people agree on


class Trim(Scalar, frozen=True):
    """Blanks at the ends are no part of the text."""

    def read(self, raw: Any) -> Value:
        return (raw.strip() or None) if isinstance(raw, str) else raw

    def write(self, value: Value) -> Any:
        return self.read(value)

    @property
    def words(self) -> str | None:
        return "blanks at the ends do not count"

    @property
    def lossy(self) -> str | None:
        return "blanks at the ends are lost"


class Upper(Scalar, frozen=True):
    """Letter case is no part of the text."""

    def read(self, raw: Any) -> Value:
        return raw.upper() if isinstance(raw, str) else raw

    def write(self, value: Value) -> Any:
        return self.read(value)

    @property
    def words(self) -> str | None:
        return "in upper case"

    @property
    def lossy(self) -> str | None:
        return "lower case becomes upper case"


class Truncate(Scalar, frozen=True):
    """Text is cut to what the side can hold. Without it the side refuses what is too long."""

    length: int

    def read(self, raw: Any) -> Value:
        result: Value = raw
        return result

    def write(self, value: Value) -> Any:
        return value[: self.length].rstrip() if isinstance(value, str) and len(value) > self.length else value

    @property
    def words(self) -> str | None:
        return f"cut to {self.length} characters"

    @property
    def lossy(self) -> str | None:
        return f"text is cut after {self.length} characters"


class Invert(Scalar, frozen=True):
    """True on this side is false in the shared shape."""

    def read(self, raw: Any) -> Value:
        if raw is None:
            return None
        if type(raw) is not bool:
            raise _not(raw, "true or false")
        return not raw

    def write(self, value: Value) -> Any:
        return self.read(value)

    @property
    def words(self) -> str | None:
        return "inverted: yes there is no here"


class Mapped(Scalar, frozen=True, kw_only=True):
    """A table of values. A value that it lacks is refused, unless there is an ``otherwise``.

    Where several values of one column stand for one of the other (one direction only), the first stands.
    """

    shared: Mapping[Any, Value]
    raw: Mapping[Value, Any]
    blank: Any = None
    otherwise: Value = None

    def read(self, raw: Any) -> Value:
        if type(raw) in _HASHED and raw in self.shared:
            return self.shared[raw]
        if self.otherwise is not None or raw is None or raw in ("", self.blank):
            return self.otherwise
        raise LensError(f"{_show(raw)} is none of {', '.join(map(_show, self.shared))}")

    def write(self, value: Value) -> Any:
        if value in self.raw:
            return self.raw[value]
        if value is None:
            return self.blank
        raise LensError(f"{_show(value)} is none of {', '.join(map(_show, self.raw))}")

    @property
    def words(self) -> str | None:
        pairs = [f"{_show(value)} = {_show(raw)}" for raw, value in self.shared.items()]
        others = [] if self.otherwise is None else [f"{'all else' if pairs else 'always'} {_show(self.otherwise)}"]
        return ", ".join((*pairs, *others)) or None

    @property
    def lossy(self) -> str | None:
        merged = len(self.shared) != len(self.raw) or self.otherwise is not None
        return "several values become one" if merged else None


class Chain(Scalar, frozen=True):
    """Several lenses one after the other, the side's first."""

    layers: tuple[Scalar, ...]

    def read(self, raw: Any) -> Value:
        for layer in self.layers:
            raw = layer.read(raw)
        result: Value = raw
        return result

    def write(self, value: Value) -> Any:
        for layer in reversed(self.layers):
            value = layer.write(value)
        return value

    @property
    def words(self) -> str | None:
        return "; ".join(word for layer in self.layers if (word := layer.words)) or None

    @property
    def lossy(self) -> str | None:
        return "; ".join(dict.fromkeys(loss for layer in self.layers if (loss := layer.lossy))) or None


# --- Several paths, or none


class Constant(Struct, frozen=True):
    """A value that stands in the agreement and in no record."""

    value: Value

    def get(self, raw: tuple[Any, ...]) -> Value:
        return self.value

    def put(self, value: Value) -> tuple[Any, ...]:
        return ()

    @property
    def words(self) -> str | None:
        return f"always {_show(self.value)}"

    @property
    def lossy(self) -> str | None:
        return None


class Join(Struct, frozen=True):
    """Several texts that are one elsewhere: ``firstName`` and ``lastName`` are a ``displayName``.

    Joined by a blank in their order; split at the last blanks, so that the order is kept: all but the last words go to
    the first path. A single word goes to the last path: people without a first name have a name all the same.
    """

    parts: tuple[Scalar, ...]

    def get(self, raw: tuple[Any, ...]) -> Value:
        words = [part.read(member) for part, member in zip(self.parts, raw, strict=True)]
        return " ".join(str(word).strip() for word in words if word is not None) or None

    def put(self, value: Value) -> tuple[Any, ...]:
        if value is not None and type(value) is not str:
            raise _not(value, "text")
        split = [word.strip() for word in (value or "").rsplit(None, len(self.parts) - 1)]
        words = [*[None] * (len(self.parts) - len(split)), *split]
        return tuple(part.write(word) for part, word in zip(self.parts, words, strict=True))

    @property
    def words(self) -> str | None:
        return "joined by a blank"

    @property
    def lossy(self) -> str | None:
        return "the name is split at its last blank"


class Only(Struct, frozen=True):
    """A value that counts only in records that hold one of these values elsewhere (read at the column's context)."""

    lens: Scalar
    where: Mapping[str, tuple[Any, ...]]

    def get(self, raw: tuple[Any, ...]) -> Value:
        if any(held not in allowed for held, allowed in zip(raw[1:], self.where.values(), strict=False)):
            return None
        return self.lens.read(raw[0])

    def put(self, value: Value) -> tuple[Any, ...]:
        return (self.lens.write(value),)

    @property
    def words(self) -> str | None:
        only = " and ".join(f"{path} is {' or '.join(map(_show, held))}" for path, held in self.where.items())
        return "; ".join(part for part in (self.lens.words, f"only where {only}") if part)

    @property
    def lossy(self) -> str | None:
        return self.lens.lossy


_HASHED = frozenset({str, bool, int, Decimal, type(None)})


def _show(value: Any) -> str:
    return "(empty)" if value in (None, "") else str(value)


def _not(value: Any, wanted: str) -> LensError:
    return LensError(f"{_show(value)} is not {wanted}")
