"""A run that is to work by the project's files as they are now: asked and answered through the store, so that it does
not matter where it runs.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress

from syncline.project import Project, ProjectError, load
from syncline.store import Memory, Store, StoreLost

_ASKED = "reload asked for"
_ANSWERED = "reload answered"
_SERVED = "served by workers"
_GLANCE = 1.0
"""Seconds between looks at whether somebody asked."""


class NotReloaded(Exception):
    """Why not."""


def ask(store: Store) -> str:
    """What the answer will be known by."""
    token = secrets.token_hex(8)
    store.save(Memory(facts={_ASKED: token}))
    return token


def answered(store: Store, token: str) -> str | None:
    """``None`` while there is no answer; empty where the run works by the new files; else why it does not."""
    told, _, reasons = (store.fact(_ANSWERED) or "").partition("\n")
    return reasons if told == token else None


def is_served(store: Store) -> bool:
    """Whether workers take turns of it: between two of them nobody holds its lock."""
    return bool(store.fact(_SERVED))


def note_served(store: Store, served: str) -> None:
    """By workers (any text), or by a run (none)."""
    if (store.fact(_SERVED) or "") != served:
        store.save(Memory(facts={_SERVED: served}))


def last_asked(store: Store) -> tuple[str | None, bool]:
    """The token of who asked last, and whether an answer is waited for."""
    facts = store.facts([_ASKED, _ANSWERED])
    token = facts.get(_ASKED)
    return token, token is not None and facts.get(_ANSWERED, "").partition("\n")[0] != token


async def asked(project: Project, store: Store) -> tuple[Project, str]:
    """Wait until somebody asks, and the files are right: the project as it is now, and whom to `answer`.

    Where they are not, that is answered, and the run goes on as before.
    """
    token = done = store.fact(_ASKED)
    while True:
        await asyncio.sleep(_GLANCE)
        with suppress(StoreLost):
            token = store.fact(_ASKED)
        if token is None or token == done:
            continue
        done = token
        try:
            return read_again(project), token
        except NotReloaded as error:
            answer(store, token, str(error))


def read_again(project: Project) -> Project:
    """As its files are now. Raises `NotReloaded` where one cannot go on by them."""
    try:
        fresh = load(project.folder)
        fresh.check_secrets()
    except ProjectError as error:
        raise NotReloaded(str(error)) from error
    if fresh.store != project.store:
        raise NotReloaded("The store is another one now. Stop what runs, and start it again.")
    return fresh


def answer(store: Store, token: str, reasons: str = "") -> None:
    store.save(Memory(facts={_ANSWERED: f"{token}\n{reasons}"}))
