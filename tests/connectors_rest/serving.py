"""A test's server in a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen


class Served:
    """The server as a test sees it, past the connector."""

    def __init__(self, url: str) -> None:
        self.url = url

    def post(self, path: str, body: Any) -> Any:
        with urlopen(Request(f"{self.url}/{path}", data=json.dumps(body).encode(), method="POST")) as answer:
            return json.loads(answer.read() or b"null")

    def asked(self) -> list[str]:
        with urlopen(f"{self.url}/asked") as answer:
            found: list[str] = json.load(answer)
        return found


@contextmanager
def serving(script: Path) -> Iterator[str]:
    """The address of the script's server, which answers at ``/asked``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([sys.executable, str(script), str(port)]) as process:
        try:
            for _ in range(200):
                try:
                    urlopen(f"{url}/asked").close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield url
        finally:
            process.terminate()
