"""Webhooks of declared systems: Customerp's against its sandbox, and those that others sign in other ways."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from connectors_rest.test_customerp import CUSTOMERP
from engine.pair import Pair
from syncline.connectors.base import Call, ConnectorError, Heard, Hook, NotTheirs
from syncline.connectors.rest.connector import Rest
from syncline.connectors.rest.declaration import HmacSignature, Webhooks

HOOK = Hook(url="http://127.0.0.1:1/customerp", secret=b"0123456789" * 3)


@pytest_asyncio.fixture
async def rest(both: Pair) -> AsyncIterator[Rest]:
    async with Rest("customerp", CUSTOMERP, both.addresses["customerp"], {}) as connector:
        yield connector


def _declared(webhooks: Webhooks | None) -> Rest:
    return Rest("other", msgspec.structs.replace(CUSTOMERP, webhooks=webhooks), "http://127.0.0.1:1", {})


async def test_it_is_asked_once_and_told_again_what_changed(both: Pair, rest: Rest) -> None:
    assert await rest.subscribe(HOOK, {"customers", "orders"})
    (first,) = (await both.erp.ask("GET", "webhooks"))["items"]
    assert first["url"] == HOOK.url
    assert sorted(first["entities"]) == ["customers", "orders"]
    await both.erp.ask("PATCH", f"webhooks/{first['id']}", {"state": "disabled"})
    assert await rest.subscribe(HOOK, {"customers"})
    (again,) = (await both.erp.ask("GET", "webhooks"))["items"]
    assert (again["id"], again["entities"], again["state"]) == (first["id"], ["customers"], "active")


async def test_an_address_that_is_refused_is_told_in_the_systems_words(rest: Rest) -> None:
    with pytest.raises(ConnectorError, match=r"customerp: it does not take our address: It is no URL"):
        await rest.subscribe(Hook(url="ftp://nowhere", secret=HOOK.secret), {"customers"})


async def test_who_cannot_be_asked_is_left_to_a_person() -> None:
    declared = _declared(Webhooks(sign=HmacSignature(header="X-Signature")))
    assert declared.announced({"customers"}) == {"customers"}
    assert not await declared.subscribe(HOOK, {"customers"})
    silent = _declared(None)
    assert silent.announced({"customers"}) == frozenset()
    with pytest.raises(NotTheirs):
        silent.heard(HOOK, _standard(b"{}"))


# --- what is heard


def _standard(body: bytes, secret: bytes = HOOK.secret, age: float = 0.0) -> Call:
    at = str(int(time.time() - age))
    signed = hmac.new(secret, b"msg_1." + at.encode() + b"." + body, hashlib.sha256).digest()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{b64encode(b'x' * 32).decode()} v1,{b64encode(signed).decode()}",
    }
    return Call(query={}, headers=headers, body=body)


def _body(*entities: str) -> bytes:
    told: list[dict[str, Any]] = [{"entity": entity, "id": "a", "change": "updated"} for entity in entities]
    return msgspec.json.encode({"type": "records.changed", "data": told})


async def test_a_standard_webhook_says_where_to_look(rest: Rest) -> None:
    heard = rest.heard(HOOK, _standard(_body("customers", "orders", "customers", "of nobody")))
    assert heard == Heard(entities=frozenset({"customers", "orders"}))


@pytest.mark.parametrize(
    "call",
    [
        _standard(_body("customers"), secret=b"guessed" * 5),
        _standard(_body("customers"), age=400),
        _standard(_body("customers"), age=-40_000),
        _standard(b"no JSON"),
        Call(query={}, headers={}, body=_body("customers")),
        msgspec.structs.replace(_standard(_body("customers")), body=_body("orders")),
        msgspec.structs.replace(_standard(b"{}"), headers=dict.fromkeys(_standard(b"{}").headers, "1")),
        msgspec.structs.replace(_standard(b"{}"), body=b"\xff"),
    ],
    ids=["guessed", "old", "of the future", "no JSON", "unsigned", "altered", "nonsense", "no text"],
)
async def test_a_call_of_others_is_not_heard(rest: Rest, call: Call) -> None:
    with pytest.raises(NotTheirs):
        rest.heard(HOOK, call)


@pytest.mark.parametrize("encoding", ["hex", "base64"])
async def test_a_signature_in_a_header_of_its_own(encoding: Any) -> None:
    sign = HmacSignature(header="X-Hub-Signature-256", prefix="sha256=", encoding=encoding)
    declared = _declared(Webhooks(sign=sign))
    digest = hmac.new(HOOK.secret.hex().encode(), b"anything", hashlib.sha256).digest()
    told = digest.hex() if encoding == "hex" else b64encode(digest).decode()
    call = Call(query={}, headers={"x-hub-signature-256": f"sha256={told}"}, body=b"anything")
    assert declared.heard(HOOK, call) == Heard(entities=None)
    with pytest.raises(NotTheirs):
        declared.heard(HOOK, msgspec.structs.replace(call, body=b"anything else"))
    with pytest.raises(NotTheirs):
        declared.heard(HOOK, msgspec.structs.replace(call, headers={}))
