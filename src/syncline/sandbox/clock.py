"""The sandbox's clock: the machine's, moved by as much as a test asked for."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncline.sandbox.command import FURTHEST
from syncline.sandbox.control import Refused, control

_Seconds = Annotated[float, Meta(ge=-FURTHEST, le=FURTHEST)]


class _Moved(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """One of them: how far off the machine's clock, or how much further on than now."""

    offset_seconds: _Seconds | UnsetType = UNSET
    advance_seconds: Annotated[float, Meta(ge=0, le=FURTHEST)] | UnsetType = UNSET


class Clock:
    """What everything in a sandbox asks that minds the time. Used from one event loop.

    Time of day may be set back; `passed` only grows, and is what anything that lasts is measured by.
    """

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self._skipped = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """In UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    def today(self) -> str:
        """The day of `now`, as ``2026-12-31``."""
        return self.now().date().isoformat()

    def passed(self) -> float:
        """Seconds since some moment, with those that were skipped by moving the clock forward."""
        return time.monotonic() + self._skipped

    def move(self, offset: float) -> None:
        """Set how many seconds the clock is off the machine's; whoever sleeps past that moment wakes."""
        self._skipped += max(0.0, offset - self.offset)
        self.offset = offset
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def sleep(self, seconds: float) -> None:
        """Until so many seconds have `passed`, by themselves or because the clock was moved."""
        until = self.passed() + seconds
        while (left := until - self.passed()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), left)

    def route(self) -> Route:
        """``POST /sandbox/clock`` with ``{"offsetSeconds": s}`` or ``{"advanceSeconds": s}``; ``GET`` tells it."""
        return control("/sandbox/clock", _Moved, self._take, self._told)

    def _take(self, moved: _Moved) -> None:
        if isinstance(moved.offset_seconds, UnsetType) == isinstance(moved.advance_seconds, UnsetType):
            raise Refused("say either offsetSeconds or advanceSeconds")
        if not isinstance(moved.offset_seconds, UnsetType):
            self.move(moved.offset_seconds)
        elif not isinstance(moved.advance_seconds, UnsetType):
            if self.offset + moved.advance_seconds > FURTHEST:
                raise Refused(f"the clock goes at most {FURTHEST} seconds ahead")
            self.move(self.offset + moved.advance_seconds)

    def _told(self) -> dict[str, object]:
        now = self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"now": now, "offsetSeconds": self.offset}


class DateMiddleware:
    """Tells the sandbox's own time in every answer's ``Date``; the server's is to be switched off."""

    def __init__(self, app: ASGIApp, *, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(self._clock.now(), usegmt=True).encode()
                message = {**message, "headers": [(b"date", date), *message.get("headers", [])]}
            await send(message)

        await self._app(scope, receive, dated if scope["type"] == "http" else send)
