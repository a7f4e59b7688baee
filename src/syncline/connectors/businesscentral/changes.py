"""What changed since a cursor, found by the time of modification.

A transaction may become visible after a later-stamped one, so each poll begins some time (the overlap) before the mark
that the last one left, and tells again what lies between. The first listing reads everything in the order of
modification: what is edited meanwhile moves to its end and is met there.

A system that was brought back from a backup has nothing to tell: all its times lie before the mark. So each poll begins
early enough to meet the witness, the record that was modified last, once more; one that fails to appear, or is older
than it was, tells.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

import msgspec
from msgspec import Struct, structs

from syncline.connectors.base import ConnectorError, CursorLost, Page
from syncline.connectors.businesscentral.answers import ETAG, has_trace, moment
from syncline.connectors.businesscentral.client import Client, LinkLost, Listed, Operation, listed, listing
from syncline.connectors.businesscentral.metadata import ZERO_GUID
from syncline.connectors.businesscentral.query import Shape, after, both
from syncline.connectors.businesscentral.reading import Told, completed, get
from syncline.connectors.businesscentral.traits import MODIFIED, Watch
from syncline.records import Record

_ORDER = {"$orderby": MODIFIED}
_REREAD = 500
_MOMENT = timedelta(milliseconds=1)
"""How exact times are."""


class Witness(Struct, frozen=True):
    id: str
    at: datetime


class Cursor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``mark`` is the latest modification told, ``watched`` the same of the watched entity.

    ``first`` while the first listing is under way. ``witness`` is the record that was modified last: every poll meets
    it. ``followed`` are the versions of what is not told again: inside the overlap, of what took requests of its own,
    and, once the mark has moved on from the witness, of all that was modified in the same moment.
    """

    mark: datetime | None = None
    watched: datetime | None = None
    first: bool = False
    witness: Witness | None = None
    followed: Mapping[str, str] = {}

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


async def changes(client: Client, shape: Shape, cursor: str | None, overlap: timedelta) -> AsyncIterator[Page]:
    """Pages of what changed. An entity that tells no modification is listed whole every time."""
    known = Cursor(first=True) if cursor is None else _decoded(client, cursor)
    pages = _poll if shape.dated and not known.first else _whole
    async for page in pages(client, shape, known, overlap):
        yield page


def _decoded(client: Client, cursor: str) -> Cursor:
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.DecodeError as error:
        raise CursorLost(client.name, f"The cursor is none of Business Central's: {error}.") from error


async def _whole(client: Client, shape: Shape, cursor: Cursor, overlap: timedelta) -> AsyncIterator[Page]:
    conditions = shape.taking_part() if cursor.first else ()
    watched = cursor.watched
    traced: dict[str, tuple[datetime, str]] = {}
    witness: Witness | None = None
    async for page, mark in _pages(client, shape, cursor.mark, overlap, conditions=conditions):
        watched = watched or page.at
        traced |= {str(each["id"]): (when, str(each[ETAG])) for each in _traced(shape, page) if (when := _when(each))}
        witness = _last(witness, page.values)
        records = await completed(client, shape, page.values)
        if page.next is not None:
            unfinished = Cursor(mark=mark, watched=watched, first=cursor.first)
            yield Page(records=tuple(records), cursor=unfinished.text(), total=page.total)
            continue
        last = mark if mark or page.at is None or not shape.dated else page.at - overlap
        recent = {id_: etag for id_, (when, etag) in traced.items() if last and when > last - overlap}
        finished = Cursor(mark=last, watched=watched, witness=witness, followed=recent)
        yield Page(records=tuple(records), cursor=finished.text(), total=page.total)


async def _poll(client: Client, shape: Shape, cursor: Cursor, overlap: timedelta) -> AsyncIterator[Page]:
    """One request where nothing changed. What is watched is listed first: what it touches is then read after it."""
    touches, first = await _asked(client, shape, cursor, overlap)
    latest = cursor
    followed = {str(each["id"]): str(each[ETAG]) for each in touches}
    untold = dict.fromkeys(_owners(shape.traits.watch, cursor, touches))
    met: datetime | None = None
    witness: Witness | None = None
    beside: Mapping[str, str] = {}
    seen = 0
    waiting: Sequence[Record] = ()
    async for page, mark in _pages(client, shape, cursor.mark, overlap, first=first):
        if seen:
            yield Page(records=tuple(waiting), cursor=latest.text())
        seen += len(page.values)
        latest = structs.replace(cursor, mark=mark)
        followed |= {str(each["id"]): str(each[ETAG]) for each in _traced(shape, page)}
        met = _met(cursor.witness, page.values) or met
        before, witness = witness, _last(witness, page.values)
        beside = _beside(witness, beside if before and witness and before.at == witness.at else {}, page.values)
        fresh = [each for each in page.values if not _is_followed(cursor, each)]
        for each in fresh if untold else ():
            untold.pop(str(each["id"]), None)
        waiting = await completed(client, shape, fresh)
    touched = list(untold)
    for at in range(0, len(touched), _REREAD):
        yield Page(records=tuple(waiting), cursor=latest.text())
        waiting = list((await get(client, shape, touched[at : at + _REREAD])).values())
    mark = _onward(cursor.mark, latest.mark, bool(seen), first.at, overlap, witness.at if witness else None)
    if witness and mark != witness.at:
        followed |= beside
    finished = Cursor(
        mark=mark,
        watched=_onward(cursor.watched, _latest(cursor.watched, touches), bool(touches), first.at, overlap),
        witness=witness,
        followed=followed,
    )
    rewound = cursor.witness is not None and (met is None or met < cursor.witness.at)
    yield Page(records=tuple(waiting), cursor=finished.text(), rewound=rewound)


