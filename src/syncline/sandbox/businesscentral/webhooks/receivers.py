"""The servers that are told: which addresses may be called at all, the handshake, and a notification sent."""

from __future__ import annotations

from urllib.parse import quote, urlsplit
from uuid import uuid4

from syncline.sandbox.businesscentral.errors import ApiError, bad_request
from syncline.sandbox.calling import Caller, Uncallable

HANDSHAKE_SECONDS = 5.0
"""``ApiSubscriptionNotificationUrlTimeout`` of the server's settings."""

DELIVERY_SECONDS = 30.0
"""``ApiSubscriptionSendingNotificationTimeout`` of the server's settings."""


class Receivers:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def check(self, url: str) -> None:
        """Raises `ApiError` where this address may not be called."""
        try:
            self._caller.check(url)
        except Uncallable as why:
            raise bad_request(f"The notificationUrl '{url}' {why}.") from None

    async def handshake(self, url: str) -> None:
        """The receiver must answer with the token that it is asked with. Raises `ApiError`."""
        token = str(uuid4())
        separator = "&" if urlsplit(url).query else "?"
        asked = f"{url.partition('#')[0].removesuffix('?')}{separator}validationToken={quote(token)}"
        status, answer = await self._caller.post(asked, b"", {}, HANDSHAKE_SECONDS)
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
        return (await self._caller.post(url, body, headers, DELIVERY_SECONDS))[0]

    async def close(self) -> None:
        await self._caller.close()
