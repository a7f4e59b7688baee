"""The address ``/api/webhooks``: what may be asked for, and what is answered. A secret is taken and never told."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs

from syncline.sandbox.calling import Caller, Uncallable
from syncline.sandbox.customerp.checking import checked, merged
from syncline.sandbox.customerp.database import Database
from syncline.sandbox.customerp.entities import ENTITIES
from syncline.sandbox.customerp.model import Kind, Property
from syncline.sandbox.customerp.problems import Mistake, Problem, invalid
from syncline.sandbox.customerp.webhooks import messages
from syncline.sandbox.customerp.webhooks.store import State, Store, Webhook

MOST = 100
"""How many webhooks there may be."""

PROPERTIES = (
    Property(name="url", kind=Kind.TEXT, max_length=2_000, about="Where changes are posted to."),
    Property(name="entities", kind=Kind.TEXTS, members=tuple(ENTITIES), about="Of what; empty is of all."),
    Property(
        name="secret",
        kind=Kind.TEXT,
        max_length=200,
        about=f"{messages.PREFIX} and the base64 of {messages.SHORTEST} to {messages.LONGEST} bytes. Never told.",
    ),
    Property(
        name="state",
        kind=Kind.ENUM,
        members=("active", "disabled"),
        default="active",
        about="What changes while it is disabled is told once it is active again.",
    ),
)
STAMPS = ("id", "createdAt", "disabledReason", "lastDelivery")


class _Wanted(Struct, frozen=True):
    url: str
    entities: tuple[str, ...]
    secret: str
    state: State


class Registering:
    def __init__(self, database: Database, store: Store, caller: Caller) -> None:
        self._database = database
        self._store = store
        self._caller = caller

    def list(self) -> bytes:
        return msgspec.json.encode({"items": [_told(webhook) for webhook in self._store.all()]})

    def get(self, name: str) -> bytes:
        """Raises `Problem`."""
        return msgspec.json.encode(_told(self._existing(name)))

    def create(self, body: Any) -> tuple[str, bytes]:
        """Its id and the answer: from now on changes are told there. Raises `Problem`."""
        wanted = self._wanted(body)
        self._check_free(wanted.url)
        if self._store.count() >= MOST:
            raise Problem(409, f"There are {MOST} webhooks, and there may not be more: delete one first.")
        webhook = Webhook(
            id=secrets.token_hex(12),
            created_at=self._database.now(),
            told=self._database.end(),
            reason=_reason(wanted),
            **structs.asdict(wanted),
        )
        self._store.save(webhook)
        return webhook.id, self.get(webhook.id)

    def update(self, name: str, patch: Any) -> bytes:
        """The webhook with the merge patch in it. Raises `Problem`."""
        before = self._existing(name)
        held = {said.name: getattr(before, said.name) for said in PROPERTIES}
        wanted = self._wanted(merged({**held, "entities": list(before.entities)}, patch))
        if wanted.url != before.url:
            self._check_free(wanted.url)
        after = structs.replace(before, **structs.asdict(wanted))
        if after.state != before.state:
            after = structs.replace(after, reason=_reason(wanted), message=None)
        if (after.url, after.entities) != (before.url, before.entities):
            after = structs.replace(after, message=None)
            if not self._store.waiting(before, 1):  # nothing is told of what was before
                after = structs.replace(after, told=self._database.end())
        self._store.save(after)
        return self.get(name)

    def delete(self, name: str) -> None:
        """Raises `Problem`."""
        self._store.remove(self._existing(name).id)

    def _existing(self, name: str) -> Webhook:
        webhook = self._store.get(name)
        if webhook is None:
            raise Problem(404, f"None of the webhooks has the id {name}.")
        return webhook

    def _wanted(self, body: Any) -> _Wanted:
        """Raises `Problem` with all that is wrong."""
        given, mistakes = checked(PROPERTIES, body, STAMPS)
        wrong = {mistake.property for mistake in mistakes}
        if "url" not in wrong and (why := self._uncallable(given["url"])):
            mistakes.append(Mistake("url", why))
        if "secret" not in wrong and (why := _unusable(given["secret"])):
            mistakes.append(Mistake("secret", why))
        if mistakes:
            raise invalid(mistakes)
        entities = tuple(name for name in ENTITIES if name in given["entities"] or not given["entities"])
        return _Wanted(given["url"], entities, given["secret"], given["state"])

    def _uncallable(self, url: str | None) -> str | None:
        if url is None:
            return "Say where changes are to be posted to."
        try:
            self._caller.check(url)
        except Uncallable as why:
            return f"It {why}."
        return "Leave out the user: what is told is signed." if "@" in urlsplit(url).netloc else None

    def _check_free(self, url: str) -> None:
        if name := self._store.at(url):
            message = f"The webhook {name} tells it already."
            raise Problem(409, f"url: {message}", [Mistake("url", message)], {"Location": f"/api/webhooks/{name}"})


def _unusable(secret: str | None) -> str | None:
    if secret is None:
        return "Say what the messages are to be signed with."
    try:
        messages.check_secret(secret)
    except ValueError as why:
        return str(why)
    return None


def _reason(wanted: _Wanted) -> str | None:
    return "It was asked for." if wanted.state == "disabled" else None


def _told(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "entities": webhook.entities,
        "state": webhook.state,
        "disabledReason": webhook.reason,
        "createdAt": webhook.created_at,
        "lastDelivery": webhook.last,
    }
