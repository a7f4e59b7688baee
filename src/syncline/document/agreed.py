"""From the agreement to the document: every rule of the mapping as a phrase that people can sign."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from syncline.document.model import Cell, Document, Row, Section
from syncline.mapping.lenses import Constant, native
from syncline.mapping.model import Column, Deletion, Flow, MatchKey, Policy, Property, Side
from syncline.project import Project

CONSTANT = "(constant)"
Typical: TypeAlias = Mapping[tuple[str, str], str]
"""What is lost with a side's data type, by side and the type's label."""
_DELETIONS = {
    Deletion.ASK: "A record that is deleted on one side stays on the other until a person decides.",
    Deletion.PROPAGATE: (
        "A record that is deleted on one side is deleted on the other too, unless it was edited there since: then a "
        "person is asked."
    ),
    Deletion.KEEP: "A record that is deleted on one side stays on the other, and is synchronised no more.",
    Deletion.BLOCK: "A record that is deleted on one side is created there again from the other.",
}


def describe(project: Project, made: datetime) -> Document:
    """The agreement of a project as it is now. No system is asked."""
    flows = project.flows
    titles = {side: project.systems[side].title for side in project.sides}
    typical = _typical(flows)
    said = project.introduced
    paragraphs = tuple(" ".join(part.split()) for part in said.introduction.split("\n\n") if part.strip())
    return Document(
        title=said.title or f"Dataflow between {_and(titles.values())}",
        made=made,
        introduction=(*(paragraphs or _introduction(flows, titles)), *_by_type(typical, titles)),
        sides=titles,
        sections=tuple(_Flow(flow, project, typical).section() for flow in flows.values()),
        agreement=project.agreement,
    )


def _typical(flows: Mapping[str, Flow]) -> Typical:
    """What a system loses by itself, where all of a data type lose the same: told once, not at each row.

    The first side's types are not shown, so nothing is typical of them.
    """
    found: dict[tuple[str, str], set[str | None]] = {}
    written: set[tuple[str, str]] = set()
    for flow in flows.values():
        for p in _all(flow):
            for side, column in p.columns.items():
                if side != next(iter(flow.sides)):
                    found.setdefault((side, column.type.label), set()).add(native(column.type).lossy)
                    written |= {(side, column.type.label)} if side in p.targets else set()
    return {key: loss for key, (loss, *others) in found.items() if loss and not others and key in written}


def _by_type(typical: Typical, titles: Mapping[str, str]) -> Iterator[str]:
    """One sentence for each loss of a side."""
    labels: dict[tuple[str, str], list[str]] = {}
    for (side, label), loss in typical.items():
        labels.setdefault((side, loss), []).append(label)
    for (side, loss), types in labels.items():
        yield f"{titles[side]}, {_and(sorted(types, key=_naturally))}: {loss}."


def _introduction(flows: Mapping[str, Flow], titles: Mapping[str, str]) -> Iterator[str]:
    yield (
        f"This document says which records of {_and(titles.values())} are the same, and which of their properties are "
        "kept alike. It is made from the agreement by which they are synchronised, so it says what is done."
    )
    yield (
        "A property marked ↔ travels both ways: wherever it is edited, the edit reaches the other side. → and ← mark "
        "what one side owns: it reaches the other side, and what is edited there does not travel back."
    )
    phrases = ["An empty value is a value and travels too, unless the row says otherwise."]
    rows = [p for flow in flows.values() for p in _all(flow)]
    if any(p.conflict.policy is Policy.LATEST and len(p.sources) > 1 for p in rows):
        phrases.append(
            "Where a property was edited on both sides before they were in step again, the later edit stands, unless "
            "the row says otherwise. What gave way stays in the history and can be put back."
        )
    yield " ".join(phrases)


def _all(flow: Flow) -> Iterator[Property]:
    yield from flow.properties.values()
    if flow.lines:
        yield from flow.lines.properties.values()


class _Flow:
    """Tells one flow."""

    def __init__(self, flow: Flow, project: Project, typical: Typical) -> None:
        self._flow = flow
        self._flows = project.flows
        self._systems = project.systems
        self._typical = typical
        self._first = next(iter(flow.sides))

    def section(self) -> Section:
        flow = self._flow
        lines = flow.lines
        return Section(
            flow=flow.name,
            title=" ↔ ".join(_called(side) for side in flow.sides.values()),
            about=tuple(self._about()),
            terms=tuple(self._terms()),
            rows=(*self._constants(), *(self._row(p, flow.match) for p in flow.properties.values() if _travels(p))),
            lines_title=" ↔ ".join(lines.paths[side] for side in flow.sides) if lines else "",
            lines=tuple(self._row(p, ()) for p in lines.properties.values() if _travels(p)) if lines else (),
        )

    def _title(self, side: str) -> str:
        return self._systems[side].title

    # --- the flow

    def _about(self) -> Iterator[str]:
        told = [f"{_called(part)} of {self._title(side)} ({_entity(part)})" for side, part in self._flow.sides.items()]
        yield f"Every {told[0]} is synchronised with one {_and(told[1:])}."
        written = [side for side, part in self._flow.sides.items() if part.write]
        if len(written) == len(self._flow.sides):
            yield "A record that exists on one side only is created on the other."
            yield "Once linked, the pair stays in step wherever it is edited."
        elif written:
            read = [side for side in self._flow.sides if side not in written]
            writing = _and(map(self._title, written))
            yield f"{_and(map(self._title, read))} is only read: records are created and changed in {writing} alone."
        if self._flow.lines:
            yield "Its lines are linked and kept in step one by one, in their order."

    def _terms(self) -> Iterator[str]:
        yield from self._since()
        keys = [_words(key) for key in self._flow.match if not key.suggest]
        if keys:
            yield f"Records that are not linked yet are the same if they have the same {_else(keys)}."
        suggested = [_words(key) for key in self._flow.match if key.suggest]
        if suggested:
            yield f"Records with the same {_else(suggested)} are suggested to a person, and linked only if they agree."
        if not self._flow.match:
            yield "Records are linked by hand only."
        yield _DELETIONS[self._flow.delete]
        alone = [(side, p.columns[side]) for p in _all(self._flow) for side in p.columns if len(p.columns) == 1]
        if alone:
            told = (f"{' + '.join(column.paths)} of {self._title(side)}" for side, column in alone)
            yield f"Read to understand the rest, and sent nowhere: {', '.join(told)}."

    def _since(self) -> Iterator[str]:
        for side, part in self._flow.sides.items():
            if part.from_now:
                yield f"{self._title(side)}: what was last changed before this flow was taken up is left alone."
            elif part.since is not None:
                yield f"{self._title(side)}: what was last changed before {_moment(part.since)} is left alone."

    def _constants(self) -> Iterator[Row]:
        """What is sent first with every new record. Whose it is, the others say: so it leads away from them."""
        for side, part in self._flow.sides.items():
            types = self._systems[side].entity_type(part.entity).properties
            for path, value in part.constants.items():
                others = {other: Cell(place=CONSTANT, type="") for other in self._flow.sides if other != side}
                cells = others | {side: Cell(place=f"{path} = {_shown(value)}", type=types[path].label)}
                yield Row(
                    name=path,
                    cells={each: cells[each] for each in self._flow.sides},
                    direction="left" if side == self._first else "right",
                    rules=("sent first with every new record",),
                )

    # --- a row

    def _row(self, p: Property, match: tuple[MatchKey, ...]) -> Row:
        return Row(
            name=p.name,
            cells={side: _cell(column) for side, column in p.columns.items()},
            direction="both" if len(p.sources) > 1 else "right" if self._first in p.sources else "left",
            rules=tuple(dict.fromkeys((*self._translation(p), *self._travel(p), *_keys(p, match)))),
        )

    def _translation(self, p: Property) -> Iterator[str]:
        """What becomes of a value on its way. What holds for every side is said once, else with the side."""
        if p.reference is not None:
            yield f"points to the linked record of {p.reference.flow}"
        told = {side: tuple(self._of_column(p, side, column)) for side, column in p.columns.items()}
        shared = [phrase for phrase in next(iter(told.values())) if all(phrase in phrases for phrases in told.values())]
        yield from shared
        for side, phrases in told.items():
            for phrase in phrases:
                if phrase not in shared:
                    yield f"{self._title(side)}: {phrase}"

    def _of_column(self, p: Property, side: str, column: Column) -> Iterator[str]:
        if not isinstance(column.lens, Constant) and column.lens.words:
            yield column.lens.words
        if p.reference is not None and side in p.reference.by:
            yield f"by its {self._place(p.reference.flow, p.reference.by[side], side)}"
        if column.table:
            within = f" of its {column.within}" if column.within else ""
            yield f"looked up by code in {column.table}{within}{_missing(column)}"
        loss = column.lens.lossy
        if loss and side in p.targets and loss != self._typical.get((side, column.type.label)):
            yield loss

    def _place(self, flow: str, name: str, side: str) -> str:
        """Where a side keeps another flow's property."""
        return " + ".join(self._flows[flow].properties[name].columns[side].paths)

    def _travel(self, p: Property) -> Iterator[str]:
        if p.when_create:
            yield "sent with a new record, later only to where it is empty"
        if p.keep_filled:
            yield "an empty value does not travel"
        match p.conflict.policy:
            case Policy.PREFER if p.conflict.side is not None:
                yield f"if both changed it, {self._title(p.conflict.side)} wins"
            case Policy.ASK:
                yield "if both changed it, a person is asked"


