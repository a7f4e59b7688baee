from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import Any

import pytest

from connectors_businesscentral.between import between
from connectors_businesscentral.views import ITEMS, Asked, connected, faults, item, mark, pages, records, still_ordered
from sandbox_businesscentral.central import Central, running
from syncline.connectors.base import ConnectorError, SignInRefused
from syncline.connectors.businesscentral.connector import LIMITS, BusinessCentral
from syncline.connectors.businesscentral.http import Http
from syncline.connectors.businesscentral.signin import auth_from
from syncline.connectors.signin import Anonymous, Basic, Bearer, ClientCredentials
from syncline.connectors.wire import Limits, Unanswered, Unsent
from syncline.records import Create, Done, Unavailable, Unknown, Update

QUICK = Limits(tries=2, patience=5.0, timeout=10.0)
SECRET = "a-secret-nobody-may-see"


def new_item(number: str) -> Create:
    return Create(key=number, fields={"number": number, "displayName": "N", "baseUnitOfMeasureCode": "PCS"})


def there(central: Central, number: str) -> bool:
    return bool(central.get(f"items?$filter=number eq '{number}'").value)


@pytest.mark.parametrize("kind", ["429", "503"])
async def test_a_busy_system_is_asked_again(sandbox: Central, bc: BusinessCentral, kind: str) -> None:
    faults(sandbox, {"kind": kind, "retryAfter": 0, "times": 2, "match": "$batch"})
    (outcome,) = await bc.write(ITEMS, [new_item(mark())])
    assert isinstance(outcome, Done)
    assert not still_ordered(sandbox)


async def test_a_system_that_stays_busy_says_when_to_come_again(sandbox: Central, bc: BusinessCentral) -> None:
    faults(sandbox, {"kind": "429", "retryAfter": 300, "match": "$batch"})
    outcome, other = await bc.write(ITEMS, [new_item(number := mark()), new_item(mark())])
    assert isinstance(outcome, Unavailable)
    assert outcome.retry_after == 300
    assert outcome == other
    assert not there(sandbox, number)


@pytest.mark.parametrize("kind", ["drop-after", "500", "504"])
async def test_a_write_without_a_certain_answer_is_unknown_and_sent_once(
    sandbox: Central, bc: BusinessCentral, kind: str
) -> None:
    number = mark()
    faults(sandbox, {"kind": kind, "match": "$batch"})
    with Asked(sandbox) as asked:
        outcomes = await bc.write(ITEMS, [new_item(number), new_item(mark())])
    assert all(isinstance(outcome, Unknown) for outcome in outcomes)
    assert asked.requests == {"POST $batch": 1}
    assert there(sandbox, number) == (kind == "drop-after")


async def test_a_connection_cut_before_an_answer_is_unknown_too(sandbox: Central, bc: BusinessCentral) -> None:
    faults(sandbox, {"kind": "drop-before", "match": "$batch"})
    (outcome,) = await bc.write(ITEMS, [new_item(mark())])
    assert isinstance(outcome, Unknown)


async def test_time_that_runs_out_is_unknown(sandbox: Central) -> None:
    async with connected(sandbox, limits=Limits(timeout=0.3)) as bc:
        await bc.identity()
        faults(sandbox, {"kind": "latency", "seconds": 1.0, "match": "$batch"})
        (outcome,) = await bc.write(ITEMS, [new_item(mark())])
    assert isinstance(outcome, Unknown)
    faults(sandbox)


