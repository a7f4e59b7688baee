"""``console``: served until it is told to stop, to this machine or to people who are known; and who they are."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import httpx
import pytest

from cli.calling import call, started
from cli.kept import kept
from syncline.console.passwords import matches
from syncline.project import load

PASSWORD = {"SECRET": "correct horse battery"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return kept(tmp_path)


def test_it_tells_its_address_and_a_link_that_signs_in_once(folder: Path) -> None:
    with started(folder, "console", "--port", "0") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = process.stdout.readline().strip()
        link = process.stderr.readline().strip().rpartition(" ")[2]
        with httpx.Client(base_url=address, follow_redirects=True) as client:
            assert "Overview" in client.get(link).text
            assert "Berglunds snabbköp" in client.get("/records?text=snabbkop").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert "Traceback" not in process.stderr.read()


def test_a_port_that_is_taken_is_told(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        called = call(folder, "console", "--port", str(port))
    assert (called.code, called.out) == (2, "")
    assert f"Port {port} of 127.0.0.1 is taken by another program: choose another." in called.err


def test_other_machines_are_not_served_before_there_is_a_user(folder: Path) -> None:
    called = call(folder, "console", "--host", "0.0.0.0", "--port", "0")
    assert (called.code, called.out) == (2, "")
    assert "syncline console user add NAME --role ROLE adds one." in called.err


def test_a_certificate_needs_its_key_and_must_be_one(folder: Path) -> None:
    called = call(folder, "console", "--port", "0", "--certificate", "no.pem")
    assert (called.code, "its key" in called.err) == (2, True)
    called = call(folder, "console", "--port", "0", "--certificate", "no.pem", "--key", "no.key")
    assert called.code == 2
    assert "The certificate or its key cannot be used: No such file or directory." in called.err


def test_users_are_added_listed_and_removed(folder: Path) -> None:
    assert call(folder, "console", "user", "list").err == "There is no user yet.\n"
    add = ("console", "user", "add", "anna", "--role", "resolve", "--password-from", "SECRET")
    assert call(folder, *add, environment=PASSWORD).err == "anna may sign in (resolve).\n"
    with load(folder).open_store() as store:
        (anna,) = store.users()
    assert anna.password.startswith("$argon2id$")
    assert matches(PASSWORD["SECRET"], anna.password)
    assert not matches("wrong horse battery", anna.password)
    called = call(folder, *add, environment=PASSWORD)
    assert (called.code, "anna is a user already" in called.err) == (2, True)
    (told,) = call(folder, "console", "user", "list", "--json").json["users"]
    assert (told["user"], told["role"]) == ("anna", "resolve")
    assert call(folder, "console", "user", "remove", "anna", "--json").json == {"removed": "anna"}
    called = call(folder, "console", "user", "remove", "anna")
    assert (called.code, "anna is no user" in called.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "environment", "why"),
    [
        (("anna", "--role", "see", "--password-from", "SECRET"), {"SECRET": "short"}, "at least 12 characters"),
        (("anna", "--role", "see", "--password-from", "SECRET"), {"SECRET": None}, "SECRET is not set"),
        (("anna", "--role", "see"), {}, "nobody to ask for a password"),
        (("anna", "--role", "king", "--password-from", "SECRET"), PASSWORD, "'king' is not one of"),
        (("  ", "--role", "see", "--password-from", "SECRET"), PASSWORD, "characters that can be seen"),
    ],
)
def test_who_cannot_be_added(
    folder: Path, arguments: tuple[str, ...], environment: dict[str, str | None], why: str
) -> None:
    called = call(folder, "console", "user", "add", *arguments, environment=environment)
    assert (called.code, why in called.err) == (2, True), called.err


def test_it_is_served_beside_the_passes(folder: Path) -> None:
    """The systems are away: the console shows what is remembered all the same."""
    with started(folder, "run", "--console", "0") as process:
        assert process.stderr is not None
        address = process.stderr.readline().strip()
        assert httpx.get(f"{address}sign-in").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_a_record_is_opened_in_the_console_that_is_served(folder: Path) -> None:
    nowhere = call(folder, "open", "Alfreds")
    assert (nowhere.code, nowhere.out) == (2, "")
    assert "No console is served for this project. Start one: syncline console" in nowhere.err
    with started(folder, "console", "--port", "0") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = process.stdout.readline().strip()
        link = process.stderr.readline().strip().rpartition(" ")[2]
        page = call(folder, "open", "Alfreds").lines
        assert page == [f"{address}records/customerp/customers/c1"]
        assert call(folder, "open", "Alfreds", "--json").json == {"address": page[0]}
        with httpx.Client(base_url=address, follow_redirects=True) as client:
            client.get(link)
            assert "Alfreds Futterkiste" in client.get(page[0]).text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert call(folder, "open", "Alfreds").code == 2
    assert "Nothing is remembered of nobody" in call(folder, "open", "nobody").err
