"""Lets requests in as the limits have it: so many of one user in a while, so many at once, the rest in a queue."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncline.sandbox.businesscentral.conditions.limits import LENIENT, Limits
from syncline.sandbox.businesscentral.errors import ApiError, refused
from syncline.sandbox.clock import Clock
from syncline.sandbox.control import control
from syncline.sandbox.requests import Look

_QUEUE_RETRY_AFTER = "10"


class _User:
    def __init__(self) -> None:
        self.entered: deque[float] = deque()
        self.processed = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class Gate:
    """The limits that hold now, and who is inside."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self.limits = limits
        self._clock = clock
        self._users: defaultdict[str, _User] = defaultdict(_User)

    def hold(self, limits: Limits) -> None:
        """Hold to these, and count requests, from now on; who waits and need not any more goes in."""
        self.limits = limits
        for user in self._users.values():
            user.entered.clear()
            self._let_in(user)

    def routes(self) -> list[Route]:
        """``POST /sandbox/limits`` holds to the product's limits but for those named, ``DELETE`` to none."""

        async def end(_: Request) -> Response:
            self.hold(LENIENT)
            return Response(status_code=204)

        told = control("/sandbox/limits", Limits, self.hold, lambda: self.limits)
        return [told, Route("/sandbox/limits", end, methods=["DELETE"])]

    @asynccontextmanager
    async def entered(self, name: str, arrived: float) -> AsyncIterator[None]:
        """Inside once it is this request's turn. Raises `ApiError`."""
        user = self._users[name]
        self._check_pace(user)
        await self._turn(user, arrived)
        try:
            yield
        finally:
            user.processed -= 1
            self._let_in(user)

    async def within(self, seconds: float | None, doing: asyncio.Future[None]) -> bool:
        """Wait for something, at most so long; whether it happened."""
        if seconds is None:
            await asyncio.wait({doing})
            return True
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({doing, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        return doing.done()

    def left(self, arrived: float) -> float | None:
        """How many seconds a request may still last."""
        limit = self.limits.request_seconds
        return None if limit is None else limit - (self._clock.passed() - arrived)

    def _check_pace(self, user: _User) -> None:
        limits, now = self.limits, self._clock.passed()
        if limits.connections is not None and user.processed + len(user.waiting) >= limits.connections:
            raise refused(429, f"More than {limits.connections} requests at the same time.")
        while user.entered and user.entered[0] <= now - limits.window_seconds:
            user.entered.popleft()
        if limits.requests is not None and len(user.entered) >= limits.requests:
            raise refused(429, f"More than {limits.requests} requests in {limits.window_seconds:g} seconds.")
        user.entered.append(now)

    async def _turn(self, user: _User, arrived: float) -> None:
        limits = self.limits
        if not user.waiting and _has_room(user, limits):
            user.processed += 1
            return
        if limits.queued is not None and len(user.waiting) >= limits.queued:
            raise refused(429, f"More than {limits.queued} requests wait to be processed.")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        user.waiting.append(turn)
        left = self.left(arrived)
        try:
            came = await self.within(_sooner(limits.queue_seconds, left), turn)
        except asyncio.CancelledError:
            self._give_up(user, turn)
            raise
        if not came:
            self._give_up(user, turn)
            if left is not None and (limits.queue_seconds is None or left < limits.queue_seconds):
                raise refused(504, "The request took too long.")
            raise refused(503, "The request waited too long to be processed.")

    def _give_up(self, user: _User, turn: asyncio.Future[None]) -> None:
        if turn.done():
            user.processed -= 1
            self._let_in(user)
        else:
            user.waiting.remove(turn)

    def _let_in(self, user: _User) -> None:
        while user.waiting and _has_room(user, self.limits):
            user.processed += 1
            user.waiting.popleft().set_result(None)


class GateMiddleware:
    """``who`` names the user of an ``Authorization`` header; those it does not know are refused further in."""

    def __init__(self, app: ASGIApp, *, gate: Gate, clock: Clock, look: Look, who: Callable[[str], str | None]) -> None:
        self._app = app
        self._gate = gate
        self._clock = clock
        self._look = look
        self._who = who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._look(scope)
        user = self._who(asked.headers.get("authorization", "")) if asked else None
        if user is None:
            await self._app(scope, receive, send)
            return
        arrived = self._clock.passed()
        try:
            async with self._gate.entered(user, arrived):
                await self._process(arrived, scope, receive, send)
        except ApiError as error:
            headers = {"retry-after": _QUEUE_RETRY_AFTER} if error.status == 503 else {}
            answer = Response(error.body(), error.status, headers, media_type="application/json")
            await answer(scope, receive, send)

    async def _process(self, arrived: float, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `ApiError` where nothing was answered in time; what was not done by then is not done."""
        operation, left = self._gate.limits.operation_seconds, self._gate.left(arrived)
        seconds = _sooner(operation, left)
        if seconds is None:
            await self._app(scope, receive, send)
            return
        answering = False

        async def sending(message: Message) -> None:
            nonlocal answering
            answering = True
            await send(message)

        doing = asyncio.ensure_future(self._app(scope, receive, sending))
        try:
            in_time = await self._gate.within(seconds, doing) or answering
            if in_time:
                await doing
        finally:
            doing.cancel()
        if not in_time:
            with suppress(asyncio.CancelledError):
                await doing
            late = 408 if operation == seconds else 504
            raise refused(late, "The operation took too long." if late == 408 else "The request took too long.")


def _has_room(user: _User, limits: Limits) -> bool:
    return limits.processed is None or user.processed < limits.processed


def _sooner(first: float | None, second: float | None) -> float | None:
    return min((each for each in (first, second) if each is not None), default=None)
