"""Business Central's sandbox in a process of its own, and the plainest client there is."""

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
from urllib.parse import quote

_COMMAND = "from syncline.sandbox.businesscentral.command import businesscentral_command as run; run()"


class Reply(NamedTuple):
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])

    @property
    def value(self) -> list[dict[str, Any]]:
        assert self.status == 200, self
        found: list[dict[str, Any]] = self.body["value"]
        return found


class Central:
    """One sandbox. Paths are below the company unless they begin with a slash, which is the API's root."""

    def __init__(self, address: str, headers: Mapping[str, str] | None = None) -> None:
        self.address = address
        self.root = f"{address}/v2.0/local/sandbox/api/v2.0"
        self.headers = dict(headers or {})
        self.company = ""
        self.name = ""

    def choose_company(self) -> None:
        company = self.get("/companies").value[0]
        self.company, self.name = company["id"], company["name"]

    def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Reply:
        if path.startswith("/sandbox/"):
            url = self.address + path
        elif path.startswith("/"):
            url = self.root + path
        elif path.startswith("http:"):
            url = path
        else:
            url = f"{self.root}/companies({self.company})/{path}"
        asked = urllib.request.Request(
            quote(url, safe=":/?&=$(),;'%*@"),
            method=method,
            data=body if body is None or isinstance(body, bytes) else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **self.headers, **(headers or {})},
        )
        try:
            with urllib.request.urlopen(asked) as answer:
                return _reply(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return _reply(refused)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.call("GET", path, None, headers)

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Reply:
        return self.call("POST", path, body, headers)

    def patch(self, path: str, body: object, etag: str = "*") -> Reply:
        return self.call("PATCH", path, body, {"If-Match": etag})

    def delete(self, path: str, etag: str = "*") -> Reply:
        return self.call("DELETE", path, None, {"If-Match": etag})

    def made(self, entity_set: str, body: object) -> dict[str, Any]:
        reply = self.post(entity_set, body)
        assert reply.status == 201, reply
        found: dict[str, Any] = reply.body
        return found

    def fresh(self, entity_set: str, record: Mapping[str, Any], query: str = "") -> dict[str, Any]:
        reply = self.get(f"{entity_set}({record['id']}){query}")
        assert reply.status == 200, reply
        found: dict[str, Any] = reply.body
        return found

    def sold(self, mark: str, **more: object) -> dict[str, Any]:
        """An item that can be sold: it says how it is posted."""
        posted = {"generalProductPostingGroupCode": "RETAIL", "inventoryPostingGroupCode": "RESALE"}
        told = {"number": mark, "displayName": mark, "baseUnitOfMeasureCode": "PCS", "taxGroupCode": "STANDARD"}
        return self.made("items", {**told, **posted, **more})

    def code(self, entity_set: str, code: str) -> str:
        """The id of a code."""
        return str(self.get(f"{entity_set}?$filter=code eq '{code}'").value[0]["id"])


def _reply(answer: Any) -> Reply:
    content = answer.read()
    kind = answer.headers.get_content_type()
    if content and (kind == "application/json" or content.isdigit()):
        return Reply(answer.status, json.loads(content, parse_float=Decimal), dict(answer.headers))
    text = content.decode() if kind.startswith("text/") or kind.endswith("xml") else content
    return Reply(answer.status, text or None, dict(answer.headers))


def started(*options: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *options],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[Central]:
    """A sandbox on a free port, stopped at the end."""
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    process = started("--port", "0", "--ready-file", str(ready), *options, environment=environment)
    try:
        while not ready.exists():
            if process.poll() is not None:
                assert process.stderr
                raise AssertionError(process.stderr.read())
            time.sleep(0.01)
        central = Central(ready.read_text().strip())
        if "--open" in options:
            central.choose_company()
        yield central
    finally:
        process.terminate()
        process.communicate(timeout=10)


CUT = (http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)
"""What a client meets when the connection is cut without an answer."""
