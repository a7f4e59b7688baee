"""HTTP as connectors need it: paced, counted, repeated where that is safe, and honest about what may have happened.

A write is sent again only when the system certainly did nothing with it. Anything else is told as it is: `Unsent`
(certainly nothing was done), `Unanswered` (nobody knows), or an `Answer`, which may well be a refusal.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import msgspec
import stamina
from aiolimiter import AsyncLimiter
from msgspec import Struct
from yarl import URL

from syncline.connectors.base import SignInRefused
from syncline.connectors.signin import Auth, NoToken, SignIn

_JSON = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_CONNECT = 15.0
_NOT_PROCESSED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_UNCERTAIN = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
)
_BRACKETS = re.compile(r"\([^()]*\)")


class Limits(Struct, frozen=True, kw_only=True):
    """What is asked of a system at most.

    ``requests`` in any ``seconds``, of which ``burst`` may come at once; ``requests=None`` sets no pace.
    ``concurrency`` requests are under way at once, each for ``timeout`` seconds. A request is tried ``tries`` times,
    and no more once ``patience`` seconds have passed since the first.
    """

    requests: int | None = None
    seconds: float = 300.0
    burst: int = 500
    concurrency: int = 5
    timeout: float = 120.0
    tries: int = 7
    patience: float = 60.0


class Answer(Struct, frozen=True, kw_only=True):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """``None`` for an empty body. Numbers with a fraction are `Decimal`. Raises `ValueError`."""
        return _JSON.decode(self.body) if self.body else None


class NoAnswer(Exception):
    """There is no answer to be had, or none that says what became of the request."""


class Unsent(NoAnswer):
    """The system certainly did nothing: no connection, or it was too busy (429, 503). Seconds to wait, where told."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unanswered(NoAnswer):
    """The system may have done what was asked: time ran out, the connection broke, or it failed on the way (5xx)."""


class Http:
    """Requests to one system, as an async context manager.

    ``counts`` are the requests sent so far by method and the last part of the address without ids (``GET
    customers``), repeated ones and those for a token (``sign-in``) included.
    """

    def __init__(
        self,
        system: str,
        base_url: str,
        auth: Auth,
        limits: Limits | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """``headers`` go with every request. Addresses are relative to ``base_url``, or on its host."""
        self._system = system
        self._base = URL(base_url.rstrip("/") + "/")
        self._limits = limits or Limits()
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._sign_in = SignIn(system, auth)
        self._sent: Counter[str] = Counter()
        self._slots = asyncio.Semaphore(self._limits.concurrency)
        self._pace: AsyncLimiter | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        tokens = {"sign-in": self._sign_in.fetched} if self._sign_in.fetched else {}
        return {**self._sent, **tokens}

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=self._limits.timeout, sock_connect=_CONNECT)
        self._session = aiohttp.ClientSession(timeout=timeout)
        self._pace = _limiter(self._limits)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        idempotent: bool,
    ) -> Answer:
        """Send it, and again where that may help and can do no harm.

        ``idempotent`` says that doing it twice is doing it once (every read): then what is uncertain is repeated too.
        ``url`` is encoded already; ``params`` are not. Raises `Unsent`, `Unanswered`, `SignInRefused`, and
        `ValueError` for an address on another host, which is never shown the credentials.
        """
        target = self._target(url, params or {})
        body = None if json is None else _ENCODER.encode(json)
        sending = {**self._headers, **({} if body is None else {"Content-Type": "application/json"}), **(headers or {})}
        retried = (Unsent, Unanswered) if idempotent else Unsent

        def wait(error: Exception) -> bool | float:
            if not isinstance(error, retried):
                return False
            told = error.retry_after if isinstance(error, Unsent) else None
            return True if told is None else told if told <= self._limits.patience else False

        tries = stamina.retry_context(on=wait, attempts=self._limits.tries, timeout=self._limits.patience)
        async for attempt in tries:
            with attempt:
                return await self._signed(method, target, sending, body)
        raise AssertionError("the attempts end with an answer or an error")

    async def _signed(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """A refused sign-in is tried once more with a new token: what was refused was not processed."""
        if self._session is None:
            raise RuntimeError("the connector is not open")
        for last in (False, True):
            async with self._slots:
                try:
                    shown = await self._sign_in.headers(self._session)
                except NoToken as error:
                    raise Unsent(str(error)) from error
                answer = await self._once(self._session, method, url, {**headers, **shown}, body)
            if answer.status != HTTPStatus.UNAUTHORIZED:
                return _certain(answer)
            if last or not self._sign_in.renew(shown):
                break
        raise SignInRefused(self._system, "The sign-in is refused (401).", "Look at this system's credentials.")

    async def _once(
        self, session: aiohttp.ClientSession, method: str, url: URL, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        if self._pace is not None:
            await self._pace.acquire()
        self._sent[f"{method} {_BRACKETS.sub('', url.raw_path).rstrip('/').rpartition('/')[2]}"] += 1
        try:
            async with session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                return Answer(status=answer.status, headers=answer.headers, body=await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unsent(f"no connection: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unanswered(f"the connection broke or time ran out: {str(error) or type(error).__name__}") from error

    def _target(self, url: str, params: Mapping[str, str]) -> URL:
        query = query_string(params)
        target = self._base.join(URL(f"{url}?{query}" if query else url, encoded=True))
        if target.origin() != self._base.origin():
            raise ValueError(f"{target.origin()} is not the host of this system, {self._base.origin()}")
        return target


def query_string(params: Mapping[str, str]) -> str:
    """Encoded for an address. What OData writes in the open stays readable; a blank is ``%20``, never ``+``."""
    return "&".join(f"{quote(name, safe='$')}={quote(value, safe=_OPEN)}" for name, value in params.items())


_OPEN = "$(),;=':/@*"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of ``Retry-After``, where it tells them so."""
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(told) if told.isdigit() else None


def _certain(answer: Answer) -> Answer:
    """The answer, where it says what became of the request."""
    if answer.status in _NOT_PROCESSED:
        raise Unsent(f"the system is busy (status {answer.status})", retry_after(answer.headers))
    if answer.status in _UNCERTAIN:
        raise Unanswered(f"the system failed (status {answer.status}): {answer.body[:300].decode('utf-8', 'replace')}")
    return answer


def _limiter(limits: Limits) -> AsyncLimiter | None:
    """A bucket that, full at the start, never lets more than the limit through in the time that the limit is for."""
    if limits.requests is None:
        return None
    burst = min(limits.burst, max(1, limits.requests // 2))
    return AsyncLimiter(burst, burst * limits.seconds / (limits.requests - burst))
