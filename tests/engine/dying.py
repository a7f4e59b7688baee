"""A process that is killed: from a chosen effect on, nothing it does reaches a system or the store any more."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

from msgspec import structs

from syncline.engine.setup import Setup


class Killed(BaseException):
    """Nobody catches it, as nobody catches a SIGKILL."""


class Life:
    """Lasts for so many effects: saves of the store, and requests to the systems. The last one is still done whole."""

    def __init__(self, effects: int) -> None:
        self.left = effects

    def spend(self) -> None:
        if self.left <= 0:
            raise Killed
        self.left -= 1


def mortal(setup: Setup, life: Life) -> Setup:
    systems: dict[str, Any] = {side: _Mortal(system, life) for side, system in setup.systems.items()}
    store: Any = _MortalStore(setup.store, life)
    return structs.replace(setup, store=store, systems=systems)


class _Mortal:
    """A system: each call that is answered is an effect."""

    def __init__(self, system: Any, life: Life) -> None:
        self._system = system
        self._life = life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._system, name)
        if not callable(found):
            return found
        return self._pages(found) if name in ("changes", "ids") else self._call(found)

    def _call(self, does: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any) -> Any:
            self._life.spend()
            result = await does(*args)
            if self._life.left <= 0:
                raise Killed  # it was done, and nobody hears of it
            return result

        return call if inspect.iscoroutinefunction(does) else does

    def _pages(self, does: Callable[..., Any]) -> Callable[..., Any]:
        async def pages(*args: Any) -> AsyncIterator[Any]:
            self._life.spend()
            async for page in does(*args):
                yield page

        return pages


class _MortalStore:
    """The store: each save is an effect, a look is none."""

    def __init__(self, store: Any, life: Life) -> None:
        self._store = store
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def save(self, memory: Any) -> None:
        self._life.spend()
        self._store.save(memory)
