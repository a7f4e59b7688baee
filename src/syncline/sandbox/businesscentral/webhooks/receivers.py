"""The servers that are told: which addresses may be called at all, the handshake, and a notification sent."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from uuid import uuid4

from syncline.sandbox.businesscentral.errors import ApiError, bad_request

if TYPE_CHECKING:
    from aiohttp import ClientSession

HANDSHAKE_SECONDS = 5.0
"""``ApiSubscriptionNotificationUrlTimeout`` of the server's settings."""

DELIVERY_SECONDS = 30.0
"""``ApiSubscriptionSendingNotificationTimeout`` of the server's settings."""

_LONGEST_TOKEN = 1_000


class Receivers:
    """One HTTP client for all of them. Redirects are not followed: they could lead to a host that may not be called."""

    def __init__(self, *, any_host: bool) -> None:
        self._any_host = any_host
        self._session: ClientSession | None = None

    def check(self, url: str) -> None:
        """Raises `ApiError` where this address may not be called."""
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not url.isprintable() or " " in url:
            raise bad_request(f"The notificationUrl '{url}' is no URL that can be called.")
        if not self._any_host and not _is_loopback(parts.hostname or ""):
            message = (
                f"The notificationUrl '{url}' is not on this machine: this sandbox calls other hosts only when it is "
                "started with --notify-any-host."
            )
            raise bad_request(message)

    async def handshake(self, url: str) -> None:
        """The receiver must answer with the token that it is asked with. Raises `ApiError`."""
        token = str(uuid4())
        separator = "&" if urlsplit(url).query else "?"
        asked = f"{url.partition('#')[0].removesuffix('?')}{separator}validationToken={quote(token)}"
        status, answer = await self._post(asked, b"", {}, HANDSHAKE_SECONDS)
        if status == 200 and answer == token:
            return
        said = "there was no answer" if status is None else f"it answered {status}"
        if status == 200:
            said = "it answered 200 with another body"
        message = (
            f"The handshake with the notificationUrl '{url}' failed: it is to answer 200 with the validationToken as "
            f"the body within {HANDSHAKE_SECONDS:.0f} seconds, and {said}."
        )
        raise ApiError(400, "BadRequest", message)

    async def send(self, url: str, body: bytes) -> int | None:
        """The status that it answered; ``None`` where it did not answer."""
        correlation = str(uuid4())
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "clientRequestId": correlation,
            "x-ms-correlation-id": correlation,
        }
        return (await self._post(url, body, headers, DELIVERY_SECONDS))[0]

    async def close(self) -> None:
        if self._session:
            await self._session.close()
            self._session = None

    async def _post(self, url: str, body: bytes, headers: dict[str, str], seconds: float) -> tuple[int | None, str]:
        from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar  # a sandbox may never need it
        from yarl import URL

        if self._session is None:
            self._session = ClientSession(cookie_jar=DummyCookieJar())
        try:
            async with self._session.post(
                URL(url, encoded=True),
                data=body,
                headers=headers,
                timeout=ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as answer:
                read = await answer.content.read(_LONGEST_TOKEN)
                return answer.status, read.decode(errors="replace")
        except (ClientError, TimeoutError, OSError, ValueError):
            return None, ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
