"""Whether a system went back in time, and how a record that did is brought up to date again.

A record's time of modification only ever moves on. Where a side tells one that lies before what is remembered of that
same side, what it tells is older than what it told before: a replica that lags behind, which passes, or a backup that
was brought back, which stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto

from msgspec import UNSET
from msgspec.structs import replace

from syncline.mapping.model import Flow
from syncline.records import Line, LineShadow, Record, Row, Shadow, Value, Values

_GONE = 3
"""So many deleted ones at the head of what was worked on last are no chance."""


class Look(Enum):
    """What a record looks like beside what is remembered of it."""

    STANDS = auto()
    NEWER = auto()
    OLDER = auto()
    GONE = auto()


def look(record: Record | None, shadow: Shadow) -> Look:
    if record is None:
        return Look.GONE
    if record.modified is None or shadow.modified is None or record.modified == shadow.modified:
        return Look.STANDS
    return Look.OLDER if record.modified < shadow.modified else Look.NEWER


def went_back(looks: Iterable[Look]) -> bool:
    """Whether a system was brought back from a backup, by its records, the one that was modified last first.

    A backup lacks everything from some moment on. So whatever still stands ends the evidence: before it, one record
    that is older is enough, or a few that are gone. What was edited since tells nothing.
    """
    gone = 0
    for each in looks:
        match each:
            case Look.STANDS:
                return False
            case Look.OLDER:
                return True
            case Look.GONE:
                gone += 1
                if gone == _GONE:
                    return True
    return False


def made_again(flow: Flow, keys: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether a new record with these match keys may be one that had the others: the strongest key that both have says.

    A number that systems give may have been given anew: it counts only where no other key tells the two apart.
    """
    same = {name: value == others[name] for name, value in keys.items() if name in others}
    if not same:
        return True
    name, agrees = next(iter(same.items()))
    given = name in flow.properties and flow.properties[name].when_create
    return agrees and (not given or all(same.values()))


def put_back(
    side: str, rows: Mapping[str, Row], shadows: Mapping[str, Shadow]
) -> tuple[dict[str, Row], dict[str, Shadow]]:
    """Rows and shadows for a merge in which ``side`` is no source of what it has forgotten.

    What it tells is taken for what it was known to hold, and what the others hold for edits made since then, so that
    they travel to it as edits do.
    """
    told, known = rows[side], shadows[side]
    forgotten = _forgotten(told.values, known.values)
    then = _lines_then(side, told, known)
    all_rows, all_shadows = dict(rows), {**shadows, side: replace(known, values={**known.values, **told.values})}
    if then is not None:
        all_shadows[side] = replace(all_shadows[side], lines=tuple(then.values()))
    for other in shadows.keys() - {side}:
        now = known_row(rows.get(other), shadows[other])
        all_rows[other] = now
        before = replace(shadows[other], values={**shadows[other].values, **_told(forgotten, now.values)})
        if then is not None:
            before = replace(before, lines=tuple(_lines_before(then, known, shadows[other])))
        all_shadows[other] = before
    return all_rows, all_shadows


def put_back_only(
    side: str, within: str, name: str, rows: Mapping[str, Row], shadows: Mapping[str, Shadow]
) -> tuple[dict[str, Row], dict[str, Shadow]]:
    """As `put_back`, of one property of the header or of the lines."""
    told, known = rows[side], shadows[side]
    before = dict(shadows)
    if within == "header":
        then = {name: told.values[name]} if name in told.values and name in known.values else {}
        changed = _forgotten(then, known.values)
        before[side] = replace(known, values={**known.values, **then})
        for other in shadows.keys() - {side}:
            before[other] = replace(shadows[other], values={**shadows[other].values, **changed})
    elif told.lines is not UNSET:
        lines = {line.id: line.values for line in told.lines}
        names = {line.id: line.line for line in known.lines}
        then_by_line = {names[id_]: {name: v[name]} for id_, v in lines.items() if id_ in names and name in v}
        for each in shadows:
            before[each] = replace(
                shadows[each],
                lines=tuple(
                    replace(x, values={**x.values, **then_by_line.get(x.line, {})}) for x in shadows[each].lines
                ),
            )
    whole = {other: known_row(rows.get(other), shadows[other]) for other in shadows.keys() - {side}}
    return {**rows, **whole}, before


def _forgotten(told: Values, known: Values) -> dict[str, Value]:
    """What it holds again instead of what it was known to hold."""
    return {name: value for name, value in told.items() if name in known and known[name] != value}


def _told(forgotten: Values, now: Values) -> dict[str, Value]:
    return {name: value for name, value in forgotten.items() if name in now}


def known_row(row: Row | None, shadow: Shadow) -> Row:
    """What a side holds, as far as it is known."""
    lines = tuple(Line(id=line.id, version=line.version, values=line.values) for line in shadow.lines)
    if row is None:
        return Row(values=shadow.values, lines=lines)
    return replace(row, values={**shadow.values, **row.values}, lines=lines if row.lines is UNSET else row.lines)


def _lines_then(side: str, told: Row, known: Shadow) -> dict[str, LineShadow] | None:
    """The lines it has again, by name; ``None`` where it tells none."""
    if told.lines is UNSET:
        return None
    names = {line.id: line.line for line in known.lines}
    then = (
        LineShadow(line=names.get(line.id, f"{side}:{line.id}"), id=line.id, version=line.version, values=line.values)
        for line in told.lines
    )
    return {line.line: line for line in then}


def _lines_before(then: Mapping[str, LineShadow], known: Shadow, other: Shadow) -> Iterable[LineShadow]:
    """The other side's lines as they would have been then. A line that came back there was removed here since."""
    values = {line.line: line.values for line in known.lines}
    here = {line.line for line in other.lines}
    for line in other.lines:
        forgotten = _forgotten(then[line.line].values, values.get(line.line, {})) if line.line in then else {}
        yield replace(line, values={**line.values, **_told(forgotten, line.values)})
    yield from (replace(line, version=None) for name, line in then.items() if name not in here)
