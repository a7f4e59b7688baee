"""Who takes turns, and what every step of one works with."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from syncline.engine.draft import Draft
from syncline.engine.gate import Gate
from syncline.engine.guards.restored import wanted
from syncline.engine.knowing import Knowing
from syncline.engine.report import Result
from syncline.engine.setup import FlowSide, Setup
from syncline.records import Ref

Glance: TypeAlias = Callable[[], tuple[Collection[FlowSide], Collection[Ref]]]
"""Where to look now, and which records are said to be deleted: what must not wait until long work is done."""
Until: TypeAlias = Callable[[], bool]
"""Whether it is enough for now: what is due is left to the next pass."""


class Worker:
    """``gate`` is asked before anything is done that a person may want to see first; ``draft`` gathers a step.

    ``wanted`` is what people said of sides that were brought back from a backup; ``holds`` are the properties whose
    edits on a side do not count. ``glance`` and ``until`` are asked between the turns of long work.
    """

    def __init__(
        self,
        setup: Setup,
        knowing: Knowing,
        gate: Gate,
        result: Result,
        glance: Glance | None = None,
        until: Until | None = None,
    ) -> None:
        self.setup = setup
        self.knowing = knowing
        self.gate = gate
        self.result = result
        self.draft = Draft(setup.store, result)
        self.wanted = wanted(setup)
        self.holds = setup.store.holds()
        self.glance = glance
        self.until = until

    @property
    def has_enough(self) -> bool:
        """Whether the rest is left to the next pass; the result then says so."""
        self.result.more = self.result.more or (self.until is not None and self.until())
        return self.result.more
