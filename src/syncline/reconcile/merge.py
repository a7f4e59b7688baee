"""Three-way merge, property by property, each side against its own shadow.

A side has changed a property when what it holds now differs from *its own* shadow, never because two sides differ.
That one rule is why a system that normalises what it is sent (upper-case codes, rounded prices) causes no echo and no
ping-pong.

A side that has no record yet is merged like any other: nothing is known of it, so every value goes to it. Creating and
updating are therefore the same decision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import TypeAlias

from msgspec import UNSET, Struct
from msgspec.structs import replace

from syncline.mapping.model import Flow, Policy, Property
from syncline.reconcile.lines import LinePair, pair_lines
from syncline.records import Answer, Row, Shadow, Value, Values

_NEVER = datetime.fromtimestamp(0, UTC)
_NOBODY: frozenset[str] = frozenset()


class Reason(StrEnum):
    """Why a value won."""

    EDITED = "edited"
    """One side changed it, or several to the same."""
    FILLED = "filled"
    """It was empty or not known where it goes."""
    LATEST = "latest"
    """Several sides changed it; this one's record was changed last."""
    PREFERRED = "preferred"
    """Several sides changed it; the agreement prefers this one."""
    OWNED = "owned"
    """A side that does not own it had changed it: the owner's value is put back."""
    RESOLVED = "resolved"
    """A person said so."""


class Decision(Struct, frozen=True, gc=False):
    """What becomes of one property.

    ``writes`` are the sides to be sent ``value``, which ``origin`` holds (``None`` where no side is a source, or a
    person said it). ``now`` is what each side was seen to hold, and becomes its shadow once every write is done.
    ``lost`` are the values that lost a conflict, by side. ``note`` and ``by`` are what a person
    said of it, and who.
    """

    property: str
    value: Value
    origin: str | None
    reason: Reason
    now: Values
    writes: frozenset[str] = frozenset()
    lost: Values = {}
    note: str = ""
    by: str | None = None


class Conflict(Struct, frozen=True, kw_only=True):
    """A person is to choose what one property shall be: several sides changed it, or keep on rewriting it.

    ``values`` is what every side holds now, ``before`` what it was last known to hold. ``line`` names the line, in a
    keyed collection.
    """

    property: str
    values: Values
    before: Values
    line: str | None = None
    rewritten: bool = False


class LineMerge(Struct, frozen=True, kw_only=True):
    """What becomes of one line. ``ids`` and ``versions`` are those of the sides that have it.

    ``add`` are the sides it is to be added to, right after the line ``after`` (which may itself be one that is being
    added); ``remove`` those it is to be taken from.
    """

    line: str
    ids: Mapping[str, str]
    versions: Mapping[str, str | None]
    decisions: tuple[Decision, ...] = ()
    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    after: str | None = None

    @property
    def writes(self) -> frozenset[str]:
        """The sides on which this line is to be added, changed or removed."""
        return self.add | self.remove | frozenset().union(*(d.writes for d in self.decisions))

    def values_for(self, side: str) -> dict[str, Value]:
        return {d.property: d.value for d in self.decisions if side in d.writes}


class Merge(Struct, frozen=True, kw_only=True, dict=True):
    """Everything decided about one link. ``lines`` is ``None`` where no side told its lines."""

    decisions: tuple[Decision, ...] = ()
    lines: tuple[LineMerge, ...] | None = None
    conflicts: tuple[Conflict, ...] = ()

    @cached_property
    def writes(self) -> frozenset[str]:
        """The sides that are to be written."""
        return frozenset().union(*[d.writes for d in self.decisions if d.writes], *[m.writes for m in self.lines or ()])

    def values_for(self, side: str) -> dict[str, Value]:
        """The header values to be sent to a side, in the order of the agreement."""
        return {d.property: d.value for d in self.decisions if side in d.writes}

    def lines_for(self, side: str) -> tuple[LineMerge, ...]:
        """The lines that a write to this side adds, changes or removes, in order."""
        return tuple(m for m in self.lines or () if side in m.writes)


