"""A receiver of Business Central's webhooks, and what subscribes it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox import receiver
from sandbox.receiver import Asked
from sandbox_businesscentral.central import Central, Reply


class Receiver(receiver.Receiver):
    """``handshake`` answers ``(status, body)`` for a token."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.handshakes: list[Asked] = []
        self.handshake_status = 200
        self.handshake_body: bytes | None = None

    def meet(self, asked: Asked) -> tuple[int, bytes]:
        token = parse_qs(urlsplit(asked.path).query).get("validationToken")
        if token is None:
            return super().meet(asked)
        self.remember(asked, self.handshakes)
        return self.handshake_status, token[0].encode() if self.handshake_body is None else self.handshake_body

    def wait_for_handshakes(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.handshakes) >= count, 20)

    def entries(self) -> list[dict[str, Any]]:
        """Of all notifications so far."""
        return [entry for asked in self.notifications for entry in asked.body["value"]]

    def told(self) -> list[tuple[str, str]]:
        """What changed and how, with the record's id or what stands behind the set."""
        return [
            (entry["changeType"], entry["resource"].rpartition("/")[2].partition("(")[2].rstrip(")"))
            for entry in self.entries()
        ]


def receiving() -> AbstractContextManager[Receiver]:
    return receiver.receiving(Receiver)


def resource(central: Central, entity_set: str) -> str:
    return f"/api/v2.0/companies({central.company})/{entity_set}"


def subscribe(central: Central, receiver: Receiver, entity_set: str, **more: Any) -> dict[str, Any]:
    reply = asked(central, receiver, entity_set, **more)
    assert reply.status == 201, reply
    found: dict[str, Any] = reply.body
    return found


def asked(central: Central, receiver: Receiver, entity_set: str, **more: Any) -> Reply:
    body = {"notificationUrl": receiver.url, "resource": resource(central, entity_set), **more}
    return central.post("/subscriptions", body)


def flush(central: Central) -> list[dict[str, Any]]:
    """Have everything delivered that waits; the requests that were made for it."""
    reply = central.post("/sandbox/notifications/flush", {})
    assert reply.status == 200, reply
    found: list[dict[str, Any]] = reply.body["deliveries"]
    return found


def waiting(central: Central) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = central.get("/sandbox/notifications").body["waiting"]
    return found