async def _asked(client: Client, shape: Shape, cursor: Cursor, overlap: timedelta) -> tuple[Sequence[Told], Listed]:
    """The watched entity's changes and the first page of the entity's own, in one request."""
    changed = _changed(shape, _back(cursor.mark, overlap))
    watch = shape.traits.watch
    if watch is None:
        return (), await client.page(changed)
    since = both(after(_back(cursor.watched, overlap)), watch.condition)
    select = {"$select": ",".join(("id", MODIFIED, *watch.owners))}
    touching, own = await client.read([listing(watch.entity, since, select, _ORDER), changed])
    return await client.all(listed(touching)), listed(own)


async def _pages(
    client: Client,
    shape: Shape,
    mark: datetime | None,
    overlap: timedelta,
    *,
    conditions: Sequence[str] = (),
    first: Listed | None = None,
) -> AsyncIterator[tuple[Listed, datetime | None]]:
    """Each page with the latest modification up to it. Where a link is lost, the listing goes on from there."""
    while True:
        began = mark
        page = first or await client.page(_changed(shape, _back(mark, overlap), conditions))
        try:
            async for each in client.pages(page):
                mark = _latest(mark, each.values)
                yield each, mark
            return
        except LinkLost as error:
            first = None
            if mark == began:
                raise ConnectorError(client.name, f"The list of {shape.name} was cut short.", "Try again.") from error


def _changed(shape: Shape, since: datetime | None, conditions: Sequence[str] = ()) -> Operation:
    """The first page of what changed since; with everything, how much there is in all."""
    count = {"$count": "true"} if since is None else {}
    return listing(shape.name, both(*conditions, after(since)), shape.options(), _ORDER if shape.dated else {}, count)


def _owners(watch: Watch | None, cursor: Cursor, touches: Iterable[Told]) -> Iterable[str]:
    """Whom the touches are about, each once; without those that were followed up before."""
    if watch is None:
        return ()
    owners = (str(each.get(name)) for each in touches if not _is_followed(cursor, each) for name in watch.owners)
    return dict.fromkeys(owner for owner in owners if owner not in {"", "None", ZERO_GUID})


def _traced(shape: Shape, page: Listed) -> list[Told]:
    """What takes a look elsewhere before it can be told."""
    return [each for each in page.values if has_trace(shape, each)] if shape.numbers else []


def _is_followed(cursor: Cursor, told: Told) -> bool:
    return cursor.followed.get(str(told["id"])) == str(told[ETAG])


def _when(told: Told) -> datetime | None:
    return moment(told.get(MODIFIED))


def _last(known: Witness | None, values: Sequence[Told]) -> Witness | None:
    """The one that was modified last; they stand in that order."""
    when = _when(values[-1]) if values else None
    return Witness(str(values[-1]["id"]), when) if when else known


def _met(witness: Witness | None, values: Sequence[Told]) -> datetime | None:
    """When the witness of the last poll was modified, as it is told now."""
    again = [each for each in values if witness and each["id"] == witness.id]
    return _when(again[-1]) if again else None


def _beside(witness: Witness | None, known: Mapping[str, str], values: Sequence[Told]) -> Mapping[str, str]:
    """The versions of all that was modified in the witness's moment. They stand at the end."""
    if witness is None:
        return known
    last = takewhile(lambda each: _when(each) == witness.at, reversed(values))
    return {**known, **{str(each["id"]): str(each[ETAG]) for each in reversed(list(last))}}


def _latest(mark: datetime | None, values: Iterable[Told]) -> datetime | None:
    moments = [mark, *(_when(each) for each in values)]
    return max((each for each in moments if each), default=None)


def _back(mark: datetime | None, overlap: timedelta) -> datetime | None:
    return None if mark is None else mark - overlap


def _onward(
    before: datetime | None,
    latest: datetime | None,
    any_told: bool,
    now: datetime | None,
    overlap: timedelta,
    within: datetime | None = None,
) -> datetime | None:
    """The next mark. Where only what is known was told again, time itself moves it on, so that the telling ends; but
    not so far that the next poll would not meet what was modified ``within`` the overlap before it.
    """
    if latest != before or not any_told or now is None or latest is None:
        return latest
    onward = now - overlap if within is None else min(now - overlap, within + overlap - _MOMENT)
    return max(latest, onward)
