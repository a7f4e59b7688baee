"""How Syncline reaches a simulated system: everything the engine awaits passes here, and here it can go wrong.

What became of a write is told as the real connectors tell it: no answer is `Unknown`, a busy system `Unavailable`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from simulation.clock import EPOCH
from simulation.desk import Denied
from simulation.systems import Missing, Moved, System
from syncline.connectors.base import Capabilities, ConnectorError, CursorLost, Page, View
from syncline.mapping.translate import LINE_ID
from syncline.mapping.types import Code
from syncline.records import (
    Create,
    Delete,
    Done,
    Gone,
    LineAdd,
    LineChange,
    LineRemove,
    LineWrite,
    Outcome,
    Record,
    Refused,
    Stale,
    Unavailable,
    Unknown,
    Update,
    Write,
)

if TYPE_CHECKING:
    from simulation.course import Life
    from simulation.world import World

OVERLAP = timedelta(seconds=30)
"""How far back a poll by time asks; changes are visible in the listings well within."""
HIDDEN = 20.0
LAG = 5.0
LATE = 8.0
"""Seconds: the longest a change is not listed, a replica lags, and a write goes on after its answer was lost."""


class Cut(Exception):
    """The connection is gone: nobody knows what came of it."""


class Busy(Exception):
    def __init__(self, seconds: float) -> None:
        super().__init__("too many requests")
        self.seconds = seconds


class _Cursor(msgspec.Struct, array_like=True):
    """``after``: while all are listed, the last id told. ``seen``: how far the feed, or the time, was followed."""

    after: str | None
    seen: datetime
    number: int = 0


class Connector:
    """One process's way to one system."""

    def __init__(self, system: System, life: Life, world: World) -> None:
        self._system = system
        self._life = life
        self._world = world

    @property
    def name(self) -> str:
        return self._system.side

    @property
    def capabilities(self) -> Capabilities:
        style = self._system.style
        return Capabilities(versions=True, idempotent_creates=style.keys, deletions=style.feed, batch=style.batch)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    # --- reading

    async def identity(self) -> str:
        faults = await self._ask("identity")
        return self._world.identity(self.name, swapped="swapped" in faults)

    async def company_name(self) -> str:
        return f"company of {self.name}"

    async def changes(self, view: View, cursor: str | None) -> AsyncIterator[Page]:
        known = None if cursor is None else msgspec.json.decode(cursor, type=_Cursor)
        while True:
            page, known, is_last = await self._page(view.entity, known)
            yield page
            if is_last:
                return

    async def _page(self, entity: str, known: _Cursor | None) -> tuple[Page, _Cursor, bool]:
        faults = await self._ask(f"list {entity}")
        if known is not None and known.after is None and "forgotten" in faults and self._system.style.feed:
            raise CursorLost(self.name, "the cursor is too old")
        moment = self._moment(faults)
        size = self._system.style.page
        if self._system.style.feed and known is not None and known.after is None:
            page, known, is_last = self._followed(entity, known, moment, size, "repeated" in faults)
        elif self._system.style.feed:
            page, known, is_last = self._whole(entity, known, moment, size)
        else:
            page, known, is_last = self._since(entity, known, moment, size)
        await self._hear(f"list {entity}")
        cursor = msgspec.json.encode(known).decode()
        return msgspec.structs.replace(page, cursor=cursor), known, is_last

    def _whole(self, entity: str, known: _Cursor | None, moment: datetime, size: int) -> tuple[Page, _Cursor, bool]:
        """Every record by its id, and then the feed from where it stood at the beginning, or where that replica stands
        which lags most: whoever follows a feed must not begin beyond what was listed.
        """
        begun = known or _Cursor("", moment)
        found = sorted(self._system.all_listed(entity, moment), key=lambda record: record.id)
        page = [record for record in found if record.id > (begun.after or "")]
        is_last = len(page) <= size
        after = None if is_last else page[size - 1].id
        seen = min(begun.seen, moment)
        return Page(records=tuple(page[:size]), cursor=None), _Cursor(after, seen), is_last

    def _followed(
        self, entity: str, known: _Cursor, moment: datetime, size: int, repeated: bool
    ) -> tuple[Page, _Cursor, bool]:
        """What the feed told since; ``repeated``: and some of what it told before, in another order."""
        new = self._system.feed(entity, (known.seen, known.number), moment)
        page, is_last = new[:size], len(new) <= size
        ids = [id_ for *_, id_ in page]
        if repeated:
            before = self._system.feed(entity, (EPOCH, 0), known.seen)[-3:]
            ids = [*reversed(ids), *(id_ for *_, id_ in before)]
        told = [self._system.listed(entity, id_, moment) for id_ in dict.fromkeys(ids)]
        last = _Cursor(None, page[-1][0], page[-1][1]) if page else known
        records = tuple(each.record for each in told if each is not None and each.record is not None)
        gone = tuple(each.id for each in told if each is not None and each.record is None)
        return Page(records=records, gone=gone, cursor=None), last, is_last

    def _since(self, entity: str, known: _Cursor | None, moment: datetime, size: int) -> tuple[Page, _Cursor, bool]:
        """By the time of the last change, from a while before the last one seen."""
        start = known or _Cursor(None, EPOCH - timedelta(days=9))
        since = start.seen - OVERLAP if start.after is None else start.seen
        found = [record for record in self._system.all_listed(entity, moment) if _modified(record) >= since]
        found.sort(key=lambda record: (_modified(record), record.id))
        if start.after is not None:
            found = [r for r in found if (_modified(r), r.id) > (start.seen, start.after)]
        page, is_last = found[:size], len(found) <= size
        seen = _modified(page[-1]) if page else start.seen
        return Page(records=tuple(page), cursor=None), _Cursor(None if is_last else page[-1].id, seen), is_last

    async def ids(self, view: View) -> AsyncIterator[tuple[str, ...]]:
        faults = await self._ask(f"ids {view.entity}")
        found = sorted(record.id for record in self._system.all_listed(view.entity, self._moment(faults)))
        size = self._system.style.page
        for at in range(0, max(len(found), 1), size):
            yield tuple(found[at : at + size])
            await self._hear(f"ids {view.entity}")

    async def get(self, view: View, ids: Sequence[str]) -> Mapping[str, Record]:
        faults = await self._ask(f"get {view.entity}")
        moment = self._moment(faults)
        found = {id_: self._system.as_of(view.entity, id_, moment) for id_ in ids}
        await self._hear(f"get {view.entity}")
        return {id_: record for id_, record in found.items() if record is not None}

    async def find(self, view: View, path: str, values: Collection[str]) -> tuple[Record, ...]:
        await self._ask(f"find {view.entity}")
        now = self._system.clock()
        every = (self._system.as_of(view.entity, id_, now) for id_ in self._system.history[view.entity])
        found = tuple(record for record in every if record is not None and str(record.fields[path]) in values)
        await self._hear(f"find {view.entity}")
        return found

    async def codes(self, tables: Collection[str]) -> Mapping[str, tuple[Code, ...]]:
        return {}

    def _moment(self, faults: Mapping[str, float]) -> datetime:
        """Now; or a little ago, where a replica answers that lags."""
        return self._system.clock() - timedelta(seconds=faults.get("stale", 0))

    async def _ask(self, what: str) -> Mapping[str, float]:
        faults = await self._life.gate(self.name, what)
        if "busy" in faults:
            raise ConnectorError(self.name, "answers that it is busy.")
        return faults

    async def _hear(self, what: str) -> None:
        if "cut" in await self._life.gate(self.name, f"{what}, answer"):
            raise ConnectorError(self.name, "did not answer.")

    # --- writing

    async def write(self, view: View, writes: Sequence[Write]) -> tuple[Outcome, ...]:
        entity = view.entity
        if self._system.style.whole:  # requests of their own, all at once
            return tuple(await asyncio.gather(*(self._one(entity, asked) for asked in writes)))
        faults = await self._life.gate(self.name, f"batch {entity}")
        if "busy" in faults:
            return tuple(Unavailable(message="busy", retry_after=faults["busy"]) for _ in writes)
        if "cut" in faults:
            return tuple(Unknown("the batch was not answered") for _ in writes)
        outcomes = [await self._one(entity, asked, in_batch=True) for asked in writes]
        if "cut" in await self._life.gate(self.name, f"batch {entity}, answer"):
            return tuple(Unknown("the batch was not answered") for _ in writes)
        return tuple(outcomes)

    async def _one(self, entity: str, asked: Write, *, in_batch: bool = False) -> Outcome:
        operation = f"{type(asked).__name__.lower()} {entity}"
        faults = await self._life.gate(self.name, operation)
        if "busy" in faults:
            return Unavailable(message="busy", retry_after=faults["busy"])
        if "late" in faults:
            self._later(faults["late"], entity, asked)
            return Unknown("it was not answered, and goes on")
        if "cut" in faults:
            return Unknown("the connection was cut")
        hidden = 0 if isinstance(asked, Delete) else faults.get("hidden", 0)
        outcome = await self._carried_out(entity, asked, hidden)
        if not in_batch and "cut" in await self._life.gate(self.name, f"{operation}, answer"):
            return Unknown("it was not answered")
        return outcome

    def _later(self, seconds: float, entity: str, asked: Write) -> None:
        """The request is with the system: it is carried out even if nobody is left to hear of it."""

        def commit() -> None:
            if isinstance(asked, Update) and asked.lines and not self._system.style.whole:
                return  # a batch that was cut in between: nothing of it is left
            self._world.wrote(self.name, entity, asked, self._commit(entity, asked, 0))

        asyncio.get_running_loop().call_later(seconds, commit)

    async def _carried_out(self, entity: str, asked: Write, hidden: float) -> Outcome:
        if isinstance(asked, Update) and asked.lines and not self._system.style.whole:
            outcome = await self._line_by_line(entity, asked, hidden)
        else:
            outcome = self._commit(entity, asked, hidden)
        self._world.wrote(self.name, entity, asked, outcome)
        return outcome

    def _commit(self, entity: str, asked: Write, hidden: float) -> Outcome:
        system = self._system
        try:
            match asked:
                case Create():
                    answer = system.create(entity, asked.fields, asked.lines, hidden, asked.key)
                    return Done(answer=answer, added=_line_ids(answer))
                case Update():
                    added = system.update(entity, asked.id, asked.fields, asked.lines, asked.version, hidden)
                    return Done(answer=system.now(entity, asked.id), added=added)
                case Delete():
                    system.delete(entity, asked.id, asked.version, hidden)
                    return Done(answer=None)
        except Moved as error:
            return Stale(str(error))
        except Missing as error:
            return Gone(str(error))
        except Denied as error:
            return Refused(code="Denied", message=str(error), property=error.name)

    async def _line_by_line(self, entity: str, asked: Update, hidden: float) -> Outcome:
        """The header, then each line, as operations of their own, as Business Central does it."""
        system, done, added = self._system, False, list[str]()
        fields: dict[str, Any] = {LINE_ID: asked.id, **asked.fields}
        try:
            if asked.fields:
                system.update(entity, asked.id, asked.fields, (), asked.version, hidden)
                done = True
            for edit in asked.lines:
                await self._life.gate(self.name, "line")
                system.at(entity, asked.id, None)
                system.check_line(entity, asked.id, edit)
                added += system.update(entity, asked.id, {}, [edit], None, hidden)
                done = True
        except Moved as error:
            return Unknown(f"only a part of it was written: {error}") if done else Stale(str(error))
        except Missing as error:
            return Unknown(f"only a part of it was written: {error}") if done else Gone(str(error))
        except Denied as error:
            return Refused(code="Denied", message=str(error), property=error.name, partly=done)
        now = system.now(entity, asked.id)
        written = _written_lines(now, asked.lines, added)
        header = Record(id=asked.id, version=None, modified=None, fields={**fields, "lines": written}, partial=True)
        await self._life.gate(self.name, "line")
        return Done(answer=header, seen=system.now(entity, asked.id), added=tuple(added))


def _modified(record: Record) -> datetime:
    assert record.modified is not None
    return record.modified


def _line_ids(record: Record | None) -> tuple[str, ...]:
    return tuple(str(line[LINE_ID]) for line in record.fields.get("lines", ())) if record else ()


def _written_lines(record: Record | None, edits: Sequence[LineWrite], added: Sequence[str]) -> list[Any]:
    changed = {edit.id for edit in edits if isinstance(edit, LineChange)} | set(added)
    assert not any(isinstance(edit, LineAdd) for edit in edits) or added
    assert all(isinstance(edit, LineAdd | LineChange | LineRemove) for edit in edits)
    return [line for line in record.fields.get("lines", ()) if line[LINE_ID] in changed] if record else []
