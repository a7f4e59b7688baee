"""Judges what people saw of one property of one record on two sides, without looking into Syncline.

Between two things that people do, Syncline takes steps that nobody sees. A history is accepted only if some schedule of
such steps explains all of it: after each observation the oracle keeps every state that the pair may be in, and what
leaves none is wrong (Hughes, Pierce, Arts, Norell: "Mysteries of Dropbox", 2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import NamedTuple, TypeAlias

Value: TypeAlias = str | float | None
Both: TypeAlias = tuple[Value, Value]
"""One value a side."""

_UNHEARD = "\0unheard"
"""Stands for what Syncline saw of a side that it wrote to without hearing of it: it looks before it decides again."""


class Read(NamedTuple):
    side: int
    value: Value


class Write(NamedTuple):
    """A person saved ``value`` over ``old``, which is what stood there: the save was for that version only.

    ``certain`` is false where the answer was lost and another value stood there when the person looked again.
    """

    side: int
    value: Value
    old: Value
    certain: bool = True


class Quiet(NamedTuple):
    """Syncline has nothing more to do, and ``lost`` is what its journal tells of values that gave way."""

    lost: frozenset[Value]


Event: TypeAlias = Read | Write | Quiet


class Rules(NamedTuple):
    """What the agreement says of the property, and whether writes of Syncline may stand that it does not hear of.

    Then it may also tell that a value gave way which in truth a person overwrote: from outside the two look the same.
    """

    prefer: int | None = None
    unheard: bool = False


_HEARD = Rules()


class State(NamedTuple):
    """``holds`` is what each side holds, ``seen`` what Syncline last saw there, ``agreed`` what it last had in step.

    ``lost`` are the values that gave way to another in a conflict.
    """

    holds: Both
    seen: Both
    agreed: Both
    lost: frozenset[Value] = frozenset()


class Unexplained(AssertionError):
    """No schedule of unseen steps explains the history."""


def judge(before: Value, events: Sequence[Event], rules: Rules = _HEARD, about: str = "") -> None:
    """Raises `Unexplained`. Both sides hold ``before`` and are in step when the history begins."""
    states = {State(holds=(before, before), seen=(before, before), agreed=(before, before))}
    for at, event in enumerate(events):
        possible = _closure(states, rules)
        overwritten = {e.old for e in events[:at] if isinstance(e, Write)} if rules.unheard else set()
        states = {after for state in possible for after in _after(state, event, overwritten)}
        if not states:
            raise Unexplained(_told(about, before, events, at, possible))


# --- what people see and do


def _after(state: State, event: Event, overwritten: Set[Value]) -> Iterator[State]:
    match event:
        case Read(side, value):
            if state.holds[side] == value:
                yield state
        case Write(side, value, old, certain):
            if not certain:
                yield state
            if state.holds[side] == old:
                yield state._replace(holds=_put(state.holds, side, value))
        case Quiet(lost):
            equal = state.holds[0] == state.holds[1]
            settled = equal and state.seen == state.holds and state.agreed == state.holds
            if settled and state.lost <= lost <= state.lost | overwritten:
                yield state


# --- what nobody sees


def _closure(states: Iterable[State], rules: Rules) -> set[State]:
    """Every state that any number of unseen steps leads to."""
    found, fresh = set(states), list(states)
    while fresh:
        for state in _steps(fresh.pop(), rules):
            if state not in found:
                found.add(state)
                fresh.append(state)
    return found


def _steps(state: State, rules: Rules) -> Iterator[State]:
    for side in (0, 1):
        if state.seen[side] != state.holds[side]:
            yield state._replace(seen=_put(state.seen, side, state.holds[side]))
    if _UNHEARD in state.seen:
        return
    edited = [side for side in (0, 1) if state.seen[side] != state.agreed[side]]
    if edited and state.seen[0] == state.seen[1]:
        yield state._replace(agreed=state.seen)
        return
    for winner in [rules.prefer] if rules.prefer in edited else edited:
        assert winner is not None
        yield from _pass_on(state, winner, conflict=len(edited) == 2, rules=rules)


def _pass_on(state: State, winner: int, *, conflict: bool, rules: Rules) -> Iterator[State]:
    """The winner's value is written to the other side, if that side still holds what was seen there."""
    other, value = 1 - winner, state.seen[winner]
    if state.holds[other] != state.seen[other]:
        return
    landed = state._replace(
        holds=_put(state.holds, other, value), lost=state.lost | ({state.seen[other]} if conflict else frozenset())
    )
    yield landed._replace(seen=(value, value), agreed=(value, value))
    if rules.unheard:
        yield landed._replace(seen=_put(state.seen, other, _UNHEARD))


def _put(values: Both, side: int, value: Value) -> Both:
    return (value, values[1]) if side == 0 else (values[0], value)


# --- for the reader


def _told(about: str, before: Value, events: Sequence[Event], at: int, possible: Iterable[State]) -> str:
    lines = [f"{about or 'the property'}: no schedule of Syncline's steps explains this.", f"    both hold {before!r}"]
    for n, event in enumerate(events[: at + 1]):
        lines.append(f"{'--> ' if n == at else '    '}{_sentence(event)}")
    lines.append("Before the last of these, one of these states was possible:")
    states = sorted(possible, key=str)
    for state in states[:12]:
        holds, lost = state.holds, sorted(map(str, state.lost))
        lines.append(f"    sides hold {holds[0]!r} and {holds[1]!r}" + (f", given way {lost}" if lost else ""))
    if len(states) > 12:
        lines.append(f"    and {len(states) - 12} more")
    return "\n".join(dict.fromkeys(lines))


def _sentence(event: Event) -> str:
    match event:
        case Read(side, value):
            return f"side {side} shows {value!r}"
        case Write(side, value, old, certain):
            return f"a person {'saves' if certain else 'may have saved'} {value!r} over {old!r} on side {side}"
        case Quiet(lost):
            return f"all is quiet, the journal tells that {sorted(map(str, lost)) or 'nothing'} gave way"
