"""Reading an entity: what changed, which ids there are, these records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from syncline.connectors.base import CursorLost, Page, View
from syncline.connectors.rest.answers import Told, content, one, record
from syncline.connectors.rest.asking import Client
from syncline.connectors.rest.content import at, spell_time
from syncline.connectors.rest.declaration import CodeTable, Entity, FeedChanges, ListRequest, ManyIds, SinceChanges
from syncline.connectors.rest.paging import ListPage, pages
from syncline.mapping.types import Code
from syncline.meanwhile import together
from syncline.records import Record

_ALL = "all"
"""The position of an entity whose changes cannot be asked for: everything has been listed once."""


class Position(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cursor: changes are asked from ``since`` on; a listing goes on at ``turn``, after which ``then`` holds."""

    since: str | None = None
    turn: str | None = None
    then: str | None = None

    @classmethod
    def of(cls, system: str, cursor: str | None) -> Position:
        """Raises `CursorLost`."""
        try:
            return cls() if cursor is None else msgspec.json.decode(cursor, type=cls)
        except msgspec.MsgspecError as error:
            raise CursorLost(system, f"the cursor {cursor} is none of this connector's.") from error

    def spelt(self) -> str:
        return msgspec.json.encode(self).decode()


# --- what changed


async def changes(client: Client, entity: Entity, view: View, position: Position) -> AsyncIterator[Page]:
    """Pages of what changed since the position; of everything where it has no ``since``."""
    if position.since is not None and isinstance(entity.changes, FeedChanges):
        found = _feed(client, entity, entity.changes, position.since)
    elif position.since is None:
        found = _first_listing(client, entity, view, position)
    else:
        found = _listing(client, entity, _since(entity, position.since), position)
    async for page in found:
        yield page


async def _first_listing(client: Client, entity: Entity, view: View, position: Position) -> AsyncIterator[Page]:
    """The feed's position is taken before the first page: what changes while pages are turned is told later."""
    if position.then is None and isinstance(entity.changes, FeedChanges):
        position = msgspec.structs.replace(position, then=await _end_of_feed(client, entity, entity.changes))
    where = {entity.filters[p]: v for p, v in view.where.items() if p in entity.filters}
    query = {name: _spelt(only) for name, value in where.items() if (only := _only(value)) is not None}
    async for page in _listing(client, entity, query, position):
        yield page


async def _listing(client: Client, entity: Entity, query: Mapping[str, str], position: Position) -> AsyncIterator[Page]:
    then = position.then
    async for page in _list(client, entity, query, position.turn):
        then = then or (page.clock.isoformat() if isinstance(entity.changes, SinceChanges) else _ALL)
        records = await _whole(client, entity, [record(item, entity) for item in page.items])
        if page.turn is None:
            cursor = Position(since=then)
        else:
            cursor = Position(since=position.since, turn=page.turn, then=then)
        yield Page(records=records, cursor=cursor.spelt(), total=page.total)


def _since(entity: Entity, since: str) -> dict[str, str]:
    declared = entity.changes
    if not isinstance(declared, SinceChanges):
        return {}
    moment = datetime.fromisoformat(since) - timedelta(seconds=declared.overlap)
    return {declared.parameter: declared.value.replace("{since}", spell_time(moment, entity.record.times))}


async def _end_of_feed(client: Client, entity: Entity, feed: FeedChanges) -> str:
    query = {name: entity.url(value) for name, value in {**feed.query, **feed.start}.items()}
    return _next(content(await client.ask(entity.url(feed.path), query)), feed)


async def _feed(client: Client, entity: Entity, feed: FeedChanges, since: str) -> AsyncIterator[Page]:
    query = {name: entity.url(value) for name, value in feed.query.items()}
    while True:
        told = content(await client.resume(entity.url(feed.path), {**query, feed.parameter: since}))
        items = at(told, feed.items)
        if not isinstance(items, list):
            raise Told(f"the feed has no list at {feed.items or 'its top'}")
        since = _next(told, feed)
        latest = {str(at(item, feed.id)): item for item in items}
        gone = tuple(name for name, item in latest.items() if at(item, feed.change) == feed.deleted)
        records, vanished = await _told_by_feed(
            client, entity, feed, {k: v for k, v in latest.items() if k not in gone}
        )
        yield Page(records=records, gone=gone + vanished, cursor=Position(since=since).spelt())
        if not (at(told, feed.more) if feed.more else items):
            return


