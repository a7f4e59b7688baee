"""What changes while somebody looks, as server-sent events: entries of the journal as they come, and how all stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from syncline.console import sessions
from syncline.console.desk import Desk
from syncline.console.standing import overview
from syncline.console.told import told
from syncline.console.views import fragment
from syncline.engine.people.names import Names

_EVERY = 1.0
"""Seconds between looks at the store."""
_ENTRIES = 20
"""Entries that are shown of a look: of a first pass, which makes thousands a second, the last ones."""
_MOST = 50
"""Browsers that may watch at once."""


def routes() -> list[Route]:
    watching: set[Request] = set()

    async def events(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        if await run_in_threadpool(sessions.of, desk, request) is None:
            return Response("Sign in.", 401)
        if len(watching) >= _MOST:
            return Response("Too many look on already.", 503, headers={"Retry-After": "60"})
        after = request.headers.get("last-event-id") or request.query_params.get("after", "")
        seq = int(after) if after.isdigit() else await run_in_threadpool(desk.store.newest)
        return StreamingResponse(
            _watched(watching, request, desk, seq), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    return [Route("/events", events, methods=["GET"])]


async def _watched(watching: set[Request], request: Request, desk: Desk, seq: int) -> AsyncIterator[str]:
    watching.add(request)
    try:
        shown = ""
        while not desk.closing.is_set() and not await request.is_disconnected():
            if await run_in_threadpool(sessions.of, desk, request) is None:
                return  # signed out, or too long ago
            seq, entries, standing = await run_in_threadpool(_look, desk, seq)
            if entries:
                yield _event("entries", entries, seq)
            if standing != shown:
                shown = standing
                yield _event("standing", standing, seq)
            else:
                yield ": still here\n\n"
            try:
                await asyncio.wait_for(desk.closing.wait(), _EVERY)
            except TimeoutError:
                continue
    finally:
        watching.discard(request)


def _look(desk: Desk, seq: int) -> tuple[int, str, str]:
    """What came since, newest first, and how all stands now."""
    newest = desk.store.newest()
    entries = desk.store.journal(max(seq, newest - _ENTRIES), _ENTRIES) if newest > seq else ()
    rows = told(desk.store, Names(desk.store, desk.flows), entries[::-1])
    made = fragment("_entries.html", "rows", entries=rows) if rows else ""
    return max(newest, seq), made, fragment("_standing.html", "standing", overview=overview(desk))


def _event(name: str, content: str, seq: int) -> str:
    data = "".join(f"data: {line}\n" for line in content.splitlines() if line.strip())
    return f"event: {name}\nid: {seq}\n{data}\n"
