"""Customerp's sandbox in a process of its own, and the plainest client there is."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

_COMMAND = "from syncline.sandbox.customerp.command import customerp_command as run; run()"

CUT = (http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)
"""What a client meets when the connection is cut without an answer."""


class Reply(NamedTuple):
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def record(self) -> dict[str, Any]:
        assert self.status in {200, 201}, self
        found: dict[str, Any] = self.body
        return found

    @property
    def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.record["items"]
        return found

    @property
    def mistaken(self) -> list[str]:
        """The properties that a refusal names."""
        assert self.headers["content-type"] == "application/problem+json", self
        return [error["property"] for error in self.body["errors"]]


class Erp:
    """One sandbox. Paths are below ``/api/`` unless they begin with a slash."""

    def __init__(self, address: str) -> None:
        self.address = address

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Reply:
        url = self.address + (path if path.startswith("/") else f"/api/{path}")
        asked = urllib.request.Request(
            url + (f"?{urlencode(query)}" if query else ""),
            method=method,
            data=body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(asked) as answer:
                return _reply(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return _reply(refused)

    def get(self, path: str, **query: Any) -> Reply:
        return self.call("GET", path, **query)

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Reply:
        return self.call("POST", path, body, headers)

    def patch(self, path: str, body: object, etag: str = "*") -> Reply:
        merge_patch = "application/merge-patch+json"
        return self.call("PATCH", path, body, {"If-Match": etag, "Content-Type": merge_patch})

    def delete(self, path: str, etag: str = "*") -> Reply:
        return self.call("DELETE", path, None, {"If-Match": etag})

    def made(self, entity: str, **body: Any) -> dict[str, Any]:
        reply = self.post(entity, body)
        assert reply.status == 201, reply
        return reply.record

    def position(self) -> str:
        """The end of the change feed."""
        return str(self.get("changes", since="latest").record["nextSince"])


def _reply(answer: Any) -> Reply:
    text = answer.read()
    return Reply(answer.status, json.loads(text, parse_float=Decimal) if text else None, answer.headers)


def started(*options: str, token: str | None = None) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "SYNCLINE_CUSTOMERP_TOKEN"}
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *options],
        env={**environment, **({} if token is None else {"SYNCLINE_CUSTOMERP_TOKEN": token})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(folder: Path, *options: str, token: str | None = None, kill: bool = False) -> Iterator[Erp]:
    """A sandbox on a free port, stopped at the end, with ``kill`` as a crash would."""
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    process = started("--ready-file", str(ready), *options, token=token)
    try:
        while not ready.exists():
            if process.poll() is not None:
                assert process.stderr
                raise AssertionError(process.stderr.read())
            time.sleep(0.01)
        yield Erp(ready.read_text().strip())
    finally:
        if kill:
            process.kill()
        else:
            process.terminate()
        process.communicate(timeout=10)
