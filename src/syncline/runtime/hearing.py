"""Webhooks beside the passes: a listener, and the subscriptions that make the systems call it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from syncline.connectors.base import Announces, Connector, Heard, Hook
from syncline.engine.setup import FlowSide, Setup
from syncline.listening import Place, listening
from syncline.meanwhile import meanwhile
from syncline.project import Project
from syncline.runtime.announcements import Announcements
from syncline.runtime.receiver import Ear, create_app
from syncline.runtime.subscribing import Subscriber
from syncline.runtime.telling import Tell
from syncline.spans import Origin


@asynccontextmanager
async def hearing(
    project: Project, setup: Setup, announcements: Announcements, tell: Tell
) -> AsyncIterator[Callable[[], frozenset[FlowSide]]]:
    """Hear the systems where webhooks are configured; what it gives tells whose changes are announced just now.

    Raises `CannotServe` and `ProjectError`.
    """
    if project.webhooks is None:
        yield frozenset
        return
    hooks = project.hooks()
    ears = ears_of(setup.systems, hooks, announcements)
    subscriber = Subscriber(setup, hooks, tell)
    app = create_app(by_side(ears))
    async with listening(app, Place(port=project.webhooks.port, host=project.webhooks.host)) as at:
        url = project.webhooks.url
        tell("webhooks.listening", f"Webhooks for {url} are heard at {at}", url=url, address=at)
        async with meanwhile(subscriber.run()):
            yield lambda: subscriber.announced


def ears_of(
    systems: Mapping[str, Connector], hooks: Mapping[str, Hook], announcements: Announcements
) -> dict[str, Ear]:
    """By side. Of one whose system is not given, it is only told that it is there."""

    async def hear(side: str, heard: Heard, origin: Origin | None) -> None:
        announcements.hear(side, heard, origin)

    return {
        side: Ear(
            hook=hook,
            system=announcing(systems[side]) if side in systems else None,
            hear=partial(hear, side),
            refuse=partial(announcements.refuse, side),
        )
        for side, hook in hooks.items()
    }


def announcing(system: Connector) -> Announces | None:
    """Where it can."""
    return system if isinstance(system, Announces) else None


def by_side(ears: Mapping[str, Ear]) -> Callable[[str], Ear | None]:
    """A path ends with the side: whatever stands between may have put something before it."""
    return lambda path: ears.get(path.rpartition("/")[2])
