"""What people do in the systems while Syncline works, and what every value they write has replaced.

Every value is written once in a world and can be told from all others after it was cut, rounded and upper-cased; so it
can be said of two values whether who wrote the later one had seen the earlier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any, TypeAlias

from msgspec import Struct

from simulation.agreement import SHORT, Agreement, Cell, blank_of
from simulation.clock import EPOCH
from simulation.desk import Denied, Desk
from simulation.script import Act
from simulation.systems import BLANK, FORBIDDEN, token
from syncline.records import LineAdd, LineChange, LineRemove

Place: TypeAlias = tuple[str, str, str | None, str]
"""One property of one record, wherever it is kept: entity, trace, the line's trace, property."""

Lineage: TypeAlias = tuple[str, str, bool, str]
"""Where values come from each other: a property of a record, or of any of its lines, since lines can become one."""

_WORDS = ("Amber Traders", "birch", "Cedar & Sons", "dune")


def lineage(place: Place) -> Lineage:
    entity, trace, line, name = place
    return entity, trace, line is not None, name


class Edit(Struct, frozen=True):
    """A person wrote this, by hand, over ``before``. ``held`` is what their system made of it, to the letter."""

    place: Place
    side: str
    value: str
    before: str
    held: Any


class Deletion(Struct, frozen=True):
    """A person removed a record, or a line of it, that said ``held``.

    ``linked``: Syncline knew whose it was. ``doubled``: a side had it twice, since another had made it there, too.
    """

    entity: str
    trace: str
    line: str | None
    side: str
    held: Mapping[Place, str]
    linked: bool
    doubled: bool = False


