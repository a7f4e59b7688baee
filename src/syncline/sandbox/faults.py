"""Faults on request, for tests of clients: what is to go wrong with which of the next requests, and what was asked.

A middleware that any sandbox puts outermost. It answers under ``/sandbox/`` itself:

- ``POST /sandbox/faults`` with ``{"next": [fault, ...]}`` replaces what is waiting, ``GET`` tells it;
- ``GET /sandbox/requests`` tells how often each kind of request was made, ``POST /sandbox/requests/reset`` forgets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Struct, structs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncline.sandbox.serve import cut_connection

Kind = Literal["401", "408", "409", "429", "500", "502", "503", "504", "drop-before", "drop-after", "latency"]


class Fault(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """``match`` is a part of the path, ``times`` how many requests it meets, ``after`` how many it lets pass first.

    A number is the status that is answered instead, nothing being done; ``drop-before`` cuts the connection before
    anything is done, ``drop-after`` after it was done. ``retry_after`` and ``seconds`` (of ``latency``) are seconds.
    """

    kind: Kind
    match: str = ""
    method: str = ""
    times: int = 1
    after: int = 0
    retry_after: int | None = None
    seconds: float = 0.0


class _Order(Struct, frozen=True, forbid_unknown_fields=True):
    next: tuple[Fault, ...]


class Faults:
    """The faults still to come, in order; the first that meets a request is used up by it."""

    def __init__(self, waiting: tuple[Fault, ...] = ()) -> None:
        self.waiting = waiting

    def meet(self, method: str, path: str) -> Fault | None:
        """The fault of this request."""
        for index, fault in enumerate(self.waiting):
            if fault.match not in path or fault.method.upper() not in ("", method):
                continue
            if fault.after:
                self._replace(index, structs.replace(fault, after=fault.after - 1))
                continue
            self._replace(index, *([structs.replace(fault, times=fault.times - 1)] if fault.times > 1 else []))
            return fault
        return None

    def _replace(self, index: int, *by: Fault) -> None:
        self.waiting = (*self.waiting[:index], *by, *self.waiting[index + 1 :])


class FaultMiddleware:
    """Meets the requests below ``root``; ``kind`` names a path for the counts, ``refuse`` is the answer of a status."""

    def __init__(
        self, app: ASGIApp, *, root: str, kind: Callable[[str], str], refuse: Callable[[Fault], ASGIApp]
    ) -> None:
        self._app = app
        self._root = root
        self._kind = kind
        self._refuse = refuse
        self._faults = Faults()
        self._asked: Counter[str] = Counter()
        self._sandbox = Router(
            [
                Route("/sandbox/faults", self._order, methods=["GET", "POST"]),
                Route("/sandbox/requests", self._tell_requests, methods=["GET"]),
                Route("/sandbox/requests/reset", self._forget_requests, methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].startswith("/sandbox/"):
            await self._sandbox(scope, receive, send)
        elif scope["path"].startswith(self._root):
            path = scope["path"].removeprefix(self._root)
            self._asked[f"{scope['method']} {self._kind(path)}"] += 1
            await self._meet(self._faults.meet(scope["method"], path), scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _meet(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        match fault:
            case None:
                await self._app(scope, receive, send)
            case Fault(kind="drop-before"):
                await cut_connection(scope, receive)
            case Fault(kind="drop-after"):
                await self._app(scope, receive, _unheard)
                await cut_connection(scope, receive)
            case Fault(kind="latency"):
                await asyncio.sleep(fault.seconds)
                await self._app(scope, receive, send)
            case _:
                await self._refuse(fault)(scope, receive, send)

    async def _order(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self._faults = Faults(msgspec.json.decode(await request.body(), type=_Order).next)
            except msgspec.MsgspecError as error:
                return JSONResponse({"detail": f"Those are no faults: {error}."}, 400)
        return Response(msgspec.json.encode({"next": self._faults.waiting}), media_type="application/json")

    async def _tell_requests(self, _: Request) -> Response:
        return JSONResponse({"total": self._asked.total(), "requests": dict(self._asked)})

    async def _forget_requests(self, _: Request) -> Response:
        self._asked.clear()
        return Response(status_code=204)


async def _unheard(_: Message) -> None:
    """An answer that never reaches the one who asked."""
