"""Asking the declared system: what fails a read is raised, what fails a write is its outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import stamina
from yarl import URL

from syncline.connectors.base import ConnectorError, CursorLost, SignInRefused
from syncline.connectors.rest.answers import Told, reason, verdict
from syncline.connectors.rest.declaration import Errors
from syncline.connectors.wire import Answer, NoAnswer, Unanswered, Unsent, Wire, again_after
from syncline.records import Outcome, Unavailable, Unknown

_TRIES = 4
_PATIENCE = 60.0
"""Seconds that repeating a read may take in all."""
_PASSING = (429, 500, 502, 503, 504)
_ABSENT = (404, 410)
_LOST = 410


class _Busy(Exception):
    """An answer that another try may not get."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"status {answer.status}")
        self.answer = answer


def _passes(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds where the system says so."""
    if isinstance(error, _Busy):
        return again_after(error.answer.retry_after, _PATIENCE)
    return isinstance(error, NoAnswer)


class Client:
    """One system's requests. ``base`` ends with a slash."""

    def __init__(self, name: str, base: URL, wire: Wire, errors: Errors) -> None:
        self.name = name
        self.base = base
        self.wire = wire
        self.errors = errors

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """Turns an answer that is not as declared into a `ConnectorError`."""
        try:
            yield
        except Told as error:
            raise ConnectorError(self.name, f"{error}.", "Look whether the declaration is right.") from error

    async def ask(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET a path below the base, or a whole address on the same host. Raises `ConnectorError`."""
        answer = await self._read(path, query)
        if answer.status >= 300:
            raise self._failed(path, answer)
        return answer

    async def resume(self, path: str, query: Mapping[str, str]) -> Answer:
        """`ask` with a position in the query. Raises `CursorLost` where the system no longer knows it (410)."""
        answer = await self._read(path, query)
        if answer.status == _LOST:
            raise CursorLost(self.name, reason(answer, self.errors)[0])
        if answer.status >= 300:
            raise self._failed(path, answer)
        return answer

    async def get(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """`ask` for one record: ``None`` where there is none."""
        answer = await self._read(path, query)
        if answer.status in _ABSENT:
            return None
        if answer.status >= 300:
            raise self._failed(path, answer)
        return answer

    async def send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer | Outcome:
        """A write's answer where it is success, else what became of it."""
        try:
            answer = await self.wire.request(method, self._url(path), headers, body)
        except (Unsent, SignInRefused) as error:
            return Unavailable(message=str(error))
        except Unanswered as error:
            return Unknown(str(error))
        return answer if answer.status < 300 else verdict(answer, self.errors)

    async def _read(self, path: str, query: Mapping[str, str]) -> Answer:
        """Reading is repeated while what stands in the way may pass. The last answer counts, whatever it is."""
        asked = self._url(path).extend_query(query)
        busy: _Busy | None = None
        try:
            async for attempt in stamina.retry_context(on=_passes, attempts=_TRIES, timeout=_PATIENCE):
                with attempt:
                    answer = await self.wire.request("GET", asked, {}, None)
                    if answer.status in _PASSING:
                        raise _Busy(answer)
                    return answer
        except _Busy as error:
            busy = error
        except NoAnswer as error:
            raise ConnectorError(self.name, f"{path} got no answer: {error}.") from error
        if busy is None:
            raise AssertionError("the attempts end with an answer or an error")
        return busy.answer

    def _url(self, path: str) -> URL:
        """Raises `Told` for an address on another host: secrets are not sent there."""
        url = self.base.join(URL(path, encoded=True))
        if url.origin() != self.base.origin():
            raise Told(f"the next page is on another host, {url.host}")
        return url

    def _failed(self, path: str, answer: Answer) -> ConnectorError:
        message, _, _ = reason(answer, self.errors)
        if answer.status in {401, 403}:
            return SignInRefused(self.name, message, "Look at this system's sign-in.")
        return ConnectorError(self.name, f"{path} was answered with status {answer.status}: {message}")
