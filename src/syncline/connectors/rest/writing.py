"""Writing a record: one request each, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from yarl import URL

from syncline.connectors.base import ConnectorError
from syncline.connectors.rest.answers import Told, content, one
from syncline.connectors.rest.asking import Client
from syncline.connectors.rest.content import LineMissing, at, edited, merged, under, without
from syncline.connectors.rest.declaration import CreateRequest, Entity, UpdateRequest
from syncline.connectors.wire import Answer
from syncline.records import (
    Create,
    Delete,
    Done,
    Fields,
    Gone,
    Outcome,
    Record,
    Refused,
    Stale,
    Unavailable,
    Unknown,
    Update,
    Write,
)

_PAUSES = (0.2, 1.0)
"""Seconds before a create without an answer is sent again."""


async def write(client: Client, entity: Entity, asked: Write) -> Outcome:
    """Do it. What became of it is the outcome; nothing is raised."""
    try:
        match asked:
            case Create():
                return await _create(client, entity, asked)
            case Update():
                return await _update(client, entity, asked)
            case Delete():
                return await _delete(client, entity, asked)
    except Told as error:
        return Unknown(f"{error}.")
    except LineMissing as error:
        return Stale(str(error))


# --- create


async def _create(client: Client, entity: Entity, asked: Create) -> Outcome:
    if (how := entity.create) is None:
        return _impossible(entity, "created")
    fields = dict(asked.fields)
    if entity.lines and asked.lines:
        fields = merged(fields, under(entity.lines.path, list(asked.lines)))
    answer = await _post(client, entity, how, under(entity.record.sent_within, fields), asked.key)
    if not isinstance(answer, Answer):
        return answer
    if how.answer == "record":
        created = one(answer, entity)
        return Done(answer=created, added=_line_ids(entity, created))
    told = Record(id=_new_id(entity, answer), version=None, modified=None, fields=fields, partial=True)
    seen = await _read(client, entity, told.id)
    if not isinstance(seen, Record):
        return Unknown(f"It was created as {told.id}, but could not be read: {seen.message}")
    return Done(answer=told, seen=seen, added=_line_ids(entity, seen))


async def _post(client: Client, entity: Entity, how: CreateRequest, body: Any, key: str) -> Answer | Outcome:
    """Sent again only with the key by which the system knows the first one: without it looking decides, not sending."""
    headers = {how.idempotency_key: key} if how.idempotency_key else {}
    for pause in _PAUSES if headers else ():
        answer = await client.send("POST", entity.url(how.path), body, headers)
        if not isinstance(answer, Unknown):
            return answer
        await asyncio.sleep(pause)
    last = await client.send("POST", entity.url(how.path), body, headers)
    if headers and isinstance(last, Unavailable):
        return Unknown(last.message)
    return last


def _new_id(entity: Entity, answer: Answer) -> str:
    """The id in the body, else the last part of the ``Location``. Raises `Told`."""
    told = at(at(content(answer), entity.record.within), entity.record.id)
    if told is None:
        told = URL(answer.headers.get("Location", "")).name or None
    if told is None:
        raise Told("the answer to a create tells no id")
    return str(told)


# --- update and delete


async def _update(client: Client, entity: Entity, asked: Update) -> Outcome:
    if (how := entity.update) is None:
        return _impossible(entity, "changed")
    fields: Fields = asked.fields
    places: tuple[int, ...] = ()
    version = asked.version
    if asked.lines or how.body == "whole" or _is_checked_by_reading(entity):
        now = await _current(client, entity, asked)
        if not isinstance(now, Record):
            return now
        fields, places = _changed(entity, how, now, asked)
        version = now.version
    headers = {"Content-Type": how.content_type} | _if_match(entity, version)
    body = under(entity.record.sent_within, fields)
    answer = await client.send(how.method, entity.url(how.path, asked.id), body, headers)
    if not isinstance(answer, Answer):
        return answer
    if not answer.body:
        return await _updated_unseen(client, entity, asked, places)
    told = one(answer, entity)
    return Done(answer=told, added=_added(entity, told, places))


async def _updated_unseen(client: Client, entity: Entity, asked: Update, places: Sequence[int]) -> Outcome:
    """An update that was answered with nothing: what was sent stands for the answer, and the record is read."""
    told = Record(id=asked.id, version=None, modified=None, fields=asked.fields, partial=True)
    seen = await _read(client, entity, asked.id)
    if isinstance(seen, Record):
        return Done(answer=told, seen=seen, added=_added(entity, seen, places))
    if places:
        return Unknown(f"It was written, but the ids of its new lines could not be read: {seen.message}")
    return Done(answer=told)


def _changed(entity: Entity, how: UpdateRequest, now: Record, asked: Update) -> tuple[dict[str, Any], tuple[int, ...]]:
    """What is sent: the changes, or the whole record with them; and where added lines stand. Raises `LineMissing`."""
    fields: dict[str, Any] = dict(asked.fields)
    places: tuple[int, ...] = ()
    if entity.lines and asked.lines:
        read_only = [path for path, told in entity.type.lines[entity.lines.path].items() if told.read_only]
        array, places = edited(at(now.fields, entity.lines.path) or [], asked.lines, entity.lines.id, read_only)
        fields = merged(fields, under(entity.lines.path, array))
    if how.body == "whole":
        own = [path for path, told in entity.type.properties.items() if told.read_only]
        fields = merged(without(now.fields, own), fields)
    return fields, places


async def _delete(client: Client, entity: Entity, asked: Delete) -> Outcome:
    if (how := entity.delete) is None:
        return _impossible(entity, "deleted")
    if _is_checked_by_reading(entity):
        now = await _current(client, entity, asked)
        if not isinstance(now, Record):
            return now
    headers = _if_match(entity, asked.version)
    answer = await client.send("DELETE", entity.url(how.path, asked.id), None, headers)
    return Done(answer=None) if isinstance(answer, Answer) else answer


# --- what both need


async def _current(client: Client, entity: Entity, asked: Update | Delete) -> Record | Outcome:
    """The record as it is, if it is still the one the decision was made on."""
    now = await _read(client, entity, asked.id)
    if isinstance(now, Record) and asked.version is not None and now.version != asked.version:
        return Stale("It has been changed since it was read.")
    return now


async def _read(client: Client, entity: Entity, name: str) -> Record | Gone | Unavailable:
    """One record. An answer that does not come is `Unavailable`: reading writes nothing."""
    try:
        answer = await client.get(entity.url(entity.get.path, name), entity.get.query)
        return Gone(f"There is no {name}.") if answer is None else one(answer, entity)
    except (ConnectorError, Told) as error:
        return Unavailable(message=str(error))


def _is_checked_by_reading(entity: Entity) -> bool:
    """Where the system does not refuse a write that comes too late, the record is read just before it."""
    return entity.record.version is None or entity.record.version.check == "read"


def _if_match(entity: Entity, version: str | None) -> dict[str, str]:
    check = entity.record.version.check if entity.record.version else None
    return {"If-Match": version} if check == "ifMatch" and version is not None else {}


def _line_ids(entity: Entity, told: Record) -> tuple[str, ...]:
    if entity.lines is None:
        return ()
    return tuple(str(at(line, entity.lines.id)) for line in at(told.fields, entity.lines.path) or ())


def _added(entity: Entity, told: Record, places: Sequence[int]) -> tuple[str, ...]:
    names = _line_ids(entity, told)
    if places and max(places) >= len(names):
        raise Told("the answer has fewer lines than were sent")
    return tuple(names[place] for place in places)


def _impossible(entity: Entity, what: str) -> Refused:
    return Refused(code="NotDeclared", message=f"{entity.name} cannot be {what}: the declaration says no such request.")
