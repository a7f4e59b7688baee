"""What is remembered once writes are done.

A property that was written takes the write's own answer as its shadow there; one that was *not* written keeps its old
shadow, so that what the other system derived from the write is seen as its edit and travels back in the next turn. A
side whose edit has not yet reached any side it should keeps its old shadow too: the edit stays an edit. Only a side
that holds nothing yet is not waited for, once another has been written: to it goes all there is, edited or not. Where
of several writes only some are done, what was passed on is known from then on, and the other sides are behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import UNSET, Struct

from syncline.mapping.model import Flow, Property
from syncline.reconcile.merge import Decision, LineMerge, Merge, holds
from syncline.records import LineShadow, Row, Shadow, Value, Values


class Told(Struct, frozen=True, kw_only=True):
    """The version and time a side told with a record."""

    version: str | None
    modified: datetime | None


class Delivered(Struct, frozen=True, kw_only=True):
    """A write that stands: its answer translated (``None`` where there was none) and the ids of the lines it added."""

    told: Told
    row: Row | None
    added: Mapping[str, str] = {}


def landed(properties: Mapping[str, Property], side: str, sent: Values, now: Values) -> dict[str, Value]:
    """Of what a side was sent, what it holds now just as it would hold that."""
    return {
        name: now[name]
        for name, value in sent.items()
        if name in now and holds(properties[name], side, value, now[name])
    }


def passed_on(properties: Mapping[str, Property], side: str, stands: Values, held: Values) -> dict[str, Value]:
    """Of what another side ``held``, what has arrived at ``side``, where it ``stands``."""
    return {
        name: held[name]
        for name, value in stands.items()
        if name in held and holds(properties[name], side, held[name], value)
    }


def settle(
    flow: Flow,
    decided: Merge,
    shadows: Mapping[str, Shadow],
    seen: Mapping[str, Told],
    delivered: Mapping[str, Delivered],
) -> dict[str, Shadow]:
    """The shadows of a link once ``delivered`` of the merge's writes are done. ``seen`` are the sides observed."""
    sides = [side for side in flow.sides if side in shadows or side in seen or side in delivered]
    return {side: _settle_side(flow, decided, side, shadows.get(side), seen.get(side), delivered) for side in sides}


def _settle_side(
    flow: Flow,
    decided: Merge,
    side: str,
    shadow: Shadow | None,
    seen: Told | None,
    delivered: Mapping[str, Delivered],
) -> Shadow:
    old = shadow or Shadow(version=None)
    done = delivered.get(side)
    told = done.told if done else seen or Told(version=old.version, modified=old.modified)
    answer = done.row.values if done and done.row else {}
    values = _settle_values(flow.properties, decided.decisions, side, old.values, answer, delivered.keys())
    behind = _settle_behind(decided.decisions, side, old.behind, delivered.keys())
    lines = old.lines
    if flow.lines is not None and decided.lines is not None:
        lines = tuple(_settle_lines(flow.lines.properties, decided.lines, side, old, delivered))
    return Shadow(version=told.version, modified=told.modified, values=values, lines=lines, behind=behind)


def _settle_values(
    properties: Mapping[str, Property],
    decisions: Iterable[Decision],
    side: str,
    old: Values,
    answer: Values,
    delivered: Iterable[str],
) -> dict[str, Value]:
    values = dict(old)
    done = frozenset(delivered)
    for d in decisions:
        if side in d.writes:
            if side in done:
                told = d.property in answer
                values[d.property] = answer[d.property] if told else properties[d.property].normal(side, d.value)
        elif side in d.now and (_is_passed_on(d, done) or (done and not d.now.keys() & d.writes)):
            values[d.property] = d.now[side]
    return values


def _settle_behind(
    decisions: Iterable[Decision], side: str, old: frozenset[str], delivered: Iterable[str]
) -> frozenset[str]:
    done = frozenset(delivered)
    passed = [d for d in decisions if _is_passed_on(d, done)]
    behind = {d.property for d in passed if side in d.writes and side not in done}
    return frozenset((old - {d.property for d in passed}) | behind)


def _is_passed_on(d: Decision, done: frozenset[str]) -> bool:
    """Whether it has reached any side that it was to reach."""
    return not d.writes or not d.writes.isdisjoint(done)


def _settle_lines(
    properties: Mapping[str, Property],
    lines: Iterable[LineMerge],
    side: str,
    old: Shadow,
    delivered: Mapping[str, Delivered],
) -> Iterable[LineShadow]:
    done = delivered.get(side)
    answered = {line.id: line for line in done.row.lines} if done and done.row and done.row.lines is not UNSET else {}
    before = {line.line: line for line in old.lines}
    for m in lines:
        known = before.get(m.line)
        id_ = m.ids.get(side) or (done.added.get(m.line) if done and side in m.add else None)
        gone = (side in m.remove and done) or (id_ is None and not m.remove and not m.add)
        if gone or (side not in m.ids and m.remove and m.remove <= delivered.keys()):
            continue
        if known is None and m.add and not m.add & delivered.keys():
            continue
        if id_ is None:
            if known:  # removed here, not yet removed there: it must still be seen as removed in the next turn
                yield known
            continue
        if known and known.id != id_:
            known = None  # it was removed there, and what was added again is a line of its own
        answer = answered.get(id_)
        values = _settle_values(
            properties,
            m.decisions,
            side,
            known.values if known else {},
            answer.values if answer else {},
            delivered.keys(),
        )
        behind = _settle_behind(m.decisions, side, known.behind if known else frozenset(), delivered.keys())
        version = answer.version if answer else m.versions.get(side) or (known.version if known else None)
        yield LineShadow(line=m.line, id=id_, version=version, values=values, behind=behind)
