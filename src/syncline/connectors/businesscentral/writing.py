"""Writes as operations of batches, and what became of them.

A record's operations stay together in one batch: its header first, then its lines, then, after lines, a read of the
whole. Those of a record with more than a hundred go in several batches, each only after the one before it succeeded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct, structs

from syncline.connectors.base import ConnectorError
from syncline.connectors.businesscentral.answers import SKIPPED, Fate, Reply, reason, record, verdict, without_context
from syncline.connectors.businesscentral.client import MOST_OPERATIONS, Client, Operation, listed, listing
from syncline.connectors.businesscentral.query import Shape, address
from syncline.connectors.businesscentral.reading import get
from syncline.connectors.businesscentral.traits import SEQUENCE
from syncline.records import (
    Create,
    Delete,
    Done,
    Fields,
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

SEQUENCE_STEP = 10_000
Sequences: TypeAlias = Mapping[str, int]
"""The sequence of each line of an order, by its id."""


class Plan(Struct, frozen=True):
    """A write's operations. An update's are its header, if that changes, its lines, and a read if lines change."""

    write: Write
    operations: tuple[Operation, ...]


class LineMissing(Exception):
    """The line after which another is to stand is not in the order."""


class Unread(Exception):
    """What is to be changed was never read: to write it all the same would overwrite what nobody has seen."""


class NoRoom(Exception):
    """Between two lines there is no sequence left."""


async def write(client: Client, shape: Shape, writes: Sequence[Write]) -> tuple[Outcome, ...]:
    """Do these. Never raises for what became of them."""
    try:
        standing = await _standing(client, shape, writes)
    except ConnectorError as error:
        return tuple(Unavailable(message=str(error)) for _ in writes)
    planned = [_planned(shape, each, standing) for each in writes]
    fates = iter(await _exchange(client, [plan for plan in planned if isinstance(plan, Plan)]))
    outcomes = [_outcome(shape, plan, next(fates)) if isinstance(plan, Plan) else plan for plan in planned]
    return await _with_lines(client, shape, writes, outcomes)


async def act(client: Client, action: str) -> Outcome:
    """Do a bound action. Never raises for what became of it."""
    (fate,) = await client.send([Operation(method="POST", url=action)])
    return Done(answer=None) if _good(fate) else verdict(fate)


# --- what is sent


async def _standing(client: Client, shape: Shape, writes: Sequence[Write]) -> dict[str, Sequences | None]:
    """How the lines stand in the records that get new ones; ``None`` for a record that is gone."""
    growing = [
        each.id for each in writes if isinstance(each, Update) and any(isinstance(e, LineAdd) for e in each.lines)
    ]
    select = {"$select": f"id,{SEQUENCE}"}
    replies = await client.read([listing(f"{shape.name}({id_})/{shape.lines}", select) for id_ in growing])
    return {
        id_: {str(line["id"]): int(line[SEQUENCE]) for line in await client.all(listed(reply))} if reply.good else None
        for id_, reply in zip(growing, replies, strict=True)
    }


def _planned(shape: Shape, asked: Write, standing: Mapping[str, Sequences | None]) -> Plan | Outcome:
    match asked:
        case Create():
            return Plan(asked, (_create(shape, asked),))
        case Update() | Delete():
            sequences = standing.get(asked.id, {})
            if sequences is None:
                return Gone(f"There is no {shape.entity_set.entity} {asked.id}.")
            try:
                return Plan(asked, tuple(_operations(shape, asked, sequences)))
            except (LineMissing, Unread) as error:
                return Stale(str(error))
            except NoRoom as error:
                return Refused(code="NoRoomForLine", message=str(error), property=shape.lines)


def _create(shape: Shape, asked: Create) -> Operation:
    lines = [{SEQUENCE: SEQUENCE_STEP * (at + 1), **line} for at, line in enumerate(asked.lines)]
    body = {**asked.fields, shape.lines: lines} if shape.lines and lines else asked.fields
    return Operation(method="POST", url=address(shape.name, shape.options()), body=body)


def _operations(shape: Shape, asked: Update | Delete, standing: Sequences) -> Iterator[Operation]:
    """Raises `LineMissing`, `NoRoom` and `Unread`."""
    url = f"{shape.name}({asked.id})"
    if isinstance(asked, Delete):
        yield Operation(method="DELETE", url=url, headers=_if_match(asked.version))
        return
    header = None
    if asked.fields or not asked.lines:
        header = 0
        yield Operation(
            method="PATCH",
            url=address(url, shape.options(lines=not asked.lines)),
            headers=_if_match(asked.version),
            body=asked.fields,
        )
    places = iter(places_for([edit for edit in asked.lines if isinstance(edit, LineAdd)], standing))
    for edit in asked.lines:
        match edit:
            case LineAdd():
                yield Operation(
                    method="POST",
                    url=address(f"{url}/{shape.lines}", shape.line_options()),
                    body={SEQUENCE: next(places), **edit.fields},
                    needs=header,
                )
            case LineChange():
                yield Operation(
                    method="PATCH",
                    url=address(f"{shape.lines_set}({edit.id})", shape.line_options()),
                    headers=_if_match(edit.version),
                    body=edit.fields,
                    needs=header,
                )
            case LineRemove():
                line = f"{shape.lines_set}({edit.id})"
                yield Operation(method="DELETE", url=line, headers=_if_match(edit.version), needs=header)
    if asked.lines:
        yield Operation(method="GET", url=address(url, shape.options()))


def places_for(adds: Sequence[LineAdd], standing: Sequences) -> list[int]:
    """The sequences of new lines, in the order asked for: evenly between their neighbours, in steps behind the last.

    Raises `LineMissing` and `NoRoom`.
    """
    taken = sorted(standing.values())
    groups: dict[str | None, list[int]] = {}
    for at, add in enumerate(adds):
        groups.setdefault(add.after, []).append(at)
    places: dict[int, int] = {}
    for after, group in groups.items():
        if after is not None and after not in standing:
            raise LineMissing(f"Line {after}, after which a new one is to stand, is no longer in the order.")
        low = 0 if after is None else standing[after]
        high = next((each for each in taken if each > low), low + SEQUENCE_STEP * (len(group) + 1))
        if high - low <= len(group):
            raise NoRoom(
                f"Between the lines with the sequences {low} and {high} there is no room for {len(group)} more. "
                "Renumber the order's lines in Business Central, or add them at its end."
            )
        places |= {each: low + (high - low) * (at + 1) // (len(group) + 1) for at, each in enumerate(group)}
    return [places[at] for at in range(len(adds))]


def _if_match(version: str | None) -> dict[str, str]:
    if version is None:
        raise Unread("Its version is not known: it must be read first.")
    return {"If-Match": version}


async def _exchange(client: Client, plans: Sequence[Plan]) -> list[list[Fate]]:
    """The fates of each plan's operations. Batches go one after another: postings lock each other out."""
    fates: list[list[Fate]] = []
    for group in _groups(plans):
        if len(group) == 1 and len(group[0].operations) > MOST_OPERATIONS:
            fates.append(await _send_large(client, group[0].operations))
            continue
        operations: list[Operation] = []
        for plan in group:
            start = len(operations)
            operations += [
                each if each.needs is None else structs.replace(each, needs=start + each.needs)
                for each in plan.operations
            ]
        told = iter(await client.send(operations))
        fates += [[next(told) for _ in plan.operations] for plan in group]
    return fates


