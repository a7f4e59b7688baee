"""One request to one system: signed in, paced, counted, and honest about whether it can have arrived.

What to send again is for those above to say. A refused token alone is renewed here: what was refused was not done.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias

import aiohttp
import msgspec
from aiolimiter import AsyncLimiter
from msgspec import Struct
from msgspec.structs import replace
from opentelemetry.trace import SpanKind
from yarl import URL

from syncline.connectors.base import Spent
from syncline.connectors.signin import Auth, NoToken, SignIn
from syncline.spans import span

_JSON = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_CONNECT = 15.0
_REMEMBERED = 100_000
"""Requests of which the moment is kept, at most: more in one window than any system allows."""
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
"""Statuses of requests that were not processed."""
_PIECE = 64 * 1024
_BRACKETS = re.compile(r"\([^()]*\)")


class Limits(Struct, frozen=True, kw_only=True):
    """What is asked of a system at most.

    ``requests`` in any ``seconds``, of which ``burst`` may come at once; ``requests=None`` sets no pace, else it is two
    or more. ``concurrency`` requests are under way at once, each for ``timeout`` seconds, and an answer has
    ``answer_bytes``. A request is tried ``tries`` times, and no more once ``patience`` seconds have passed since the
    first.
    """

    requests: int | None = None
    seconds: float = 300.0
    burst: int = 500
    concurrency: int = 5
    timeout: float = 120.0
    answer_bytes: int = 100 * 1024 * 1024
    tries: int = 7
    patience: float = 60.0

    @property
    def bucket(self) -> tuple[int, float] | None:
        """So many requests at once, and as many again in so many seconds, keep to it: whichever ``seconds`` one looks
        at, there are no more than ``requests`` in them.
        """
        if self.requests is None:
            return None
        burst = min(self.burst, max(1, self.requests // 2))
        return burst, burst * self.seconds / (self.requests - burst)

    def paced(self, per_second: float) -> Limits:
        """The same with so many requests a second."""
        requests = max(2, round(per_second * self.seconds))
        return replace(self, requests=requests, burst=max(1, round(per_second)))


class Pace(Protocol):
    async def acquire(self) -> None:
        """Wait until one more request may be sent. Raises `Unsent` where that cannot be told."""


Paced: TypeAlias = Callable[[Limits], Pace | None]
"""What keeps to the limits; ``None`` where there is no pace to keep to."""


class Answer(Struct, frozen=True, kw_only=True):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """``None`` for an empty body. Numbers with a fraction are `Decimal`. Raises `ValueError`."""
        return _JSON.decode(self.body) if self.body else None

    @property
    def retry_after(self) -> float | None:
        """The seconds of ``Retry-After``, where it tells them so."""
        return retry_after(self.headers)


class NoAnswer(Exception):
    """There is no answer to be had, or none that says what became of the request."""


class Unsent(NoAnswer):
    """The system certainly did nothing: no connection, or it was too busy (429, 503). Seconds to wait, where told."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unanswered(NoAnswer):
    """The system may have done what was asked: time ran out, the connection broke, or it failed on the way (5xx)."""


