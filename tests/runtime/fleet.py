"""Companies of a folder, each with two systems of its own, and workers that serve them as processes of their own."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from cli.calling import started
from engine.pair import Pair, pair
from outages.company import Company
from postgres import Server
from syncline.store.address import PostgresSchema, parse

SECRET = "a secret of the tests, long enough"


class Served:
    """``pairs`` are the companies' systems and projects by name, ``companies`` the people in them."""

    def __init__(self, folder: Path, queue: str, pairs: dict[str, Pair]) -> None:
        self.folder = folder
        self.queue = queue
        self.pairs = pairs
        self.companies = {name: Company(each.erp, each.central) for name, each in pairs.items()}

    def start(self, *options: str, sweep: str = "0.5") -> subprocess.Popen[str]:
        """A worker."""
        arguments = ("worker", "--queue", self.queue, "--every", "0.2", "--sweep", sweep, *options)
        return started(self.folder, *arguments, environment={"HOOKS": SECRET})

    def turns_under_way(self, server: Server) -> int:
        """As the queue knows it: those of a worker that was just killed, too."""
        with server.connect() as connection:
            under_way = connection.execute(
                sql.SQL("SELECT count(*) FROM {}.procrastinate_jobs WHERE status = 'doing'").format(
                    schema_of(connection, self.queue)
                )
            ).fetchone()
        assert under_way is not None
        return int(under_way[0])

    @contextmanager
    def worker(self, *options: str, sweep: str = "0.5") -> Iterator[subprocess.Popen[str]]:
        """From when it serves until it is told to stop, which it has to obey."""
        process = self.start(*options, sweep=sweep)
        try:
            assert process.stderr is not None
            while "Serving" not in (line := process.stderr.readline()):
                assert line, "it ended at once"
            yield process
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=30)
            assert process.returncode == 0, (process.returncode, said)
        finally:
            process.kill()
            process.communicate(timeout=10)


@asynccontextmanager
async def served(folder: Path, server: Server, *names: str) -> AsyncIterator[Served]:
    async with AsyncExitStack() as stack:
        pairs = {name: await stack.enter_async_context(pair(folder, server.address(), name)) for name in names}
        yield Served(folder, server.address(), pairs)
        for each in pairs.values():
            each.check_journal()


def schema_of(admin: psycopg.Connection, queue: str) -> sql.Identifier:
    """Where the queue of this address is: the name has a version in it."""
    address = parse(queue)
    assert isinstance(address, PostgresSchema)
    found = admin.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE %s", [f"{address.schema}\\_0%"])
    ((name,),) = found.fetchall()
    return sql.Identifier(name)
