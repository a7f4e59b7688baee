"""Webhooks of a declared system: how a call shows that it is theirs, what it says, and how they are asked for."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from syncline.connectors.base import Call, ConnectorError, Heard, Hook, NotTheirs
from syncline.connectors.rest.answers import content
from syncline.connectors.rest.asking import Client
from syncline.connectors.rest.content import at
from syncline.connectors.rest.declaration import (
    Entity,
    HmacSignature,
    Signature,
    StandardSignature,
    Subscribe,
    Webhooks,
)
from syncline.connectors.wire import Answer


async def subscribe(client: Client, declared: Webhooks, hook: Hook, entities: Iterable[str]) -> bool:
    """Where the system can be asked for it; else a person tells it the address. Raises `ConnectorError`."""
    asked = declared.subscribe
    if asked is None:
        return False
    with client.trusted():
        told = at(content(await client.ask(asked.path, {})), asked.items)
    theirs = next((each for each in told if at(each, asked.url) == hook.url), None) if isinstance(told, list) else None
    body = _body(asked, hook, spelt(declared.sign, hook.secret), list(entities))
    method, path = ("POST", asked.path) if theirs is None else (asked.method, f"{asked.path}/{at(theirs, asked.id)}")
    answer = await client.send(method, path, body, {"Content-Type": asked.content_type} if theirs else {})
    if not isinstance(answer, Answer):
        raise ConnectorError(client.name, f"it does not take our address: {getattr(answer, 'message', answer)}")
    return True


def heard(declared: Webhooks, entities: Collection[Entity], hook: Hook, call: Call) -> Heard:
    """Raises `NotTheirs`."""
    if not _is_theirs(declared.sign, hook.secret, call):
        raise NotTheirs
    if declared.entity is None:
        return Heard(entities=None)
    try:
        told = at(msgspec.json.decode(call.body), declared.items)
    except msgspec.DecodeError as error:
        raise NotTheirs from error
    names = {at(each, declared.entity) for each in (told if isinstance(told, list) else [told])}
    return Heard(entities=frozenset(each.name for each in entities if each.path in names))


def spelt(sign: Signature, secret: bytes) -> str:
    """The secret as the system is to be told it."""
    return f"whsec_{b64encode(secret).decode()}" if isinstance(sign, StandardSignature) else secret.hex()


def _is_theirs(sign: Signature, secret: bytes, call: Call) -> bool:
    if isinstance(sign, HmacSignature):
        digest = hmac.new(secret.hex().encode(), call.body, hashlib.sha256).digest()
        wanted = digest.hex() if sign.encoding == "hex" else b64encode(digest).decode()
        return _same(call.headers.get(sign.header.lower(), ""), f"{sign.prefix}{wanted}")
    try:
        Webhook(secret).verify(call.body, dict(call.headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # the latter where it is none at all
        return False
    return True


def _same(told: str, wanted: str) -> bool:
    return hmac.compare_digest(told.encode(), wanted.encode())


def _body(asked: Subscribe, hook: Hook, secret: str, entities: list[str]) -> dict[str, Any]:
    values: Mapping[str, Any] = {"{url}": hook.url, "{secret}": secret, "{entities}": entities}
    return {name: values.get(value, value) for name, value in asked.body.items()}
