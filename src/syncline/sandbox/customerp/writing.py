"""Creating, changing and deleting records, each in one transaction with its place in the change feed."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from syncline.sandbox.clock import Clock
from syncline.sandbox.customerp.checking import complete, merged, references
from syncline.sandbox.customerp.database import Creation, Database, Stored, etag
from syncline.sandbox.customerp.entities import ENTITIES
from syncline.sandbox.customerp.model import Entity, Kind
from syncline.sandbox.customerp.problems import Mistake, Problem, invalid

LONGEST_KEY = 255
MERGE_PATCH = "application/merge-patch+json"
_ETAG = re.compile(r'(?:W/)?"[^"]*"')
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_canonical = msgspec.json.Encoder(decimal_format="number", order="sorted").encode


class Created(Struct, frozen=True):
    """``replayed``: it was created before, by a request with the same key."""

    record: Stored
    replayed: bool


def decode(body: bytes) -> Any:
    """JSON with its fractions exact. Raises `Problem`."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Problem(400, f"The body is not JSON: {error}.") from None


def existing(database: Database, entity: Entity, name: str) -> Stored:
    """The record with this id. Raises `Problem`."""
    stored = database.record(entity.name, name)
    if stored is None:
        raise Problem(404, f"None of the {entity.name} has the id {name}.")
    return stored


def create(database: Database, entity: Entity, body: Any, key: str | None = None) -> Created:
    """A new record. Raises `Problem`."""
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise Problem(400, f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.")
    digest = hashlib.sha256(_canonical(body)).digest()
    with database.transaction():
        if key is not None and (before := database.creation(entity.name, key)):
            if before.digest != digest:
                raise Problem(422, f"The Idempotency-Key {key} was used before, with another body: use a new one.")
            return Created(_stored(before.document), replayed=True)
        record = _numbered(database, entity, complete(entity, body))
        stored = _save(database, entity, _new_id(database.clock), record, None)
        if key is not None:
            database.remember(entity.name, key, Creation(digest, stored.document), stored.updated_at)
    return Created(stored, replayed=False)


def update(database: Database, entity: Entity, name: str, patch: Any, if_match: str | None) -> Stored:
    """The record with the merge patch in it; as it was where that changes nothing. Raises `Problem`."""
    with database.transaction():
        stored = _matching(database, entity, name, if_match)
        document = _decode(stored.document)
        old = {said.name: document[said.name] for said in entity.properties}
        lines = [line["id"] for said in entity.properties if said.kind is Kind.LINES for line in old[said.name]]
        record = complete(entity, merged(old, patch), lines)
        if record == old:
            return stored
        return _save(database, entity, name, _numbered(database, entity, record, old), document)


def delete(database: Database, entity: Entity, name: str, if_match: str | None) -> None:
    """Raises `Problem`: another record may still refer to it."""
    with database.transaction():
        stored = _matching(database, entity, name, if_match)
        if used := _users(database, entity, name):
            raise Problem(409, f"This record is still in use by {used}: delete or change those first.")
        document = _decode(stored.document)
        database.release(entity.name, name, _held(entity, document))
        database.remove(name)
        database.change(entity.name, name, "deleted", database.now())


def _save(
    database: Database, entity: Entity, name: str, record: dict[str, Any], before: Mapping[str, Any] | None
) -> Stored:
    """Keep a complete record, ``before`` being the document that it replaces."""
    _check_references(database, entity, record)
    for said in entity.properties:
        if said.kind is Kind.LINES:
            for line in record[said.name]:
                line["id"] = line["id"] or secrets.token_hex(8)
    now = database.now()
    held, released = _held(entity, record), _held(entity, before) if before else set()
    database.release(entity.name, name, released - held)
    database.hold(entity.name, name, held - released)
    seq = database.change(entity.name, name, "updated" if before else "created", now)
    created_at = before["createdAt"] if before else now
    document = {"id": name, **record, "createdAt": created_at, "updatedAt": now, "etag": etag(seq)}
    stored = Stored(name, now, seq, _encode(document))
    database.save(entity.name, stored)
    return stored


def _new_id(clock: Clock) -> str:
    """Ids that sort as they were made keep the indexes dense, and records of one millisecond in their order."""
    return f"{int(clock.now().timestamp() * 1_000_000) * 1_000:016x}{secrets.token_hex(4)}"


def _numbered(
    database: Database, entity: Entity, record: dict[str, Any], old: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The record with a number that it alone has: the next of the series where it has none. Raises `Problem`."""
    said = entity.series.property
    number = record[said]
    if old and number == old[said]:
        return record
    if number is None:
        while not database.use(entity.name, number := entity.series.number(database.count(entity.name))):
            pass
        return {**record, said: number}
    if database.holders(entity.name, said, number):
        message = f"{number} is taken by another of the {entity.name}."
        raise Problem(409, f"{said}: {message}", [Mistake(said, message)])
    database.use(entity.name, number)
    return record


def _matching(database: Database, entity: Entity, name: str, if_match: str | None) -> Stored:
    """The record, if it is the one that the caller has seen. Raises `Problem`."""
    stored = existing(database, entity, name)
    if if_match is None:
        raise Problem(428, "Send If-Match with the etag of the record as you read it, or * to take it as it is.")
    if if_match.strip() == "*":
        return stored
    given = _ETAG.findall(if_match)
    if not given:
        raise Problem(400, 'If-Match takes etags with their quotes ("1f"), or *.')
    if etag(stored.seq) not in given:
        raise Problem(
            412, "The record was changed since you read it: read it again.", headers={"ETag": etag(stored.seq)}
        )
    return stored


def _check_references(database: Database, entity: Entity, record: Mapping[str, Any]) -> None:
    there: dict[tuple[str, str], bool] = {}
    errors = []
    for at, refers, name in references(entity, record):
        if (refers, name) not in there:
            there[refers, name] = database.exists(refers, name)
        if not there[refers, name]:
            errors.append(Mistake(at, f"None of the {refers} has the id {name}."))
    if errors:
        raise invalid(errors)


def _held(entity: Entity, record: Mapping[str, Any]) -> set[tuple[str, str]]:
    """By property, what the record is found by. A reference inside a line goes without the place of the line."""
    held = {(said.name, record[said.name]) for said in entity.filters if record[said.name] is not None}
    return held | {(re.sub(r"\[\d+\]", "", at), name) for at, _, name in references(entity, record)}


def _users(database: Database, entity: Entity, name: str) -> str:
    """Which entities refer to the record, in words; empty where none does."""
    return ", ".join(
        f"{user.name} ({at})"
        for user in ENTITIES.values()
        for at, refers in _referring(user)
        if refers == entity.name and database.holders(user.name, at, name)
    )


def _referring(entity: Entity) -> list[tuple[str, str]]:
    """Where an entity refers to others, and to which."""
    found = []
    for said in entity.properties:
        inner = [(f"{said.name}.{line.name}", line) for line in said.properties]
        found += [(at, each.refers) for at, each in [(said.name, said), *inner] if each.refers]
    return found


def _stored(document: bytes) -> Stored:
    """A record out of its own document."""
    told = _decode(document)
    return Stored(told["id"], told["updatedAt"], int(told["etag"].strip('"'), 16), document)
