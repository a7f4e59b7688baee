"""How often a sign-in may fail: so that no password is found by trying."""

from __future__ import annotations

from aiolimiter import AsyncLimiter


class Attempts:
    """Some failures at once for each user, and no more than that again in ``seconds``.

    Names that no user has count together, so that what is remembered is bounded by the number of users. It is one
    event loop's.
    """

    def __init__(self, most: int = 5, seconds: float = 300) -> None:
        self._most = most
        self.seconds = seconds
        self._failures: dict[str | None, AsyncLimiter] = {}

    def may(self, user: str | None) -> bool:
        """``user`` is a known one, or ``None``."""
        return user not in self._failures or self._failures[user].has_capacity()

    async def failed(self, user: str | None) -> None:
        limiter = self._failures.setdefault(user, AsyncLimiter(self._most, self.seconds))
        if limiter.has_capacity():
            await limiter.acquire()
