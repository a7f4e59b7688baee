"""Who asks how it does is answered beside the passes: people and their monitoring, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from syncline.engine.setup import Setup
from syncline.listening import Place, listening
from syncline.project.watched import Health as Configured
from syncline.runtime.announcements import Announcements
from syncline.runtime.course import Course
from syncline.runtime.health import Health, Status, judge, unreadable
from syncline.runtime.measures import UNREADABLE, Measures, measure
from syncline.runtime.metrics import Metrics, Remembered


class Judged(Protocol):
    """A structure that tells all that is known."""

    @property
    def status(self) -> Status: ...


_FRESH = {"Cache-Control": "no-store"}


@asynccontextmanager
async def answering(
    configured: Configured, setup: Setup, course: Course, announcements: Announcements
) -> AsyncIterator[tuple[str, Metrics]]:
    """The address it answers at, and what is to be told of passes. Raises `CannotServe`."""

    def measured() -> Measures:
        return measure(setup.store, setup.flows, course, datetime.now(UTC))

    metrics = Metrics(Remembered(setup, announcements, measured))

    def judged() -> Health:
        try:
            return judge(measured(), configured.failing_after)
        except UNREADABLE:
            return unreadable(course)

    place = Place(host=configured.host, port=configured.port)
    async with listening(create_app(judged, metrics.scraped), place) as address:
        yield address, metrics


def create_app(judged: Callable[[], Judged], scraped: Callable[[], bytes]) -> Starlette:
    """What is judged (a structure with ``status``), and the text of a scrape: each made when somebody asks."""

    async def health(request: Request) -> Response:
        found = judged()
        status = 503 if found.status == "failing" else 200
        return Response(msgspec.json.encode(found), status, _FRESH, "application/json")

    async def live(request: Request) -> Response:
        """Whether this process works at all: a system that is away is no reason to start it anew."""
        return PlainTextResponse("ok\n", headers=_FRESH)

    async def metrics(request: Request) -> Response:
        try:
            return Response(scraped(), 200, _FRESH, CONTENT_TYPE_LATEST)
        except UNREADABLE:
            return PlainTextResponse("The store cannot be read.\n", 503)

    return Starlette(routes=[Route("/health", health), Route("/health/live", live), Route("/metrics", metrics)])
