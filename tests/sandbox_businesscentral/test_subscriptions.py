"""The entity set ``subscriptions``. Sources: "Working with webhooks" and the pages of the resource (documentation)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox_businesscentral.central import Central, running
from sandbox_businesscentral.receiver import Receiver, asked, receiving, resource, subscribe
from syncline.sandbox.businesscentral.company import MEMORY, Database
from syncline.sandbox.businesscentral.contents import setup
from syncline.sandbox.businesscentral.errors import ApiError
from syncline.sandbox.businesscentral.service import Call
from syncline.sandbox.businesscentral.webhooks.control import NOTIFY, Webhooks

_CONTACTS = "contacts dimensionValues salesOrderLines customerFinancialDetails nothing".split()
_NOT_SERVED = "generalLedgerEntries journals purchaseInvoices customerPaymentJournals".split()
_SERVED = (
    "accounts companyInformation countriesRegions currencies customers dimensions employees itemCategories items "
    "paymentMethods paymentTerms salesCreditMemos salesInvoices salesOrders salesQuotes shipmentMethods "
    "unitsOfMeasure vendors"
).split()


def test_a_subscription_is_made_after_a_handshake(hub: Central, receiver: Receiver) -> None:
    """Source: Working with webhooks, "Register a webhook subscription"."""
    reply = asked(hub, receiver, "customers", clientState="secret")
    assert reply.status == 201
    made = reply.body
    assert made["notificationUrl"] == receiver.url
    assert made["resource"] == resource(hub, "customers")
    assert made["clientState"] == "secret"
    assert made["@odata.etag"].startswith('W/"')
    assert reply.headers["location"] == f"{hub.root}/subscriptions('{made['subscriptionId']}')"
    (handshake,) = receiver.handshakes
    assert handshake.path.startswith("/hook?validationToken=")
    assert handshake.body is None


def test_it_has_the_properties_of_the_resource(hub: Central, receiver: Receiver) -> None:
    """Source: subscriptions resource type."""
    made = subscribe(hub, receiver, "items")
    assert set(made) == {
        "@odata.context", "@odata.etag", "subscriptionId", "notificationUrl", "resource", "timestamp", "userId",
        "lastModifiedDateTime", "clientState", "expirationDateTime", "systemCreatedAt", "systemCreatedBy",
        "systemModifiedAt", "systemModifiedBy",
    }  # fmt: skip
    assert made["clientState"] == ""
    assert len(made["subscriptionId"]) == 32


def test_it_lives_three_days(hub: Central, receiver: Receiver) -> None:
    """Source: Working with webhooks, "Renewing the subscription"."""
    made = subscribe(hub, receiver, "items")
    begun, ends = (datetime.fromisoformat(made[name]) for name in ("systemCreatedAt", "expirationDateTime"))
    assert ends - begun == timedelta(days=3)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [(200, b"another", "another body"), (200, b"", "another body"), (404, None, "404"), (201, None, "201"),
     (500, None, "500"), (307, None, "307")],
)  # fmt: skip
def test_without_the_handshake_there_is_none(
    hub: Central, receiver: Receiver, status: int, body: bytes | None, said: str
) -> None:
    """Source: Create subscriptions: "Will be created only if handshake is successful"."""
    receiver.handshake_status, receiver.handshake_body = status, body
    refused = asked(hub, receiver, "items")
    assert (refused.status, refused.code) == (400, "BadRequest")
    assert said in refused.message
    assert hub.get("/subscriptions").value == []
    assert len(receiver.handshakes) == 1  # a redirect is not followed


def test_a_receiver_that_is_not_there_gets_none(hub: Central) -> None:
    with receiving() as gone:
        pass
    refused = asked(hub, gone, "items")
    assert (refused.status, refused.code) == (400, "BadRequest")
    assert "there was no answer" in refused.message


def test_a_slow_handshake_holds_up_nobody(hub: Central, receiver: Receiver) -> None:
    receiver.slow.clear()
    replies: list[Any] = []
    thread = threading.Thread(target=lambda: replies.append(asked(hub, receiver, "items")))
    thread.start()
    receiver.wait_for_handshakes(1)
    assert hub.get("items").status == 200
    assert not replies
    receiver.slow.set()
    thread.join()
    assert replies[0].status == 201


def test_they_are_listed_filtered_and_read_one_by_one(hub: Central, receiver: Receiver) -> None:
    """Source: Get subscriptions; Delete subscriptions ("must be enclosed in single quotes")."""
    items = subscribe(hub, receiver, "items")
    customers = subscribe(hub, receiver, "customers", clientState="o'k")
    assert [each["subscriptionId"] for each in hub.get("/subscriptions").value] == [
        items["subscriptionId"],
        customers["subscriptionId"],
    ]
    found = hub.get("/subscriptions?$filter=clientState eq 'o''k'&$select=resource&$count=true")
    assert found.body["@odata.count"] == 1
    assert found.value == [{"@odata.etag": customers["@odata.etag"], "resource": resource(hub, "customers")}]
    assert hub.get("/subscriptions/$count").body == 2
    assert len(hub.get("/subscriptions?$top=1&$skip=1&$orderby=resource desc").value) == 1
    for key in (f"'{items['subscriptionId']}'", items["subscriptionId"]):
        assert hub.get(f"/subscriptions({key})").body["resource"] == resource(hub, "items")
    missing = hub.get("/subscriptions('none')")
    assert (missing.status, missing.code) == (404, "Internal_RecordNotFound")
    assert hub.get("/subscriptions?$filter=nothing eq 1").code == "BadRequest"


def test_they_stand_beside_the_companies(hub: Central, receiver: Receiver) -> None:
    """Source: the documentation's addresses, businesscentralPrefix/subscriptions."""
    assert "subscriptions" in [each["name"] for each in hub.get("/").value]
    subscribe(hub, receiver, "items")
    assert len(hub.get(f"/subscriptions?company={hub.name}").value) == 1
    assert len(hub.get("/subscriptions", {"Company": hub.name}).value) == 1
    below = hub.get("subscriptions")
    assert (below.status, below.code) == (404, "BadRequest_ResourceNotFound")


