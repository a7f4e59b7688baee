"""The commands as a person calls them: in this process where that is enough, else in one of their own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from sandbox_businesscentral.central import Central
from sandbox_customerp.erp import Erp
from syncline.cli.root import root
from syncline.project.scaffold import scaffold

RUN = [sys.executable, "-c", "from syncline.cli import main; main()"]


class Called(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def call(folder: Path, *arguments: str, environment: Mapping[str, str | None] | None = None) -> Called:
    """In this process. Raises what the command lets through."""
    asked = ["-C", str(folder), *arguments]
    result = CliRunner().invoke(root, asked, prog_name="syncline", env=environment, catch_exceptions=False)
    return Called(result.exit_code, result.stdout, result.stderr)


def started(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """In a process of its own."""
    return subprocess.Popen(
        [*RUN, "-C", str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
    )


async def told(process: subprocess.Popen[str], text: str) -> str:
    """The line on its standard error, once it comes."""
    assert process.stderr is not None
    while text not in (line := await asyncio.to_thread(process.stderr.readline)):
        assert line, f"it ended without telling {text!r}"
    return line


class Systems(NamedTuple):
    """Two sandboxes."""

    central: Central
    erp: Erp

    @property
    def requests(self) -> int:
        """How many requests they were sent since they were started."""
        told = (self.central.get("/sandbox/requests").body, self.erp.get("/sandbox/requests").record)
        return sum(int(each["total"]) for each in told)

    def project(self, folder: Path) -> Path:
        scaffold(folder, businesscentral=self.central.address, customerp=self.erp.address, company=None)
        return folder


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def with_webhooks(project: Path, secret: str = "HOOKS") -> str:
    """Configure them, heard at a free port of this machine, which it gives; ``secret`` is the environment variable."""
    listen = f"127.0.0.1:{free_port()}"
    with (project / "syncline.yaml").open("a") as file:
        file.write(f"\nwebhooks: {{url: 'http://{listen}', secret: {secret}, listen: '{listen}'}}\n")
    return listen


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{old!r} is not in {file}"
    file.write_text(text.replace(old, new, 1))
