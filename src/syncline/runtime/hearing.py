"""Webhooks beside the passes: a listener, and the subscriptions that make the systems call it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from syncline.engine.setup import FlowSide, Setup
from syncline.listening import Place, listening
from syncline.meanwhile import meanwhile
from syncline.project import Project
from syncline.runtime.announcements import Announcements
from syncline.runtime.receiver import create_app
from syncline.runtime.subscribing import Subscriber, announcers
from syncline.runtime.telling import Tell


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
    app = create_app(announcers(setup.systems), hooks, announcements)
    subscriber = Subscriber(setup, hooks, tell)
    async with listening(app, Place(port=project.webhooks.port, host=project.webhooks.host)) as at:
        url = project.webhooks.url
        tell("webhooks.listening", f"Webhooks for {url} are heard at {at}", url=url, address=at)
        async with meanwhile(subscriber.run()):
            yield lambda: subscriber.announced
