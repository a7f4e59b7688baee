"""A business system, wholly in memory: what it holds, what it makes of a value, what it refuses, what it derives.

Whoever writes, a person or Syncline, meets the same rules. Nothing here fails on its own: faults are the connector's
(`simulation.connector`), between the wire and this.
"""

from __future__ import annotations

import re
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from msgspec import Struct

from simulation import desk
from simulation.agreement import BC, ENTITIES, LINE, Cell, blank_of, cells, normalised
from simulation.desk import Denied, Derived
from syncline.mapping.translate import LINE_VERSION
from syncline.records import LineAdd, LineChange, LineRemove, LineWrite, Record

BLANK = "blank"
FORBIDDEN = "!"
"""What Business Central will not have in a name."""
_TOKEN = re.compile(r"v\d+")


def token(value: object) -> str:
    """What a value is known by, however a system has cut or rounded it. Empty values are all alike."""
    if value is None or value == "":
        return BLANK
    if isinstance(value, Decimal):
        return f"v{int(value)}"
    text = str(value).lower()
    found = _TOKEN.search(text)
    return found.group() if found else text


class Style(desk.Style, frozen=True, kw_only=True):
    """How one side works, by seed.

    ``feed``: it tells what changed and what was deleted, in its own order; else it is asked by time. ``keys``: it
    remembers the key of a create. ``whole``: a write of lines is one step, else one for each. ``ahead`` is how many
    hours its clock is off. ``unique``: it has no number and no code twice.
    """

    feed: bool
    keys: bool
    whole: bool
    ahead: float
    page: int
    batch: int
    unique: bool

    PLAIN: ClassVar[Mapping[str, Any]] = {
        "ahead": 0,
        "page": 50,
        "batch": 100,
        "keys": False,
        "whole": True,
        "feed": True,
    }


class Moved(Exception):
    """It is not at the version that was named."""


class Missing(Exception):
    """There is no such record."""


class Told(Struct, frozen=True):
    """A version of a record, since when it is so and since when the listings show it. ``None``: it is deleted."""

    since: datetime
    visible: datetime
    number: int
    id: str
    record: Record | None


class _Held(Struct):
    fields: dict[str, Any]
    lines: list[dict[str, Any]]
    versions: int = 0