def test_it_is_renewed_with_a_handshake_and_its_version(hub: Central, receiver: Receiver) -> None:
    """Source: Update subscriptions (If-Match is required; PATCH performs a handshake)."""
    made = subscribe(hub, receiver, "items", clientState="old")
    at = f"/subscriptions('{made['subscriptionId']}')"
    missing = hub.call("PATCH", at, {})
    assert (missing.status, missing.code) == (400, "BadRequest_InvalidToken")
    renewed = hub.patch(at, {"clientState": "new"}, made["@odata.etag"])
    assert renewed.status == 200
    assert len(receiver.handshakes) == 2
    assert renewed.body["clientState"] == "new"
    assert renewed.body["resource"] == made["resource"]
    assert renewed.body["expirationDateTime"] > made["expirationDateTime"]
    assert renewed.body["systemCreatedAt"] == made["systemCreatedAt"]
    assert renewed.body["timestamp"] > made["timestamp"]
    stale = hub.patch(at, {}, made["@odata.etag"])
    assert (stale.status, stale.code) == (409, "Request_EntityChanged")
    receiver.handshake_status = 404
    assert hub.patch(at, {}).status == 400
    assert hub.get(at).body == renewed.body
    assert hub.patch("/subscriptions('none')", {}).status == 404


def test_it_ends_by_a_delete_with_its_version(hub: Central, receiver: Receiver) -> None:
    """Source: Delete subscriptions (If-Match is required)."""
    made = subscribe(hub, receiver, "items")
    at = f"/subscriptions('{made['subscriptionId']}')"
    assert hub.call("DELETE", at).code == "BadRequest_InvalidToken"
    assert hub.delete(at, 'W/"stale"').status == 409
    assert hub.delete(at, made["@odata.etag"]).status == 204
    assert hub.delete(at).status == 404
    assert hub.get("/subscriptions").value == []


@pytest.mark.parametrize("entity_set", _SERVED)
def test_the_supported_sets_are_those_of_the_list(hub: Central, receiver: Receiver, entity_set: str) -> None:
    """Source: Working with webhooks, "List of supported entities"."""
    assert subscribe(hub, receiver, entity_set)["resource"] == resource(hub, entity_set)


@pytest.mark.parametrize("entity_set", _CONTACTS)
def test_others_are_refused(hub: Central, receiver: Receiver, entity_set: str) -> None:
    """Source: Working with webhooks, "List of supported entities": contacts are not on it."""
    refused = asked(hub, receiver, entity_set)
    assert (refused.status, refused.code) == (400, "BadRequest")
    assert f"'{entity_set}' has no webhooks" in refused.message
    assert receiver.handshakes == []


@pytest.mark.parametrize("entity_set", _NOT_SERVED)
def test_supported_sets_that_the_sandbox_lacks_say_so(hub: Central, receiver: Receiver, entity_set: str) -> None:
    refused = asked(hub, receiver, entity_set)
    assert (refused.status, refused.code) == (501, "BadRequest_MethodNotImplemented")
    assert f"'{entity_set}' is not served by this sandbox" in refused.message


