"""Ping-pong: a property that two systems keep rewriting is held, instead of being passed to and fro for ever.

Each system may change what it was sent after it has answered (a job at night that formats telephone numbers): to the
other that is an edit like any other. What shows it is that the same values come back, time and again, and no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from syncline.mapping.model import Flow, Property
from syncline.reconcile.merge import Conflict, Decision, LineMerge, Merge, Reason, holds
from syncline.records import Shadow, Value, Values

TIMES = 6
"""How many writes in a row say so: three from each side."""


class Sent(Struct, frozen=True, kw_only=True):
    """What a side held once it had been sent another's value of a property, of the link or of its ``line``."""

    property: str
    line: str | None
    side: str
    value: Value


def hold_rewritten(flow: Flow, decided: Merge, shadows: Mapping[str, Shadow], sent: Iterable[Sent]) -> Merge:
    """The merge without what would only go on with a ping-pong, which a person is to end. ``sent`` is oldest first."""
    told: defaultdict[tuple[str | None, str], list[Sent]] = defaultdict(list)
    for each in sent:
        told[each.line, each.property].append(each)
    held: list[Conflict] = []

    def left(
        decisions: Iterable[Decision], among: Mapping[str, Property], before: Mapping[str, Values], line: str | None
    ) -> tuple[Decision, ...]:
        kept: list[Decision] = []
        for d in decisions:
            if not _is_rewritten(among[d.property], d, told[line, d.property]):
                kept.append(d)
                continue
            known = {side: values[d.property] for side, values in before.items() if d.property in values}
            held.append(Conflict(property=d.property, values=d.now, before=known, line=line, rewritten=True))
        return tuple(kept)

    def of_line(line: LineMerge, among: Mapping[str, Property]) -> LineMerge:
        before = {side: s.values for side, shadow in shadows.items() for s in shadow.lines if s.line == line.line}
        return replace(line, decisions=left(line.decisions, among, before, line.line))

    header = {side: shadow.values for side, shadow in shadows.items()}
    decisions = left(decided.decisions, flow.properties, header, None)
    lines = decided.lines
    if flow.lines is not None and lines is not None:
        among = flow.lines.properties
        lines = tuple(of_line(line, among) for line in lines)
    if not held:
        return decided
    return Merge(decisions=decisions, lines=lines, conflicts=(*decided.conflicts, *held))


def _is_rewritten(p: Property, d: Decision, sent: Sequence[Sent]) -> bool:
    """Whether in the last writes each side was sent one value only, and is to be sent that again."""
    if d.reason is Reason.RESOLVED or not d.writes or len(sent) < TIMES:
        return False
    each: defaultdict[str, list[Value]] = defaultdict(list)
    for told in sent[-TIMES:]:
        each[told.side].append(told.value)
    if len(each) < 2 or any(value != values[0] for values in each.values() for value in values):
        return False
    return any(side in each and holds(p, side, d.value, each[side][0]) for side in d.writes)
