"""The two servers in processes of their own, and plain HTTP to each: nothing of Syncline's connectors is used here."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

_RUN = "from syncline.cli import main; main()"
_START = 30.0
_PATIENCE = 20
CENTRAL_ROOT = "/v2.0/local/sandbox/api/v2.0/"


class Trouble(Exception):
    """The demo itself cannot go on."""


class Declined(Trouble):
    """A system answered, and not with success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@asynccontextmanager
async def server(kind: str, folder: Path, *options: str) -> AsyncIterator[str]:
    """A sandbox with an empty company, at its address, until the end. It is open, unless ``options`` say otherwise."""
    ready = folder / f"{kind}.ready"
    files = ("--data", str(folder / f"{kind}.db"), "--ready-file", str(ready))
    with (folder / f"{kind}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _RUN, "sandbox", kind, "--port", "0", "--empty", *files, *(options or ("--open",))),
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the demo, which stops its servers itself
        )
    try:
        yield await _address(process, ready, folder / f"{kind}.log")
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _address(process: asyncio.subprocess.Process, ready: Path, log: Path) -> str:
    for _ in range(int(_START / 0.05)):
        if ready.exists():
            return ready.read_text().strip()
        if process.returncode is not None:
            break
        await asyncio.sleep(0.05)
    raise Trouble(f"a server did not start: {log.read_text()[-500:]}")


class System:
    """JSON over HTTP. Raises `Trouble` for every answer that is no success."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """What is answered; ``None`` for nothing. ``path`` may be a whole address."""
        if self._session is None:
            raise Trouble("the connection is not open")
        url = path if path.startswith("http") else self._root + path
        async with self._session.request(method, url, json=body, headers=headers) as answer:
            if not 200 <= answer.status < 300:
                text = f"{method} {url} is answered with {answer.status}: {(await answer.text())[:500]}"
                raise Declined(answer.status, text)
            return await answer.json(content_type=None) if answer.status != 204 else None


class Customerp(System):
    def __init__(self, address: str) -> None:
        super().__init__(f"{address}/api/")

    async def create(self, entity: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        key = {"Idempotency-Key": os.urandom(16).hex()}
        made: dict[str, Any] = await self.ask("POST", entity, fields, key)
        return made

    async def all(self, entity: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self.ask("GET", f"{entity}?limit=500{cursor}")
            found += page["items"]
            if not page.get("nextCursor"):
                return found
            cursor = f"&cursor={quote(page['nextCursor'])}"

    async def get(self, entity: str, id_: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("GET", f"{entity}/{id_}")
        return found

    async def change(self, entity: str, id_: str, fields: Mapping[str, Any]) -> None:
        async def as_read() -> None:
            etag = (await self.get(entity, id_))["etag"]
            headers = {"Content-Type": "application/merge-patch+json", "If-Match": etag}
            await self.ask("PATCH", f"{entity}/{id_}", fields, headers)

        await _change(as_read, stale=412)


class Central(System):
    """One company; its own root is found first."""

    def __init__(self, address: str) -> None:
        super().__init__(address + CENTRAL_ROOT)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        company = (await self.ask("GET", "companies"))["value"][0]["id"]
        self._root += f"companies({company})/"
        return self

    async def create(self, entity: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = await self.ask("POST", entity, fields)
        return made

    async def all(self, entity: str, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        url: str | None = f"{entity}?{query}" if query else entity
        while url:
            page = await self.ask("GET", url)
            found += page["value"]
            url = page.get("@odata.nextLink")
        return found

    async def get(self, entity: str, id_: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("GET", f"{entity}({id_})")
        return found

    async def change(self, entity: str, id_: str, fields: Mapping[str, Any]) -> None:
        async def as_read() -> None:
            etag = (await self.get(entity, id_))["@odata.etag"]
            await self.ask("PATCH", f"{entity}({id_})", fields, {"If-Match": etag})

        await _change(as_read, stale=409)

    async def act(self, entity: str, id_: str, action: str) -> None:
        await self.ask("POST", f"{entity}({id_})/Microsoft.NAV.{action}")


async def _change(as_read: Callable[[], Awaitable[None]], stale: int) -> None:
    """As a person does it who reads the record once more where somebody else, or Syncline, was faster.

    ``stale`` is how a system answers a change of a record that is not as it was read any more.
    """
    for left in reversed(range(_PATIENCE)):
        try:
            await as_read()
        except Declined as error:
            if error.status != stale or not left:
                raise
        else:
            return


def pick(records: Sequence[dict[str, Any]], name: str) -> dict[Any, dict[str, Any]]:
    """Records by the value of a property, without those that have none."""
    return {record[name]: record for record in records if record.get(name)}