def test_a_resource_may_be_relative_or_absolute(hub: Central, receiver: Receiver) -> None:
    """Source: subscriptions resource type: "Supports relative and absolute URL"."""
    tail = f"companies({hub.company.upper()})/items"
    for text in (
        f"api/v2.0/{tail}",
        f"/api/v2.0/{tail}",
        tail,
        f"{hub.root}/{tail}",
        f"https://x.test/api/v2.0/{tail}",
    ):
        assert asked(hub, receiver, "items", resource=text).body["resource"] == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("items", "BadRequest"),
        ("/api/v1.0/companies(ID)/items", "BadRequest"),
        ("/api/v2.0/companies(ID)/items(5f1e0c6a-1111-4222-8333-444455556666)", "BadRequest"),
        ("/api/v2.0/companies(ID)/items?$filter=type eq 'Service'", "BadRequest"),
        ("/api/v2.0/companies(5f1e0c6a-1111-4222-8333-444455556666)/items", "Internal_CompanyNotFound"),
        ("", "BadRequest_RequiredParamNotProvided"),
        (None, "BadRequest_RequiredParamNotProvided"),
        (5, "BadRequest"),
    ],
)
def test_a_resource_that_is_no_set_of_a_company_is_refused(
    hub: Central, receiver: Receiver, text: Any, code: str
) -> None:
    wanted = text.replace("ID", hub.company) if isinstance(text, str) else text
    refused = asked(hub, receiver, "items", resource=wanted)
    assert (refused.status, refused.code) == (400, code)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/hook", "https://10.0.0.1/hook", "ftp://127.0.0.1/x", "nothing", "http://", "http://[::1",
     "http://127.0.0.1:99999/x", "http://127.0.0.1 /x", "http://localhost.example.com/", "http://127.0.0.1@10.0.0.1/"],
)  # fmt: skip
def test_only_this_machine_is_called(hub: Central, receiver: Receiver, url: str) -> None:
    refused = asked(hub, receiver, "items", notificationUrl=url)
    assert (refused.status, refused.code) == (400, "BadRequest")
    assert asked(hub, receiver, "items", notificationUrl="").code == "BadRequest_RequiredParamNotProvided"


