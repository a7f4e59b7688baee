"""How a sandbox tells its subscribers, and the control API by which a test has it otherwise.

- ``GET /sandbox/notifications`` tells the settings, what waits and the latest deliveries;
- ``POST /sandbox/notifications`` with some of the settings (`Settings`) replaces those;
- ``POST /sandbox/notifications/flush`` has everything told that waits; answers the deliveries that were made for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncline.sandbox.control import control, told

_PATH = "/sandbox/notifications"

_Entry = TypeVar("_Entry")


class Notify(Struct, frozen=True, kw_only=True):
    """How a sandbox begins: seconds between the first change and its notification, and who may be called."""

    after: float
    any_host: bool = False


class Settings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """``duplicate`` is the share of notifications told twice; the same ``seed`` gives the same disorder."""

    window_seconds: Annotated[float, Meta(ge=0, le=86_400)]
    duplicate: Annotated[float, Meta(ge=0, le=1)] = 0.0
    reorder: bool = False
    seed: int = 0


class Telling(Protocol):
    """Whoever tells the subscribers of a sandbox."""

    settings: Settings

    def set(self, settings: Settings) -> None: ...

    def told(self) -> object:
        """The settings, what waits, and the latest deliveries."""

    async def deliver(self, *, waiting_too: bool) -> Sequence[object]:
        """Tell what is due; with ``waiting_too`` everything that waits, as if its time had come."""


def disordered(entries: Sequence[_Entry], settings: Settings, random: Random) -> tuple[list[_Entry], list[_Entry]]:
    """What is sent, and what is sent a second time."""
    sent = random.sample(entries, len(entries)) if settings.reorder else list(entries)
    again = [each for each in sent if random.random() < settings.duplicate]
    return sent, again


def routes(telling: Telling) -> list[Route]:
    def take(said: dict[str, Any]) -> None:
        """What is not said stays as it is."""
        there = msgspec.to_builtins(telling.settings)
        telling.set(msgspec.convert(there | said, Settings))

    async def flush(_: Request) -> Response:
        return told({"deliveries": await telling.deliver(waiting_too=True)})

    return [
        control(_PATH, dict[str, Any], take, telling.told),
        Route(f"{_PATH}/flush", flush, methods=["POST"]),
    ]
