"""The console, served by a thread of this process on a real socket, and people who use it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

from console.elsewhere import elsewhere
from syncline.console.passwords import hashed
from syncline.console.serving import Served, served
from syncline.listening import Place
from syncline.project import load
from syncline.store import Role, Store, User

PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')
ROLES: tuple[Role, ...] = ("see", "resolve", "administer")


class Console:
    """Where it is, and the store that it shows."""

    def __init__(self, at: Served, store: Store) -> None:
        self.address = at.address.rstrip("/")
        self.link = at.link or ""
        self.store = store

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=30, **options)

    @contextmanager
    def signed_in(self, role: Role = "administer") -> Iterator[Person]:
        with self.client() as client:
            person = Person(client)
            assert person.sign_in(role).status_code == 303
            yield person


class Person:
    """Somebody with a browser, who fills in the forms that they see."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        form = {"token": self.token("/sign-in"), "name": name, "password": password, "next": "/"}
        return self.client.post("/sign-in", data=form)

    def token(self, path: str) -> str:
        """That of the forms on a page."""
        found = _TOKEN.search(self.client.get(path).text)
        assert found is not None
        return found[1]

    def send(self, path: str, form: Mapping[str, Any], page: str = "/") -> httpx.Response:
        """A form of a page; what is shown after it."""
        return self.client.post(path, data={"token": self.token(page), **form}, follow_redirects=True)


@lru_cache(maxsize=1)
def _hashed(password: str) -> str:
    """It takes a moment, on purpose."""
    return hashed(password)


def add_users(store: Store) -> None:
    """One of each role, called so."""
    password = _hashed(PASSWORD)
    for role in ROLES:
        if store.user(role) is None:
            since = datetime(2026, 1, 1, tzinfo=UTC)
            store.add_user(User(name=role, role=role, password=password, since=since))


@contextmanager
def console(folder: Path, *, users: bool = True, place: Place | None = None) -> Iterator[Console]:
    """The console of a project."""
    project = load(folder)
    with elsewhere() as there, project.open_store() as store:
        if users:
            add_users(store)
        serving = served(project, store, place or Place(port=0), "ole")
        at = there.run(serving.__aenter__())
        try:
            yield Console(at, store)
        finally:
            there.run(serving.__aexit__(None, None, None))