def test_other_hosts_are_called_when_that_is_switched_on(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty", "--notify-any-host") as open_hub, receiving() as there:
        refused = asked(open_hub, there, "items", notificationUrl="http://nowhere.invalid/hook")
        assert "there was no answer" in refused.message  # it was tried
        assert "nowhere.invalid" in refused.message


def test_the_address_keeps_its_own_query(hub: Central, receiver: Receiver) -> None:
    subscribe(hub, receiver, "items", notificationUrl=f"{receiver.url}?code=a%2Fb#part")
    assert receiver.handshakes[0].path.startswith("/hook?code=a%2Fb&validationToken=")


def test_the_client_state_has_2048_characters(hub: Central, receiver: Receiver) -> None:
    """Source: Working with webhooks, "Client state" and its example."""
    assert subscribe(hub, receiver, "items", clientState="é" * 2048)["clientState"] == "é" * 2048
    refused = asked(hub, receiver, "items", clientState="x" * 2049)
    assert (refused.status, refused.code) == (400, "Application_StringExceededLength")


def test_what_is_read_only_may_be_sent_and_has_no_effect(hub: Central, receiver: Receiver) -> None:
    """Source: Create subscriptions, whose example sends all properties."""
    made = subscribe(
        hub, receiver, "items", subscriptionId="it's (mine)/#1", expirationDateTime="2021-10-15T12:32:35Z",
        userId="00000000-0000-0000-0000-000000000001",
    )  # fmt: skip
    assert made["subscriptionId"] == "it's (mine)/#1"
    assert made["expirationDateTime"] > "2022"
    again = asked(hub, receiver, "items", subscriptionId="it's (mine)/#1")
    assert (again.status, again.code) == (400, "Internal_EntityWithSameKeyExists")
    assert hub.get("/subscriptions('it''s (mine)%2F%231')").status == 200
    assert asked(hub, receiver, "items", colour="red").code == "BadRequest"


def test_one_receiver_may_subscribe_to_one_set_twice(hub: Central, receiver: Receiver) -> None:
    first, second = (subscribe(hub, receiver, "items")["subscriptionId"] for _ in range(2))
    assert first != second


def test_there_are_at_most_200(hub: Central, receiver: Receiver) -> None:
    """Source: operational limits, "Max number of webhook subscriptions"."""
    for _ in range(200):
        subscribe(hub, receiver, "items")
    refused = asked(hub, receiver, "items")
    assert (refused.status, refused.code) == (400, "BadRequest")
    assert "200 subscriptions" in refused.message


def test_other_methods_and_bodies_are_refused(hub: Central, receiver: Receiver) -> None:
    assert hub.post("/subscriptions", []).code == "BadRequest"
    made = subscribe(hub, receiver, "items")
    at = f"/subscriptions('{made['subscriptionId']}')"
    for method, path in (("PUT", at), ("PATCH", "/subscriptions"), ("DELETE", "/subscriptions"), ("POST", at)):
        refused = hub.call(method, path, {}, {"If-Match": "*"})
        assert (refused.status, refused.code) == (405, "BadRequest_MethodNotAllowed"), (method, path)
    renamed = hub.patch(at, {"subscriptionId": "other"})
    assert (renamed.status, renamed.code) == (400, "BadRequest_InvalidOperation")


def test_a_batch_reads_and_ends_them_but_makes_none(hub: Central, receiver: Receiver) -> None:
    made = subscribe(hub, receiver, "items")
    at = f"subscriptions('{made['subscriptionId']}')"
    body = {"notificationUrl": receiver.url, "resource": resource(hub, "items")}
    operations = [
        {"id": "1", "method": "GET", "url": "subscriptions"},
        {"id": "2", "method": "POST", "url": "subscriptions", "body": body},
        {"id": "3", "method": "DELETE", "url": at, "headers": {"If-Match": "*"}},
        {"id": "4", "method": "GET", "url": at},
    ]
    reply = hub.post("/$batch", {"requests": operations}, {"Prefer": "odata.continue-on-error"})
    assert [each["status"] for each in reply.body["responses"]] == [200, 501, 204, 404]


def test_they_outlive_the_server(tmp_path: Path) -> None:
    data = ("--open", "--empty", "--data", str(tmp_path / "central.db"))
    with receiving() as there:
        with running(tmp_path, *data) as first:
            made = subscribe(first, there, "items", clientState="kept")
        with running(tmp_path, *data) as second:
            (found,) = second.get("/subscriptions").value
            assert found.items() <= made.items()
            assert len(there.handshakes) == 1


_TEXTS = st.text(max_size=12) | st.sampled_from(
    ["'", "''", "\x00", "colour", "timestamp", "$top=-1", "$skip=1", "$expand=items", "$select=x",
     "$orderby=resource desc",
     "$filter=timestamp gt 99999999999999999999", "$filter=clientState eq 'x'"]
)  # fmt: skip
_URLS = (
    st.sampled_from(["http://127.0.0.1:1/x", "http://127.0.0.1:1/\u00fc%?#", "http://[", "http://localhost:1"]) | _TEXTS
)
_RESOURCES = st.sampled_from(["companies(ID)/items", "companies(ID)/contacts", "companies()/items"]) | _TEXTS
_VALUES = _TEXTS | st.none() | st.integers() | st.lists(_TEXTS, max_size=2)
_BODIES = (
    st.fixed_dictionaries(
        {"notificationUrl": _URLS, "resource": _RESOURCES},
        optional={"clientState": _VALUES, "subscriptionId": _VALUES, "userId": _VALUES, "colour": _VALUES},
    )
    | st.dictionaries(_TEXTS, _VALUES, max_size=3)
    | _VALUES
)
_PATHS = _TEXTS.map(lambda key: f"subscriptions({key})") | st.sampled_from(
    ["subscriptions", "subscriptions/$count", "subscriptions('there')"]
)


@pytest.fixture(scope="module")
def own() -> Iterator[Database]:
    database = Database(MEMORY)
    with database.transaction():
        company = setup.add_company(database, "Own")
    Webhooks(database, NOTIFY, most=lambda: 200)  # which makes the tables
    with database.transaction():
        database.execute(
            "INSERT INTO webhookSubscriptions VALUES (1, 'v', 'there', 'http://127.0.0.1:1/', ?, 1, '', ?, '', ?, ?, "
            "'', ?, '', ?, 'items')",
            (f"companies({company.id})/items", *["9999-01-01T00:00:00.000Z"] * 4, company.id),
        )
    yield database
    database.close()


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT"]), _PATHS, _TEXTS, _BODIES, st.sampled_from("*v"))
def test_whatever_is_asked_is_answered_by_the_contract(
    own: Database, method: str, path: str, query: str, body: Any, version: str
) -> None:
    subscriptions = Webhooks(own, NOTIFY, most=lambda: 200).subscriptions
    (there,) = subscriptions.all()
    if isinstance(body, dict) and "resource" in body:
        body = body | {"resource": body["resource"].replace("ID", there.company_id)}
    if not subscriptions.named(path) or (method == "DELETE" and "there" in path):
        return
    call = Call(method=method, path=path, query=query, body=body, headers={"if-match": version})
    status, code = asyncio.run(_asked(own, call))
    assert (status, code) == (200, "") or (status in (400, 404, 405) and code)
    assert subscriptions.all() == [there]  # no handshake succeeds here


async def _asked(own: Database, call: Call) -> tuple[int, str]:
    webhooks = Webhooks(own, NOTIFY, most=lambda: 200)
    async with webhooks.notifier.running():
        try:
            return (await webhooks.subscriptions.answer(call, "http://127.0.0.1")).status, ""
        except ApiError as error:
            return error.status, error.code