class Wire:
    """``headers`` go with every request.

    ``counts`` are the requests sent so far by method and the last part of the address without ids (``GET
    customers``), repeated ones and those for a token (``sign-in``) included. ``answered`` are those but for a token, by
    the status of the answer, 0 where there was none.
    """

    def __init__(
        self,
        system: str,
        auth: Auth,
        limits: Limits,
        headers: Mapping[str, str],
        template: Callable[[str], str] | None = None,
        paced: Paced | None = None,
    ) -> None:
        """``template`` makes of a path one that holds no id: left out, without brackets. ``paced`` is for
        those who share the limits with others.
        """
        self._system = system
        self._limits = limits
        self._template = template or _without_ids
        self._headers = {"Accept": "application/json", **headers}
        self._sign_in = SignIn(system, auth)
        self._sent: Counter[str] = Counter()
        self.answered: Counter[int] = Counter()
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._paced = paced or _limiter
        self._pace: Pace | None = None
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)
        self._refused: deque[float] = deque(maxlen=_REMEMBERED)
        self._session: aiohttp.ClientSession | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        tokens = {"sign-in": self._sign_in.fetched} if self._sign_in.fetched else {}
        return {**self._sent, **tokens}

    @property
    def spent(self) -> Spent:
        since = time.monotonic() - self._limits.seconds
        for moments in (self._recent, self._refused):
            while moments and moments[0] < since:
                moments.popleft()
        return Spent(
            requests=len(self._recent),
            limit=self._limits.requests,
            seconds=self._limits.seconds,
            refused=len(self._refused),
        )

    async def open(self) -> None:
        timeout = aiohttp.ClientTimeout(total=self._limits.timeout, sock_connect=_CONNECT)
        self._session = aiohttp.ClientSession(timeout=timeout)
        self._pace = self._paced(self._limits)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(self, method: str, url: URL, headers: Mapping[str, str], json: Any) -> Answer:
        """``json`` is the body; ``None`` sends none. Raises `Unsent`, `Unanswered`, and `SignInRefused` for no token.

        A sign-in that the system itself refuses is an answer (401) like any other.
        """
        if self._session is None:
            raise RuntimeError("the connector is not open")
        body = None if json is None else _ENCODER.encode(json)
        sending = {**self._headers, **({} if body is None else {"Content-Type": "application/json"}), **headers}
        answer, shown = await self._signed(self._session, method, url, sending, body)
        if answer.status == HTTPStatus.UNAUTHORIZED and self._sign_in.renew(shown):
            answer, _ = await self._signed(self._session, method, url, sending, body)
        return answer

    async def _signed(
        self, session: aiohttp.ClientSession, method: str, url: URL, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[Answer, Mapping[str, str]]:
        """The answer, and what was shown to get it."""
        async with self._slots:
            try:
                shown = await self._sign_in.headers(session)
            except NoToken as error:
                raise Unsent(str(error)) from error
            return await self._once(session, method, url, {**headers, **shown}, body), shown

    async def _once(
        self, session: aiohttp.ClientSession, method: str, url: URL, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        if self._pace is not None:
            await self._pace.acquire()
        self._recent.append(time.monotonic())
        self._sent[f"{method} {self._template(url.raw_path).rstrip('/').rpartition('/')[2]}"] += 1
        with span(method, SpanKind.CLIENT, system=self._system) as traced:
            if traced.is_recording():
                traced.set_attributes(self._described(method, url))
            answer = await self._answer(session, method, url, headers, body)
            traced.set_attribute("http.response.status_code", answer.status)
            return answer

    async def _answer(
        self, session: aiohttp.ClientSession, method: str, url: URL, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        try:
            async with session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                told = await _read(answer, self._limits.answer_bytes)
                self.answered[answer.status] += 1
                if answer.status in BUSY:
                    self._refused.append(time.monotonic())
                return Answer(status=answer.status, headers=answer.headers, body=told)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            self.answered[0] += 1
            raise Unsent(f"no connection: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            self.answered[0] += 1
            raise Unanswered(f"the connection broke or time ran out: {str(error) or type(error).__name__}") from error

    def _described(self, method: str, url: URL) -> dict[str, str | int]:
        return {
            "http.request.method": method,
            "server.address": url.host or "",
            "server.port": url.port or 0,
            "url.template": self._template(url.raw_path),
        }


def _without_ids(path: str) -> str:
    """As OData has them: in brackets."""
    return _BRACKETS.sub("", path)


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The body, however it was compressed. Raises `Unanswered` as soon as there is more of it."""
    body = bytearray()
    async for piece in answer.content.iter_chunked(_PIECE):
        body += piece
        if len(body) > most:
            raise Unanswered(f"the answer has more than {most} bytes")
    return bytes(body)


def again_after(told: float | None, patience: float) -> bool | float:
    """When to try again, in stamina's words: as usual, after the seconds that a system told, or not if too many."""
    if told is None:
        return True
    return told if told <= patience else False


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of ``Retry-After``, where it tells them so."""
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(told) if told.isdigit() else None


def _limiter(limits: Limits) -> Pace | None:
    """A bucket that, full at the start, never lets more than the limit through in the time that the limit is for."""
    return AsyncLimiter(*limits.bucket) if limits.bucket else None
