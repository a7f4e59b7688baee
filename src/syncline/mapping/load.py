"""Flow files to flows: read, checked against what the systems say of themselves, and frozen.

Everything that is wrong is told at once, each mistake with its file, line, place and mend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from syncline.mapping.columns import spelt
from syncline.mapping.flowfile import (
    FileSaid,
    OneOrMore,
    Place,
    Plain,
    Shape,
    SideSaid,
    Suggest,
    read_shape,
)
from syncline.mapping.model import Flow, Lines, MatchKey, Property, Side
from syncline.mapping.rows import Entities, build_rows
from syncline.mapping.types import EntityType
from syncline.yamlfile import FileError, did_you_mean, parse, text_of

Systems: TypeAlias = Mapping[str, Callable[[str], EntityType]]
"""By side, what the system says of one of its entities; raises `KeyError` for one it does not have."""


class FlowError(FileError):
    """Everything that is wrong with the flow files. Its own place is that of the first mistake."""

    def __init__(self, mistakes: Sequence[FileError]) -> None:
        first = mistakes[0]
        super().__init__(first.file, first.line, first.path, first.message, first.mend)
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.mistakes)


def load_flows(files: Iterable[Path], systems: Systems) -> Mapping[str, Flow]:
    """The flows by name, each after those it refers to. Those of the same files and systems are the same, however many
    companies have them. Raises `FlowError`.
    """
    mistakes: list[FileError] = []
    texts: list[tuple[str, str]] = []
    for path in files:
        try:
            texts.append((path.name, text_of(path, path.name)))
        except FileError as error:
            mistakes.append(error)
    try:
        flows = _flows(tuple(texts), tuple(systems.items()), some_unread=bool(mistakes))
    except FlowError as error:
        mistakes += error.mistakes
    if mistakes:
        once = {str(mistake): mistake for mistake in mistakes}
        raise FlowError(sorted(once.values(), key=lambda mistake: (mistake.file, mistake.line)))
    return flows


@lru_cache(maxsize=32)
def _flows(
    texts: tuple[tuple[str, str], ...], known: tuple[tuple[str, Callable[[str], EntityType]], ...], *, some_unread: bool
) -> Mapping[str, Flow]:
    """What a thousand companies have takes time and memory once. Raises `FlowError`."""
    systems = dict(known)
    mistakes: list[FileError] = []
    flows: dict[str, Flow] = {}
    places: dict[str, Place] = {}
    for name, text in texts:
        try:
            document = parse(text, name)
        except FileError as error:
            mistakes.append(error)
            continue
        place = Place(document, (), mistakes)
        flow = _flow(place, systems)
        if flow is not None and flow.name in flows:
            (place / "flow").wrong(f"{flow.name} is also the name of {flows[flow.name].source}.", "Name one otherwise.")
        elif flow is not None:
            flows[flow.name], places[flow.name] = flow, place
    for name, flow in flows.items():
        _check_references(places[name], flow, flows, some_unread or bool(mistakes))
    ordered = _in_order(flows, places, mistakes)
    if mistakes:
        raise FlowError(mistakes)
    return MappingProxyType(ordered)


def _flow(place: Place, systems: Systems) -> Flow | None:
    shape = read_shape(place)
    if shape is None:
        return None
    said = shape.said
    entities = _entities(place / "sides", said, systems)
    if len(entities) < len(said.sides):
        return None
    if len(said.sides) < 2:
        (place / "sides").wrong("a flow needs two sides at least.")
    headers: Entities = {side: (entity.name, entity.properties) for side, entity in entities.items()}
    sides = {side: _side(place, side, said, entities[side]) for side in said.sides}
    properties = build_rows(shape.rows, headers, {side: tuple(s.constants) for side, s in sides.items()})
    return Flow(
        name=said.flow,
        sides=sides,
        properties=properties,
        match=_match(place / "match", said, shape, properties),
        delete=said.delete,
        lines=_lines(place / "lines", shape, entities),
        source=place.document.file,
    )


# --- sides


def _entities(place: Place, said: FileSaid, systems: Systems) -> dict[str, EntityType]:
    found: dict[str, EntityType] = {}
    for side, part in said.sides.items():
        if side not in systems:
            (place / side).wrong(f"no system is called {side}.", did_you_mean(side, systems))
            continue
        try:
            found[side] = systems[side](part.entity)
        except KeyError:
            (place / side / "entity").wrong(f"{side} has no entity '{part.entity}'.")
    return found


def _side(file: Place, side: str, said: FileSaid, entity: EntityType) -> Side:
    part, place = said.sides[side], file / "sides" / side
    start = place / "from" if part.from_ is not None else file / "from"
    since, from_now = _since(start, part.from_ or said.from_ or "all")
    return Side(
        system=side,
        entity=part.entity,
        title=part.title,
        where={path: _spelt_all(place / "where" / path, side, entity, path, word) for path, word in part.where.items()},
        constants=_constants(place / "constants", side, part, entity),
        since=since,
        from_now=from_now,
        write=part.write == "on",
    )


def _since(place: Place, said: str) -> tuple[datetime | None, bool]:
    """The time before which a last change is left alone; or that this is the time the flow is taken up."""
    if said in ("all", "now"):
        return None, said == "now"
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        place.wrong(f"{said} is not a time.", "Say all, now, or a time like 2026-01-31T00:00:00Z.")
        return None, False
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)), False


def _constants(place: Place, side: str, part: SideSaid, entity: EntityType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, word in part.constants.items():
        for raw in _spelt_all(place / path, side, entity, path, word):
            found[path] = raw
        if path in entity.properties and entity.properties[path].read_only:
            (place / path).wrong(f"{side}'s {path} is read-only and cannot be sent.")
    return found


def _spelt_all(place: Place, side: str, entity: EntityType, path: str, said: Plain | list[Plain]) -> tuple[Any, ...]:
    declared = entity.properties.get(path)
    if declared is None:
        place.wrong(f"{side} has no '{path}' in {entity.name}.", did_you_mean(path, entity.properties))
        return ()
    return tuple(spelt(word, declared, side, place) for word in (said if isinstance(said, list) else [said]))


# --- match, lines


def _match(place: Place, said: FileSaid, shape: Shape, properties: Mapping[str, Property]) -> tuple[MatchKey, ...]:
    keys: list[MatchKey] = []
    for at, key in enumerate(said.match):
        here = Place(place.document, (*place.at, at), place.mistakes)
        names = _names(key.suggest if isinstance(key, Suggest) else key)
        for name in names:
            if name not in shape.rows.names:
                here.wrong(f"'{name}' is no property of this flow.", did_you_mean(name, shape.rows.names))
            elif name in properties and len(properties[name].columns) < len(said.sides):
                here.wrong(f"'{name}' is not kept on every side, so records cannot be matched by it.")
        keys.append(MatchKey(names, suggest=isinstance(key, Suggest)))
    return tuple(keys)


def _names(said: OneOrMore) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def _lines(place: Place, shape: Shape, entities: Mapping[str, EntityType]) -> Lines | None:
    if shape.lines is None:
        return None
    types: Entities = {}
    for side, path in shape.lines.paths.items():
        if path in entities[side].lines:
            types[side] = (path, entities[side].lines[path])
        else:
            mend = did_you_mean(path, entities[side].lines)
            (place / side).wrong(f"{side} has no lines '{path}' in {entities[side].name}.", mend)
    if len(types) < len(entities):
        return None
    return Lines(paths=shape.lines.paths, properties=build_rows(shape.lines.rows, types, {}))


# --- flows among themselves


def _check_references(place: Place, flow: Flow, flows: Mapping[str, Flow], some_unread: bool) -> None:
    for at, rows in (("properties", flow.properties), ("lines", flow.lines.properties if flow.lines else {})):
        for name, p in rows.items():
            if p.reference is None:
                continue
            here = (place / at if at == "properties" else place / at / "properties") / name / "reference"
            other = flows.get(p.reference.flow)
            if other is None:
                if not some_unread:
                    here.wrong(f"no flow is called {p.reference.flow}.", did_you_mean(p.reference.flow, flows))
                continue
            for side, by in p.reference.by.items():
                if by not in other.properties or side not in other.properties[by].columns:
                    kept = [q.name for q in other.properties.values() if side in q.columns]
                    (here / "by" / side).wrong(f"{other.name} keeps no '{by}' on {side}.", did_you_mean(by, kept))


def _in_order(flows: Mapping[str, Flow], places: Mapping[str, Place], mistakes: list[FileError]) -> dict[str, Flow]:
    order = TopologicalSorter({name: sorted(flow.references & flows.keys()) for name, flow in sorted(flows.items())})
    try:
        return {name: flows[name] for name in order.static_order()}
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        message = f"flows refer to each other in a circle: {' -> '.join(circle)}."
        (places[circle[0]] / "flow").wrong(message, "One must come first: leave out one reference.")
        return {}
