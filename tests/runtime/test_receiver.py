"""The addresses that systems call, over real HTTP: who is heard, who is not, and what anybody can make of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import msgspec
import pytest_asyncio

from engine.pair import Pair
from runtime.living import SECRET
from syncline.connectors.base import PROOF, Hook
from syncline.listening import Place, listening
from syncline.project import load
from syncline.records import Ref
from syncline.runtime.announcements import Announcements, News
from syncline.runtime.hearing import by_side, ears_of
from syncline.runtime.receiver import create_app

CENTRAL = Hook(url="", secret=b"of business central")


class Heard:
    def __init__(self, address: str, announcements: Announcements) -> None:
        self.address = address
        self.announcements = announcements

    async def call(self, path: str, body: bytes = b"", method: str = "POST") -> tuple[int, str, str | None]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.address + path, data=BytesIO(body)) as answer,
        ):
            return answer.status, await answer.text(), answer.headers.get(PROOF)


@pytest_asyncio.fixture
async def heard(both: Pair) -> AsyncIterator[Heard]:
    async with both.setup() as setup:
        announcements = Announcements(setup.flows.values())
        app = create_app(by_side(ears_of(setup.systems, {"businesscentral": CENTRAL}, announcements)))
        async with listening(app, Place(port=0)) as address:
            yield Heard(address, announcements)


def _deleted(state: str) -> bytes:
    resource = "api/v2.0/companies(c)/customers(a)"
    return msgspec.json.encode({"value": [{"resource": resource, "changeType": "deleted", "clientState": state}]})


async def test_what_a_system_says_is_where_is_looked(heard: Heard) -> None:
    status, body, _ = await heard.call("any/path/businesscentral", _deleted(CENTRAL.secret.hex()))
    assert (status, body) == (200, "")
    assert heard.announcements.any.is_set()
    ref = Ref("customers", "businesscentral", "a")
    wanted = News(flow_sides=frozenset({("customers", "businesscentral")}), gone=frozenset({ref}))
    assert heard.announcements.take() == wanted
    assert not heard.announcements.any.is_set()
    assert heard.announcements.take() == News()
    assert (heard.announcements.heard, heard.announcements.refused) == ({"businesscentral": 1}, {})


async def test_a_handshake_is_answered_at_once(heard: Heard) -> None:
    status, body, _ = await heard.call("businesscentral?validationToken=a-b%20c")
    assert (status, body) == (200, "a-b c")
    assert heard.announcements.take() == News()


async def test_who_does_not_know_the_secret_is_not_heard(heard: Heard) -> None:
    assert (await heard.call("businesscentral", _deleted("guessed")))[0] == 401
    assert (await heard.call("businesscentral", b""))[0] == 401
    assert (await heard.call("customerp", _deleted(CENTRAL.secret.hex())))[0] == 404  # it has no hook
    assert (await heard.call("nobody", _deleted(CENTRAL.secret.hex())))[0] == 404
    assert (await heard.call("businesscentral", b"", "PUT"))[0] == 405
    assert heard.announcements.take() == News()
    assert (heard.announcements.heard, heard.announcements.refused) == ({}, {"businesscentral": 2})


async def test_a_call_that_is_too_long_is_cut_off(heard: Heard) -> None:
    assert (await heard.call("businesscentral", b" " * (5 * 1024 * 1024 + 1)))[0] == 413


async def test_a_doctor_can_tell_whose_it_is(heard: Heard) -> None:
    status, _, told = await heard.call("businesscentral", method="GET")
    assert (status, told) == (204, CENTRAL.proof)
    assert CENTRAL.secret.hex() not in str(told)


async def test_every_side_has_a_secret_of_its_own(both: Pair) -> None:
    file = both.folder / "syncline.yaml"
    file.write_text(f"{file.read_text()}\nwebhooks: {{url: 'https://sync.example.com/hooks/', secret: {SECRET}}}\n")
    hooks = load(both.folder).hooks({SECRET: "x" * 24})
    assert {side: hook.url for side, hook in hooks.items()} == {
        "customerp": "https://sync.example.com/hooks/customerp",
        "businesscentral": "https://sync.example.com/hooks/businesscentral",
    }
    assert hooks["customerp"].secret != hooks["businesscentral"].secret
    assert "***" in repr(hooks["customerp"])