def _groups(plans: Sequence[Plan]) -> Iterator[list[Plan]]:
    """As many plans as one batch holds, in their order."""
    group: list[Plan] = []
    size = 0
    for plan in plans:
        if group and size + len(plan.operations) > MOST_OPERATIONS:
            yield group
            group, size = [], 0
        group.append(plan)
        size += len(plan.operations)
    if group:
        yield group


async def _send_large(client: Client, operations: Sequence[Operation]) -> list[Fate]:
    fates: list[Fate] = []
    for at in range(0, len(operations), MOST_OPERATIONS):
        part = operations[at : at + MOST_OPERATIONS]
        if all(isinstance(fate, Reply) and fate.good for fate in fates):
            fates += await client.send([structs.replace(each, needs=None) for each in part] if at else part)
        else:
            fates += [Reply(status=SKIPPED)] * len(part)
    return fates


# --- what became of it


def _outcome(shape: Shape, plan: Plan, fates: Sequence[Fate]) -> Outcome:
    match plan.write:
        case Create() as asked:
            return _created(shape, asked, fates[0])
        case Delete():
            return Done(answer=None) if _good(fates[0]) else verdict(fates[0])
        case Update() as asked:
            return _updated(shape, asked, fates)


def _created(shape: Shape, asked: Create, fate: Fate) -> Outcome:
    if not _good(fate):
        return _without_record(verdict(fate, _line_paths(shape, asked.lines) | _paths(asked.fields)), fate)
    if (body := _told(fate)) is None:
        return Unknown("It was created, but the answer does not tell it.")
    answer = record(shape, body)
    return Done(answer=answer, added=_line_ids(shape, answer) if asked.lines else ())