class People:
    """``systems`` by side. ``tell`` takes the story; ``is_linked`` says whether Syncline has linked a record."""

    def __init__(
        self,
        systems: Mapping[str, Desk],
        agreement: Agreement,
        tell: Callable[[str, str], None],
        is_linked: Callable[[str, str, str], bool],
    ) -> None:
        self._is_linked = is_linked
        self._systems = systems
        self._cells = agreement.cells
        self._tell = tell
        self.edits: list[Edit] = []
        self.deletions: list[Deletion] = []
        self.parents: defaultdict[Lineage, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.twins: set[str] = set()
        self.acted = 0
        for system in systems.values():
            system.derived = self._derived

    def do(self, act: Act) -> None:
        """What the systems refuse a person, or what is no longer there, comes to nothing."""
        system = self._systems[act.side]
        try:
            done = self._do(system, act)
        except Denied:
            done = False
        if done:
            self.acted += 1
            line = f", line {act.line}" if act.line else ""
            values = ", ".join(f"{name}={value}" for name, value in act.values.items())
            hidden = f" (listed {act.hidden:g} s later)" if act.hidden else ""
            self._tell("person", f"{act.side}: {act.verb} {act.entity} {act.trace}{line} {values}".rstrip() + hidden)

    def _do(self, system: Desk, act: Act) -> bool:
        if act.verb == "create":
            return self._create(system, act)
        ids = system.named(act.entity, act.trace)
        if not ids:
            return False
        id_ = ids[0]
        held = system.held[act.entity][id_]
        if act.verb == "delete":
            snapshot = self.snapshot(system, act.entity, id_)
            doubled = any(len(each.named(act.entity, act.trace)) > 1 for each in self._systems.values())
            system.delete(act.entity, id_, hidden=act.hidden)
            linked = self._is_linked(act.entity, act.side, id_)
            self.deletions.append(Deletion(act.entity, act.trace, None, act.side, snapshot, linked, doubled))
            return True
        if act.verb == "edit":
            raws = self._raws(system, act, None)
            if raws is None:
                return False
            before = {name: self.meaning(system, self._cells(act.entity)[name], held.fields[name]) for name in raws}
            system.update(act.entity, id_, raws, hidden=act.hidden)
            self._note(system, act, before, system.held[act.entity][id_].fields)
            return True
        line = next((each for each in held.lines if each["trace"] == act.line), None)
        if act.verb == "add line":
            raws = self._raws(system, act, "")
            if raws is None or line is not None:
                return False
            after = held.lines[-1]["id"] if held.lines else None
            system.update(act.entity, id_, {}, [LineAdd(fields={**raws, "trace": act.line}, after=after)])
            self._note(system, act, dict.fromkeys(raws, BLANK), system.held[act.entity][id_].lines[-1])
            return True
        if line is None:
            return False
        if act.verb == "edit line":
            raws = self._raws(system, act, "")
            if raws is None:
                return False
            before = {name: self.meaning(system, self._cells("", "")[name], line[name]) for name in raws}
            system.update(act.entity, id_, {}, [LineChange(id=line["id"], version=None, fields=raws)])
            now = next(each for each in system.held[act.entity][id_].lines if each["trace"] == act.line)
            self._note(system, act, before, now)
        elif act.verb == "remove line":
            snapshot = {
                (act.entity, act.trace, act.line, cell.name): self.meaning(system, cell, line[cell.name])
                for cell in self._cells("", "").values()
            }
            system.update(act.entity, id_, {}, [LineRemove(id=line["id"], version=None)], hidden=act.hidden)
            self.deletions.append(Deletion(act.entity, act.trace, act.line, act.side, snapshot, True))
        elif act.verb == "move line":
            place = held.lines.index(line)
            if place + 1 >= len(held.lines):
                return False
            system.swap_lines(act.entity, id_, place)
        return True

    def _create(self, system: Desk, act: Act) -> bool:
        if system.named(act.entity, act.trace) or any(
            d.trace == act.trace and d.line is None and d.side == act.side for d in self.deletions
        ):
            return False
        raws = self._raws(system, act, None)
        if raws is None:
            return False
        elsewhere = any(other.named(act.entity, act.trace) for other in self._systems.values())
        created = system.create(act.entity, {**raws, "trace": act.trace}, hidden=act.hidden)
        if elsewhere:
            self.twins.add(act.trace)
        self._note(system, act, dict.fromkeys(raws, BLANK), created.fields)
        return True

    def _raws(self, system: Desk, act: Act, line: str | None) -> dict[str, Any] | None:
        """As this side spells it; ``None`` where it points to what this side does not have."""
        raws: dict[str, Any] = {}
        for name, value in act.values.items():
            cell = self._cells(act.entity, line)[name]
            raws[name] = blank_of(system.side, cell) if value is None else value
            if cell.refers and value is not None:
                ids = system.named(cell.refers, str(value))
                if not ids:
                    return None
                by = cell.by.get(system.side)
                raws[name] = system.held[cell.refers][ids[0]].fields[by] if by else ids[0]
        return raws

    def _note(self, system: Desk, act: Act, before: Mapping[str, str], now: Mapping[str, Any]) -> None:
        for name, old in before.items():
            cell = self._cells(act.entity, act.line)[name]
            value = self.meaning(system, cell, now[name])
            if value == old:
                continue
            place = (act.entity, act.trace, act.line, name)
            self.parents[lineage(place)][value].add(old)
            self.edits.append(Edit(place, act.side, value, old, now[name]))

    def _derived(self, entity: str, trace: str, line: str | None, name: str, before: object, now: object) -> None:
        if token(before) != token(now):
            self.parents[entity, trace, line is not None, name][token(now)].add(token(before))

    def meaning(self, system: Desk, cell: Cell, raw: object) -> str:
        """What a value is known by on every side: that of a reference is the trace of the record."""
        if not cell.refers or not raw:
            return token(raw)
        return system.meant(cell, raw) or str(raw)

    def snapshot(self, system: Desk, entity: str, id_: str) -> dict[Place, str]:
        """All that a record says."""
        held = system.held[entity][id_]
        trace = str(held.fields["trace"])
        found: dict[Place, str] = {}
        for name, cell in self._cells(entity).items():
            found[entity, trace, None, name] = self.meaning(system, cell, held.fields[name])
        for line in held.lines:
            for cell in self._cells("", "").values():
                found[entity, trace, str(line["trace"]), cell.name] = self.meaning(system, cell, line[cell.name])
        return found

    def descends(self, place: Place, value: str, ancestor: str) -> bool:
        """Whether who wrote ``value``, or what it came from, had ``ancestor`` before them."""
        seen: set[str] = set()
        asked = [value]
        while asked:
            each = asked.pop()
            if each == ancestor:
                return True
            if each not in seen:
                seen.add(each)
                asked += self.parents[lineage(place)].get(each, ())
        return False


class Habits(Struct, frozen=True, kw_only=True):
    """How many records people make at most, by entity, and which of the things they do this world has."""

    most: Mapping[str, int]
    verbs: Sequence[str]
    hidden: float


class Drawing:
    """What a person does next, by chance."""

    def __init__(
        self, systems: Mapping[str, Desk], agreement: Agreement, people: People, habits: Habits, chance: Random
    ) -> None:
        self._systems = systems
        self._cells = agreement.cells
        self._people = people
        self._habits = habits
        self._chance = chance
        self._made: defaultdict[str, list[str]] = defaultdict(list)
        self._count = 0
        self._recoded: set[str] = set()
        self._deleted: set[str] = set()

    def draw(self) -> Act | None:
        chance = self._chance
        side = chance.choice(list(self._systems))
        entity = chance.choice([entity for entity, most in self._habits.most.items() for _ in range(1 + most)])
        held = [str(fields["trace"]) for _, fields, _ in self._systems[side].records(entity)]
        made = self._made[entity]
        if len(made) < self._habits.most[entity] and (not held or chance.random() < 0.4):
            return self._create(side, entity)
        absent = [t for t in made if t not in held and t not in self._recoded and t not in self._deleted]
        if absent and "twin" in self._habits.verbs and entity != "orders" and chance.random() < 0.3:
            return self._twin(side, entity, chance.choice(absent))
        if not held:
            return None
        trace = chance.choice(held)
        verb = chance.choice(self._habits.verbs)
        hidden = round(chance.uniform(0, self._habits.hidden), 1) if chance.random() < 0.3 else 0.0
        if verb == "delete":
            self._deleted.add(trace)
            return Act(verb="delete", side=side, entity=entity, trace=trace)
        if entity == "orders" and chance.random() < 0.6:
            return self._line(side, trace)
        cells = self._cells(entity)
        names = [n for n, c in cells.items() if n not in ("trace", "number") and not self._only_read(c, side)]
        chosen = chance.sample(names, min(len(names), chance.choice((1, 1, 1, 2, 3))))
        if trace in self._people.twins:
            chosen = [name for name in chosen if name != "code"]
        if "code" in chosen:
            self._recoded.add(trace)
        values = {name: self._value(cells[name], side, blank=verb == "blank") for name in chosen}
        values = {name: value for name, value in values.items() if not (cells[name].refers and value is None)}
        if not values:
            return None
        if "name" in values and verb == "forbidden" and values["name"]:
            values["name"] = f"{str(values['name'])[: SHORT - 2]}{FORBIDDEN}"
        return Act(verb="edit", side=side, entity=entity, trace=trace, values=values, hidden=hidden)

    def _only_read(self, cell: Cell, side: str) -> bool:
        """What a system computes nobody edits there; elsewhere people try."""
        return cell.owner == side and cell.name != "balance"

    def _create(self, side: str, entity: str) -> Act | None:
        self._count += 1
        trace = f"{entity[0]}{self._count}"
        names = [n for n, c in self._cells(entity).items() if n not in ("trace", "number") and not c.owner]
        values = {n: self._value(self._cells(entity)[n], side, blank=self._chance.random() < 0.2) for n in names}
        if entity == "orders" and values.get("customer") is None:
            return None
        self._made[entity].append(trace)
        return Act(verb="create", side=side, entity=entity, trace=trace, values=values)

    def _twin(self, side: str, entity: str, trace: str) -> Act | None:
        """Somebody makes the record here that somebody else has just made there."""
        for other in self._systems.values():
            for id_ in other.named(entity, trace):
                values: dict[str, str | Decimal | None] = {"name": self._value(self._cells(entity)["name"], side)}
                if "code" in self._cells(entity):
                    values["code"] = str(other.held[entity][id_].fields["code"])
                return Act(verb="create", side=side, entity=entity, trace=trace, values=values)
        return None

    def _line(self, side: str, trace: str) -> Act | None:
        system, chance = self._systems[side], self._chance
        lines = [
            str(line["trace"]) for id_ in system.named("orders", trace) for line in system.held["orders"][id_].lines
        ]
        told = self._cells("", "").items()
        said = {name: cell for name, cell in told if name != "trace" and not (cell.refers or cell.owner)}
        verb = chance.choice(("add line", "edit line", "edit line", "remove line", "move line"))
        if verb == "add line" or not lines:
            self._count += 1
            product = self._value(self._cells("", "")["product"], side)
            if product is None or len(lines) >= 3:
                return None
            values: dict[str, str | Decimal | None] = {"product": product}
            for name, cell in said.items():
                values[name] = self._value(cell, side, blank=not cell.number and chance.random() < 0.3)
            return Act(verb="add line", side=side, entity="orders", trace=trace, line=f"n{self._count}", values=values)
        line = chance.choice(lines)
        if verb != "edit line":
            return Act(verb=verb, side=side, entity="orders", trace=trace, line=line)
        name, cell = chance.choice(list(said.items()))
        value = self._value(cell, side, blank=not cell.number and chance.random() < 0.2)
        return Act(verb=verb, side=side, entity="orders", trace=trace, line=line, values={name: value})

    def _value(self, cell: Cell, side: str, *, blank: bool = False) -> str | Decimal | None:
        if cell.refers:
            there = [str(fields["trace"]) for _, fields, _ in self._systems[side].records(cell.refers)]
            return self._chance.choice(there) if there else None
        if blank and not cell.required:
            return None
        self._count += 1
        if cell.day:
            return (EPOCH + timedelta(days=self._count)).date().isoformat()
        if cell.number:
            return Decimal(self._count) + (Decimal("0.25") if cell.how.get(side) != "round" else 0)
        return f"v{self._count} {self._chance.choice(_WORDS)}" if cell.name != "code" else f"v{self._count}c"
