"""What every turn works with: the agreement, the systems, the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from syncline.connectors.base import Connector, View
from syncline.mapping.model import Flow
from syncline.store import Memory, Store

FlowSide: TypeAlias = tuple[str, str]
"""A flow and a side of it: what is looked at by itself."""


_NOTHING = Memory()


class EngineError(Exception):
    """What keeps the work from going on, and what would mend it."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(f"{message} {mend}")
        self.message = message
        self.mend = mend


def _now() -> datetime:
    return datetime.now(UTC)


class Setup(Struct, frozen=True, kw_only=True, eq=False):
    """``flows`` in the order of their references; ``systems`` by side, open; ``now`` is the clock, in UTC.

    ``settling`` is how long after its answer was lost a create may still turn up.
    """

    flows: Mapping[str, Flow]
    systems: Mapping[str, Connector]
    store: Store
    now: Callable[[], datetime] = _now
    settling: timedelta = timedelta(seconds=10)

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides that some flow has, in the order of the flows."""
        return tuple(dict.fromkeys(side for flow in self.flows.values() for side in flow.sides))

    @property
    def flow_sides(self) -> tuple[FlowSide, ...]:
        return tuple((flow.name, side) for flow in self.flows.values() for side in flow.sides)


def view(flow: Flow, side: str) -> View:
    """What a flow reads of a side."""
    return View(
        entity=flow.sides[side].entity,
        paths=flow.paths(side),
        lines=flow.lines.paths[side] if flow.lines else None,
        line_paths=flow.line_paths(side),
        where=flow.sides[side].where,
    )


async def identities(setup: Setup) -> dict[str, str]:
    """Which company each side is. Raises `EngineError` for one that is another than the store remembers."""
    found = {side: await setup.systems[side].identity() for side in setup.sides}
    for side, identity in found.items():
        known = remembered(setup.store, side)
        if known is not None and known != identity:
            name, before = await setup.systems[side].company_name(), setup.store.fact(_name(side))
            raise EngineError(
                f"{side} is now {_called(identity, name)}, but everything remembered of it is of "
                f"{_called(known, before)}.",
                "Correct its address or company, or give this one a store of its own.",
            )
    return found


def remembered(store: Store, side: str) -> str | None:
    """Which company everything that is remembered of a side is about; ``None`` before the first pass."""
    return store.fact(_canary(side))


async def check_identities(setup: Setup, also: Memory = _NOTHING) -> list[str]:
    """As `identities`, and remembers those seen for the first time. A company with another name is the same: told.

    ``also`` is remembered with them.
    """
    found = await identities(setup)
    named = {side: name for side in found if (name := await setup.systems[side].company_name()) is not None}
    known = {side: setup.store.fact(_name(side)) for side in named}
    facts = {_canary(side): identity for side, identity in found.items()}
    facts |= {_name(side): name for side, name in named.items()}
    setup.store.save(replace(also, facts={**also.facts, **facts}))
    return [
        f"{side} is called {name} now; it was {known[side]}. It is the same company."
        for side, name in named.items()
        if known[side] not in (None, name)
    ]


def _called(identity: str, name: str | None) -> str:
    return f"{identity} ({name})" if name else identity


def _name(side: str) -> str:
    return f"name of {side}"


def _canary(side: str) -> str:
    return f"identity of {side}"
