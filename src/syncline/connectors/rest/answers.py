"""What an answer means: the record in it, or why the system will not have it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncline.connectors.rest.content import at, fingerprint, parse_time
from syncline.connectors.rest.declaration import Entity, Errors
from syncline.connectors.wire import BUSY, Answer
from syncline.records import Gone, Outcome, Record, Refused, Stale, Unavailable, Unknown

_GONE = (404, 410)
_NO_VERSION = 428
_UNCERTAIN = 408


class Told(Exception):
    """An answer that is not what the declaration says it is."""


def record(told: Any, entity: Entity, version: str | None = None) -> Record:
    """A record as it stands in a list or an answer. ``version`` is the header's, where that tells it.

    Where the system has no versions, what the record says stands for one. Raises `Told` where there is no record with
    an id.
    """
    shape = entity.record
    if not isinstance(told, Mapping):
        raise Told("where a record should be, there is none")
    if (known := at(told, shape.id)) is None:
        raise Told(f"a record has no {shape.id}")
    if shape.version is None:
        found: Any = fingerprint(told, entity)
    else:
        found = at(told, shape.version.member) if shape.version.member else version
    return Record(
        id=str(known),
        version=None if found is None else str(found),
        modified=parse_time(at(told, shape.modified), shape.times) if shape.modified else None,
        fields=told,
    )


def one(answer: Answer, entity: Entity) -> Record:
    """The record that an answer about one record tells. Raises `Told`."""
    shape = entity.record
    header = shape.version.header if shape.version else None
    return record(at(content(answer), shape.within), entity, answer.headers.get(header) if header else None)


def content(answer: Answer) -> Any:
    """The answer's JSON; ``None`` for an empty body. Raises `Told` where it is no JSON."""
    try:
        return answer.json()
    except ValueError as error:
        raise Told(f"the answer is not JSON: {_start(answer)}") from error


def verdict(answer: Answer, errors: Errors) -> Outcome:
    """What became of a write that was not answered with success."""
    message, prop, code = reason(answer, errors)
    if answer.status in errors.stale or answer.status == _NO_VERSION:
        return Stale(message)
    if answer.status in _GONE:
        return Gone(message)
    if answer.status in BUSY or answer.status == 401:
        return Unavailable(message=message, retry_after=answer.retry_after)
    if answer.status == _UNCERTAIN or answer.status >= 500:
        return Unknown(message)
    return Refused(code=code or str(answer.status), message=message, property=prop)


def reason(answer: Answer, errors: Errors) -> tuple[str, str | None, str | None]:
    """The system's own words, the property it names, and its code."""
    try:
        told = content(answer)
    except Told:
        told = None
    code = _text(at(told, errors.code)) if errors.code else None
    general = _first(told, errors.message)
    details = at(told, errors.details) if errors.details else [told]
    mistakes = [m for m in details if isinstance(m, Mapping)] if isinstance(details, list) else []
    prop = next((p for m in mistakes if errors.property and (p := _text(at(m, errors.property)))), None)
    words = [w for m in mistakes if errors.detail and (w := _text(at(m, errors.detail)))]
    message = "; ".join(dict.fromkeys(words)) or general or _start(answer) or f"status {answer.status}"
    return message, prop, code


def _first(told: Any, paths: Iterable[str]) -> str | None:
    return next((text for path in paths if (text := _text(at(told, path)))), None)


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and str(value) else None


def _start(answer: Answer) -> str:
    return answer.body[:200].decode("utf-8", "replace").strip()
