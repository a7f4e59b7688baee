"""One budget of requests for all workers that sign in to a system as the same one: a count in PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeAlias
from weakref import WeakValueDictionary

from psycopg import Error
from psycopg_pool import ConnectionPool, PoolTimeout
from pyrate_limiter import PostgresBucket, Rate, RateItem

from syncline.connectors.wire import Limits, Unsent

_MOST = 16
"""Requests that are asked for at once by who sends many: to ask for each would cost more than the request."""
_LIVES = 10
"""The part of the time that the budget is for, after which what was asked for and not spent is given up."""
_SHARES = 5
"""A burst is spent in so many parts, so that whoever has an edit never waits for the whole burst to be over."""
_PATIENCE = 30.0
"""Seconds that the count may be away before a request is given up."""
_TRUSTED = 60.0
"""Seconds that the database's clock is known: no two clocks come apart by more than a millisecond in them."""
_AGAIN = 0.05
"""Seconds until it is asked again where another worker is just asking."""


Budgets: TypeAlias = "Callable[[str], Callable[[Limits], SharedPace | None]]"
"""By a name for those who share one, as `syncline.project.Project.connectors` wants it."""


def budgets(pool: ConnectionPool) -> Budgets:
    clock = _Clock(pool)
    known: WeakValueDictionary[tuple[str, int, float], SharedPace] = WeakValueDictionary()

    def shared(name: str) -> Callable[[Limits], SharedPace | None]:
        def paced(limits: Limits) -> SharedPace | None:
            if limits.bucket is None:
                return None
            same = (name, *limits.bucket)
            if (found := known.get(same)) is None:
                found = known[same] = SharedPace(pool, clock, *same)
            return found

        return paced

    return shared


class _Clock:
    """The database's time, by which all workers count. It is asked once in a while, and goes on by itself between: so
    it must be the database's, where `pyrate_limiter.PostgresClock` tells this machine's if it cannot ask.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._ahead = 0
        self._trusted = float("-inf")

    def now(self) -> int:
        """In milliseconds. Raises what the pool raises."""
        if time.monotonic() > self._trusted:
            with self._pool.connection() as connection:
                ((told,),) = connection.execute("SELECT extract(epoch FROM clock_timestamp()) * 1000").fetchall()
            self._ahead = int(told) - _here()
            self._trusted = time.monotonic() + _TRUSTED
        return _here() + self._ahead


def _here() -> int:
    return time.monotonic_ns() // 1_000_000


class SharedPace:
    """``burst`` requests in any ``seconds``, for all in this process who share them."""

    def __init__(self, pool: ConnectionPool, clock: _Clock, name: str, burst: int, seconds: float) -> None:
        self._pool = pool
        self._clock = clock
        self._name = name
        part = max(burst // _SHARES, 1)
        self._lives = seconds / _LIVES
        milliseconds = int((seconds + self._lives) * 1_000)
        shares = [Rate(part, milliseconds * part // burst)] if part < burst else []
        self._rates = [*shares, Rate(burst, milliseconds)]
        self._most = min(_MOST, part)
        self._lease = 1
        self._left = 0
        self._ends = 0.0
        self._leaks = 0.0
        self._again = 0.0
        self._turn = asyncio.Lock()
        self._bucket: PostgresBucket | None = None

    async def acquire(self) -> None:
        async with self._turn:
            if self._left == 0 or time.monotonic() > self._ends:
                self._lease = 1 if self._left else min(self._lease * 2, self._most)
                await self._ask()
            self._left -= 1

    def pause(self) -> float:
        """Seconds that whoever comes would wait, as those of this process do who wait already; else 0."""
        return max(self._again - time.monotonic(), 0.0)

    async def _ask(self) -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                pause = await asyncio.to_thread(self._try)
            except (Error, PoolTimeout) as error:
                if time.monotonic() > end:
                    raise Unsent(f"the budget that is shared cannot be asked ({type(error).__name__})") from error
                pause = 1.0
            if pause is None:
                self._left, self._ends = self._lease, time.monotonic() + self._lives
                return
            self._again = time.monotonic() + pause
            await asyncio.sleep(pause)

    def _try(self) -> float | None:
        """``None`` where they are ours, else the seconds until it may be tried again."""
        if self._bucket is None:
            self._bucket = PostgresBucket(self._pool, self._name, self._rates)
        now = self._clock.now()
        if time.monotonic() > self._leaks:
            self._bucket.leak(now)
            self._leaks = time.monotonic() + self._lives
        item = RateItem(self._name, now, weight=self._lease)
        if self._bucket.put(item):
            return None
        waiting = self._bucket.waiting(item)
        assert isinstance(waiting, int)
        return max(waiting / 1_000, _AGAIN)
