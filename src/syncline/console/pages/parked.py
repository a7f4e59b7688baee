"""What is parked, by cause, and what is held: with the other system's words, and all that can be said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Literal, get_args
from urllib.parse import quote, unquote

from msgspec import Struct
from starlette.responses import Response
from starlette.routing import Route

from syncline.console.views import record_url
from syncline.console.visits import Visit, act, address, page
from syncline.engine.chains import chains
from syncline.engine.guards.breaker import decide
from syncline.engine.people.answering import CHOICES, Word, answer
from syncline.engine.people.names import NotFound, ref_of, typed_value
from syncline.engine.people.releasing import retry
from syncline.engine.people.resolving import (
    CannotResolve,
    Question,
    Resolution,
    asked_before,
    property_of,
    questions,
    resolution,
    resolve,
    taken_from,
)
from syncline.engine.people.words import count, shown
from syncline.records import Ref
from syncline.store import Cause, Hold, Parked

_GROUP = 10
"""How many of a cause are shown where all causes are; of one alone, `_PAGE`."""
_PAGE = 50
_MOST = 100_000
"""How many are retried at once: one save, and one moment for everybody else."""
_MATCHING = ("ambiguous", "suggested")

MEANS: Mapping[Cause, str] = {
    "conflict": "both sides changed it, and the agreement says to ask",
    "refused": "the other system will not have it",
    "deleted": "its counterpart was deleted, and the agreement says to ask",
    "older": "a system tells an older state of it than before",
    "unlinked": "a person ended its link",
    "unknown": "nobody knows whether it was written",
    "untranslatable": "a value has no meaning under the agreement",
    "ambiguous": "several records share its key",
    "suggested": "looks like another record, but not surely enough",
    "waiting": "refers to a record that is not linked yet; ends by itself",
}
"""Every cause, those first that a person can do most about."""
_DOES: Mapping[str, str] = {
    "retry": "tried again",
    "delete": "deleted everywhere",
    "restore": "brought back",
    "keep": "left as they are",
    "accept": "taken as they are",
}


class Choice(Struct, frozen=True, kw_only=True):
    """A question: its ``key`` in forms, the property, what each side holds and held before."""

    key: str
    place: str
    held: tuple[tuple[str, str], ...]
    before: str
    rules: str


class Card(Struct, frozen=True, kw_only=True):
    """A parked record as it is shown."""

    ref: Ref
    name: str
    url: str
    cause: Cause
    since: datetime
    message: str
    mend: str
    choices: tuple[Choice, ...]
    words: tuple[Word, ...]
    said: str


class Group(Struct, frozen=True, kw_only=True):
    """What is parked for a cause: how many, the first of them, and the address of the next ones."""

    cause: Cause
    means: str
    number: int
    cards: tuple[Card, ...]
    more: str


def routes() -> list[Route]:
    return [
        page("/parked", _parked),
        act("/parked", _act, "resolve"),
        act("/holds", _decide, "administer"),
    ]


# --- what is shown


def _parked(visit: Visit) -> Response:
    store, flow = visit.desk.store, visit.flow()
    numbers: dict[Cause, int] = dict.fromkeys(MEANS, 0)
    for (cause, of_flow), number in store.causes().items():
        if flow in (None, of_flow) and cause in numbers:
            numbers[cause] += number
    asked = visit.asked("cause")
    causes = [cause for cause in numbers if numbers[cause] and asked in (None, cause)]
    groups = [_group(visit, cause, numbers[cause], flow, alone=asked is not None) for cause in causes]
    holds = store.holds()
    return visit.show(
        "parked.html",
        groups=groups,
        numbers={cause: number for cause, number in numbers.items() if number},
        cause=asked or "",
        flow=flow or "",
        sides=list(dict.fromkeys(side for each in visit.desk.flows.values() for side in each.sides)),
        means=MEANS,
        holds=[] if asked else holds,
        matching=_MATCHING,
        again=visit.request.url.path + (f"?{visit.request.url.query}" if visit.request.url.query else ""),
    )


def _group(visit: Visit, cause: Cause, number: int, flow: str | None, *, alone: bool) -> Group:
    store = visit.desk.store
    size = _PAGE if alone else _GROUP
    found = store.parked_page([cause], flow, _after(visit, cause) if alone else None, size + 1)
    here = found[:size]
    more = ""
    if len(found) > size:
        last = here[-1]
        after = f"{last.since.isoformat()} {last.ref}" if alone else None
        more = address("/parked", cause=cause, flow=flow, after=after)
    return Group(cause=cause, means=MEANS[cause], number=number, cards=tuple(cards(visit, here)), more=more)


def _after(visit: Visit, cause: Cause) -> tuple[str, datetime, Ref] | None:
    since, _, name = (visit.asked("after") or "").partition(" ")
    ref = ref_of(visit.desk.flows, name)
    try:
        return (cause, datetime.fromisoformat(since), ref) if ref is not None else None
    except ValueError:
        return None


def cards(visit: Visit, parked: Iterable[Parked]) -> Iterable[Card]:
    """In their order."""
    found = list(parked)
    store, names = visit.desk.store, visit.names
    waiting = chains(store, visit.desk.flows, found)
    names.know_parked(found)
    answered = {a.link for a in store.answers([each.link for each in found if each.link])}
    asked = {
        each.ref: _asked(visit, each) if each.cause == "conflict" or each.link in answered else () for each in found
    }
    links = {str(q.values[s]) for qs in asked.values() for q in qs for s in q.values if _is_reference(visit, q)}
    names.know(store.pairs_of(links | {q.link for qs in asked.values() for q in qs}))
    for each in found:
        chain = waiting.get(each.ref)
        yield Card(
            ref=each.ref,
            name=names.of_parked(each),
            url=record_url(each.ref),
            cause=each.cause,
            since=each.since,
            message=str(chain) if chain is not None else each.message,
            mend=each.mend,
            choices=tuple(_choice(visit, q) for q in asked[each.ref]),
            words=tuple(CHOICES.get(each.cause, ())),
            said=_said(each),
        )


def _said(parked: Parked) -> str:
    word, by = parked.details.get("answer"), parked.details.get("by")
    return f"{word}, said {by or 'by a person'}: the next pass does it" if word else ""


def _asked(visit: Visit, parked: Parked) -> tuple[Question, ...]:
    flow = visit.desk.flows.get(parked.ref.flow)
    if flow is None:
        return ()
    try:
        return questions(parked) or asked_before(visit.desk.store, flow, parked)
    except CannotResolve:
        return ()


def _is_reference(visit: Visit, question: Question) -> bool:
    flow = visit.desk.flows[question.parked.ref.flow]
    among = flow.properties if question.line is None or flow.lines is None else flow.lines.properties
    return question.property in among and among[question.property].reference is not None


def _choice(visit: Visit, question: Question) -> Choice:
    names, flow = visit.names, question.parked.ref.flow
    held = {side: shown(names.value(flow, question.property, value)) for side, value in question.values.items()}
    before = dict.fromkeys(shown(names.value(flow, question.property, value)) for value in question.before.values())
    return Choice(
        key=key_of(question),
        place=names.place(question.link, question.line, question.property),
        held=tuple((side, held[side]) for side in names.in_order(flow, held)),
        before=" or ".join(before),
        rules="; ".join(f"{side}'s {rule}" for side, rule in question.rules.items()),
    )


def key_of(question: Question) -> str:
    """A question by name: its record, line and property."""
    parts = (str(question.parked.ref), question.line or "", question.property)
    return "|".join(quote(part, safe="") for part in parts)


# --- what is done


def _act(visit: Visit) -> Response:
    """``do`` says what: a word, and with it the record, the question, or nothing for all that are selected."""
    again = visit.told("again") or "/parked"
    again = again if again.startswith("/parked") else "/parked"
    do, _, about = (visit.told("do") or "").partition(":")
    try:
        if do in ("take", "type"):
            return visit.back(again, _resolve(visit, do, about))
        return visit.back(again, _say(visit, do, about))
    except (CannotResolve, NotFound, _CannotDo) as error:
        return visit.back(again, str(error), wrong=True)


class _CannotDo(Exception):
    """What was asked for makes no sense of these."""


def _meant(visit: Visit, about: str) -> list[Parked]:
    """The record that is named, or those that are selected. Raises `_CannotDo`."""
    texts = [about] if about else [text for text in visit.form.getlist("ref") if isinstance(text, str)]
    refs = [ref for text in texts if (ref := ref_of(visit.desk.flows, text)) is not None]
    found = list(visit.desk.store.parked_refs(refs).values())
    if not found:
        raise _CannotDo("None of these is parked any more." if refs else "Select the records first.")
    return found


def _say(visit: Visit, do: str, about: str) -> str:
    store, now, by = visit.desk.store, visit.desk.now(), visit.session.user
    if do == "retry-all":
        cause = visit.told("cause")
        if cause not in MEANS:
            raise _CannotDo("Say which cause is to be retried.")
        meant = list(store.parked_page([str(cause)], visit.told("flow"), None, _MOST))
        retry(store, meant, now, by)
        return f"{count(len(meant), 'record')} will be tried again by the next pass."
    if do not in _DOES:
        raise _CannotDo("There is nothing that is called so.")
    meant = _meant(visit, about)
    if do == "retry":
        retry(store, meant, now, by)
    else:
        word: Word = next(word for word in get_args(Word) if word == do)
        meant = [each for each in meant if word in CHOICES.get(each.cause, ())]
        if not meant:
            raise _CannotDo(f"{do} can be said of none of these.")
        answer(store, meant, word, now, by)
    return f"{count(len(meant), 'record')} will be {_DOES[do]} by the next pass."


def _resolve(visit: Visit, do: str, about: str) -> str:
    """``take:SIDE`` of all selected; ``take:SIDE|record|line|property`` and ``type:record|line|property`` of one."""
    store = visit.desk.store
    if do == "take":
        side, _, key = about.partition("|")
        asked = [q for each in _meant(visit, _record_of(key)) for q in _asked(visit, each)]
        made = _made(visit, asked, key, lambda q: taken_from(q, side))
    else:
        key = about
        text = visit.form.get(f"value:{key}")
        asked = [q for each in _meant(visit, _record_of(key)) for q in _asked(visit, each)]

        def typed(q: Question) -> object:
            flow = visit.desk.flows[q.parked.ref.flow]
            p = property_of(flow, q.property, q.line)
            return typed_value(store, visit.desk.flows, p, text if isinstance(text, str) else "")

        made = _made(visit, asked, key, typed)
    sentence = _summary(visit, made)
    resolve(store, made, visit.desk.now(), visit.session.user)
    return sentence


def _record_of(key: str) -> str:
    return unquote(key.split("|", maxsplit=1)[0]) if key else ""


def _made(visit: Visit, asked: list[Question], key: str, value: Callable[[Question], object]) -> list[Resolution]:
    wanted = [q for q in asked if not key.count("|") or key_of(q) == key]
    if not wanted:
        raise _CannotDo("Nothing is to be chosen of these any more.")
    return [
        resolution(visit.desk.store, visit.desk.flows[q.parked.ref.flow], q, value(q))  # type: ignore[arg-type]
        for q in wanted
    ]


def _summary(visit: Visit, made: list[Resolution]) -> str:
    if len(made) > 1:
        return f"{count(len(made), 'value')} chosen: the next pass writes what differs."
    (one,) = made
    q = one.question
    value = shown(visit.names.value(q.parked.ref.flow, q.property, one.value))
    where = f"to {' and '.join(one.writes)}" if one.writes else "nowhere, since nothing differs"
    return f"{visit.names.place(q.link, q.line, q.property)} will be {value}: the next pass writes it {where}."


def _decide(visit: Visit) -> Response:
    """A property that is held is let through, or put back."""
    state: Literal["passed", "rejected"] = "passed" if visit.told("do") == "passed" else "rejected"
    wanted = tuple(visit.told(name) for name in ("flow", "side", "within", "property"))
    chosen = [h for h in visit.desk.store.holds() if (h.flow, h.side, h.within, h.property) == wanted]
    if not chosen:
        return visit.back("/parked", "That is not held any more.", wrong=True)
    if state == "rejected" and (why := _stays(visit, chosen[0])):
        return visit.back("/parked", why, wrong=True)
    decide(visit.desk.store, chosen, state, visit.desk.now(), visit.session.user)
    does = "lets them through" if state == "passed" else "puts back what was there"
    return visit.back("/parked", f"The next pass {does}.")


def _stays(visit: Visit, hold: Hold) -> str:
    flow = visit.desk.flows.get(hold.flow)
    if flow is None:
        return ""
    p = (flow.properties if hold.within == "header" or flow.lines is None else flow.lines.properties).get(hold.property)
    if p is None or hold.side in p.targets:
        return ""
    return f"{p.name} goes from {hold.side} to others, never back: correct it in {hold.side}, or let it pass."