def _updated(shape: Shape, asked: Update, fates: Sequence[Fate]) -> Outcome:
    header = fates[0] if asked.fields or not asked.lines else None
    edits = fates[0 if header is None else 1 :][: len(asked.lines)]
    lines = [
        Reply(status=204) if isinstance(edit, LineRemove) and _status(fate) == 404 else fate
        for edit, fate in zip(asked.lines, edits, strict=True)
    ]
    done = [fate for fate in (header, *lines) if fate is not None and _good(fate)]
    if header is not None and not _good(header):
        return _failed(verdict(header, _paths(asked.fields)), done)
    for edit, fate in sorted(zip(asked.lines, lines, strict=True), key=lambda pair: _status(pair[1]) == SKIPPED):
        if not _good(fate):
            return _failed(_line_verdict(shape, edit, fate), done)
    seen = _told(fates[-1]) if asked.lines else None
    return Done(
        answer=_answer(shape, asked, header, lines),
        seen=record(shape, seen) if seen else None,
        added=tuple(
            str(told["id"])
            for edit, fate in zip(asked.lines, lines, strict=True)
            if isinstance(edit, LineAdd) and (told := _told(fate))
        ),
    )


def _failed(outcome: Outcome, done: Sequence[Fate]) -> Outcome:
    return partly(outcome) if done else outcome


def partly(outcome: Outcome) -> Outcome:
    """The outcome of a write of which some parts stand: only a refusal can say so, all else must be looked at."""
    if isinstance(outcome, Refused):
        return structs.replace(outcome, partly=True)
    told = outcome.message if not isinstance(outcome, Done) else ""
    return Unknown(f"Only a part of it was written: {told}")


def _without_record(outcome: Outcome, fate: Fate) -> Outcome:
    """Where nothing was there before, nothing can have moved or gone: it is a refusal in other words."""
    if isinstance(outcome, Stale | Gone) and isinstance(fate, Reply):
        return Refused(code=reason(fate)[0], message=outcome.message)
    return outcome


def _line_verdict(shape: Shape, edit: LineWrite, fate: Fate) -> Outcome:
    """A line that is gone means that the order has moved."""
    outcome = verdict(fate, {} if isinstance(edit, LineRemove) else _line_paths(shape, [edit.fields]))
    return Stale(outcome.message) if isinstance(outcome, Gone) else outcome


def _answer(shape: Shape, asked: Update, header: Fate | None, lines: Sequence[Fate]) -> Record:
    """What the operations themselves answered. Lines that were not written are not told, so it is partial."""
    body = _told(header) if header is not None else None
    if body:
        answer = record(shape, body)
    else:
        fields: Fields = {"id": asked.id, **asked.fields}
        answer = Record(id=asked.id, version=None, modified=None, fields=fields, partial=True)
    if not (asked.lines and shape.lines):
        return answer
    written = [without_context(told) for fate in lines if (told := _told(fate))]
    return structs.replace(answer, fields={**answer.fields, shape.lines: written}, partial=True)


async def _with_lines(
    client: Client, shape: Shape, writes: Sequence[Write], outcomes: Sequence[Outcome]
) -> tuple[Outcome, ...]:
    """Where a create's answer did not tell its lines, the record is read."""
    lacking = {
        at: outcome.answer.id
        for at, (asked, outcome) in enumerate(zip(writes, outcomes, strict=True))
        if isinstance(asked, Create) and isinstance(outcome, Done) and outcome.answer
        if len(outcome.added) != len(asked.lines)
    }
    if not lacking:
        return tuple(outcomes)
    try:
        read = await get(client, shape, list(lacking.values()))
    except ConnectorError:
        read = {}
    return tuple(
        _read_again(shape, writes[at], outcome, read.get(lacking[at])) if at in lacking else outcome
        for at, outcome in enumerate(outcomes)
    )


def _read_again(shape: Shape, asked: Write, outcome: Outcome, seen: Record | None) -> Outcome:
    added = _line_ids(shape, seen) if seen else ()
    if not isinstance(outcome, Done) or not isinstance(asked, Create) or len(added) != len(asked.lines):
        return Unknown("It was created, but its lines could not be read.")
    return structs.replace(outcome, seen=seen, added=added)


def _paths(fields: Fields) -> dict[str, str]:
    return {name: name for name in fields}


def _line_paths(shape: Shape, lines: Sequence[Fields]) -> dict[str, str]:
    return {name: f"{shape.lines}.{name}" for line in lines for name in line}


def _line_ids(shape: Shape, told: Record) -> tuple[str, ...]:
    lines: Sequence[Mapping[str, Any]] = told.fields.get(shape.lines or "") or ()
    return tuple(str(line["id"]) for line in lines)


def _good(fate: Fate) -> bool:
    return isinstance(fate, Reply) and fate.good


def _status(fate: Fate) -> int:
    return fate.status if isinstance(fate, Reply) else 0


def _told(fate: Fate) -> Mapping[str, Any] | None:
    """The record that an answer tells."""
    body = fate.body if isinstance(fate, Reply) and fate.good else None
    return body if isinstance(body, Mapping) and "id" in body else None
