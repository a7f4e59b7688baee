"""The whole data under a name, to come back to, as from a backup. Kept in memory as long as the server runs.

Control API, which asks nobody to sign in: ``POST /sandbox/snapshots`` with ``{"name": "before"}`` takes one (201), in
place of an earlier one of that name; ``POST /sandbox/snapshots/before/restore`` brings it back (204).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncline.sandbox import body
from syncline.sandbox.control import told
from syncline.sandbox.customerp.database import MEMORY, Database
from syncline.sandbox.customerp.problems import Problem

_PATH = "/sandbox/snapshots"


class _Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class Snapshots:
    def __init__(self, database: Database, restored: Callable[[], None]) -> None:
        """``restored`` is told that the data was replaced."""
        self._database = database
        self._restored = restored
        self._kept: dict[str, sqlite3.Connection] = {}

    def routes(self) -> list[Route]:
        return [
            Route(_PATH, self._take, methods=["POST"]),
            Route(_PATH + "/{name}/restore", self._bring_back, methods=["POST"]),
        ]

    async def _take(self, request: Request) -> Response:
        try:
            wanted = msgspec.json.decode(await body.read(request), type=_Wanted)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Problem(400, f'A snapshot is taken with {{"name": "..."}}: {error}.') from None
        copy = sqlite3.connect(MEMORY, check_same_thread=False)
        self._database.copy_to(copy)
        if (earlier := self._kept.pop(wanted.name, None)) is not None:
            earlier.close()
        self._kept[wanted.name] = copy
        return told({"name": wanted.name}, 201)

    async def _bring_back(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._kept:
            raise Problem(404, f"There is no snapshot called {name}.")
        self._database.copy_from(self._kept[name])
        self._restored()
        return Response(status_code=204)
