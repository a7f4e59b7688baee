"""A system's requests, repeated where that is safe: a write only when the system certainly did nothing with it.

Anything else is told as it is: `Unsent` (certainly nothing was done), `Unanswered` (nobody knows), or an `Answer`,
which may well be a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import stamina
from yarl import URL

from syncline.connectors.base import SignInRefused, Spent
from syncline.connectors.signin import Auth
from syncline.connectors.wire import BUSY, Answer, Limits, Paced, Unanswered, Unsent, Wire, again_after

_UNCERTAIN = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
)
_OPEN = "$(),;=':/@*"


class Http:
    """Requests to one system, as an async context manager. ``counts`` are the wire's."""

    def __init__(
        self,
        system: str,
        base_url: str,
        auth: Auth,
        limits: Limits | None = None,
        headers: Mapping[str, str] | None = None,
        paced: Paced | None = None,
    ) -> None:
        """``headers`` go with every request. Addresses are relative to ``base_url``, or on its host."""
        self._system = system
        self._base = URL(base_url.rstrip("/") + "/")
        self._limits = limits or Limits()
        self._wire = Wire(system, auth, self._limits, headers or {}, paced=paced)

    @property
    def counts(self) -> Mapping[str, int]:
        return self._wire.counts

    @property
    def spent(self) -> Spent:
        return self._wire.spent

    @property
    def answered(self) -> Mapping[int, int]:
        return self._wire.answered

    async def __aenter__(self) -> Self:
        await self._wire.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.close()

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
        retried = (Unsent, Unanswered) if idempotent else Unsent

        def wait(error: Exception) -> bool | float:
            if not isinstance(error, retried):
                return False
            return again_after(error.retry_after if isinstance(error, Unsent) else None, self._limits.patience)

        tries = stamina.retry_context(on=wait, attempts=self._limits.tries, timeout=self._limits.patience)
        async for attempt in tries:
            with attempt:
                return self._certain(await self._wire.request(method, target, headers or {}, json))
        raise AssertionError("the attempts end with an answer or an error")

    def _certain(self, answer: Answer) -> Answer:
        """The answer, where it says what became of the request."""
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise SignInRefused(self._system, "The sign-in is refused (401).", "Look at this system's credentials.")
        if answer.status in BUSY:
            raise Unsent(f"the system is busy (status {answer.status})", answer.retry_after)
        if answer.status in _UNCERTAIN:
            words = answer.body[:300].decode("utf-8", "replace")
            raise Unanswered(f"the system failed (status {answer.status}): {words}")
        return answer

    def _target(self, url: str, params: Mapping[str, str]) -> URL:
        query = query_string(params)
        target = self._base.join(URL(f"{url}?{query}" if query else url, encoded=True))
        if target.origin() != self._base.origin():
            raise ValueError(f"{target.origin()} is not the host of this system, {self._base.origin()}")
        return target


def query_string(params: Mapping[str, str]) -> str:
    """Encoded for an address. What OData writes in the open stays readable; a blank is ``%20``, never ``+``."""
    return "&".join(f"{quote(name, safe='$')}={quote(value, safe=_OPEN)}" for name, value in params.items())
