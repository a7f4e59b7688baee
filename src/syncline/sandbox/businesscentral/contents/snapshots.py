"""The whole data under a name, to come back to: kept beside the data file, or in memory where the data is in memory.

Control API, which asks nobody to sign in:

- ``POST /sandbox/snapshots`` with ``{"name": "before"}`` takes one (201), in place of an earlier one of that name;
- ``GET /sandbox/snapshots`` lists them: ``{"snapshots": [{"name", "takenAt", "bytes"}]}``;
- ``POST /sandbox/snapshots/before/restore`` brings it back (204);
- ``DELETE /sandbox/snapshots/before`` forgets it (204).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncline.sandbox import body
from syncline.sandbox.businesscentral.company import MEMORY, Database, Unusable
from syncline.sandbox.businesscentral.errors import ApiError, bad_request
from syncline.sandbox.businesscentral.values import decode, moment
from syncline.sandbox.control import told

_PATH = "/sandbox/snapshots"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Snapshot(Struct, frozen=True, rename="camel"):
    name: str
    taken_at: str
    bytes: int


class _Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class _Shelf(Protocol):
    """Where snapshots are kept. Names are known to be good; asked for what is not there, it raises `KeyError`."""

    def take(self, name: str, database: Database) -> None: ...

    def bring_back(self, name: str, database: Database) -> None: ...

    def forget(self, name: str) -> None: ...

    def all(self) -> list[Snapshot]: ...


class _Memory:
    def __init__(self) -> None:
        self._kept: dict[str, tuple[sqlite3.Connection, Snapshot]] = {}

    def take(self, name: str, database: Database) -> None:
        copy = sqlite3.connect(MEMORY, check_same_thread=False)
        database.copy_to(copy)
        size = copy.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0]
        if name in self._kept:
            self.forget(name)
        self._kept[name] = (copy, Snapshot(name, moment(database.clock.now()), size))

    def bring_back(self, name: str, database: Database) -> None:
        database.copy_from(self._kept[name][0])

    def forget(self, name: str) -> None:
        self._kept.pop(name)[0].close()

    def all(self) -> list[Snapshot]:
        return [snapshot for _, snapshot in self._kept.values()]


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, name: str, database: Database) -> None:
        self._folder.mkdir(exist_ok=True)
        partial = self._folder / f"{name}.partial"
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(partial)) as copy:
            database.copy_to(copy)
        partial.replace(self._file(name))

    def bring_back(self, name: str, database: Database) -> None:
        with closing(sqlite3.connect(self._there(name))) as copy:
            database.copy_from(copy)

    def forget(self, name: str) -> None:
        self._there(name).unlink()

    def all(self) -> list[Snapshot]:
        files = sorted(self._folder.glob("*.db"), key=lambda file: file.stat().st_mtime_ns)
        return [
            Snapshot(file.stem, moment(datetime.fromtimestamp(file.stat().st_mtime, UTC)), file.stat().st_size)
            for file in files
        ]

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.db"

    def _there(self, name: str) -> Path:
        if not self._file(name).exists():
            raise KeyError(name)
        return self._file(name)


_Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class Snapshots:
    """The control API over one database, whose data is in this file or in memory."""

    def __init__(
        self, database: Database, data: Path | Literal[":memory:"], restored: Sequence[Callable[[], None]] = ()
    ) -> None:
        """``restored`` are told when the data was replaced."""
        self._restored = restored
        self._database = database
        self._shelf: _Shelf = _Memory() if data == MEMORY else _Folder(data.with_name(f"{data.name}.snapshots"))

    def routes(self) -> list[Route]:
        return [
            Route(_PATH, _answered(self._list), methods=["GET"]),
            Route(_PATH, _answered(self._take), methods=["POST"]),
            Route(_PATH + "/{name:path}", _answered(self._forget), methods=["DELETE"]),
            Route(_PATH + "/{name:path}/restore", _answered(self._bring_back), methods=["POST"]),
        ]

    async def _list(self, _: Request) -> Response:
        return told({"snapshots": self._shelf.all()})

    async def _take(self, request: Request) -> Response:
        try:
            name = msgspec.convert(decode(await body.read(request)), _Wanted).name
        except msgspec.ValidationError as error:
            raise bad_request(f'A snapshot is taken with {{"name": "..."}}: {error}.') from None
        self._shelf.take(_checked(name), self._database)
        return told(next(each for each in self._shelf.all() if each.name == name), 201)

    async def _bring_back(self, request: Request) -> Response:
        self._shelf.bring_back(_checked(request.path_params["name"]), self._database)
        for tell in self._restored:
            tell()
        return Response(status_code=204)

    async def _forget(self, request: Request) -> Response:
        self._shelf.forget(_checked(request.path_params["name"]))
        return Response(status_code=204)


def _checked(name: str) -> str:
    """A name is also a file's: nothing that could lead elsewhere, or mean two files on one disk and one on another."""
    if not _NAME.fullmatch(name):
        raise bad_request(
            f"'{name}' cannot name a snapshot: lower-case letters, digits, '.', '_' and '-' can, 64 at most, a letter "
            "or digit first."
        )
    return name


def _answered(endpoint: _Endpoint) -> _Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except KeyError as missing:
            error = ApiError(404, "BadRequest_NotFound", f"There is no snapshot called {missing}.")
        except (OSError, sqlite3.Error, Unusable) as why:
            error = bad_request(f"The snapshot cannot be kept or read: {why}.")
        except ApiError as refused:
            error = refused
        return Response(error.body(), error.status, media_type="application/json")

    return answer
