"""The ``syncline`` process, started, killed by SIGKILL, and what it left behind in its store."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

from cli.calling import RUN

_LONGEST = 60.0
_STORE = "syncline.db"
_FORKING = """
import json, os, signal, sys
import syncline.cli.running, syncline.cli.working, syncline.cli.logs, syncline.engine.sync, syncline.project
from syncline.cli import main

pid = 0
for line in sys.stdin:
    if words := json.loads(line):
        pid = os.fork()
        if not pid:
            log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0), os.dup2(log, 1), os.dup2(log, 2)
            sys.argv = ["syncline", *words]
            main()
        print(pid, flush=True)
    else:
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        pid = 0
if pid:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""
"""Reads the words of a command and answers with the process that does it; an empty list asks how that ended."""


class Left(NamedTuple):
    """What a killed process was at.

    ``sent`` are writes that it had begun and never heard of, ``older`` those that one before it left open; ``due`` are
    records that it knew to be worked on.
    """

    sent: int
    older: int
    due: int

    @property
    def at_work(self) -> bool:
        return bool(self.sent or self.due)


class Living:
    """``syncline run`` at work. What it tells goes into ``log``."""

    def __init__(self, cradle: Cradle, folder: Path, pid: int) -> None:
        self._cradle = cradle
        self._folder = folder
        self._pid = pid
        self._began = time.time()

    async def told(self, text: str) -> None:
        """Wait until it has told this."""
        end = time.monotonic() + _LONGEST
        while text not in (told := self._cradle.log.read_text()):
            assert time.monotonic() < end, f"it did not tell {text!r}: {told}"
            await asyncio.sleep(0.02)

    async def kill(self) -> Left:
        os.kill(self._pid, signal.SIGKILL)  # of one that has ended by itself the name is kept until it is asked for
        ended = await self._cradle.ended()
        assert ended == -signal.SIGKILL, f"it ended by itself with {ended}: {self._cradle.log.read_text()}"
        return _left(self._folder / _STORE, self._began, time.time())


class Cradle:
    """Starts ``syncline``, one process after the other, as forks of one that has done nothing but import it.

    That is two thirds of a start. All else is the process's own, from the command line on.
    """

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    async def start(self, folder: Path) -> Living:
        self.log.write_bytes(b"")
        return Living(self, folder, await self._ask("-C", str(folder), "run", "--every", "0.1", "--json"))

    async def ended(self) -> int:
        """The exit code of the one that was started, or less than zero for the signal that killed it."""
        return await self._ask()

    async def _ask(self, *words: str) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        return int(await self._process.stdout.readline())


@asynccontextmanager
async def cradle(log: Path) -> AsyncIterator[Cradle]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _FORKING, str(log)), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Cradle(process, log)
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()


async def sync(folder: Path) -> None:
    """``syncline sync``, to its end."""
    process = await asyncio.create_subprocess_exec(
        *RUN, "-C", str(folder), "sync", "--json", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (out + err).decode()


def unfinished(folder: Path) -> bool:
    """Whether anything is still open or due, or will be."""
    left = _left(folder / _STORE, 0, float(2**40))
    return bool(left.sent or left.due)


def _left(store: Path, began: float, now: float) -> Left:
    """Read from a copy: to open a store that was left in the middle is already to mend it."""
    with tempfile.TemporaryDirectory() as folder:
        for file in store.parent.glob(store.name + "*"):
            shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / store.name)) as copy:
            asked = "select count(*) from {} where {} ? * 1000000"
            sent = copy.execute(asked.format("intents", "opened >="), (began,)).fetchone()[0]
            older = copy.execute(asked.format("intents", "opened <"), (began,)).fetchone()[0]
            due = copy.execute(asked.format("arrivals", "due <="), (now,)).fetchone()[0]
    return Left(sent, older, due)
