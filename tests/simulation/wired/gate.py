"""Where Syncline's requests come to a sandbox: each is a place where things go wrong, people act, and the process dies.

Nothing here is Syncline's: on this side of the wire only bytes are known of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import msgspec
from starlette.types import Message, Receive, Scope, Send

from simulation.wired.sandboxes import Sandbox
from simulation.wired.spelling import BC, ENTITIES, ERP
from syncline.sandbox.serve import cut_connection

if TYPE_CHECKING:
    from simulation.wired.world import Wired

_MOVED = {ERP: "412", BC: "409"}
"""How each says that a record was changed since it was read."""
_FAILURES = (500, 502, 504, 408)
_PARTIAL = (429, 503, 500, 409)
_FLOW_OF = {told: flow for flow, sides in ENTITIES.items() for told in sides.values()}


class Operation(NamedTuple):
    """One thing that a request asks for; a batch asks for many."""

    method: str
    path: str
    body: Any

    @property
    def entity(self) -> str:
        return _FLOW_OF.get(self.name, self.name)

    @property
    def name(self) -> str:
        """The set that is addressed."""
        below = self.path.partition("?")[0].strip("/").removeprefix("api/").rpartition("/api/v2.0/")[2]
        if below.endswith("token"):
            return "token"
        parts = [part for part in below.split("/") if not part.startswith("companies(")]
        return parts[0].partition("(")[0] if parts else "companies"

    @property
    def id(self) -> str:
        """The id that the address ends with, if it names a record of a flow itself."""
        last = self.path.partition("?")[0].rpartition("/")[2]
        return last.rstrip(")").rpartition("(")[2]


class Gate:
    """In front of a sandbox, as an ASGI application."""

    def __init__(self, world: Wired, sandbox: Sandbox) -> None:
        self._world = world
        self._sandbox = sandbox
        self._busy_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = await _body(receive)
        asked = Operation(scope["method"], scope["path"] + _query(scope), sent)
        operations = list(_operations(asked))
        writes = [each for each in operations if each.method != "GET" and each.name != "token"]
        what = f"{'write' if writes else 'read'} {(writes or operations)[0].entity}"
        place, faults = self._world.meet(self._sandbox.side, what)
        if "died" in faults or "unheard" in faults:
            await cut_connection(scope, receive)
            return
        if "late" in faults:
            await cut_connection(scope, receive)
            await asyncio.sleep(faults["late"])
        told = await self._answered(scope, sent, self._ordered(place, faults, operations))
        self._note(writes, told)
        place, faults = self._world.meet(self._sandbox.side, f"{what}, answer")
        await self._tell(place, faults, told, scope, receive, send)

    def _ordered(
        self, place: str, faults: Mapping[str, float], operations: Sequence[Operation]
    ) -> list[dict[str, Any]]:
        """What goes wrong inside the sandbox, as its own faults."""
        now, number = asyncio.get_running_loop().time(), crc32(place.encode())
        if "busy" in faults:
            self._busy_until = now + faults["busy"]
        if now < self._busy_until:
            left = int(self._busy_until - now) + number % 3
            return [{"kind": ("429", "503")[number % 2], **({"retryAfter": left} if number % 5 else {})}]
        if "failed" in faults:
            return [{"kind": str(_FAILURES[number % len(_FAILURES)])}]
        if "unsigned" in faults:
            return [{"kind": "401"}]
        if "stale" in faults and operations[0].method != "POST":
            return [{"kind": _MOVED[self._sandbox.side]}]
        if "partial" in faults and len(operations) > 1:
            chosen = [each for at, each in enumerate(operations) if (number >> at % 16) & 1]
            status = str(_PARTIAL[(number >> 8) % len(_PARTIAL)])
            if status == "409":  # a create is at no version
                chosen = [each for each in chosen if each.method in ("PATCH", "DELETE")]
            paths = [(each.path.partition("?")[0].lstrip("/"), each.method) for each in chosen]
            return [{"kind": status, "match": path, "method": method} for path, method in paths]
        if "hidden" in faults:
            return [{"kind": "late-commit", "seconds": faults["hidden"]}]
        return []

    async def _answered(self, scope: Scope, sent: bytes, faults: Sequence[Mapping[str, Any]]) -> list[Message]:
        """What the sandbox says. It waits for nothing."""
        told: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: Message) -> None:
            told.append(message)

        if faults:
            self._sandbox.order(*faults)
        await self._sandbox.app(scope, receive, send)
        if faults:
            self._sandbox.order()
        return told

    def _note(self, writes: Sequence[Operation], told: Sequence[Message]) -> None:
        """What became of the writes."""
        if not writes:
            return
        self._sandbox.touched()
        status, body = told[0]["status"], _decoded(b"".join(m.get("body", b"") for m in told))
        if status >= 300 or (len(writes) == 1 and "responses" not in (body or ())):
            fates = [(each, status, body) for each in writes]
        else:
            answers = {str(each["id"]): each for each in body["responses"]}
            fates = [(each, a["status"], a.get("body")) for each in writes if (a := answers.get(str(each.body[0])))]
        for each, status, body in fates:
            self._world.wrote(self._sandbox, each, status, body)
        if any(each.method == "POST" for each in writes):
            self._sandbox.look()

    async def _tell(
        self,
        place: str,
        faults: Mapping[str, float],
        told: Sequence[Message],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """The answer, as much of it as arrives."""
        start, body = told[0], b"".join(message.get("body", b"") for message in told)
        if "slow" in faults:
            await asyncio.sleep(faults["slow"])
        if "lost" in faults or "died" in faults:
            await cut_connection(scope, receive)
        elif "torn" in faults and body:
            await send(start)
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await cut_connection(scope, receive)
        elif "failed" in faults:
            status = _FAILURES[crc32(place.encode()) % len(_FAILURES)]
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await send(start)
            await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _query(scope: Scope) -> str:
    return f"?{scope['query_string'].decode()}" if scope["query_string"] else ""


def _operations(asked: Operation) -> Iterator[Operation]:
    """Those of a batch, with their ids before their bodies; else the one."""
    told = _decoded(asked.body)
    if not asked.path.endswith("$batch"):
        yield Operation(asked.method, asked.path, (None, told))
        return
    for each in told["requests"]:
        yield Operation(each["method"], f"/{each['url']}", (each["id"], each.get("body")))


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