def merge(
    flow: Flow,
    rows: Mapping[str, Row],
    shadows: Mapping[str, Shadow],
    times: Mapping[str, datetime | None],
    closed: frozenset[str] = frozenset(),
    answers: Iterable[Answer] = (),
) -> Merge:
    """What every side of one link should hold.

    ``rows`` is each record as it was seen now, ``shadows`` as each side was last known; a side with neither has no
    record yet. ``times`` is when each record was last changed, for the policy ``latest``. A side in ``closed`` takes no
    writes. ``answers`` is what people said of this link: one that is void by now is as if it had not been given.
    """
    said: defaultdict[str | None, dict[str, Answer]] = defaultdict(dict)
    for answer in answers:
        said[answer.line][answer.property] = answer
    able = frozenset(name for name, side in flow.sides.items() if side.write) - closed
    latest_first = sorted(flow.sides, key=lambda side: times.get(side) or _NEVER, reverse=True)
    decisions, conflicts = _merge_values(
        flow,
        {side: row.values for side, row in rows.items()},
        {side: shadow.values for side, shadow in shadows.items()},
        {side: shadow.behind for side, shadow in shadows.items() if shadow.behind},
        latest_first,
        able,
        said[None],
    )
    if flow.lines is None or all(row.lines is UNSET for row in rows.values()):
        return Merge(decisions=decisions, conflicts=conflicts)
    lines: list[LineMerge] = []
    for pair in pair_lines(flow, rows, shadows):
        line, asked = _merge_line(flow, pair, latest_first, able, said[pair.line])
        lines.append(line)
        conflicts += asked
    return Merge(decisions=decisions, lines=tuple(lines), conflicts=conflicts)


def _merge_values(
    flow: Flow,
    rows: Mapping[str, Values],
    shadows: Mapping[str, Values],
    behind: Mapping[str, frozenset[str]],
    latest_first: Sequence[str],
    able: frozenset[str],
    answers: Mapping[str, Answer],
    *,
    in_lines: bool = False,
) -> tuple[tuple[Decision, ...], tuple[Conflict, ...]]:
    if len(rows) == 1 and not shadows and not answers:
        ((side, values),) = rows.items()
        return tuple(_alone(_given(flow, side, able, in_lines=in_lines), side, values)), ()
    decisions: list[Decision] = []
    conflicts: list[Conflict] = []
    known = frozenset[str].intersection(*(frozenset(shadows.get(side, ())) for side in able)) if able else _NOBODY
    quiet = known.difference(_touched(rows, shadows), answers, *behind.values())
    for p in _properties(flow, in_lines=in_lines).values():
        if p.name in quiet:
            continue  # the ordinary case: nothing happened to this property
        match _merge_property(p, rows, shadows, behind, latest_first, able, answers.get(p.name)):
            case Decision() as decision:
                decisions.append(decision)
            case Conflict() as conflict:
                conflicts.append(conflict)
    return tuple(decisions), tuple(conflicts)


def _alone(given: Iterable[_Given], side: str, values: Values) -> Iterator[Decision]:
    """There is one record, and nothing is known: there is nothing to compare, and all it says goes to the others."""
    for name, is_source, others in given:
        if name not in values:
            continue
        value = values[name]
        if is_source:
            yield Decision(name, value, side, Reason.FILLED, {side: value}, _NOBODY if value is None else others)
        else:
            yield Decision(name, None, None, Reason.EDITED, {side: value})


_Given: TypeAlias = tuple[str, bool, frozenset[str]]
"""A property that a side tells, whether that side's values count, and the others that they go to."""


@lru_cache(maxsize=256)
def _given(flow: Flow, side: str, able: frozenset[str], *, in_lines: bool) -> tuple[_Given, ...]:
    told = (p for p in _properties(flow, in_lines=in_lines).values() if side in p.columns)
    return tuple((p.name, side in p.sources, (able - {side}) & p.targets) for p in told)


def _properties(flow: Flow, *, in_lines: bool) -> Mapping[str, Property]:
    if not in_lines:
        return flow.properties
    return flow.lines.properties if flow.lines else {}


def _touched(rows: Mapping[str, Values], shadows: Mapping[str, Values]) -> set[str]:
    """The properties of which a side tells something else than what it was last known to hold."""
    return {
        name
        for side, values in rows.items()
        for before in (shadows.get(side, {}),)
        for name, value in values.items()
        if name not in before or before[name] != value
    }


