"""The judge of a world that has come to rest. It looks into the systems itself, and asks the store only for reasons."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from typing import Any

from msgspec import Struct

from engine.telling import journal, untold
from simulation.agreement import Agreement, Cell, normalised
from simulation.course import Course
from simulation.people import Deletion, Edit, lineage
from simulation.systems import BLANK, FORBIDDEN, token
from syncline.mapping.model import Deletion as Policy
from syncline.records import LinkState, Ref, Value
from syncline.store import Entry, Parked

_WRITES_AN_ACT = 8
"""No edit ought to cause more writes than this, on average: more is a loop."""


class Wrong(Struct, frozen=True):
    """``check`` is the letter of what does not hold."""

    check: str
    what: str

    def __str__(self) -> str:
        return f"({self.check}) {self.what}"


def judge(world: Course) -> list[Wrong]:
    """Everything that is not as it should be."""
    if world.verification is None:
        return [Wrong("d", failure) for failure in world.failures]
    return list(_Judge(world).all())


class _Judge:
    def __init__(self, world: Course) -> None:
        self._world = world
        self._people = world.people
        self._cells, self._entities = world.agreement.cells, tuple(world.agreement.headers)
        self._systems = world.systems
        store = world.store
        self._journal = _journal(world)
        self._parked: dict[tuple[str, str], Parked] = {}
        self._ambiguous: set[tuple[str, str]] = set()
        for parked in store.parked():
            for trace in self._traces_of(parked.ref):
                self._parked[parked.ref.flow, trace] = parked
                if parked.cause == "ambiguous":
                    self._ambiguous.add((parked.ref.flow, trace))
        self._deletions: dict[tuple[str, str], list[Deletion]] = {}
        for deletion in self._people.deletions:
            if deletion.line is None:
                self._deletions.setdefault((deletion.entity, deletion.trace), []).append(deletion)
        self._now = {
            side: {
                place: value
                for entity in self._entities
                for id_ in system.held[entity]
                for place, value in self._people.snapshot(system, entity, id_).items()
            }
            for side, system in self._systems.items()
        }

    def all(self) -> Iterator[Wrong]:
        yield from (Wrong("d", failure) for failure in self._world.failures)
        for entity in self._entities:
            traces = {str(f["trace"]) for system in self._systems.values() for _, f, _ in system.records(entity)}
            for trace in sorted(traces):
                yield from self._counterparts(entity, trace)
                yield from self._alike(entity, trace)
        yield from self._verified()
        yield from self._edits()
        yield from self._degraded()
        yield from self._at_rest()
        yield from self._deleted()
        yield from self._replayed()

    # --- (a) both sides equal, (b) one counterpart each

    def _counterparts(self, entity: str, trace: str) -> Iterator[Wrong]:
        count = {side: len(system.named(entity, trace)) for side, system in self._systems.items()}
        twice = [side for side, found in count.items() if found > 1]
        if twice and not (max(count.values()) == 2 and self._is_twin(entity, trace)):
            yield Wrong("b", f"{entity} {trace} is there {max(count.values())} times in {', '.join(twice)}")
        missing = [side for side, found in count.items() if not found]
        if not missing or self._excused(entity, trace):
            return
        deletions = self._deletions.get((entity, trace), [])
        policy = self._world.config.delete[entity]
        if deletions and policy is Policy.KEEP:
            return
        yield Wrong("b", f"{entity} {trace} has no counterpart in {', '.join(missing)}, and nobody says why")

    def _is_twin(self, entity: str, trace: str) -> bool:
        """A person made it, too, between the look and the write; Syncline has noticed and asks."""
        return trace in self._people.twins and (entity, trace) in self._ambiguous

    def _alike(self, entity: str, trace: str) -> Iterator[Wrong]:
        if self._excused(entity, trace) or self._kept(entity, trace) or self._is_twin(entity, trace):
            return
        held = {
            side: system.held[entity][ids[0]]
            for side, system in self._systems.items()
            if (ids := system.named(entity, trace))
        }
        asked = self._asked(entity, trace)
        for left, right in combinations(held, 2):
            for name, cell in self._cells(entity).items():
                if (None, name) not in asked:
                    yield from self._same(entity, trace, cell, left, right, held)
            lines = {side: {str(line["trace"]): line for line in held[side].lines} for side in (left, right)}
            for side in (left, right):
                if len(lines[side]) < len(held[side].lines):
                    yield Wrong("b", f"{entity} {trace} has a line twice in {side}")
            if lines[left].keys() != lines[right].keys():
                told = f"{sorted(lines[left])} in {left} and {sorted(lines[right])} in {right}"
                yield Wrong("a", f"{entity} {trace} has the lines {told}")

    def _same(
        self, entity: str, trace: str, cell: Cell, left: str, right: str, held: Mapping[str, Any]
    ) -> Iterator[Wrong]:
        if cell.name == "number" and cell.when_create:
            return
        a, b = held[left].fields[cell.name] or None, held[right].fields[cell.name] or None
        if cell.refers:
            a, b = (self._people.meaning(self._systems[s], cell, held[s].fields[cell.name]) for s in (left, right))
        if a == b or _seen_as(cell, right, a) == b or _seen_as(cell, left, b) == a:
            return
        if cell.keep_filled and None in (a, b):
            return
        if cell.owner is not None and cell.owner not in (left, right):
            return
        others = [of.fields[cell.name] or None for side, of in held.items() if side not in (left, right)]
        if any(_seen_as(cell, left, each) == a and _seen_as(cell, right, each) == b for each in others):
            return  # each has lost something else of what a third holds
        yield Wrong("a", f"{entity} {trace} {cell.name} is {a} in {left} and {b} in {right}")

    def _verified(self) -> Iterator[Wrong]:
        assert self._world.verification is not None
        for difference in self._world.verification.differences:
            if not difference.cause.startswith("parked"):
                yield Wrong("a", f"verify: {difference}")

    def _kept(self, entity: str, trace: str) -> bool:
        return (entity, trace) in self._deletions and self._world.config.delete[entity] is Policy.KEEP

    def _asked(self, entity: str, trace: str) -> Collection[tuple[str | None, str]]:
        """The properties that a person is to choose."""
        parked = self._parked.get((entity, trace))
        if parked is None or parked.cause != "conflict":
            return ()
        return {(each["line"], each["property"]) for each in parked.details["conflicts"]}

    def _excused(self, entity: str, trace: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether the record is parked as a whole, and rightly so."""
        parked = self._parked.get((entity, trace))
        if self._is_twin(entity, trace):
            return True
        if parked is None:
            return False
        match parked.cause:
            case "refused":
                return self._rightly_refused(entity, trace, parked)
            case "deleted":
                return (entity, trace) in self._deletions
            case "waiting":
                return any(
                    self._excused(other, pointed) or (other, pointed) in self._deletions
                    for other, pointed in self._points_to(entity, trace)
                )
            case _:
                return False

    def _rightly_refused(self, entity: str, trace: str, parked: Parked) -> bool:
        if FORBIDDEN in parked.message:
            return any(
                FORBIDDEN in str(self._systems[side].held[entity][id_].fields["name"])
                for side in self._systems
                for id_ in self._systems[side].named(entity, trace)
            )
        return self._world.is_cause(parked.message)

    def _points_to(self, entity: str, trace: str) -> Iterator[tuple[str, str]]:
        for held in self._now.values():
            for (of, which, line, name), value in held.items():
                if (of, which) == (entity, trace) and (refers := self._cells(entity, line)[name].refers):
                    yield refers, value

    # --- (c) nothing that a person wrote is lost

    def _edits(self) -> Iterator[Wrong]:
        for edit in self._people.edits:
            if not self._accounted(edit):
                entity, trace, line, name = edit.place
                of = f" of line {line}" if line else ""
                held = ", ".join(f"{now.get(edit.place, 'nothing')} in {side}" for side, now in self._now.items())
                yield Wrong(
                    "c",
                    f"{entity} {trace} {name}{of}: a person wrote {edit.value} in {edit.side} over {edit.before}; "
                    f"now it is {held}, and the journal does not say why",
                )

    def _degraded(self) -> Iterator[Wrong]:
        """What a system cut or rounded must not come back to the one where a person wrote it whole."""
        for edit in self._people.edits:
            entity, trace, line, name = edit.place
            deleted = (entity, trace) in self._deletions
            if name == "code" and trace in self._people.twins:
                continue  # two people wrote the same code, each in letters of their own
            if edit.value == BLANK or deleted or self._cells(entity, line)[name].refers:
                continue
            for id_ in self._systems[edit.side].named(entity, trace):
                held = self._systems[edit.side].held[entity][id_]
                of = held.fields if line is None else next((x for x in held.lines if x["trace"] == line), {})
                if token(of.get(name)) == edit.value and of[name] != edit.held:
                    yield Wrong("a", f"{entity} {trace} {name} is {of[name]} in {edit.side}, where it was {edit.held}")

    def _accounted(self, edit: Edit) -> bool:
        place, people = edit.place, self._people
        entity, trace, line, name = place
        cell = self._cells(entity, line)[name]
        if edit.value == BLANK and cell.keep_filled:
            return True  # by the agreement what is empty does not travel
        of = lineage(place)
        standing = {
            value
            for system in self._systems.values()
            for id_ in system.named(entity, trace)
            for at, value in people.snapshot(system, entity, id_).items()
            if lineage(at) == of
        }
        if any(people.descends(place, value, edit.value) for value in standing):
            return True
        told = self._journal.get((entity, trace, name), set())
        if any(people.descends(place, value, edit.value) for value in told):
            return True
        if line is not None and cell.refers and line in self._journal.get((entity, trace, "trace"), ()):
            return True  # two added the same product at once: it is one line now, and what else they said is told
        seen = (value for d in people.deletions for at, value in d.held.items() if lineage(at) == of)
        return any(people.descends(place, value, edit.value) for value in seen)

    # --- (d) to (g)

    def _at_rest(self) -> Iterator[Wrong]:
        for intent in self._world.store.open_intents():
            yield Wrong("e", f"an intent is open: {intent}")
        parked = {each.ref for each in self._world.store.parked()}
        for pair in (pair for flow in self._entities for pair in self._world.store.pairs(flow, None, 100_000)):
            if pair.link.state is not LinkState.ACTIVE or not parked.isdisjoint(pair.link.refs):
                continue
            for side, known in pair.shadows.items():
                if behind := known.behind.union(*(line.behind for line in known.lines)):
                    yield Wrong("a", f"{side} of {pair.link.members} is still behind with {', '.join(sorted(behind))}")
        caused = self._people.acted + sum(len(events) for events in self._world.script.events.values())
        if self._world.written > _WRITES_AN_ACT * (caused + 2):
            yield Wrong("d", f"{caused} events caused {self._world.written} writes")

    def _deleted(self) -> Iterator[Wrong]:
        for side, entity, id_ in self._world.deleted:
            if self._world.config.delete[entity] is not Policy.PROPAGATE:
                yield Wrong("f", f"{entity} {id_} was deleted in {side}, against the policy")
        for (entity, trace), deletions in self._deletions.items():
            for deletion in deletions:
                is_again = bool(self._systems[deletion.side].named(entity, trace)) and trace not in self._people.twins
                if is_again and deletion.linked and self._world.config.delete[entity] is not Policy.BLOCK:
                    yield Wrong("f", f"{entity} {trace} was deleted in {deletion.side}, and is there again")
            left = [side for side, system in self._systems.items() if system.named(entity, trace)]
            policy = self._world.config.delete[entity]
            if all(not deletion.linked for deletion in deletions) and trace in self._people.twins:
                continue  # nobody knew yet that the other was its twin
            if any(deletion.doubled for deletion in deletions):
                continue  # the other of the two goes on alone
            if left and policy is Policy.PROPAGATE and not self._excused(entity, trace):
                yield Wrong("f", f"{entity} {trace} was deleted, and is still in {', '.join(left)}")

    def _replayed(self) -> Iterator[Wrong]:
        """(g) The journal, replayed from nothing, gives the state."""
        if not self._world.store.open_intents():
            yield from (Wrong("g", missing) for missing in untold(self._world.store))

    def _traces_of(self, ref: Ref) -> list[str]:
        trace = self._systems[ref.side].trace_of(ref.flow, ref.id)
        return [] if trace is None else [trace]


