"""Faults on request, for tests of clients: what is to go wrong with which of the next requests, or by chance.

Any sandbox puts `FaultMiddleware` before its API and the routes of `Faults` beside it: ``POST /sandbox/faults`` with
``{"next": [fault, ...], "random": {"seed": 1, "faults": [...]}}`` replaces what holds, ``GET`` tells it.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncline.sandbox.control import Refused, control
from syncline.sandbox.requests import Asked, Look
from syncline.sandbox.serve import cut_connection

Common: TypeAlias = Literal[
    "401", "408", "409", "412", "429", "500", "502", "503", "504",
    "500-after", "drop-before", "drop-after", "cut-halfway", "latency",
]  # fmt: skip
Special: TypeAlias = Literal["dead-link", "lag", "late-commit"]
Applies: TypeAlias = Callable[[Asked], bool]

_EXTENSION = "syncline.fault"
_Seconds = Annotated[float, Meta(ge=0, le=86_400)]
_Count = Annotated[int, Meta(ge=0)]


class Fault(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """``match`` is a part of the path and ``method`` the method of the requests it meets, both any where blank.

    A number is the status that is answered instead, nothing being done; ``500-after`` answers 500 although it was done.
    ``drop-before`` cuts the connection before anything is done, ``drop-after`` after it was done, ``cut-halfway`` in
    the middle of the answer's body. ``latency`` lets ``seconds`` pass first, ``dead-link`` answers ``status``. A
    `Special` kind is met only in a sandbox that knows what it is there.
    """

    kind: Common | Special
    match: str = ""
    method: str = ""
    retry_after: _Count | None = None
    seconds: _Seconds = 0.0
    status: Literal[400, 410] | UnsetType = UNSET

    def answers(self) -> int | None:
        """The status that is answered instead, if this fault is one."""
        if self.kind == "dead-link":
            return self.status or 410
        return int(self.kind) if self.kind.isdecimal() else None


class Ordered(Fault, frozen=True, kw_only=True):
    """``times`` is how many requests it meets, ``after`` how many it lets pass first."""

    times: Annotated[int, Meta(ge=1)] = 1
    after: _Count = 0


class Chance(Fault, frozen=True, kw_only=True):
    """Meets this share of the requests."""

    rate: Annotated[float, Meta(ge=0, le=1)]


class Chances(Struct, frozen=True, forbid_unknown_fields=True):
    faults: tuple[Chance, ...]
    seed: int = 0


class Order(Struct, frozen=True, forbid_unknown_fields=True):
    next: tuple[Ordered, ...] = ()
    random: Chances | UnsetType = UNSET

    def faults(self) -> tuple[Fault, ...]:
        return (*self.next, *(self.random.faults if self.random else ()))


class _Posted(Order, frozen=True, kw_only=True):
    """Says ``next`` even where nothing waits: an empty object is more likely a mistake."""

    next: tuple[Ordered, ...]


def parse(text: bytes) -> Order:
    """What a file says, as it would be posted. Raises `ValueError`."""
    return msgspec.json.decode(text, type=_Posted)


def seeded(order: Order, seed: int | None) -> Order:
    """With this seed in place of its own. Raises `Refused` where nothing is left to chance."""
    if seed is None:
        return order
    if not order.random:
        raise Refused("a seed is of use only where there is something random")
    return structs.replace(order, random=structs.replace(order.random, seed=seed))


class Faults:
    """The faults still to come, in order; the first that meets a request is used up by it.

    Chance is drawn for each kind of request by itself, by how often it was made: the same seed and the same requests
    give the same faults, whatever their ids are and however different kinds of requests overtake each other.
    ``special`` says of the kinds that only this sandbox knows which requests they can meet; ``changed`` is told what
    is ordered anew.
    """

    def __init__(
        self, special: Mapping[str, Applies] | None = None, changed: Callable[[Order], None] | None = None
    ) -> None:
        self._special = special or {}
        self._changed = changed
        self._made: Counter[str] = Counter()
        self.order = Order()

    def replace(self, order: Order) -> None:
        """Raises `Refused`."""
        for fault in order.faults():
            if fault.kind not in self._special and fault.kind not in get_args(Common):
                raise Refused(f"this sandbox has no {fault.kind}")
        self.order = order
        self._made.clear()
        if self._changed:
            self._changed(order)

    def meet(self, asked: Asked, *, statuses: bool = False) -> Fault | None:
        """The fault of this request; with ``statuses`` only one that is answered with a status."""
        self._made[str(asked)] += 1
        for index, fault in enumerate(self.order.next):
            if not self._meets(fault, asked, statuses):
                continue
            if fault.after:
                self._put(index, structs.replace(fault, after=fault.after - 1))
                continue
            self._put(index, *([structs.replace(fault, times=fault.times - 1)] if fault.times > 1 else []))
            return fault
        return self._drawn(asked, statuses) if self.order.random else None

    def route(self) -> Route:
        return control("/sandbox/faults", _Posted, self.replace, lambda: self.order)

    def _drawn(self, asked: Asked, statuses: bool) -> Fault | None:
        assert self.order.random
        draw = random.Random(f"{self.order.random.seed} {asked} {self._made[str(asked)]}")  # noqa: S311 - to repeat
        drawn = [(draw.random(), fault) for fault in self.order.random.faults]
        met = (fault for number, fault in drawn if number < fault.rate and self._meets(fault, asked, statuses))
        return next(met, None)

    def _meets(self, fault: Fault, asked: Asked, statuses: bool) -> bool:
        if fault.match not in asked.path or fault.method.upper() not in ("", asked.method):
            return False
        if statuses and fault.answers() is None:
            return False
        applies = self._special.get(fault.kind)
        return applies is None or applies(asked)

    def _put(self, index: int, *by: Ordered) -> None:
        waiting = self.order.next
        self.order = structs.replace(self.order, next=(*waiting[:index], *by, *waiting[index + 1 :]))


class FaultMiddleware:
    """Lets requests meet their faults; ``refuse`` makes the answer of one that has a status."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        faults: Faults,
        look: Look,
        refuse: Callable[[Fault], ASGIApp],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._app = app
        self._faults = faults
        self._look = look
        self._refuse = refuse
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._look(scope)
        fault = self._faults.meet(asked) if asked else None
        match fault:
            case None:
                await self._app(scope, receive, send)
            case Fault(kind="drop-before"):
                await cut_connection(scope, receive)
            case Fault(kind="drop-after"):
                await self._app(scope, receive, _unheard)
                await cut_connection(scope, receive)
            case Fault(kind="500-after"):
                await self._app(scope, receive, _unheard)
                await self._refuse(structs.replace(fault, kind="500"))(scope, receive, send)
            case Fault(kind="cut-halfway"):
                await _half_heard(self._app, scope, receive, send)
                await cut_connection(scope, receive)
            case Fault(kind="latency"):
                await self._sleep(fault.seconds)
                await self._app(scope, receive, send)
            case _ if fault.answers():
                await self._refuse(fault)(scope, receive, send)
            case _:
                scope.setdefault("extensions", {})[_EXTENSION] = fault
                await self._app(scope, receive, send)


def met(scope: Scope) -> Fault | None:
    """The fault of a special kind that the application itself is to show for this request."""
    found = scope.get("extensions", {}).get(_EXTENSION)
    return found if isinstance(found, Fault) else None


async def _half_heard(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the beginning of the answer and the first half of its body; nothing of an answer that has no body."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    body = b"".join(message.get("body", b"") for message in messages)
    if body:
        await send(messages[0])
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


async def _unheard(_: Message) -> None:
    """An answer that never reaches the one who asked."""