def _merge_property(
    p: Property,
    rows: Mapping[str, Values],
    shadows: Mapping[str, Values],
    behind: Mapping[str, frozenset[str]],
    latest_first: Sequence[str],
    able: frozenset[str],
    answer: Answer | None,
) -> Decision | Conflict | None:
    name = p.name
    before = {side: shadows[side][name] for side in p.columns if side in shadows and name in shadows[side]}
    now = before | {side: rows[side][name] for side in p.columns if side in rows and name in rows[side]}
    targets = able & p.targets
    if answer is not None and _stands(p, answer, now):
        return _as_answered(p, answer, targets, before, now)
    late = frozenset(side for side in behind if name in behind[side] and side in before)
    if now == before and targets <= now.keys() and not late:
        return None
    sources = [side for side in latest_first if side in p.sources and side in now]
    if not sources:
        return Decision(property=name, value=None, origin=None, reason=Reason.EDITED, now=now) if now else None

    if not late and targets <= now.keys() and _same(now.values()):
        return Decision(property=name, value=now[sources[0]], origin=sources[0], reason=Reason.EDITED, now=now)

    origin, reason, lost = sources[0], Reason.FILLED, {}
    edited = _edited(p, sources, before, now)
    if late and late.issuperset(edited):
        edited = _on_its_way(p, sources, edited, late, before, now)
    if p.when_create:
        # It goes with a new record and afterwards fills what is empty; it never changes what is there.
        origin = next((side for side in p.columns if side in sources and now[side] is not None), origin)
        writes = frozenset(s for s in targets - {origin} if now.get(s) is None and now[origin] is not None)
    elif not edited:
        # No edit that counts, yet a side lacks the value or, owning nothing of it, has changed it.
        filled = [side for side in p.columns if side in sources and now[side] is not None]
        origin = next(iter(whole(p, filled, now) or filled), origin)
        writes = frozenset(s for s in targets - p.sources if _needs(p, s, now[origin], now))
        writes |= frozenset(s for s in targets if s not in before and _lacks(p, s, origin, now))
        reason = Reason.OWNED if writes & before.keys() else Reason.FILLED
    else:
        agreed = next(iter(whole(p, edited, now)), None)
        if agreed is None and p.conflict.policy is Policy.ASK:
            return Conflict(property=name, values=now, before=before)
        origin, reason = _winner(p, edited, agreed, before)
        lost = {s: now[s] for s in edited if not holds(p, s, now[origin], now[s])}
        writes = frozenset(s for s in targets - {origin} if _needs(p, s, now[origin], now))
    return Decision(property=name, value=now[origin], origin=origin, reason=reason, writes=writes, now=now, lost=lost)


def _stands(p: Property, answer: Answer, now: Values) -> bool:
    """Whether every side still holds what the person was shown, or by now what the person said."""
    seen = {side: value for side, value in answer.seen.items() if side in p.columns}
    return now.keys() == seen.keys() and all(
        value == seen[side] or holds(p, side, answer.value, value) for side, value in now.items()
    )


def _as_answered(p: Property, answer: Answer, targets: frozenset[str], before: Values, now: Values) -> Decision:
    """What a person said goes to every side that takes it, an empty value too; the edits that give way are lost."""
    value = answer.value
    differing = frozenset(side for side in now if not holds(p, side, value, now[side]))
    writes = targets & differing
    if p.when_create:
        writes = frozenset(side for side in writes if now[side] is None)
    if value is not None:
        writes |= targets - now.keys()
    lost = {s: now[s] for s in now if s in differing and (s not in before or before[s] != now[s])}
    return Decision(
        property=p.name,
        value=value,
        origin=None,
        reason=Reason.RESOLVED,
        writes=writes,
        now=now,
        lost=lost,
        note=answer.note,
        by=answer.by,
    )


def _edited(p: Property, sources: Sequence[str], before: Values, now: Values) -> list[str]:
    """The sides whose value is an edit, in the order given.

    Of a side that is seen for the first time, an empty value says nothing; nor does one that is just the image of what
    the others hold unedited (an amount of 0 for an empty one, a flag that is off for one that was never set), unless
    another side was edited: some have it from here then. What is known elsewhere stands against what is seen for the
    first time, as if it were edited now: neither side knew of the other's.
    """
    edited = [side for side in sources if side not in before or before[side] != now[side]]
    edited = [side for side in edited if now[side] is not None or (side in before and not p.keep_filled)]
    still = [side for side in sources if side not in edited]
    origins = whole(p, still, now)
    images = {s for s in edited if s not in before and any(holds(p, s, now[other], now[s]) for other in origins)}
    if images.issuperset(edited):
        return []
    edited = [s for s in edited if s not in images or not holds(p, s, None, now[s])]
    if any(side in before for side in edited):
        return edited  # who knew what is known elsewhere has changed it
    known = [s for s in still if now[s] is not None and not any(holds(p, s, now[new], now[s]) for new in edited)]
    stand = whole(p, known, now)
    return [s for s in sources if s in edited or s in stand]