def _seen_as(cell: Cell, side: str, value: object) -> object:
    return normalised(cell.how.get(side, ""), value)  # type: ignore[arg-type]


def _journal(world: Course) -> dict[tuple[str, str, str], set[str]]:
    """The values that the journal tells to have lost, or to have been deleted, or not to count where they were.

    By entity, trace and property, whichever the line: a value is written only once.
    """
    found: dict[tuple[str, str, str], set[str]] = {}
    traces: dict[str, str] = {}
    for entry in journal(world.store):
        if entry.ref is None:
            continue
        trace = world.systems[entry.ref.side].trace_of(entry.flow, entry.ref.id)
        if trace is None:
            continue
        if entry.link is not None:
            traces[entry.link] = trace  # it may be no more at the end
        for line, name, value in _given_up(world.agreement, entry):
            cell = world.agreement.cells(entry.flow, line).get(name)
            if cell is None:
                continue  # nobody writes it by hand
            found.setdefault((entry.flow, trace, name), set()).add(_told(traces, value, cell))
    return found


def _given_up(agreement: Agreement, entry: Entry) -> Iterator[tuple[str | None, str, Value]]:
    """The values that an entry says are no longer there, by line and property."""
    if entry.action == "deleted" and entry.whole is not None:
        yield from ((None, name, value) for name, value in entry.whole.values.items())
        yield from ((line.line, name, value) for line in entry.whole.lines for name, value in line.values.items())
    elif entry.action == "agreed" and entry.whole is not None and entry.ref is not None:
        for name, value in entry.whole.values.items():
            if _owner(agreement, entry, name) not in (None, entry.ref.side):
                yield None, name, value  # what it held there never counted
    elif entry.property is not None and entry.ref is not None:
        owner = _owner(agreement, entry, entry.property)
        is_change = entry.action in ("updated", "edited")
        if entry.action == "lost" or (is_change and owner not in (None, entry.ref.side)):
            yield entry.line, entry.property, entry.old


def _owner(agreement: Agreement, entry: Entry, name: str) -> str | None:
    cell = agreement.cells(entry.flow, entry.line).get(name)
    return cell.owner if cell else None


def _told(traces: Mapping[str, str], value: Value, cell: Cell) -> str:
    """``traces`` are those of what a link joins, by its id."""
    return token(value) if not cell.refers or value is None else traces.get(str(value), str(value))
