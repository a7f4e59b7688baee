"""The addresses that systems call: each is its side's name, at the end of the path. Nobody waits here for any work."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from syncline.connectors.base import PROOF, Announces, Call, Hook, NotTheirs
from syncline.runtime.announcements import Announcements
from syncline.spans import origin, span

_MOST = 5 * 1024 * 1024
"""Bytes of a call. Business Central tells at most 1,000 changes of a subscription at once."""


def create_app(systems: Mapping[str, Announces], hooks: Mapping[str, Hook], announcements: Announcements) -> Starlette:
    """Those of the systems that have a hook are heard."""

    async def called(request: Request) -> Response:
        side = request.path_params["path"].rstrip("/").rpartition("/")[2]
        if request.method == "GET" and side in hooks:
            return Response(status_code=204, headers={PROOF: hooks[side].proof})
        if side not in systems or side not in hooks:
            return PlainTextResponse("There is nothing at this address.\n", 404)
        body = await _body(request)
        if body is None:
            return PlainTextResponse(f"A call has at most {_MOST} bytes.\n", 413)
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(query=dict(request.query_params), headers=headers, body=body)
        try:
            with span("webhook", SpanKind.SERVER, side=side) as traced:
                heard = systems[side].heard(hooks[side], call)
                announcements.hear(side, heard, origin(traced))
        except NotTheirs:
            announcements.refuse(side)
            return PlainTextResponse("This call does not show that it may tell us anything.\n", 401)
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
