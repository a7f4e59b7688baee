"""What Business Central's JSON means: the record in it, or what became of a write. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from msgspec import Struct

from syncline.connectors.base import ConnectorError
from syncline.connectors.businesscentral.query import Shape
from syncline.connectors.businesscentral.traits import MODIFIED, SEQUENCE, Afterlife
from syncline.connectors.wire import NoAnswer, Unsent, retry_after
from syncline.records import Fields, Gone, Outcome, Record, Refused, Stale, Unavailable, Unknown

ETAG = "@odata.etag"
SKIPPED = 424
_CORRELATION = re.compile(r"\s*CorrelationId:\s*[0-9a-fA-F-]{36}\.?\s*$")
_NAMED = re.compile(r"""["'](\w+)["']|Property: (\w+)""")
_STALE = (409, 412)
_BUSY = (401, 429, 503, SKIPPED)


class Reply(Struct, frozen=True, kw_only=True):
    """What one operation was answered."""

    status: int
    headers: Mapping[str, str] = {}
    body: Any = None

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300


Fate: TypeAlias = Reply | NoAnswer | ConnectorError
"""An operation's answer, or why there is none."""


def moment(told: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(told)).astimezone(UTC) if told else None
    except ValueError:
        return None


def record(shape: Shape, told: Mapping[str, Any], numbers: Sequence[str] | None = None) -> Record:
    """A record as it was told. It is partial where it lacks a navigation, the lines, or ``numbers`` that it must have.

    A navigation to many is told as its one chosen record, lines in the order of their sequence.
    """
    fields = without_context(told)
    for name in shape.navigations:
        if name in fields:
            fields[name] = _one(fields[name], shape.traits.chosen.get(name))
    if shape.lines in fields:
        fields[shape.lines] = sorted(fields[shape.lines] or (), key=lambda line: line.get(SEQUENCE, 0))
    if shape.numbers:
        if numbers is None and shape.lines in fields and not has_trace(shape, fields):
            numbers = ()
        if numbers is not None:
            fields[shape.numbers] = list(numbers)
    wanted = {*shape.navigations, *filter(None, (shape.lines, shape.numbers))}
    return Record(
        id=str(told["id"]),
        version=told.get(ETAG),
        modified=moment(told.get(MODIFIED)),
        fields=fields,
        partial=not wanted <= fields.keys(),
    )


def without_context(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "@odata.context"}


def has_trace(shape: Shape, fields: Fields) -> bool:
    """Whether a record that still exists has begun to live on elsewhere; also where its lines are not told."""
    afterlife = shape.traits.afterlife
    if afterlife is None:
        return False
    lines = fields.get(shape.lines) if shape.lines else None
    return lines is None or any(line.get(afterlife.trace) for line in lines)


def living_on(afterlife: Afterlife, id_: str, told: Sequence[Mapping[str, Any]]) -> Record:
    """A record that is gone, by the records in which it lives on."""
    moments = [found for each in told if (found := moment(each.get(MODIFIED)))]
    return Record(
        id=id_,
        version=None,
        modified=max(moments, default=None),
        fields={"id": id_, **afterlife.fields, afterlife.numbers: numbers_of(told)},
        partial=True,
        closed=True,
    )


def numbers_of(told: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted(str(each["number"]) for each in told)


def reason(reply: Reply) -> tuple[str, str]:
    """The code and the message, without the tail that differs every time."""
    error = reply.body.get("error") if isinstance(reply.body, Mapping) else None
    told = error if isinstance(error, Mapping) else {}
    message = _CORRELATION.sub("", str(told.get("message") or "")).strip()
    return str(told.get("code") or reply.status), message or f"status {reply.status}"


def verdict(fate: Fate, sent: Mapping[str, str] | None = None) -> Outcome:
    """What became of an operation that was not answered with success.

    ``sent`` is the path of each property that it sent, by the name that Business Central calls it.
    """
    if isinstance(fate, Unsent):
        return Unavailable(message=str(fate), retry_after=fate.retry_after)
    if isinstance(fate, ConnectorError):  # before anything was sent: no sign-in, or no such company
        return Unavailable(message=str(fate))
    if isinstance(fate, NoAnswer):
        return Unknown(str(fate))
    code, message = reason(fate)
    if fate.status in _STALE:
        return Stale(message)
    if fate.status == 404:
        return Gone(message)
    if fate.status in _BUSY:
        return Unavailable(message=message, retry_after=retry_after(fate.headers))
    if fate.status == 408 or (fate.status >= 500 and fate.status != 501):
        return Unknown(message)
    return Refused(code=code, message=message, property=_named(message, sent or {}))


def _named(message: str, sent: Mapping[str, str]) -> str | None:
    """The path of the property that a message names, among those that were sent."""
    paths = (sent[word] for found in _NAMED.finditer(message) if (word := found[1] or found[2]) in sent)
    return next(paths, None)


def _one(told: Any, chosen: tuple[str, str] | None) -> Any:
    if chosen is None:
        return told or {}
    name, value = chosen
    return next((each for each in told or () if each.get(name) == value), {})
