"""What is sent: the body, the headers that sign it, and when it is tried again. Pure.

Signed as the Standard Webhooks specification says (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import structs
from standardwebhooks import Webhook as Signer

from syncline.sandbox.customerp.database import spelt
from syncline.sandbox.customerp.webhooks.store import Change, Message

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 2 * 60, 10 * 60, 60 * 60))
"""After the first failure, the second, and so on; from then on it is the last of them."""

PATIENCE = timedelta(days=3)
"""How long a message is tried."""

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""How many bytes a secret has."""


def check_secret(secret: str) -> None:
    """Raises `ValueError`, which does not tell the secret."""
    wanted = f"A secret is {PREFIX} and the base64 of {SHORTEST} to {LONGEST} random bytes"
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{wanted}.") from None
    if not secret.startswith(PREFIX):
        raise ValueError(f"{wanted}.")
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"{wanted}, and this one has {len(key)}.")


def body(changes: Sequence[Change]) -> bytes:
    """The same for the same changes, so that a message that is sent again is the same message."""
    at = max(change.at for change in changes)
    return msgspec.json.encode({"type": "records.changed", "timestamp": at, "data": changes})


def headers(message: Message, secret: str, sent: bytes, now: datetime) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "Customerp",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(message.id, now, sent.decode()),
    }


def after_failure(message: Message, now: datetime) -> Message | None:
    """The message with its next attempt; ``None`` where it was tried for long enough."""
    begun = message.begun or spelt(now)
    if now - datetime.fromisoformat(begun) >= PATIENCE:
        return None
    pause = PAUSES[min(message.attempts, len(PAUSES) - 1)]
    return structs.replace(message, begun=begun, attempts=message.attempts + 1, due=spelt(now + pause))