def _travels(p: Property) -> bool:
    """What only one side keeps goes nowhere."""
    return len(p.columns) > 1


def _keys(p: Property, match: tuple[MatchKey, ...]) -> Iterator[str]:
    for at, key in enumerate((key for key in match if not key.suggest), start=1):
        if p.name in key.properties:
            others = [name for name in key.properties if name != p.name]
            yield f"match key {at}" + (f" (with {_and(others)})" if others else "")
    for key in match:
        if key.suggest and p.name in key.properties:
            others = [name for name in key.properties if name != p.name]
            yield "suggests a match" + (f" (with {_and(others)})" if others else "")


def _cell(column: Column) -> Cell:
    if isinstance(column.lens, Constant):
        return Cell(place=f"{CONSTANT} {_shown(column.lens.value)}", type="")
    return Cell(place=" + ".join(column.paths), type=column.type.label)


def _missing(column: Column) -> str:
    match column.missing:
        case "create":
            return ", created there if it is missing"
        case "default":
            return f", {_shown(column.default)} if it is missing"
        case _:
            return ""


def _called(part: Side) -> str:
    return part.title or part.entity


def _entity(part: Side) -> str:
    """``customers where type is Company``."""
    where = (f"{path} is {' or '.join(map(_shown, held))}" for path, held in part.where.items())
    return " where ".join(filter(None, (part.entity, " and ".join(where))))


def _words(key: MatchKey) -> str:
    return _and(key.properties)


def _else(words: list[str]) -> str:
    return ", else the same ".join(words)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _naturally(label: str) -> list[tuple[int, str]]:
    """Code[10] stands before Code[100], and after Code[9]."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", label)]


def _and(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "(empty)" if value in (None, "") else str(value)
