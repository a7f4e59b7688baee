"""Seeing to it that the systems announce their changes: asked for at the start, and looked after as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from syncline.connectors.base import Announces, ConnectorError, Hook
from syncline.engine.setup import FlowSide, Setup
from syncline.runtime.telling import Event, Tell

_AGAIN = 600.0
"""Seconds between looks at what is subscribed to. One that was lost is missed by nobody but the clock: polls go on."""
_SOON = 60.0
"""Seconds after which it is tried again where it failed."""


class Subscriber:
    """``announced`` are the places whose changes are announced just now; the others have to be asked often."""

    def __init__(self, setup: Setup, hooks: Mapping[str, Hook], tell: Tell) -> None:
        self._setup = setup
        self._hooks = hooks
        self._tell = tell
        self._said: dict[str, str] = {}
        self._announced: dict[str, frozenset[FlowSide]] = {}

    @property
    def announced(self) -> frozenset[FlowSide]:
        return frozenset[FlowSide]().union(*self._announced.values())

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            pause = await self.keep()
            await asyncio.sleep(pause)

    async def keep(self) -> float:
        """See to all of them once; the seconds after which to do so again."""
        good = [await self._keep(side, hook) for side, hook in self._hooks.items()]
        return _AGAIN if all(good) else _SOON

    async def _keep(self, side: str, hook: Hook) -> bool:
        system = self._setup.systems[side]
        if not isinstance(system, Announces):
            return True
        entities = {flow.sides[side].entity for flow in self._setup.flows.values() if side in flow.sides}
        announced = system.announced(entities)
        try:
            subscribed = await system.subscribe(hook, announced) if announced else False
        except ConnectorError as error:
            self._announced[side] = frozenset()
            words = f"{error} It is asked for its changes until its webhooks work."
            self._say("webhooks.failed", side, words, message=str(error))
            return False
        flows = self._setup.flows.values()
        places = ((flow.name, side) for flow in flows if side in flow.sides and flow.sides[side].entity in announced)
        self._announced[side] = frozenset(places if subscribed else ())
        if announced and not subscribed:
            words = f"{side}: tell it to call {hook.url} when something changes. It is asked until then."
            self._say("webhooks.by_hand", side, words, url=hook.url)
        elif announced:
            words = f"{side} announces its changes of {', '.join(sorted(announced))}."
            self._say("webhooks.announced", side, words, entities=sorted(announced))
        return True

    def _say(self, event: Event, side: str, sentence: str, **about: object) -> None:
        """Once, until something else is to be said."""
        if self._said.get(side) != sentence:
            self._said[side] = sentence
            self._tell(event, sentence, side=side, **about)


def told_late(setup: Setup, announced: Collection[FlowSide], seconds: float) -> frozenset[FlowSide]:
    """Those of which changes are announced later than a look every so many seconds would see them."""
    late = {
        side
        for side, system in setup.systems.items()
        if isinstance(system, Announces) and system.announced_after > seconds
    }
    return frozenset((flow, side) for flow, side in announced if side in late)
