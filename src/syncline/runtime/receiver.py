"""The addresses that systems call. Nobody waits here for any work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import Struct
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from syncline.connectors.base import PROOF, Announces, Call, Heard, Hook, NotTheirs
from syncline.spans import Origin, origin, span

_MOST = 5 * 1024 * 1024
"""Bytes of a call. Business Central tells at most 1,000 changes of a subscription at once."""


class NotNow(Exception):
    """What was heard cannot be kept: the system is to call again."""


class Ear(Struct, frozen=True, kw_only=True, eq=False):
    """Who is called at an address. ``system`` knows by the ``hook`` what is its own; ``None`` announces nothing.

    ``hear`` is told what a call says (raises `NotNow`), ``refuse`` of one that does not show where it comes from.
    """

    hook: Hook
    system: Announces | None
    hear: Callable[[Heard, Origin | None], Awaitable[None]]
    refuse: Callable[[], None]


def create_app(find: Callable[[str], Ear | None]) -> Starlette:
    """``find`` tells who is called at a path."""

    async def called(request: Request) -> Response:
        ear = find(request.path_params["path"].strip("/"))
        if request.method == "GET" and ear is not None:
            return Response(status_code=204, headers={PROOF: ear.hook.proof})
        if ear is None or ear.system is None:
            return PlainTextResponse("There is nothing at this address.\n", 404)
        body = await _body(request)
        if body is None:
            return PlainTextResponse(f"A call has at most {_MOST} bytes.\n", 413)
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(query=dict(request.query_params), headers=headers, body=body)
        try:
            with span("webhook", SpanKind.SERVER, side=ear.hook.url.rpartition("/")[2]) as traced:
                heard = ear.system.heard(ear.hook, call)
                await ear.hear(heard, origin(traced))
        except NotTheirs:
            ear.refuse()
            return PlainTextResponse("This call does not show that it may tell us anything.\n", 401)
        except NotNow:
            return PlainTextResponse("Call again in a moment.\n", 503)
        return PlainTextResponse(heard.reply, headers={"X-Content-Type-Options": "nosniff"})

    return Starlette(routes=[Route("/{path:path}", called, methods=["GET", "POST"])])


async def _body(request: Request) -> bytes | None:
    """``None`` as soon as there is too much of it."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST:
            return None
    return bytes(body)