async def test_one_operation_that_fails_leaves_the_others_be(sandbox: Central, bc: BusinessCentral) -> None:
    made = item(sandbox)
    faults(
        sandbox,
        {"kind": "500", "match": "/items", "method": "POST", "after": 1},
        {"kind": "429", "match": f"items({made['id']})", "method": "PATCH", "retryAfter": 7},
    )
    outcomes = await bc.write(
        ITEMS,
        [
            new_item(mark()),
            new_item(mark()),
            Update(id=made["id"], version=made["@odata.etag"], fields={"displayName": "x"}),
            new_item(mark()),
        ],
    )
    assert [type(outcome) for outcome in outcomes] == [Done, Unknown, Unavailable, Done]
    assert isinstance(outcomes[2], Unavailable)
    assert outcomes[2].retry_after == 7


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "500", "502", "408"])
async def test_reads_are_repeated_whatever_fails(sandbox: Central, bc: BusinessCentral, kind: str) -> None:
    made = item(sandbox)
    faults(sandbox, {"kind": kind, "match": "items"}, {"kind": kind, "match": "$batch"})
    assert made["id"] in await records(bc, ITEMS)
    assert made["id"] in await bc.get(ITEMS, [made["id"]])
    assert not still_ordered(sandbox)


async def test_an_operation_of_a_read_is_repeated_alone(sandbox: Central, bc: BusinessCentral) -> None:
    made = [item(sandbox)["id"] for _ in range(3)]
    faults(sandbox, {"kind": "500", "match": f"items({made[1]})"})
    with Asked(sandbox) as asked:
        assert set(await bc.get(ITEMS, made)) == set(made)
    assert asked.operations == {"GET items()": 4}


async def test_a_system_that_is_not_there_says_so_and_nothing_was_written() -> None:
    async with BusinessCentral("bc", "http://127.0.0.1:9/api/v2.0", limits=QUICK) as bc:
        with pytest.raises(ConnectorError, match="no answer"):
            await bc.identity()
        (outcome,) = await bc.write(ITEMS, [new_item(mark())])
    assert isinstance(outcome, Unavailable)


@pytest.mark.parametrize("begins", ["http://elsewhere.invalid:1", "http://elsewhere.invalid:1/"])
async def test_a_next_page_that_names_another_host_is_asked_of_the_configured_one(
    sandbox: Central, begins: str
) -> None:
    """Behind a proxy a server tells its own address. Nobody else is ever shown the credentials."""

    def elsewhere(body: bytes) -> bytes:
        return re.sub(rb'"@odata.nextLink":"http://[^/]*', b'"@odata.nextLink":"' + begins.encode(), body)

    made = {item(sandbox)["id"] for _ in range(3)}
    async with (
        between(sandbox, alter=elsewhere) as url,
        BusinessCentral("bc", url, sandbox.company, page_size=2) as bc,
    ):
        told = {record.id for page in await pages(bc, ITEMS) for record in page.records}
    assert made <= told


# --- signing in


def client(central: Central, secret: str = SECRET) -> Any:
    return auth_from("bc", f"{central.root}/", {"clientId": "syncline", "clientSecret": secret})


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    secrets = {
        "SYNCLINE_SANDBOX_CLIENT_ID": "syncline",
        "SYNCLINE_SANDBOX_CLIENT_SECRET": SECRET,
        "KEY": "web-service-key",
    }
    folder = tmp_path_factory.mktemp("guarded")
    options = ("--user", "reader", "--password-env", "KEY", "--token-seconds", "1.9")
    with running(folder, *options, environment=secrets) as central:
        yield central


async def test_a_token_is_fetched_once_and_again_when_it_ends(guarded: Central) -> None:
    async with connected(guarded, auth=client(guarded)) as bc:
        await asyncio.gather(*(bc.codes(["paymentTerms"]) for _ in range(8)))
        assert bc.requests["sign-in"] == 1
        await asyncio.sleep(2)
        assert (await pages(bc, ITEMS))[-1].records
        assert bc.requests["sign-in"] == 2


async def test_a_token_refused_on_the_way_is_renewed_and_the_write_repeated(guarded: Central) -> None:
    async with connected(guarded, auth=client(guarded)) as bc:
        await bc.identity()
        guarded.call("POST", "/sandbox/faults", {"next": [{"kind": "401", "match": "$batch"}]})
        (outcome,) = await bc.write(ITEMS, [new_item(mark())])
    assert isinstance(outcome, Done)


