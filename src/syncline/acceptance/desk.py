"""The desk at which test records are made, edited, read and deleted, through the connectors, in the shared shape.

It knows the agreement that is tested, which may be another than the one Syncline works by.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from syncline.engine.knowing import Knowing
from syncline.engine.report import Result
from syncline.engine.setup import Setup, view
from syncline.engine.sync import sync
from syncline.mapping.model import Flow, Lines, Property
from syncline.mapping.translate import Sending, fields, line_fields, row
from syncline.records import (
    Create,
    Delete,
    Done,
    Fields,
    Gone,
    LineAdd,
    LineChange,
    LineRemove,
    LineWrite,
    Outcome,
    Record,
    Ref,
    Refused,
    Row,
    Stale,
    Unavailable,
    Unknown,
    Update,
    Value,
    Values,
)

_TRIES = 5


class Declined(Exception):
    """A system would not have what a person at it might type, in its own words."""

    def __init__(self, side: str, words: str, property_: str | None = None) -> None:
        super().__init__(words)
        self.side = side
        self.property = property_
        """Where the system keeps what it does not like, if it says so."""


class Told(Struct, frozen=True, kw_only=True):
    """A record as its side has it now, and in the shared shape."""

    record: Record
    row: Row


class Desk:
    """``setup`` is what Syncline works with; ``agreed`` the flows that are tested."""

    def __init__(self, setup: Setup, agreed: Mapping[str, Flow]) -> None:
        self.setup = setup
        self.agreed = agreed
        self._any_way = {name: _any_way(flow) for name, flow in agreed.items()}
        self._knowing = Knowing(replace(setup, flows=agreed))

    # --- Syncline

    async def in_step(self, *, scanning: bool = False) -> Result:
        """A pass, as ``syncline sync`` makes one. Raises `ConnectorError` and `EngineError`."""
        return await sync(self.setup, scanning=scanning, allow_deletions=True)

    def link_of(self, ref: Ref) -> str | None:
        return self.setup.store.links_of([ref]).get(ref)

    def counterpart(self, ref: Ref, side: str) -> str | None:
        """The id of the record that this one is linked with on another side."""
        link = self.link_of(ref)
        return None if link is None else self.setup.store.members([link]).get((link, side))

    def held_back(self, *refs: Ref) -> tuple[str, str] | None:
        """Why Syncline does not go on with any of these: the cause and the words."""
        parked = self.setup.store.parked_refs(refs)
        return next(((each.cause, each.message) for each in parked.values()), None)

    # --- the systems

    async def create(self, flow: str, side: str, values: Values, lines: Sequence[Values] = ()) -> str:
        """The new record's id. Raises `Declined`."""
        agreed = self._any_way[flow]
        known = await self._knowing.to_write(agreed, [(values, lines)])
        header = _sent(side, fields(agreed, side, values, known, creating=True))
        below = tuple(_sent(side, line_fields(agreed, side, line, known, creating=True)) for line in lines)
        done = await self._write(agreed, side, Create(key=uuid.uuid4().hex, fields=header, lines=below))
        assert done.answer is not None
        return done.answer.id

    async def edit(
        self, flow: str, side: str, id_: str, values: Values, lines: Mapping[str, Values] | None = None
    ) -> None:
        """``lines`` are edits of lines by their ids. Raises `Declined`."""
        agreed = self._any_way[flow]
        edits = lines or {}
        known = await self._knowing.to_write(agreed, [(values, list(edits.values()))])
        told = await self._one(flow, side, id_)
        before = {line.id: line for line in told.row.lines or ()}
        header = _sent(side, fields(agreed, side, values, known, creating=False)) if values else {}
        changed: list[LineWrite] = []
        for line, given in edits.items():
            whole = {**before[line].values, **given}
            sent = _sent(side, line_fields(agreed, side, given, known, creating=False, whole=whole))
            changed.append(LineChange(id=line, version=before[line].version, fields=sent))
        await self._update(agreed, side, told.record, header, changed)

    async def add_line(self, flow: str, side: str, id_: str, values: Values) -> None:
        """At the end. Raises `Declined`."""
        agreed = self._any_way[flow]
        known = await self._knowing.to_write(agreed, [({}, [values])])
        told = await self._one(flow, side, id_)
        last = next((line.id for line in reversed(told.row.lines or ())), None)
        sent = _sent(side, line_fields(agreed, side, values, known, creating=True))
        await self._update(agreed, side, told.record, {}, [LineAdd(fields=sent, after=last)])

    async def remove_line(self, flow: str, side: str, id_: str, line: str) -> None:
        """Raises `Declined`."""
        told = await self._one(flow, side, id_)
        version = next(each.version for each in told.row.lines or () if each.id == line)
        await self._update(self._any_way[flow], side, told.record, {}, [LineRemove(id=line, version=version)])

    async def delete(self, flow: str, side: str, id_: str) -> None:
        """Nothing happens if it is not there. Raises `Declined`."""
        agreed = self.agreed[flow]
        found = (await self.read(flow, side, [id_])).get(id_)
        if found is not None and not found.record.closed:
            await self._write(agreed, side, Delete(id=id_, version=found.record.version))

    async def read(self, flow: str, side: str, ids: Collection[str]) -> dict[str, Told]:
        """Those that are there."""
        agreed = self.agreed[flow]
        records = await self.setup.systems[side].get(view(agreed, side), list(ids)) if ids else {}
        return await self._told(agreed, side, records)

    async def found(self, flow: str, side: str, name: str, value: Value) -> list[str]:
        """The ids of the records that hold this value of a property, by a search of the side itself."""
        agreed = self.agreed[flow]
        column = agreed.properties[name].columns[side]
        (path,), (raw,) = column.paths, column.lens.put(value)
        return [record.id for record in await self.setup.systems[side].find(view(agreed, side), path, [str(raw)])]

    async def some(self, flow: str, side: str) -> list[Told]:
        """The records of a first page."""
        agreed = self.agreed[flow]
        page = await anext(self.setup.systems[side].changes(view(agreed, side), None))
        return list((await self._told(agreed, side, {record.id: record for record in page.records})).values())

    async def _one(self, flow: str, side: str, id_: str) -> Told:
        found = (await self.read(flow, side, [id_])).get(id_)
        if found is None:
            raise Declined(side, "the record is not there any more")
        return found

    async def _told(self, agreed: Flow, side: str, records: Mapping[str, Record]) -> dict[str, Told]:
        known = await self._knowing.to_read(agreed, ((side, record) for record in records.values()))
        return {id_: Told(record=each, row=row(agreed, side, each, known)) for id_, each in records.items()}

    async def _update(
        self, agreed: Flow, side: str, record: Record, header: Fields, lines: Sequence[LineWrite]
    ) -> None:
        update = Update(id=record.id, version=record.version, fields=header, lines=tuple(lines))
        await self._write(agreed, side, update)

    async def _write(self, agreed: Flow, side: str, write: Create | Update | Delete) -> Done:
        """Raises `Declined`. Who is busy is asked again; what may have been done is not sent twice."""
        outcome: Outcome = Unavailable(message="was not asked")
        for _ in range(_TRIES):
            (outcome,) = await self.setup.systems[side].write(view(agreed, side), [write])
            if not isinstance(outcome, Unavailable):
                break
        match outcome:
            case Done():
                return outcome
            case Gone() if isinstance(write, Delete):
                return Done(answer=None)
            case Refused():
                raise Declined(side, outcome.message, outcome.property)
            case Stale() | Gone() | Unknown() | Unavailable():
                raise Declined(side, outcome.message)


def _sent(side: str, sending: Sending) -> Fields:
    """Raises `Declined` for what cannot be said in the side's words."""
    if sending.problems:
        name, problem = next(iter(sending.problems.items()))
        raise Declined(side, f"{name}: {problem}", name)
    if sending.waits:
        raise Declined(side, "points to a record that is not linked")
    if sending.missing_codes:
        table, code = sending.missing_codes[0]
        raise Declined(side, f"{code} is not in {table}")
    return sending.fields


def _any_way(flow: Flow) -> Flow:
    """The same flow as people at either side type it: they may write what the agreement does not send there."""
    lines = flow.lines
    return replace(
        flow,
        properties={name: _written(p) for name, p in flow.properties.items()},
        lines=lines and Lines(paths=lines.paths, properties={n: _written(p) for n, p in lines.properties.items()}),
    )


def _written(p: Property) -> Property:
    return replace(p, targets=frozenset(p.columns))
