"""The database is ours, of the right age, worked on by one at a time, and can be copied."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from postgres import Server
from store.catalog import catalog, plain
from store.test_saving import EVERYTHING, told
from syncline import store as package
from syncline.store import Memory, Store, StoreError, StoreLocked
from syncline.store.address import SqliteFile
from syncline.store.schema import VERSION_TABLE, migrate
from syncline.store.tables import REVISION, metadata


def migrated(url: str) -> str:
    """A store that has come all the way, from the first schema on."""
    with plain(url) as database, database.write() as connection:
        migrate(connection, database.address)
    return url


def version(url: str) -> str:
    with Store.open(url) as store, store._database.look() as connection:
        return str(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one())


def test_the_migrations_make_what_the_tables_say(url: str) -> None:
    # the words' index is each database's own, and so are the tables that SQLite keeps it in
    opts = {
        "version_table": VERSION_TABLE,
        "compare_type": True,
        "include_name": lambda name, kind, _: not str(name).startswith("word_index"),
    }
    with Store.open(migrated(url)) as store, store._database.look() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=opts), metadata) == []


def test_the_migrations_make_just_what_the_tables_say(file_url: str, tmp_path: Path) -> None:
    """What the comparison does not look at: without rowid, and what goes along with what."""
    made = f"sqlite:///{tmp_path}/made.db"
    Store.open(made).close()
    assert catalog(migrated(file_url)) == catalog(made)
    assert version(file_url) == version(made) == REVISION


def test_the_migrations_make_just_what_the_tables_say_in_postgresql(server: Server) -> None:
    """What the comparison does not look at: collations, triggers, the words' index."""
    came, made = migrated(server.address("migrated")), server.address("made")
    Store.open(made).close()
    found = catalog(came)
    assert found == catalog(made)
    assert version(came) == version(made) == REVISION
    assert [name for name, column in found.items() if column.startswith("text") and "C" not in column] == []


def test_the_revision_named_in_the_tables_is_the_newest() -> None:
    folder = Path(package.__file__).with_name("migrations")
    assert ScriptDirectory(str(folder)).get_heads() == [REVISION]


def test_what_was_saved_is_there_when_the_store_is_opened_again(url: str) -> None:
    with Store.open(url) as store:
        store.save(Memory(facts={"customerp": "https://erp.example"}))
    with Store.open(url) as store:
        assert store.fact("customerp") == "https://erp.example"
        assert store.fact("other") is None


def test_a_commit_waits_for_the_disk_and_readers_do_not_wait_for_writers(file_url: str) -> None:
    with Store.open(file_url) as store, store._database.look() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_commit_waits_for_the_disk_whatever_postgresql_is_told(server: Server) -> None:
    with server.connect() as admin, Store.open(server.address()) as store:
        admin.execute("ALTER ROLE postgres SET synchronous_commit = off")
        try:
            with store._database.look() as connection:
                assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        finally:
            admin.execute("ALTER ROLE postgres RESET synchronous_commit")


def test_a_database_of_a_newer_syncline_is_refused(url: str) -> None:
    with Store.open(url) as store, store._database.write() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"was written by a newer Syncline \(schema 9999\)"):
        Store.open(url)


def test_another_programs_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE invoices (id)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"another program's database\. Name another file"):
        Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_another_programs_schema_is_refused_and_left_as_it_was(server: Server) -> None:
    with server.connect() as admin:
        admin.execute("CREATE SCHEMA theirs")
        admin.execute("CREATE TABLE theirs.invoices (id integer)")
        with pytest.raises(StoreError, match=r"another program's database\. Name another schema"):
            Store.open(server.address("theirs"))
        assert admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'theirs'").fetchall() == [
            ("invoices",)
        ]


def test_two_companies_share_a_database_and_nothing_else(server: Server) -> None:
    with Store.open(server.address("acme")) as acme, Store.open(server.address("zorro")) as zorro:
        acme.save(Memory(facts={"a": "1"}))
        with acme.lock("syncline run"), zorro.lock("syncline run"):
            assert zorro.fact("a") is None


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"schema=acme cannot be used as a store: .*No such file"):
        Store.open(f"postgresql://anna@/books?host={tmp_path}&schema=acme")


