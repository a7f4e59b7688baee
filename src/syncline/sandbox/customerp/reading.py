"""Lists, records by their ids, and the change feed: what a query asks for, and the JSON that answers it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from syncline.sandbox.customerp.database import Database, Found, Stored, etag, spelt
from syncline.sandbox.customerp.entities import ENTITIES
from syncline.sandbox.customerp.model import Entity
from syncline.sandbox.customerp.problems import Problem

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_IDS = 100
LATEST = "latest"

LIST = ("updatedSince", "limit", "cursor", "fields", "ids")
CHANGES = ("since", "limit", "entity", "expand")


class _ListCursor(Struct, frozen=True, array_like=True, tag="list"):
    """Behind which record of which entity of which data a list goes on."""

    data: str
    entity: str
    after: tuple[str, str]


class _FeedCursor(Struct, frozen=True, array_like=True, tag="feed"):
    """Behind which change of which data the feed goes on, and when that was.

    Data that was brought back from a backup has other changes at the same places: a cursor of the feed as it went on
    before must not skip them.
    """

    data: str
    after: int
    at: str


_Cursor = TypeVar("_Cursor", _ListCursor, _FeedCursor)


def page(database: Database, entity: Entity, query: Mapping[str, str]) -> bytes:
    """The answer of a list. Raises `Problem`."""
    filters = [said.name for said in entity.filters]
    check_names(query, (*LIST, *filters))
    only_ids = _choice(query, "fields", "id")
    if "ids" in query:
        return _items(_by_ids(database, entity, query), None, only_ids=only_ids)
    limit = _limit(query)
    after = ("", "")
    if "cursor" in query:
        cursor = _cursor(query["cursor"], _ListCursor, database)
        if cursor.entity != entity.name:
            raise _foreign_cursor()
        after = cursor.after
    where = [(name, query[name]) for name in filters if name in query]
    found = database.page(entity.name, since=_instant(query), after=after, where=where, limit=limit + 1)
    shown, more = found[:limit], len(found) > limit
    following = _ListCursor(database.name, entity.name, (shown[-1].updated_at, shown[-1].id)) if more else None
    return _items(shown, following, only_ids=only_ids)


def changes(database: Database, query: Mapping[str, str]) -> bytes:
    """The answer of the change feed. Raises `Problem`."""
    check_names(query, CHANGES)
    limit, expand, entity = _limit(query), _choice(query, "expand", "record"), query.get("entity")
    if entity is not None and entity not in ENTITIES:
        raise Problem(400, f"entity: choose one of {', '.join(ENTITIES)}.")
    end = database.end()
    after = _since(database, query.get("since"), end)
    found = database.changes(after=after, entity=entity, latest=expand, limit=limit + 1)
    shown, more = found[:limit], len(found) > limit
    last = shown[-1].seq if more else end
    following = _FeedCursor(database.name, last, database.at(last))
    items = [_item(each, expand=expand) for each in shown]
    return msgspec.json.encode({"items": items, "nextSince": _spell(following), "hasMore": more})


def _item(found: Found, *, expand: bool) -> dict[str, Any]:
    item = {
        "seq": found.seq,
        "entity": found.entity,
        "id": found.id,
        "change": found.change,
        "at": found.at,
        "etag": None if found.change == "deleted" else etag(found.seq),
    }
    if expand:
        item["record"] = msgspec.Raw(found.document) if found.document else None
    return item


def _since(database: Database, cursor: str | None, end: int) -> int:
    if cursor is None:
        return 0
    if cursor == LATEST:
        return end
    known = _cursor(cursor, _FeedCursor, database)
    if known.after > end or known.at != database.at(known.after):
        raise _foreign_cursor()
    return known.after


def _items(records: list[Stored], following: _ListCursor | None, *, only_ids: bool) -> bytes:
    """The records' own JSON, put together without reading it."""
    documents = [msgspec.json.encode({"id": each.id}) if only_ids else each.document for each in records]
    cursor = msgspec.json.encode(_spell(following) if following else None)
    return b'{"items":[' + b",".join(documents) + b'],"nextCursor":' + cursor + b"}"


def _by_ids(database: Database, entity: Entity, query: Mapping[str, str]) -> list[Stored]:
    """The records there are, in the order asked for."""
    if others := query.keys() - {"ids", "fields", "limit"}:
        raise Problem(400, f"ids: cannot be asked together with {', '.join(sorted(others))}.")
    _limit(query)
    names = list(dict.fromkeys(name for name in query["ids"].split(",") if name))
    if len(names) > MAX_IDS:
        raise Problem(400, f"ids: at most {MAX_IDS} at once, and these are {len(names)}.")
    return [stored for name in names if (stored := database.record(entity.name, name))]


def check_names(query: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Raises `Problem`."""
    if unknown := sorted(query.keys() - set(known)):
        raise Problem(400, f"{unknown[0]}: no such parameter here; there are {', '.join(known) or 'none'}.")


def _limit(query: Mapping[str, str]) -> int:
    given = query.get("limit", str(DEFAULT_LIMIT))
    if not (given.isascii() and given.isdigit() and len(given) <= 4 and 1 <= int(given) <= MAX_LIMIT):
        raise Problem(400, f"limit: a number from 1 to {MAX_LIMIT}, not {given}.")
    return int(given)


def _choice(query: Mapping[str, str], name: str, only: str) -> bool:
    given = query.get(name)
    if given not in {None, only}:
        raise Problem(400, f"{name}: can only be {only}, not {given}.")
    return given is not None


def _instant(query: Mapping[str, str]) -> str:
    given = query.get("updatedSince")
    if given is None:
        return ""
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is not None:
            return spelt(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        pass
    raise Problem(400, f"updatedSince: a moment in UTC such as 2026-01-31T08:00:00.000Z, not {given}.")


def _spell(cursor: _ListCursor | _FeedCursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def _cursor(text: str, kind: type[_Cursor], database: Database) -> _Cursor:
    try:
        padded = text.encode() + b"=" * (-len(text) % 4)
        cursor = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=kind)
    except (binascii.Error, UnicodeEncodeError, msgspec.MsgspecError, UnicodeDecodeError):
        raise _foreign_cursor() from None
    if cursor.data != database.name:
        raise _foreign_cursor()
    return cursor


def _foreign_cursor() -> Problem:
    return Problem(410, "This cursor is none of this data's, or no longer: start again without one.")
