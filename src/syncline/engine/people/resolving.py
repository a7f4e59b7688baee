"""A person says what a parked property shall be: the next pass does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from syncline.engine.people import releasing
from syncline.mapping.model import Flow, Property
from syncline.mapping.typed import objection
from syncline.reconcile.merge import holds
from syncline.records import Answer, Shadow, Value, Values
from syncline.store import Memory, Parked, Store


class CannotResolve(Exception):
    """What was said cannot be: of which property, and why."""


class Question(Struct, frozen=True, kw_only=True):
    """One property of a parked record that a person is to choose: what every side holds, and held before."""

    parked: Parked
    link: str
    property: str
    line: str | None
    values: Values
    before: Values
    rules: Mapping[str, str]


class Resolution(Struct, frozen=True, kw_only=True):
    """``writes`` are the sides that the value is sent to, ``stays`` those that keep what they hold, not taking any."""

    question: Question
    value: Value
    writes: tuple[str, ...]
    stays: tuple[str, ...]


def questions(parked: Parked) -> tuple[Question, ...]:
    """What a record that is parked for a conflict asks."""
    told: Sequence[Mapping[str, Any]] = parked.details.get("conflicts", ()) if parked.cause == "conflict" else ()
    return tuple(
        Question(
            parked=parked,
            link=parked.link,
            property=each["property"],
            line=each["line"],
            values=each["values"],
            before=each.get("before", {}),
            rules=each.get("rules", {}),
        )
        for each in told
        if parked.link is not None
    )


def asked_before(store: Store, flow: Flow, parked: Parked) -> tuple[Question, ...]:
    """What was answered of a record that is parked all the same, since a system would not have it."""
    return tuple(
        Question(
            parked=parked,
            link=answer.link,
            property=answer.property,
            line=answer.line,
            values=_held(store, flow, answer),
            before={},
            rules={},
        )
        for answer in store.answers([parked.link] if parked.link is not None else [])
    )


def _held(store: Store, flow: Flow, answer: Answer) -> dict[str, Value]:
    """What each side holds that was answered: what it did, or the answer where that was written."""
    p = property_of(flow, answer.property, answer.line)
    known = {side: known_of(shadow, answer.line) for (_, side), shadow in store.shadows([answer.link]).items()}
    written = {s: values[p.name] for s, values in known.items() if p.name in values}
    return {
        side: written[side] if side in written and holds(p, side, answer.value, written[side]) else value
        for side, value in answer.seen.items()
    }


def known_of(shadow: Shadow, line: str | None) -> Values:
    """What a side was last known to hold, of the record or of a line of it."""
    if line is None:
        return shadow.values
    return next((each.values for each in shadow.lines if each.line == line), {})


def property_of(flow: Flow, name: str, line: str | None) -> Property:
    """Raises `CannotResolve` where the agreement has no such property any more."""
    among = flow.properties if line is None else flow.lines.properties if flow.lines else {}
    if name not in among:
        raise CannotResolve(f"The agreement has no {name} any more: syncline parked retry takes the record up again.")
    return among[name]


def taken_from(question: Question, side: str) -> Value:
    """What a side holds. Raises `CannotResolve`."""
    if side not in question.values:
        raise CannotResolve(
            f"{side} holds no {question.property} of {question.parked.ref}; {' and '.join(question.values)} do."
        )
    return question.values[side]


def resolution(store: Store, flow: Flow, question: Question, value: Value) -> Resolution:
    """What becomes of it if the property shall be the value. Raises `CannotResolve` where a side cannot take it."""
    p = property_of(flow, question.property, question.line)
    differ = [side for side, held in question.values.items() if not holds(p, side, value, held)]
    writes = takers(flow, p, differ)
    for side in writes:
        if (reason := refusal(store, p, side, value)) is not None:
            raise CannotResolve(f"{side} cannot take that as {question.property} of {question.parked.ref}: {reason}.")
    stays = tuple(side for side in differ if side not in writes)
    return Resolution(question=question, value=value, writes=writes, stays=stays)


def takers(flow: Flow, p: Property, sides: Iterable[str]) -> tuple[str, ...]:
    """Those of the sides that the agreement lets be written."""
    return tuple(side for side in sides if side in p.targets and flow.sides[side].write and not p.when_create)


def refusal(store: Store, p: Property, side: str, value: Value) -> str | None:
    """Why a side cannot be sent the value, as far as is known here."""
    if p.reference is None or value is None:
        return objection(p, side, value)
    pointed = store.links([str(value)]).get(str(value))
    return None if pointed is not None and side in pointed.members else f"what it points to is not in {side}"


def resolve(store: Store, resolutions: Sequence[Resolution], now: datetime, by: str | None = None) -> None:
    """Remember it: the records are due."""
    answers = [
        Answer(
            link=each.question.link,
            property=each.question.property,
            line=each.question.line,
            value=each.value,
            seen=each.question.values,
            note="resolved",
            at=now,
            by=by,
        )
        for each in resolutions
    ]
    links = store.links({answer.link for answer in answers}).values()
    refs = [ref for link in links for ref in link.refs]
    store.save(Memory(answers=answers, arrivals=releasing.of_links(store, links, now), released=refs))