def test_a_password_comes_from_the_environment_and_nobody_need_be_an_administrator(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.role("anna", "secret")
    address = server.address("annas").replace("postgres@", "anna@")
    with pytest.raises(StoreError, match=r"no password supplied\. PGPASSWORD or the file ~/\.pgpass gives"):
        Store.open(address)
    monkeypatch.setenv("PGPASSWORD", "secret")
    with Store.open(address) as store, Store.open(address) as other:
        store.save(EVERYTHING)
        with store.lock("syncline run"), pytest.raises(StoreLocked, match="syncline run"), other.lock("syncline sync"):
            pass
        assert told(store) == told(other)
    monkeypatch.delenv("PGPASSWORD")
    (tmp_path / "pass").write_text("*:*:*:anna:secret")
    (tmp_path / "pass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pass"))
    Store.open(address).close()
    with server.connect() as admin:
        admin.execute("CREATE SCHEMA closed")
        with pytest.raises(StoreError, match=r"its user may not use the schema.*: ALTER SCHEMA closed OWNER TO"):
            Store.open(server.address("closed").replace("postgres@", "anna@"))
        admin.execute("ALTER SCHEMA closed OWNER TO anna")
        Store.open(server.address("closed").replace("postgres@", "anna@")).close()
        admin.execute("REVOKE CREATE ON DATABASE postgres FROM anna")
        with pytest.raises(StoreError, match=r"permission denied for database postgres\.$"):
            Store.open(server.address("another").replace("postgres@", "anna@"))


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Remember the milk. " * 100)
    with pytest.raises(StoreError, match=r"notes\.txt cannot be used as a store: file is not a database"):
        Store.open(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used as a store"):
        Store.open(f"sqlite:///{tmp_path}/file/syncline.db")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("syncline.db", "that is no database address. Write sqlite:///path/to/file.db, or postgresql://"),
        ("sqlite://", "sqlite:// is neither a SQLite file nor a PostgreSQL database. Write sqlite:///path"),
        ("sqlite:///:memory:", "is neither a SQLite file"),
        ("mysql://host/db", "mysql://host/db is neither"),
        ("postgresql://host", "postgresql://host is neither"),
        ("postgresql://host:port/books", "that is no database address"),
        ("postgresql://anna:secret@host/books", "the address has a password in it. Take it out: the environment"),
        ("postgresql://anna@host/books?password=secret", "the address has a password in it"),
        ("postgresql://host/books?schema=Acme", "Acme is no name of a schema here. Use small letters"),
        ("postgresql://host/books?schema=pg_acme", "pg_acme is no name of a schema here"),
        ("postgresql://host/books?schema=a&schema=b", "a and b is no name of a schema here"),
        ("postgresql://host/books?options=-cjit%3Don", "the address sets options"),
    ],
)
def test_an_address_that_cannot_be_a_store_is_refused_without_telling_a_password(url: str, told: str) -> None:
    with pytest.raises(StoreError, match=re.escape(told)) as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)


@contextmanager
def another_process(url: str) -> Iterator[subprocess.Popen[str]]:
    """Holds the lock until it is told to end."""
    code = (
        "import sys\n"
        "from syncline.store import Store\n"
        "with Store.open(sys.argv[1]) as store, store.lock('syncline run'):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, url], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_second_worker_is_told_who_holds_the_lock(store: Store, url: str) -> None:
    with another_process(url) as other:
        with pytest.raises(StoreLocked, match=rf"syncline run \(process {other.pid}\)") as told, store.lock("sync"):
            pass
        assert told.value.pid == other.pid
        store.save(Memory(facts={"a": "b"}))  # a small change by a person needs no lock
    with store.lock("syncline sync"):
        pass


def test_the_lock_ends_with_its_holder_however_it_dies(store: Store, url: str) -> None:
    with another_process(url) as other:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        while store.worker() is not None:  # a server takes a moment to see that a client is gone
            time.sleep(0.01)
        with store.lock("syncline sync"):
            pass


def test_the_lock_also_holds_within_one_process(store: Store) -> None:
    with store.lock("syncline run"):
        with pytest.raises(StoreLocked) as told, store.lock("syncline sync"):
            pass
        assert told.value.pid == os.getpid()


def test_a_scratch_copy_knows_all_and_changes_nothing(store: Store) -> None:
    store.save(Memory(facts={"a": "1"}))
    with store.scratch() as copy:
        assert copy.fact("a") == "1"
        copy.save(Memory(facts={"a": "2"}))
        assert copy.fact("a") == "2"
        place = cast(SqliteFile, copy._database.address).path
        assert place.exists()
    assert not place.exists()
    assert store.fact("a") == "1"


def test_a_process_killed_while_it_makes_the_schema_leaves_a_database_that_opens(url: str) -> None:
    code = """
import os, signal, sys
from sqlalchemy import Engine, event
from syncline.store import Store

@event.listens_for(Engine, "after_cursor_execute")
def die(connection, cursor, statement, *rest):
    if "CREATE TABLE waits" in statement:
        os.kill(os.getpid(), signal.SIGKILL)

Store.open(sys.argv[1])
"""
    died = subprocess.run([sys.executable, "-c", code, url], check=False, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    with Store.open(url) as store:
        assert store.counts() == {}