async def test_a_user_with_a_key_may_ask(guarded: Central) -> None:
    auth = auth_from("bc", guarded.root, {"user": "reader", "password": "web-service-key"})
    async with connected(guarded, auth=auth) as bc:
        assert (await bc.codes(["paymentTerms"]))["paymentTerms"]


async def test_wrong_credentials_are_named_and_never_shown(guarded: Central, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = [client(guarded, "wrong-secret"), Basic("reader", "wrong-secret"), Bearer("wrong-secret"), Anonymous()]
    for auth in wrong:
        async with connected(guarded, auth=auth) as bc:
            with pytest.raises(SignInRefused) as refused:
                await bc.identity()
            (outcome,) = await bc.write(ITEMS, [new_item(mark())])
        assert isinstance(outcome, Unavailable)
        assert "wrong-secret" not in f"{refused.value} {auth!r} {outcome} {caplog.text}"


def test_the_tenants_own_endpoint_gives_the_token() -> None:
    secrets = {"clientId": "i", "clientSecret": "s"}
    online = auth_from("bc", "https://api.businesscentral.dynamics.com/v2.0/contoso/production/api/v2.0/", secrets)
    local = auth_from("bc", "http://127.0.0.1:7/v2.0/local/sandbox/api/v2.0/", secrets)
    assert isinstance(online, ClientCredentials)
    assert isinstance(local, ClientCredentials)
    assert online.token_url == "https://login.microsoftonline.com/contoso/oauth2/v2.0/token"
    assert local.token_url == "http://127.0.0.1:7/local/oauth2/v2.0/token"
    assert auth_from("bc", "", {}) == Anonymous()
    with pytest.raises(ConnectorError, match=r"user is no sign-in.*user and password"):
        auth_from("bc", "", {"user": "x"})
    with pytest.raises(ConnectorError, match="names no tenant"):
        auth_from("bc", "https://bc.example:7048/BC/api/v2.0/", secrets)


# --- the pace


async def test_requests_keep_the_pace(sandbox: Central) -> None:
    limits = Limits(requests=20, seconds=1.0, burst=5)
    async with Http("bc", f"{sandbox.root}/", Anonymous(), limits) as http:
        begun = time.monotonic()
        await asyncio.gather(*(http.request("GET", "companies", idempotent=True) for _ in range(12)))
        assert 0.4 < time.monotonic() - begun < 2
        assert http.counts == {"GET companies": 12}


async def test_no_more_requests_are_under_way_than_agreed(sandbox: Central) -> None:
    under_way: list[int] = [0, 0]

    def counted(_: object) -> None:
        under_way[0] += 1
        under_way[1] = max(under_way)

    def ended(body: bytes) -> bytes:
        under_way[0] -= 1
        return body

    async with between(sandbox, counted, ended) as url, BusinessCentral("bc", url, sandbox.company) as bc:
        await asyncio.gather(*(bc.codes(["paymentTerms"]) for _ in range(20)))
    assert 1 < under_way[1] <= LIMITS.concurrency


async def test_a_wait_longer_than_patience_is_not_waited(sandbox: Central) -> None:
    faults(sandbox, {"kind": "503", "retryAfter": 61})
    async with Http("bc", f"{sandbox.root}/", Anonymous()) as http:
        with pytest.raises(Unsent) as busy:
            await http.request("GET", "companies", idempotent=True)
    assert busy.value.retry_after == 61


async def test_an_answer_that_does_not_end_is_given_up(sandbox: Central) -> None:
    async with Http("bc", f"{sandbox.root}/", Anonymous(), Limits(answer_bytes=100, tries=1)) as http:
        with pytest.raises(Unanswered, match="the answer has more than 100 bytes"):
            await http.request("GET", "companies", idempotent=True)