def _next(told: Any, feed: FeedChanges) -> str:
    if (position := at(told, feed.next)) is None:
        raise Told(f"the feed does not tell its position at {feed.next}")
    return str(position)


async def _told_by_feed(
    client: Client, entity: Entity, feed: FeedChanges, changed: Mapping[str, Any]
) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """The changed records, and those that are gone by now. What the feed does not tell whole is read."""
    told = {name: at(item, feed.record) if feed.record else None for name, item in changed.items()}
    records = {name: record(fields, entity) for name, fields in told.items() if fields is not None}
    if entity.record.version and entity.record.version.header:
        records = {}
    absent = [name for name in changed if name not in records]
    records |= await get(client, entity, absent) if absent else {}
    return (
        tuple(records[name] for name in changed if name in records),
        tuple(name for name in absent if name not in records),
    )


# --- these records


async def ids(client: Client, entity: Entity) -> AsyncIterator[tuple[str, ...]]:
    async for page in _list(client, entity, entity.list.ids_only):
        yield tuple(record(item, entity).id for item in page.items)


async def get(client: Client, entity: Entity, names: Sequence[str]) -> dict[str, Record]:
    """These records by id; absent those that do not exist."""
    many, by_header = entity.get.many, entity.record.version and entity.record.version.header
    if many is None or by_header or len(names) == 1:
        return await _get_each(client, entity, names)
    chunks = [names[i : i + many.chunk] for i in range(0, len(names), many.chunk)]
    found = [record for chunk in chunks for record in await _get_chunk(client, entity, many, chunk)]
    return {told.id: told for told in found if told.id in set(names)}


async def _get_chunk(client: Client, entity: Entity, many: ManyIds, chunk: Sequence[str]) -> list[Record]:
    query = {**entity.get.query, many.parameter: many.separator.join(chunk)}
    return [record(item, entity) async for page in _list(client, entity, query) for item in page.items]


async def _get_each(client: Client, entity: Entity, names: Iterable[str]) -> dict[str, Record]:
    async def one_of(name: str) -> Record | None:
        answer = await client.get(entity.url(entity.get.path, name), entity.get.query)
        return one(answer, entity) if answer is not None else None

    found = await together(one_of(name) for name in names)
    return {told.id: told for told in found if told is not None}


async def find(client: Client, entity: Entity, path: str, values: Collection[str]) -> tuple[Record, ...]:
    """The records whose property is one of these. Without a filter for it everything is listed and looked through.

    What a filter lets through is looked at as well: many an API passes over a parameter that it does not know.
    """
    if path == entity.record.id:
        return tuple((await get(client, entity, tuple(values))).values())
    filtered = path in entity.filters
    queries: list[dict[str, str]] = [{entity.filters[path]: value} for value in values] if filtered else [{}]
    found: dict[str, Record] = {}
    for query in queries:
        async for page in _list(client, entity, query):
            items = [item for item in page.items if _spelt(at(item, path)) in values]
            found |= {told.id: told for told in (record(item, entity) for item in items)}
    return await _whole(client, entity, list(found.values()))


async def codes(client: Client, listed: ListRequest, table: CodeTable) -> tuple[Code, ...]:
    """A code table, listed as the entities are."""
    found: list[Code] = []
    async for page in pages(client.ask, table.path, listed, table.query):
        for row in page.items:
            within = at(row, table.within) if table.within else None
            within = None if within is None else str(within)
            found.append(Code(str(at(row, table.id)), str(at(row, table.code)), within))
    return tuple(found)


def _list(client: Client, entity: Entity, query: Mapping[str, str], turn: str | None = None) -> AsyncIterator[ListPage]:
    return pages(client.ask, entity.url(entity.list.path), entity.list, query, turn)


async def _whole(client: Client, entity: Entity, listed: Sequence[Record]) -> tuple[Record, ...]:
    """The records with their versions: where only the header of a get tells it, each is read by itself."""
    if not (entity.record.version and entity.record.version.header):
        return tuple(listed)
    return tuple((await _get_each(client, entity, [told.id for told in listed])).values())


def _only(value: Any) -> Any:
    """The one value that is wanted; ``None`` where it is any of several."""
    if isinstance(value, list | tuple):
        return value[0] if len(value) == 1 else None
    return value


def _spelt(value: Any) -> str:
    """A value as a parameter spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
