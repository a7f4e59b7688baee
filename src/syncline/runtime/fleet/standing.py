"""What a company's turns tell each other, and from it what the next one is to do, and when. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from syncline.engine.setup import FlowSide
from syncline.runtime.paces import Paces

Kind: TypeAlias = Literal["sweep", "look"]

_NEVER = 0.0


class Standing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Times are Unix times, in seconds, and 0 for never. It goes with the job that is the company's next turn.

    ``swept`` is when everything was looked at, ``polled`` when what nobody announces was; ``subscribe`` when the
    subscriptions are to be seen to. ``announced`` are the places whose changes are announced, ``late`` those of them
    that a poll sees sooner. ``more`` is left to do, and ``failures`` turns failed since one went well.
    """

    swept: float = _NEVER
    polled: float = _NEVER
    subscribe: float = _NEVER
    announced: tuple[FlowSide, ...] = ()
    late: tuple[FlowSide, ...] = ()
    more: bool = False
    failures: int = 0

    @property
    def is_first(self) -> bool:
        """Whether no turn went well yet."""
        return self.swept == self.polled == _NEVER


class Again(Struct, frozen=True, kw_only=True):
    """The next turn is due by then, where it would be later; it is to look ``everywhere``."""

    at: float
    everywhere: bool


def hastened(standing: Standing, due: float, again: Again) -> tuple[Standing, float]:
    """A turn that waits, and when it is due. One that waits since others failed goes on waiting."""
    if again.everywhere:
        return replace(standing, swept=_NEVER), due if standing.failures else min(due, again.at)
    return standing, min(due, again.at)


def next_turn(standing: Standing, paces: Paces, places: Collection[FlowSide], now: float) -> float:
    """When it is due, after one that went well."""
    if standing.more:
        return now
    polls = standing.polled + paces.every if _polled(standing, places) else float("inf")
    return min(_next_sweep(standing, paces), polls)


def what_is_due(
    standing: Standing, paces: Paces, places: Collection[FlowSide], now: float
) -> tuple[Kind, frozenset[FlowSide]]:
    """A sweep; or a look at these places, which may be none where only work is left."""
    if now >= _next_sweep(standing, paces):
        return "sweep", frozenset(places)
    polls = now >= standing.polled + paces.every
    return "look", _polled(standing, places) if polls else frozenset()


def after(standing: Standing, kind: Kind, looked: Collection[FlowSide], now: float, *, more: bool) -> Standing:
    """A turn that began ``now`` went well."""
    if kind == "sweep":
        return replace(standing, swept=now, polled=now, more=more, failures=0)
    return replace(standing, polled=now if looked else standing.polled, more=more, failures=0)


def after_failure(standing: Standing) -> Standing:
    """Everything is looked at again."""
    return replace(standing, swept=_NEVER, more=False, failures=standing.failures + 1)


def _next_sweep(standing: Standing, paces: Paces) -> float:
    return standing.swept + (paces.sweep if standing.announced else paces.every)


def _polled(standing: Standing, places: Collection[FlowSide]) -> frozenset[FlowSide]:
    return frozenset(places) - (frozenset(standing.announced) - frozenset(standing.late))
