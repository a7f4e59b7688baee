"""Requests over HTTP, paced, and told apart by whether they can have reached the system."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
from aiolimiter import AsyncLimiter
from msgspec import Struct
from yarl import URL

_TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=15)
_JSON = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class NotSent(Exception):
    """There was no connection: the system has seen nothing of the request."""


class Cut(Exception):
    """The connection broke or time ran out: the system may have done what was asked."""


class Answer(Struct, frozen=True, kw_only=True):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """``None`` for an empty body. Numbers with a fraction are `Decimal`. Raises `ValueError`."""
        return _JSON.decode(self.body) if self.body else None

    @property
    def retry_after(self) -> float | None:
        told = self.headers.get("Retry-After", "")
        return float(told) if told.isdigit() else None


class Wire:
    def __init__(self, base: URL, headers: Mapping[str, str], pace: float | None, concurrency: int) -> None:
        self._base = base
        self._headers = headers
        self._pace = AsyncLimiter(max(1, pace), max(1.0, 1 / pace)) if pace else None
        self._slots = asyncio.Semaphore(concurrency)
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        session = aiohttp.ClientSession(headers=self._headers, timeout=_TIMEOUT)
        self._session = await self._stack.enter_async_context(session)

    async def close(self) -> None:
        await self._stack.aclose()

    async def request(
        self, method: str, url: URL, query: Mapping[str, str], headers: Mapping[str, str], body: Any = None
    ) -> Answer:
        """Raises `NotSent` and `Cut`."""
        if self._session is None:
            raise RuntimeError("the connector is not open")
        data = None if body is None else _ENCODER.encode(body)
        sent = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if data else {}) | dict(headers)
        async with self._slots:
            if self._pace:
                await self._pace.acquire()
            try:
                async with self._session.request(method, url, params=query, headers=sent, data=data) as answer:
                    return Answer(status=answer.status, headers=answer.headers, body=await answer.read())
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                raise NotSent(str(error)) from error
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Cut(str(error) or type(error).__name__) from error
