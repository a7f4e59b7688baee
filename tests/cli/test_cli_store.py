"""Where the store is kept: in PostgreSQL as in a file, moved from one to the other, upgraded."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from cli.calling import Systems, call, edit
from cli.kept import kept
from cli.test_cli_run import running, until
from postgres import Server
from store.test_upgrading import made
from syncline.cli.failing import failure
from syncline.project import load
from syncline.store import StoreLost
from syncline.store.tables import REVISION

FILE = "syncline.yaml"


@pytest.fixture
def served(project: Path, server: Server) -> Path:
    """A project of customers only, whose store is in PostgreSQL."""
    edit(project / FILE, "flows: flows", "flows: [flows/customers.yaml]")
    edit(project / FILE, "sqlite:///syncline.db", server.address())
    return project


def test_all_commands_work_on_a_store_in_postgresql(systems: Systems, served: Path) -> None:
    assert call(served, "doctor").out.startswith("well   store: postgresql://postgres@/postgres?")
    assert call(served, "sync").code == 0, "what other tests left"
    systems.erp.made("customers", name="Journey of the ERP", hold="none")
    systems.erp.made("customers", name="Journey of nowhere", currency="QQQ", hold="none")
    planned = call(served, "plan", "--json").json["rows"]
    assert ("create", "Journey of the ERP") in {(row["step"], row["name"]) for row in planned}
    passed = call(served, "sync", "--json")
    assert passed.code == 0
    assert passed.json["flows"]["customers"]["created"] == {"customerp": 0, "businesscentral": 1}
    status = call(served, "status", "--json").json["flows"]["customers"]
    assert status["linked"] >= 1
    (parked,) = (each for each in call(served, "parked", "--json").json["parked"] if each["name"].endswith("nowhere"))
    systems.erp.patch(f"customers/{parked['id']}", {"currency": None})
    assert call(served, "sync").code == 0
    names = [each["name"] for each in call(served, "parked", "--json").json["parked"]]
    assert "Journey of nowhere" not in names
    assert call(served, "verify", "--json").json["compared"]["customers"] >= 2
    (link, *_) = call(served, "links", "--json", "Journey of the ERP").json["links"]
    assert call(served, "history", link["members"]["customerp"]).code == 0
    assert not (served / "syncline.db").exists()


def test_a_run_goes_on_when_the_server_was_started_anew(systems: Systems, served: Path, server: Server) -> None:
    with running(served) as process:
        until(process.stderr, "Running")
        systems.erp.made("customers", name="Before the restart", hold="none")
        until(process.stdout, "created in businesscentral")
        server.stop()
        until(process.stderr, "What was saved stays. The next try is in")
        server.start()
        until(process.stderr, "It works again.")
        systems.erp.made("customers", name="After the restart", hold="none")
        until(process.stdout, "created in businesscentral")
        with load(served).open_store() as store:
            worker = store.worker()
            assert worker
            assert worker[1] == "syncline run"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_store_that_is_away_ends_a_command_with_a_sentence(served: Path, server: Server) -> None:
    assert call(served, "status").code == 0
    server.stop()
    try:
        told = call(served, "status")
    finally:
        server.start()
    assert told.code == 2
    assert told.err.startswith("Error: postgresql://postgres@/postgres?")
    assert "cannot be used as a store: connection " in told.err
    lost = failure(StoreLost("The store cannot be used just now."))
    assert lost
    assert (lost.exit_code, lost.message) == (3, "The store cannot be used just now.")


def test_the_store_moves_and_the_file_names_it(tmp_path: Path, server: Server) -> None:
    project = kept(tmp_path / "project")
    address = server.address()
    edit(project / FILE, "syncline.db", "syncline.db  # not for version control")
    before = (project / FILE).read_text()
    links = call(project, "links", "--json").json
    moved = call(project, "store", "move", address)
    assert moved.code == 0
    assert f"are in {load(project).store} now, and were compared with sqlite:///" in moved.out
    assert (project / FILE).read_text() == before.replace("sqlite:///syncline.db", address)
    assert call(project, "links", "--json").json == links
    assert call(project, "store").out == f"{load(project).store} (schema {REVISION})\n"
    back = call(project, "store", "move", "sqlite:///syncline.db")
    assert back.code == 2
    assert "has something in it, so nothing was copied. If nobody needs that, delete " in back.err
    (project / "syncline.db").unlink()
    again = call(project, "store", "move", "sqlite:///syncline.db", "--json").json
    assert again["tables"]["links"] == 4
    assert again["rows"] == sum(again["tables"].values())
    assert again["edited"] is True
    assert (project / FILE).read_text() == before
    assert call(project, "links", "--json").json == links


def test_a_move_may_leave_the_file_to_a_person(tmp_path: Path, server: Server) -> None:
    project = kept(tmp_path / "project")
    before = (project / FILE).read_text()
    address = server.address()
    moved = call(project, "store", "move", address, "--no-edit")
    assert moved.code == 0
    assert moved.err.endswith(f"Nothing uses it yet. Write in {FILE}:\n\nstore: {address}\n\n")
    assert (project / FILE).read_text() == before


def test_a_store_that_was_not_named_is_named_after_a_move(tmp_path: Path) -> None:
    project = kept(tmp_path / "project")
    edit(project / FILE, "store: sqlite:///syncline.db\n", "")
    before = (project / FILE).read_text()
    assert call(project, "store", "move", "sqlite:///with space.db").code == 0
    assert (project / FILE).read_text() == before.replace("systems:", 'store: "sqlite:///with space.db"\nsystems:', 1)
    assert load(project).store.endswith("/with space.db")


def test_mistakes_in_the_address_are_told_without_the_password(tmp_path: Path) -> None:
    project = kept(tmp_path / "project")
    told = call(project, "store", "move", "postgresql://anna:secret@host/books")
    assert told.code == 2
    assert "the address has a password in it" in told.err
    edit(project / FILE, "sqlite:///syncline.db", "postgresql://anna:secret@host/books")
    read = call(project, "status")
    assert read.code == 2
    assert read.err.startswith(f"Error: {FILE}:3: store: the address has a password in it. Take it out: ")
    assert "secret" not in told.err + read.err


def test_nothing_moves_while_syncline_works(tmp_path: Path, server: Server) -> None:
    project = kept(tmp_path / "project")
    with load(project).open_store() as store, store.lock("syncline run"):
        assert call(project, "store", "move", server.address()).code == 4
        assert call(project, "upgrade").code == 4


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_store_of_an_earlier_syncline_waits_for_an_upgrade(project: Path, server: Server, database: str) -> None:
    if database == "postgresql":
        edit(project / FILE, "sqlite:///syncline.db", server.address())
    address = load(project).store
    made(address, "0003")
    refused = call(project, "status")
    assert refused.code == 2
    before = "A copy of it is kept beside it by:" if database == "sqlite" else "Back up the database, then say:"
    assert refused.err.endswith(f"(schema 0003; this one needs {REVISION}). {before} syncline upgrade\n")
    done = call(project, "upgrade")
    assert (done.code, done.out) == (0, f"{address} was brought from schema 0003 to {REVISION}.\n")
    assert ("syncline.db.before-" in done.err) == (database == "sqlite")
    assert call(project, "status").code == 0
    assert call(project, "upgrade", "--json").json == {"store": address, "upgraded": None}
