"""The database is ours, of the right age, worked on by one at a time, and can be copied."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from syncline import store as package
from syncline.records import Create, Link, LinkState, Ref, Shadow
from syncline.store import Entry, Intent, Memory, Store, StoreError, StoreLocked
from syncline.store.database import VERSION_TABLE
from syncline.store.tables import REVISION, metadata


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def schema(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: " ".join(sql.split()) for name, sql in rows if name != VERSION_TABLE}


def test_the_migrations_make_what_the_tables_say(url: str, tmp_path: Path) -> None:
    Store.open(url).close()
    engine = create_engine(url)
    # the words' index is a table of SQLite's own, and so are those that it keeps itself in
    opts = {
        "version_table": VERSION_TABLE,
        "compare_type": True,
        "include_name": lambda name, kind, _: not (kind == "table" and str(name).startswith("word_index")),
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    told = create_engine(f"sqlite:///{tmp_path}/told.db")
    metadata.create_all(told)
    told.dispose()
    # what the comparison does not look at: without rowid, and what goes along with what
    assert schema(file_of(url)) == schema(tmp_path / "told.db")


def test_the_revision_named_in_the_tables_is_the_newest() -> None:
    folder = Path(package.__file__).with_name("migrations")
    assert ScriptDirectory(str(folder)).get_heads() == [REVISION]


def test_what_was_saved_is_there_when_the_store_is_opened_again(url: str) -> None:
    with Store.open(url) as store:
        store.save(Memory(facts={"customerp": "https://erp.example"}))
    with Store.open(url) as store:
        assert store.fact("customerp") == "https://erp.example"
        assert store.fact("other") is None


def test_a_commit_waits_for_the_disk_and_readers_do_not_wait_for_writers(store: Store) -> None:
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_database_of_an_earlier_syncline_is_brought_to_date_with_nothing_lost(url: str) -> None:
    """One of the first schema, with a write under way: it must still be known when the newer Syncline looks."""
    under_way = Intent(
        id="i1",
        flow="customers",
        link="L1",
        side="bc",
        record=None,
        write=Create(key="i1", fields={"displayName": "Anna"}, lines=({"quantity": 1},)),
        values={"name": "Anna"},
        opened=datetime(2026, 1, 1, 12, tzinfo=UTC),
    )
    with Store.open(url) as store:
        store.save(Memory(opened=[under_way]))
    now = schema(file_of(url))
    with closing(sqlite3.connect(file_of(url))) as db, db:
        db.execute("ALTER TABLE intents ADD COLUMN lines TEXT")
        undo_console(db)
        db.execute("ALTER TABLE journal DROP COLUMN whole")
        for table in ("apart", "answers", "wishes", "holds"):
            db.execute(f"DROP TABLE {table}")
        db.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0001'")
    with Store.open(url) as store:
        assert store.open_intents() == (under_way,)
    assert schema(file_of(url)) == now


def test_what_people_look_at_is_filled_from_what_an_earlier_syncline_remembered(url: str) -> None:
    ref = Ref("customers", "erp", "1")
    link = Link(id="L1", flow="customers", members={"erp": "1"}, state=LinkState.RESTING)
    with Store.open(url) as store:
        store.save(
            Memory(
                links=[link],
                shadows={("L1", "erp"): Shadow(version=None, values={"name": "Åsa Öberg", "email": "asa@oberg.se"})},
                journal=[
                    Entry(at=datetime(2026, 1, 1, tzinfo=UTC), flow="customers", link="L1", ref=ref, action="linked")
                ],
            )
        )
    now = schema(file_of(url))
    with closing(sqlite3.connect(file_of(url))) as db, db:
        undo_console(db)
        db.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0003'")
    with Store.open(url) as store:
        assert [pair.link for pair in store.search("oberg asa")] == [link]
        assert store.standing("customers", datetime.now(UTC)).resting == store.counts()["customers"].resting == 1
        assert [(e.action, e.by) for e in store.history(ref)] == [("linked", None)]
    assert schema(file_of(url)) == now


def undo_console(db: sqlite3.Connection) -> None:
    """The schema before the console and the names of those who said something."""
    for trigger in ("words_came", "words_went", "words_changed", "links_came", "links_went", "links_changed"):
        db.execute(f"DROP TRIGGER {trigger}")
    db.execute("DROP INDEX ix_parked_cause_flow_since_side_id")
    for table in ("word_index_terms", "word_index", "words", "tallies", "lags", "users", "sessions"):
        db.execute(f"DROP TABLE {table}")
    for table in ("journal", "answers", "wishes"):
        db.execute(f'ALTER TABLE {table} DROP COLUMN "by"')


def test_a_database_of_a_newer_syncline_is_refused(url: str) -> None:
    Store.open(url).close()
    with closing(sqlite3.connect(file_of(url))) as db, db:
        db.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"syncline\.db was written by a newer Syncline \(schema 9999\)"):
        Store.open(url)


def test_another_programs_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE invoices (id)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's database"):
        Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Remember the milk. " * 100)
    with pytest.raises(StoreError, match=r"notes\.txt cannot be used as a store: file is not a database"):
        Store.open(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used as a store"):
        Store.open(f"sqlite:///{tmp_path}/file/syncline.db")


@pytest.mark.parametrize("url", ["syncline.db", "sqlite://", "sqlite:///:memory:", "mysql://host/db"])
def test_an_address_that_means_no_file_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="sqlite:///path/to/file"):
        Store.open(url)


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
        place = copy._path
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
