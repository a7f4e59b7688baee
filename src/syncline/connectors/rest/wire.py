"""Requests over HTTP, paced, and told apart by whether they can have reached the system."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
from aiolimiter import AsyncLimiter
from msgspec import Struct
from yarl import URL

from syncline.connectors.rest.declaration import Limits
from syncline.connectors.rest.signin import Credentials

_TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=15)
_JSON = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class NotSent(Exception):
    """There was no connection: the system has seen nothing of the request."""


class Cut(Exception):
    """The connection broke or time ran out: the system may have done what was asked."""


class Request(Struct, frozen=True, kw_only=True):
    """``body`` is sent as JSON; ``None`` is no body."""

    method: str
    url: URL
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: Any = None


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
    """Requests to one system, at most so many a second and so many at once. ``headers`` go with each."""

    def __init__(self, credentials: Credentials, headers: Mapping[str, str], limits: Limits) -> None:
        self._credentials = credentials
        self._headers = headers
        pace = limits.requests_per_second
        self._pace = AsyncLimiter(max(1, pace), max(1.0, 1 / pace)) if pace else None
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=_TIMEOUT)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(self, asked: Request) -> Answer:
        """Raises `NotSent`, `Cut` and `SignInRefused`."""
        if self._session is None:
            raise RuntimeError("the connector is not open")
        async with self._slots:
            answer = await self._once(self._session, asked)
            if answer.status == 401 and self._credentials.renewable:
                self._credentials.renew()
                answer = await self._once(self._session, asked)
        return answer

    async def _once(self, session: aiohttp.ClientSession, asked: Request) -> Answer:
        if self._pace:
            await self._pace.acquire()
        try:
            shown = await self._credentials.headers(session)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotSent(f"no sign-in: {error}") from error
        data = None if asked.body is None else _ENCODER.encode(asked.body)
        kind = {} if data is None else {"Content-Type": "application/json"}
        headers = {"Accept": "application/json", **kind, **shown, **asked.headers}
        sent = session.request(
            asked.method, asked.url, params=asked.query, headers=headers, data=data, allow_redirects=False
        )
        try:
            async with sent as answer:
                return Answer(status=answer.status, headers=answer.headers, body=await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(str(error)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Cut(str(error) or type(error).__name__) from error
