"""A receiver of webhooks, as plain as there is: it remembers what it was asked and answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from sandbox_businesscentral.central import Central, Reply


class Asked(NamedTuple):
    path: str
    headers: dict[str, str]
    body: Any


class Receiver:
    """``status`` answers notifications; ``handshake`` answers ``(status, body)`` for a token."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.status = 200
        self.notifications: list[Asked] = []
        self.handshakes: list[Asked] = []
        self.handshake_status = 200
        self.handshake_body: bytes | None = None
        self.slow = threading.Event()
        self.slow.set()
        self._arrived = threading.Condition()

    def meet(self, asked: Asked) -> tuple[int, bytes]:
        token = parse_qs(urlsplit(asked.path).query).get("validationToken")
        with self._arrived:
            (self.handshakes if token else self.notifications).append(asked)
            self._arrived.notify_all()
        self.slow.wait(20)
        if token is None:
            return self.status, b""
        return self.handshake_status, token[0].encode() if self.handshake_body is None else self.handshake_body

    def wait(self, count: int) -> list[Asked]:
        """Until so many notifications have arrived."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.notifications) >= count, 20), self.notifications
        return self.notifications

    def wait_for_handshakes(self, count: int) -> None:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.handshakes) >= count, 20)

    def entries(self) -> list[dict[str, Any]]:
        """Of all notifications so far."""
        return [entry for asked in self.notifications for entry in asked.body["value"]]

    def told(self) -> list[tuple[str, str]]:
        """What changed and how, with the record's id or what stands behind the set."""
        return [
            (entry["changeType"], entry["resource"].rpartition("/")[2].partition("(")[2].rstrip(")"))
            for entry in self.entries()
        ]


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            read = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body = receiver.meet(Asked(self.path, headers, json.loads(read) if read else None))
            self.send_response(status)
            if status == 307:
                self.send_header("Location", receiver.url)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.slow.set()
            server.shutdown()
            thread.join()


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


def eventually(holds: Any) -> None:
    """For what another process does a moment after it answered."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
