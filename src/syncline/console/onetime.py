"""The one-time link: how somebody at this machine signs in before there is any user."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

LASTS = timedelta(hours=1)


class OneTimeLink:
    """A random token that opens the console once, for the person ``name``, until ``expires``."""

    def __init__(self, name: str, now: datetime) -> None:
        self.name = name
        self.token = secrets.token_urlsafe(32)
        self.expires = now + LASTS
        self._used = False

    def use(self, token: str, now: datetime) -> bool:
        """Whether it is this one, used for the first time and in time."""
        good = hmac.compare_digest(token.encode(), self.token.encode()) and now < self.expires and not self._used
        self._used = self._used or good
        return good
