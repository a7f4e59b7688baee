"""What a sandbox was asked: the look at one request that faults and counts share, and how often each kind was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from syncline.sandbox.control import told


class Asked(Struct, frozen=True, kw_only=True):
    """``path`` is what stands below the API's root, ``kind`` the same without ids; headers have lower case names."""

    method: str
    path: str
    kind: str
    query: str = ""
    headers: Mapping[str, str] = {}

    def __str__(self) -> str:
        return f"{self.method} {self.kind}"


Look: TypeAlias = Callable[[Scope], Asked | None]
"""What a request asks of the API; ``None`` where it asks something else of the sandbox."""


class Requests:
    """Counts since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._requests: Counter[str] = Counter()

    def count(self, asked: Asked) -> None:
        self._requests[str(asked)] += 1

    def told(self) -> dict[str, object]:
        return {"total": self._requests.total(), "requests": dict(self._requests)}

    def routes(self) -> list[Route]:
        """``GET /sandbox/requests`` tells the counts, ``POST /sandbox/requests/reset`` forgets them."""
        return [
            Route("/sandbox/requests", self._tell, methods=["GET"]),
            Route("/sandbox/requests/reset", self._forget, methods=["POST"]),
        ]

    async def _tell(self, _: Request) -> Response:
        return told(self.told())

    async def _forget(self, _: Request) -> Response:
        self.reset()
        return Response(status_code=204)


class CountingMiddleware:
    """Outermost, so that what is refused on its way in is counted too."""

    def __init__(self, app: ASGIApp, *, requests: Requests, look: Look) -> None:
        self._app = app
        self._requests = requests
        self._look = look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if asked := self._look(scope):
            self._requests.count(asked)
        await self._app(scope, receive, send)


def looking(scope: Scope, path: str, kind: str) -> Asked:
    """The look at an HTTP request whose path below the root, and its kind, are known."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    return Asked(method=scope["method"], path=path, kind=kind, query=query, headers=headers)