def _on_its_way(
    p: Property, sources: Sequence[str], edited: Sequence[str], late: frozenset[str], before: Values, now: Values
) -> list[str]:
    """Where something has not arrived everywhere yet, who has it stands for it as if it were edited there now.

    Of several it is the one whose record was changed first: the others have been written since.
    """
    have = [side for side in sources if side in before and side not in late]
    have = [side for side in have if now[side] is not None or not p.keep_filled]
    stand = (whole(p, have, now) or have)[-1:]
    return [side for side in sources if side in edited or side in stand]


def _same(held: Collection[Value]) -> bool:
    return list(held).count(next(iter(held))) == len(held)


def whole(p: Property, sides: Sequence[str], now: Values) -> list[str]:
    """Those of the sides whose value all the others hold too, each as it spells it."""
    if not sides or _same([now[side] for side in sides]):
        return list(sides)
    return [side for side in sides if all(holds(p, s, now[side], now[s]) for s in sides if s != side)]


def _lacks(p: Property, side: str, origin: str, now: Values) -> bool:
    """Whether a side of which nothing is known is empty, and what fills the origin is not just its image of that."""
    if now[origin] is None or now.get(side) is not None:
        return False
    return side not in now or not holds(p, origin, None, now[origin])


def _winner(p: Property, edited: Sequence[str], agreed: str | None, before: Values) -> tuple[str, Reason]:
    if agreed is not None:
        return agreed, Reason.EDITED if agreed in before else Reason.FILLED
    preferred = p.conflict.side
    if p.conflict.policy is Policy.PREFER and preferred is not None and preferred in edited:
        return preferred, Reason.PREFERRED
    return edited[0], Reason.LATEST


def holds(p: Property, side: str, value: Value, held: Value) -> bool:
    """Whether ``held`` is what ``side`` would hold after being sent ``value``."""
    return value == held or p.normal(side, value) == held


def _needs(p: Property, side: str, value: Value, now: Values) -> bool:
    if side not in now:
        return value is not None
    if p.keep_filled and value is None:
        return False
    return not holds(p, side, value, now[side])


def _merge_line(
    flow: Flow, pair: LinePair, latest_first: Sequence[str], able: frozenset[str], answers: Mapping[str, Answer]
) -> tuple[LineMerge, tuple[Conflict, ...]]:
    """A line that one side added goes to the others; one it removed is removed there, unless it was edited there."""
    properties = _properties(flow, in_lines=True)
    said = {} if pair.removed else answers  # of a line that is going nothing more is to be said
    decisions, conflicts = _merge_values(
        flow, pair.now, pair.before, pair.behind, latest_first, able, said, in_lines=True
    )
    line = LineMerge(line=pair.line, ids=pair.ids, versions=pair.versions, after=pair.after)
    if pair.removed and not _edited_by_a_person(properties, pair):
        keep = tuple(
            Decision(property=d.property, value=d.value, origin=d.origin, reason=d.reason, now=d.now) for d in decisions
        )
        return replace(line, decisions=keep, remove=frozenset(pair.ids) & able), ()
    asked = tuple(Conflict(property=c.property, values=c.values, before=c.before, line=pair.line) for c in conflicts)
    again = tuple(_as_it_was(properties[d.property], d, pair) for d in decisions)
    return replace(line, decisions=again, add=(frozenset(flow.sides) - pair.ids.keys()) & able), asked


def _as_it_was(p: Property, decision: Decision, pair: LinePair) -> Decision:
    """What comes back to a side that removed it says what it said there, where no more is left of that elsewhere.

    The sides that kept the line may hold only the image of it: a quantity rounded, a text cut.
    """
    if decision.origin is None:
        return decision  # a person said it
    for side in pair.removed.keys() & decision.writes:
        value = pair.removed[side].get(p.name)
        if all(holds(p, other, value, held) for other, held in decision.now.items()):
            return replace(decision, value=value)
    return decision


def _edited_by_a_person(properties: Mapping[str, Property], pair: LinePair) -> bool:
    """What a side derives by itself (amounts, shipped quantities) is no edit: it has one source only."""
    return any(
        name in properties and len(properties[name].sources) > 1 and value != pair.before[side].get(name, value)
        for side, values in pair.now.items()
        if side in pair.before
        for name, value in values.items()
    )
