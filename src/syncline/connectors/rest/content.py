"""JSON records as values: paths into them, changes to them, times in them. Pure."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from syncline.connectors.rest.declaration import Entity, Times
from syncline.records import Fields, LineAdd, LineChange, LineRemove, LineWrite

_SAME = msgspec.json.Encoder(order="deterministic", decimal_format="string")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LineMissing(Exception):
    """A line that is to be changed, or after which one is to stand, is not in the record."""


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path; ``None`` where nothing does. The empty path is the value itself."""
    for part in path.split(".") if path else ():
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def under(path: str, value: Any) -> Any:
    """The value wrapped in the members of a dotted path."""
    for part in reversed(path.split(".") if path else []):
        value = {part: value}
    return value


def merged(old: Any, patch: Any) -> Any:
    """``old`` with the changes in it: objects member by member, all else replaced. ``None`` is a value like others."""
    if not (isinstance(old, Mapping) and isinstance(patch, Mapping)):
        return patch
    return {**old, **{name: merged(old.get(name), value) for name, value in patch.items()}}


def without(value: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """A copy that lacks what stands at these dotted paths."""
    copy = dict(value)
    for path in paths:
        first, _, rest = path.partition(".")
        if not rest:
            copy.pop(first, None)
        elif isinstance(copy.get(first), Mapping):
            copy[first] = without(copy[first], (rest,))
    return copy


def edited(
    lines: Sequence[Fields], edits: Sequence[LineWrite], member: str, read_only: Iterable[str] = ()
) -> tuple[list[Fields], tuple[int, ...]]:
    """The array with the edits in it, and where the added lines now stand, in the order they were asked for.

    Members that nobody maps are kept, ``read_only`` ones are left to the system. Lines added after the same one keep
    the order asked for. Raises `LineMissing`.
    """
    own = [path for path in read_only if path != member]
    changed = {str(at(line, member)): without(line, own) for line in lines}
    removed = {edit.id for edit in edits if isinstance(edit, LineRemove)}
    follow: dict[str | None, list[tuple[int, Fields]]] = {}
    for place, edit in enumerate(edits):
        if isinstance(edit, LineChange):
            if edit.id not in changed:
                raise LineMissing(f"Line {edit.id} is no longer in the record.")
            changed[edit.id] = merged(changed[edit.id], edit.fields)
        elif isinstance(edit, LineAdd):
            if edit.after is not None and edit.after not in changed:
                raise LineMissing(f"Line {edit.after}, after which a new one should stand, is no longer in the record.")
            follow.setdefault(edit.after, []).append((place, edit.fields))
    result: list[Fields] = []
    places: dict[int, int] = {}
    for name in (None, *changed):
        if name is not None and name not in removed:
            result.append(changed[name])
        for place, fields in follow.get(name, ()):
            places[place] = len(result)
            result.append(fields)
    return result, tuple(places[place] for place in sorted(places))


def fingerprint(told: Fields, entity: Entity) -> str:
    """Stands for everything of a record that can be written: it moves with every edit of that, and only then."""
    paths = [path for path, declared in entity.type.properties.items() if not declared.read_only]
    held = [_plain(at(told, path)) for path in paths]
    if entity.lines is not None:
        inside = [path for path, declared in entity.type.lines[entity.lines.path].items() if not declared.read_only]
        lines = at(told, entity.lines.path) or []
        held.append([[_plain(at(line, path)) for path in (entity.lines.id, *inside)] for line in lines])
    return hashlib.blake2b(_SAME.encode(held), digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    """Numbers are the same as numbers: 1.50 is 1.5 and 2.0 is 2."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{Decimal(value).normalize():f}"
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value


def parse_time(value: Any, times: Times) -> datetime | None:
    """The moment in UTC; ``None`` for what is no time in the declared format."""
    if value is None or isinstance(value, bool):
        return None
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        if times == "iso":
            moment = datetime.fromisoformat(str(value))
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        unit = timedelta(seconds=1) if times == "epochSeconds" else timedelta(milliseconds=1)
        return _EPOCH + float(value) * unit
    return None


def spell_time(moment: datetime, times: Times) -> str:
    """A moment as the system wants it in a request. ISO times are UTC with milliseconds and ``Z``."""
    if times == "iso":
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    passed = moment - _EPOCH
    unit = timedelta(seconds=1) if times == "epochSeconds" else timedelta(milliseconds=1)
    return str(passed // unit)
