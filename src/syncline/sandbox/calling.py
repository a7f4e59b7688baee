"""Calling other servers, as webhooks do: which addresses may be called at all, and a request to one."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from aiohttp import ClientSession

_LONGEST_ANSWER = 1_000


class Uncallable(ValueError):
    """Why an address may not be called: what follows its name in a sentence, without the full stop."""


class Caller:
    """One HTTP client for all of them. Redirects are not followed: they could lead to a host that may not be called."""

    def __init__(self, *, any_host: bool) -> None:
        """Without ``any_host`` only this machine is called."""
        self._any_host = any_host
        self._session: ClientSession | None = None

    def check(self, url: str) -> None:
        """Raises `Uncallable`."""
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not url.isprintable() or " " in url:
            raise Uncallable("is no URL that can be called")
        if not self._any_host and not _is_loopback(parts.hostname or ""):
            raise Uncallable(
                "is not on this machine: this sandbox calls other hosts only when it is started with --notify-any-host"
            )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> tuple[int | None, str]:
        """The status and the beginning of the body that it answered.

        No status: it may not be called, which it may have been once, or did not answer within so many seconds.
        """
        from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar  # a sandbox may never need it
        from yarl import URL

        if self._session is None:
            self._session = ClientSession(cookie_jar=DummyCookieJar())
        try:
            self.check(url)
            async with self._session.post(
                URL(url, encoded=True),
                data=body,
                headers=headers,
                timeout=ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as answer:
                read = await answer.content.read(_LONGEST_ANSWER)
                return answer.status, read.decode(errors="replace")
        except (ClientError, TimeoutError, OSError, ValueError):
            return None, ""

    async def close(self) -> None:
        if self._session:
            await self._session.close()
            self._session = None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
