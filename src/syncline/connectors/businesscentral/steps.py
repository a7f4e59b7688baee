"""Writes that Business Central takes only in steps: where the header rewrites its lines, or the lines the header.

Each step carries the version that the one before has left behind, so whoever edits the record in between is not
overwritten. All others, which are nearly all, are sent at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from syncline.connectors.businesscentral import writing
from syncline.connectors.businesscentral.answers import ETAG
from syncline.connectors.businesscentral.client import Client
from syncline.connectors.businesscentral.query import Shape
from syncline.records import (
    Create,
    Delete,
    Done,
    LineChange,
    LineRemove,
    LineWrite,
    Outcome,
    Record,
    Refused,
    Unknown,
    Update,
    Write,
)


async def write(client: Client, shape: Shape, writes: Sequence[Write]) -> tuple[Outcome, ...]:
    """Do these. Never raises for what became of them."""
    steps = [_steps(shape, each) for each in writes]
    first = await writing.write(client, shape, [each[0] for each in steps])
    return tuple(
        [
            await _go_on(client, shape, each, outcome) if len(each) > 1 else outcome
            for each, outcome in zip(steps, first, strict=True)
        ]
    )


def _steps(shape: Shape, asked: Write) -> list[Write]:
    """One or more. The versions of the later ones are only known when the earlier ones stand."""
    if isinstance(asked, Delete) or not asked.lines:
        return [asked]
    late = {path: value for path, value in asked.fields.items() if path in shape.traits.late}
    now = {path: value for path, value in asked.fields.items() if path not in late}
    if isinstance(asked, Create):
        if not any(late.values()):
            return [asked]
        return [structs.replace(asked, fields=now), Update(id="", version=None, fields=late)]
    changed = any(isinstance(edit, LineChange) for edit in asked.lines)
    if changed and now.keys() & shape.traits.reprices:
        parts = [structs.replace(asked, fields=now, lines=()), structs.replace(asked, fields={})]
    else:
        parts = [structs.replace(asked, fields=now)]
    return [*parts, structs.replace(asked, fields=late, lines=())] if late else [*parts]


async def _go_on(client: Client, shape: Shape, steps: Sequence[Write], outcome: Outcome) -> Outcome:
    """The steps after the first, of which this came."""
    told: list[Done] = []
    for step in steps[1:]:
        if not isinstance(outcome, Done) or outcome.answer is None:
            break
        told.append(outcome)
        assert isinstance(step, Update)  # whatever comes first
        (outcome,) = await writing.write(client, shape, [_renewed(shape, step, _seen(outcome))])
    if isinstance(outcome, Done):
        return _joined(shape, steps, [*told, outcome])
    if not told:
        return outcome
    if isinstance(steps[0], Create):
        return await _without(client, shape, _seen(told[-1]), outcome)
    return writing.partly(outcome)


def _seen(done: Done) -> Record:
    """The record as it was told last."""
    found = done.seen or done.answer
    assert found is not None
    return found


def _renewed(shape: Shape, step: Update, seen: Record) -> Update:
    """A step with the versions that its record and lines have now.

    The version that the first step carried stood for the lines too: nobody can change one without moving it.
    """
    told = seen.fields.get(shape.lines or "") or ()
    versions: dict[str, str | None] = {str(line["id"]): line.get(ETAG) for line in told}

    def renewed(edit: LineWrite) -> LineWrite:
        if isinstance(edit, LineChange | LineRemove):
            return structs.replace(edit, version=versions.get(edit.id, edit.version))
        return edit

    return Update(id=seen.id, version=seen.version, fields=step.fields, lines=tuple(map(renewed, step.lines)))


def _joined(shape: Shape, steps: Sequence[Write], told: Sequence[Done]) -> Done:
    """What each step answered of what it wrote, and the record as it was told last."""
    seen = _seen(told[-1])
    if isinstance(steps[0], Create):
        return Done(answer=seen, added=told[0].added)
    fields: dict[str, Any] = {"id": seen.id}
    for step, done in zip(steps, told, strict=True):
        assert isinstance(step, Update)
        heard = done.answer.fields if done.answer else {}
        wanted = [*step.fields, *([shape.lines] if step.lines and shape.lines else [])]
        fields |= {path: heard[path] for path in wanted if path in heard}
    answer = Record(id=seen.id, version=seen.version, modified=seen.modified, fields=fields, partial=True)
    return Done(answer=answer, seen=seen, added=tuple(id_ for done in told for id_ in done.added))


async def _without(client: Client, shape: Shape, made: Record, outcome: Outcome) -> Outcome:
    """A new record that is refused a part of it is taken away again: nobody asked for it without."""
    if not isinstance(outcome, Refused):
        return Unknown("It was created, but not all of it may stand.")
    (taken,) = await writing.write(client, shape, [Delete(id=made.id, version=made.version)])
    return outcome if isinstance(taken, Done) else writing.partly(outcome)
