"""A receiver of webhooks, as plain as there is: it remembers what it was asked and answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar


class Asked:
    """One request; headers have lower case names."""

    def __init__(self, path: str, headers: dict[str, str], raw: bytes) -> None:
        self.path = path
        self.headers = headers
        self.raw = raw

    @cached_property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


class Receiver:
    """``status`` answers every request, as long as ``slow`` is cleared not at all."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.status = 200
        self.notifications: list[Asked] = []
        self.slow = threading.Event()
        self.slow.set()
        self.arrived = threading.Condition()

    def meet(self, asked: Asked) -> tuple[int, bytes]:
        self.remember(asked, self.notifications)
        return self.status, b""

    def remember(self, asked: Asked, among: list[Asked]) -> None:
        with self.arrived:
            among.append(asked)
            self.arrived.notify_all()
        self.slow.wait(20)

    def wait(self, count: int) -> list[Asked]:
        """Until so many notifications have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.notifications) >= count, 20), self.notifications
        return self.notifications


R = TypeVar("R", bound=Receiver)


@contextmanager
def receiving(kind: Callable[[int], R]) -> Iterator[R]:
    """One of this kind on a free port, until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            read = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body = receiver.meet(Asked(self.path, headers, read))
            self.send_response(status)
            if status == 307:
                self.send_header("Location", receiver.url)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = kind(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.slow.set()
            server.shutdown()
            thread.join()


def eventually(holds: Any) -> None:
    """For what another process does a moment after it answered."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