class System:
    """``derived`` is told what the system itself puts in the place of something else."""

    def __init__(self, side: str, style: Style, clock: Callable[[], datetime]) -> None:
        self.side = side
        self.style = style
        self.clock = clock
        self.held: dict[str, dict[str, _Held]] = {entity: {} for entity in ENTITIES}
        self.log: dict[str, list[tuple[datetime, int, str]]] = {entity: [] for entity in ENTITIES}
        self.history: dict[str, dict[str, list[Told]]] = {entity: {} for entity in ENTITIES}
        self.keys: dict[str, Record] = {}
        self.derived: Derived = lambda *_: None
        self._count = 0

    # --- looking

    def now(self, entity: str, id_: str) -> Record | None:
        return self.as_of(entity, id_, self.clock())

    def as_of(self, entity: str, id_: str, moment: datetime) -> Record | None:
        """As it was committed then: a replica that lags tells that."""
        past = [told for told in self.history[entity].get(id_, ()) if told.since <= moment]
        return past[-1].record if past else None

    def listed(self, entity: str, id_: str, moment: datetime) -> Told | None:
        """As the listings show it."""
        seen = [told for told in self.history[entity].get(id_, ()) if told.visible <= moment]
        return max(seen, key=lambda told: told.number, default=None)

    def all_listed(self, entity: str, moment: datetime) -> list[Record]:
        found = (self.listed(entity, id_, moment) for id_ in self.history[entity])
        return [told.record for told in found if told is not None and told.record is not None]

    def feed(self, entity: str, after: tuple[datetime, int], moment: datetime) -> list[tuple[datetime, int, str]]:
        """What the feed has told since: only ever appended to."""
        log = self.log[entity]
        start = bisect_right(log, (*after, "\uffff"))
        return [each for each in log[start:] if each[0] <= moment]

    def records(self, entity: str) -> Iterator[tuple[str, Mapping[str, Any], Sequence[Mapping[str, Any]]]]:
        for id_, held in self.held[entity].items():
            yield id_, held.fields, held.lines

    def named(self, entity: str, trace: str) -> list[str]:
        """The ids of the records with this trace: one, if all is well."""
        return [id_ for id_, held in self.held[entity].items() if held.fields["trace"] == trace]

    def trace_of(self, entity: str, id_: str) -> str | None:
        """Of a record that there is, or was."""
        told = (told.record for told in self.history[entity].get(id_, ()))
        return next((str(record.fields["trace"]) for record in told if record is not None), None)

    def meant(self, cell: Cell, value: object) -> str | None:
        """The trace of the record that a reference points to, or pointed to."""
        assert cell.refers
        by = cell.by.get(self.side)
        for id_, history in self.history[cell.refers].items():
            record = next(told.record for told in history if told.record is not None)
            if value == (record.fields[by] if by else id_):
                return str(record.fields["trace"])
        return None

    # --- writing

    def create(
        self,
        entity: str,
        fields: Mapping[str, Any],
        lines: Sequence[Mapping[str, Any]] = (),
        hidden: float = 0,
        key: str | None = None,
    ) -> Record:
        """As it is then. A create whose key is known is answered with what the first one was."""
        if key is not None and key in self.keys:
            return self.keys[key]
        self._count += 1
        id_ = f"{self.side}-{entity[0]}{self._count}"
        held = _Held({name: blank_of(self.side, cell) for name, cell in cells(entity).items()}, [])
        self._check(entity, None, fields)
        self._put(entity, held.fields, None, fields)
        if not held.fields["number"]:
            held.fields["number"] = f"{self.side.upper()}{self._count:03}"
        if self.side == BC and entity == "customers":
            if not held.fields["terms"]:
                self._derive(entity, held, None, "terms", "STD")
            if not held.fields["search"]:
                self._derive(entity, held, None, "search", str(held.fields["name"]).upper())
        for line in lines:
            self._add_line(entity, held, line, len(held.lines))
        self._totals(entity, held)
        self.held[entity][id_] = held
        self._commit(entity, id_, hidden)
        created = self.now(entity, id_)
        assert created is not None
        if key is not None and self.style.keys:
            self.keys[key] = created
        return created

    def update(
        self,
        entity: str,
        id_: str,
        fields: Mapping[str, Any],
        lines: Sequence[LineWrite] = (),
        version: str | None = None,
        hidden: float = 0,
    ) -> tuple[str, ...]:
        """The ids of the lines that were added."""
        held = self.at(entity, id_, version)
        self._check(entity, id_, fields)
        for edit in lines:
            self.check_line(entity, id_, edit)
        name = held.fields.get("name")
        self._put(entity, held.fields, str(held.fields["trace"]), fields)
        if (
            self.side == BC
            and entity == "customers"
            and "search" not in fields
            and held.fields["name"] != name
            and held.fields["search"] == str(name or "").upper()
        ):
            self._derive(entity, held, None, "search", str(held.fields["name"]).upper())
        added = tuple(new for edit in lines if (new := self._edit_line(entity, held, edit)))
        self._totals(entity, held)
        self._commit(entity, id_, hidden)
        return added

    def delete(self, entity: str, id_: str, version: str | None = None, hidden: float = 0) -> None:
        self.at(entity, id_, version)
        if self._referred(entity, id_):
            raise Denied("other records refer to it")
        del self.held[entity][id_]
        self._commit(entity, id_, hidden)

    def swap_lines(self, entity: str, id_: str, first: int) -> None:
        """A person moves a line up."""
        lines = self.held[entity][id_].lines
        lines[first], lines[first + 1] = lines[first + 1], lines[first]
        self._commit(entity, id_, 0)

    def at(self, entity: str, id_: str, version: str | None) -> _Held:
        held = self.held[entity].get(id_)
        if held is None:
            raise Missing(f"there is no {id_}")
        if version is not None and version != str(held.versions):
            raise Moved(f"{id_} is at version {held.versions}, not {version}")
        return held

    def check_line(self, entity: str, id_: str, edit: LineWrite) -> None:
        """Raises `Moved`."""
        if isinstance(edit, LineAdd):
            if edit.after is not None and self._line(self.held[entity][id_], edit.after) is None:
                raise Moved(f"there is no line {edit.after} to stand behind")
            return
        line = self._line(self.held[entity][id_], edit.id)
        if line is None and isinstance(edit, LineRemove):
            return
        if line is None or (edit.version is not None and line[LINE_VERSION] != edit.version):
            raise Moved(f"the line {edit.id} has moved")

    # --- its own rules

    def _put(
        self, entity: str, into: dict[str, Any], trace: str | None, fields: Mapping[str, Any], *, line: bool = False
    ) -> None:
        known = cells(entity, "" if line else None)
        for name, value in fields.items():
            cell = known[name]
            kept = normalised(cell.how.get(self.side, ""), value)
            into[name] = blank_of(self.side, cell) if kept is None else kept

    def _check(self, entity: str, id_: str | None, fields: Mapping[str, Any]) -> None:
        if self.side == BC and FORBIDDEN in str(fields.get("name") or ""):
            raise Denied(f"{FORBIDDEN} may not stand in a name", "name")
        for name in ("number", "code") if self.style.unique else ():
            wanted = fields.get(name)
            if wanted and any(
                other != id_ and str(held.fields[name]).casefold() == str(wanted).casefold()
                for other, held in self.held[entity].items()
            ):
                raise Denied(f"the {name} {wanted} is taken", name)
        if entity == "orders" and fields.get("customer"):
            by = cells("orders")["customer"].by.get(self.side)
            known = {str(h.fields[by]) for h in self.held["customers"].values()} if by else set(self.held["customers"])
            if fields["customer"] not in known:
                raise Denied(f"there is no customer {fields['customer']}", "customer")

    def _referred(self, entity: str, id_: str) -> bool:
        orders = self.held["orders"].values()
        if entity == "customers":
            by = cells("orders")["customer"].by.get(self.side)
            mine = str(self.held[entity][id_].fields[by]) if by else id_
            return any(order.fields["customer"] == mine for order in orders)
        return entity == "products" and any(line["product"] == id_ for order in orders for line in order.lines)

    def _line(self, held: _Held, id_: str) -> dict[str, Any] | None:
        return next((line for line in held.lines if line["id"] == id_), None)

    def _edit_line(self, entity: str, held: _Held, edit: LineWrite) -> str | None:
        match edit:
            case LineAdd():
                after = None if edit.after is None else self._line(held, edit.after)
                return self._add_line(entity, held, edit.fields, held.lines.index(after) + 1 if after else 0)
            case LineChange():
                line = self._line(held, edit.id)
                assert line is not None
                self._put(entity, line, None, edit.fields, line=True)
                self._count += 1
                line[LINE_VERSION] = f"w{self._count}"
            case LineRemove():
                held.lines[:] = [line for line in held.lines if line["id"] != edit.id]
        return None

    def _add_line(self, entity: str, held: _Held, fields: Mapping[str, Any], place: int) -> str:
        self._count += 1
        line: dict[str, Any] = {cell.name: blank_of(self.side, cell) for cell in LINE}
        line |= {"id": f"{self.side}-l{self._count}", LINE_VERSION: f"w{self._count}"}
        self._put(entity, line, None, fields, line=True)
        held.lines.insert(place, line)
        return str(line["id"])

    def _totals(self, entity: str, held: _Held) -> None:
        """What Business Central computes of an order."""
        if self.side != BC or entity != "orders":
            return
        for line in held.lines:
            line["amount"] = (line["quantity"] or Decimal(0)) * 2
        held.fields["total"] = sum((line["amount"] for line in held.lines), Decimal(0))

    def _derive(self, entity: str, held: _Held, line: str | None, name: str, value: str) -> None:
        cell: Cell = cells(entity, line)[name]
        kept = normalised(cell.how.get(self.side, ""), value)
        self.derived(entity, str(held.fields["trace"]), line, name, held.fields[name], kept)
        held.fields[name] = blank_of(self.side, cell) if kept is None else kept

    def _commit(self, entity: str, id_: str, hidden: float) -> None:
        self._count += 1
        now = self.clock()
        record = None
        if (held := self.held[entity].get(id_)) is not None:
            held.versions = self._count
            fields = dict(held.fields)
            if entity == "orders":
                fields["lines"] = [dict(line) for line in held.lines]
            record = Record(
                id=id_,
                version=str(self._count),
                modified=now + timedelta(hours=self.style.ahead),
                fields=fields,
            )
        told = Told(now, now + timedelta(seconds=hidden), self._count, id_, record)
        self.history[entity].setdefault(id_, []).append(told)
        insort(self.log[entity], (told.visible, told.number, id_))
