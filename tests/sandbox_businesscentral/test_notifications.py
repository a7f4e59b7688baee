"""Changes told to real receivers.

Sources: "Working with webhooks" of the documentation; ``API Webhook Notification Mgt.`` and ``API Webhook Notification
Send`` of the AL sources, with their tests.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from sandbox.receiver import eventually
from sandbox_businesscentral.central import Central, running, started
from sandbox_businesscentral.receiver import Receiver, flush, receiving, resource, subscribe, waiting

_DOCS = Path(__file__).parents[2] / "docs" / "sandbox.md"


def customer(hub: Central, name: str = "Told") -> dict[str, Any]:
    return hub.made("customers", {"displayName": name})


def item(hub: Central) -> dict[str, Any]:
    return hub.made("items", {"displayName": "Chair", "unitPrice": 10})


def test_a_notification_says_which_record_changed_and_how(hub: Central, receiver: Receiver) -> None:
    """Source: Working with webhooks, "Notifications and change types" (the sample payload)."""
    made = subscribe(hub, receiver, "customers", clientState="secret")
    record = customer(hub)
    flush(hub)
    (asked,) = receiver.notifications
    assert asked.path == "/hook"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["clientrequestid"] == asked.headers["x-ms-correlation-id"]
    (entry,) = asked.body["value"]
    assert list(entry) == [
        "subscriptionId", "clientState", "expirationDateTime", "resource", "changeType", "lastModifiedDateTime",
    ]  # fmt: skip
    assert entry["subscriptionId"] == made["subscriptionId"]
    assert entry["clientState"] == "secret"
    assert entry["expirationDateTime"] == made["expirationDateTime"]
    assert entry["resource"] == f"api/v2.0/companies({hub.company})/customers({record['id']})"
    assert entry["changeType"] == "created"
    assert entry["lastModifiedDateTime"] >= record["lastModifiedDateTime"]


def test_what_is_created_changed_and_deleted_is_told(hub: Central, receiver: Receiver) -> None:
    """Source: TestWebhookNotificationOnCreateItem, ...OnUpdateItem, ...OnDeleteItem; updates in a row are one."""
    subscribe(hub, receiver, "items")
    key = item(hub)["id"]
    for name in ("Desk", "Lamp"):
        assert hub.patch(f"items({key})", {"displayName": name}).status == 200
    assert hub.delete(f"items({key})").status == 204
    flush(hub)
    assert receiver.told() == [("created", key), ("updated", key), ("deleted", key)]
    assert flush(hub) == []


def test_renaming_is_an_update(hub: Central, receiver: Receiver, mark: str) -> None:
    """Source: TestWebhookNotificationOnRenameItem."""
    key = item(hub)["id"]
    subscribe(hub, receiver, "items")
    assert hub.patch(f"items({key})", {"number": mark}).status == 200
    flush(hub)
    assert receiver.told() == [("updated", key)]


def test_nothing_is_told_of_other_sets_or_of_what_was_before(hub: Central, receiver: Receiver) -> None:
    """Source: TestWebhookNotificationOnCreateItemNoSubscription."""
    customer(hub)
    subscribe(hub, receiver, "customers")
    item(hub)
    hub.get("customers")
    assert waiting(hub) == []
    assert flush(hub) == []


def test_a_change_by_a_rule_is_told(hub: Central, receiver: Receiver) -> None:
    """A contact's change goes on to its customer; nothing is told of the contact itself."""
    record = customer(hub)
    contact = hub.get(f"customers({record['id']})/contactsInformation").value[0]["contactId"]
    subscribe(hub, receiver, "customers")
    assert hub.patch(f"contacts({contact})", {"city": "Lyon"}).status == 200
    flush(hub)
    assert receiver.told() == [("updated", record["id"])]


def test_a_line_is_told_as_a_change_of_its_document(hub: Central, receiver: Receiver) -> None:
    """Source: Working with webhooks: "a notification is sent for the header if a change is made to a line"."""
    buyer, sold = customer(hub), item(hub)
    subscribe(hub, receiver, "salesOrders")
    line = {"itemId": sold["id"], "quantity": 2}
    order = hub.made("salesOrders", {"customerId": buyer["id"], "salesOrderLines": [line, line]})
    flush(hub)
    assert receiver.told() == [("created", order["id"]), ("updated", order["id"])]
    receiver.notifications.clear()
    key = hub.made("salesOrderLines", {"documentId": order["id"], **line})["id"]
    assert hub.patch(f"salesOrderLines({key})", {"quantity": 5}).status == 200
    flush(hub)
    assert receiver.told() == [("updated", order["id"])]


def test_an_invoiced_order_is_told_as_deleted_and_its_invoice_as_created(hub: Central, receiver: Receiver) -> None:
    buyer, sold = customer(hub), item(hub)
    order = hub.made(
        "salesOrders", {"customerId": buyer["id"], "salesOrderLines": [{"itemId": sold["id"], "quantity": 1}]}
    )
    for entity_set in ("salesOrders", "salesInvoices", "customers", "items"):
        subscribe(hub, receiver, entity_set)
    assert hub.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", None).status == 204
    (invoice,) = hub.get(f"salesInvoices?$filter=orderId eq {order['id']}").value
    flush(hub)
    assert ("deleted", order["id"]) in receiver.told()
    assert ("created", invoice["id"]) in receiver.told()
    assert {key for _, key in receiver.told()} == {order["id"], invoice["id"]}  # a balance is no change of its record


def test_a_batch_is_told_and_what_is_rolled_back_is_not(hub: Central, receiver: Receiver) -> None:
    subscribe(hub, receiver, "items")
    url = f"companies({hub.company})/items"
    good = [{"id": str(n), "method": "POST", "url": url, "body": {"displayName": f"b{n}"}} for n in range(3)]
    bad = {"id": "bad", "method": "POST", "url": url, "body": {"colour": "red"}}
    reply = hub.post("/$batch", {"requests": [*good, bad]}, {"Isolation": "snapshot"})
    assert [each["status"] for each in reply.body["responses"]] == [201, 201, 201, 400]
    buyer = {"displayName": "x", "salesOrderLines": []}
    assert hub.post("items", {"displayName": "x", "itemCategoryCode": "NONE"}).status == 400
    assert hub.post("customers", buyer).status == 400
    assert waiting(hub) == []
    reply = hub.post("/$batch", {"requests": good})
    made = [each["body"]["id"] for each in reply.body["responses"]]
    flush(hub)
    assert receiver.told() == [("created", key) for key in made]


def test_every_company_has_its_own_window_and_subscribers(tmp_path: Path) -> None:
    """Source: TestNotificationNotSentIfSubscriptionForAnotherCompany."""
    from syncline.sandbox.businesscentral.company import Database
    from syncline.sandbox.businesscentral.contents import setup

    data = tmp_path / "two.db"
    database = Database(data)
    with database.transaction():
        first, second = (setup.add_company(database, name).id for name in ("One", "Two"))
    database.close()
    with running(tmp_path, "--open", "--data", str(data), "--notify-after", "3600") as two, receiving() as receiver:
        for company in (first, second):
            two.company = company
            subscribe(two, receiver, "items")
        made = {company: two.made(f"/companies({company})/items", {})["id"] for company in (first, second)}
        flush(two)
        assert sorted(entry["resource"] for entry in receiver.entries()) == sorted(
            f"api/v2.0/companies({company})/items({key})" for company, key in made.items()
        )
        assert len(receiver.notifications) == 2


def test_subscriptions_of_one_receiver_are_told_in_one_request(hub: Central, receiver: Receiver) -> None:
    """Source: TestPayloadMultipleEntitiesMultipleSubscriptionsSingleNotificationUrl, ...MultipleNotificationUrls."""
    with receiving() as other:
        subscribe(hub, receiver, "items", subscriptionId="b")
        subscribe(hub, receiver, "customers", subscriptionId="a")
        subscribe(hub, other, "items", subscriptionId="c")
        sold, buyer = item(hub), customer(hub)
        deliveries = flush(hub)
        assert receiver.told() == [("created", buyer["id"]), ("created", sold["id"])]
        assert other.told() == [("created", sold["id"])]
        assert len(receiver.notifications) == len(other.notifications) == 1
        assert {each["notificationUrl"] for each in deliveries} == {receiver.url, other.url}
        assert {(each["status"], each["outcome"]) for each in deliveries} == {(200, "delivered")}


def test_past_1000_changes_the_collection_is_told(hub: Central, receiver: Receiver) -> None:
    """Source: Working with webhooks, "collection"; GetEntityCollectionUrl (the filter, 50 ms wider)."""
    subscribe(hub, receiver, "itemCategories")
    url = f"companies({hub.company})/itemCategories"

    def create(start: int, count: int) -> list[str]:
        keys = []
        for first in range(start, start + count, 100):
            operations = [
                {"id": str(n), "method": "POST", "url": url, "body": {"code": f"C{n}", "displayName": "x"}}
                for n in range(first, min(first + 100, start + count))
            ]
            responses = hub.post("/$batch", {"requests": operations}).body["responses"]
            keys += [each["body"]["id"] for each in responses]
        return keys

    create(0, 1000)
    flush(hub)
    assert len(receiver.entries()) == 1000
    receiver.notifications.clear()
    keys = create(1000, 1001)
    flush(hub)
    (entry,) = receiver.entries()
    assert entry["changeType"] == "collection"
    prefix = f"api/v2.0/companies({hub.company})/itemCategories?$filter=lastModifiedDateTime%20gt%20"
    assert entry["resource"].startswith(prefix)
    since = entry["resource"].removeprefix(prefix)
    found = hub.get(f"itemCategories?$filter=lastModifiedDateTime gt {since}").value
    assert {each["id"] for each in found} >= set(keys)
    assert entry["lastModifiedDateTime"] >= found[-1]["lastModifiedDateTime"]
    receiver.notifications.clear()
    create(3000, 1001)
    assert hub.delete(f"itemCategories({keys[0]})").status == 204
    flush(hub)
    (entry,) = receiver.entries()
    assert entry["resource"] == f"api/v2.0/companies({hub.company})/itemCategories"


def test_it_is_told_once_the_window_has_passed(tmp_path: Path) -> None:
    """Source: Working with webhooks: after the first change, all that changed by then together."""
    with running(tmp_path, "--open", "--empty", "--notify-after", "0.4") as hub, receiving() as receiver:
        subscribe(hub, receiver, "items")
        begun = time.monotonic()
        keys = [item(hub)["id"] for _ in range(3)]
        receiver.wait(1)
        assert time.monotonic() - begun >= 0.4
        eventually(lambda: receiver.told() == [("created", key) for key in keys])
        eventually(lambda: waiting(hub) == [])


def test_the_window_is_30_seconds_unless_told_otherwise(tmp_path: Path) -> None:
    """Source: Working with webhooks: "By default, the system waits 30 seconds"."""
    with running(tmp_path, "--open", "--empty") as hub, receiving() as receiver:
        assert hub.get("/sandbox/notifications").body["windowSeconds"] == 30
        subscribe(hub, receiver, "items")
        sold = item(hub)
        (there,) = waiting(hub)
        assert there["changes"] == 1
        assert there["dueDateTime"][:10] >= sold["lastModifiedDateTime"][:10]
        assert receiver.notifications == []
        assert hub.post("/sandbox/notifications", {"windowSeconds": 0}).body["windowSeconds"] == 0
        receiver.wait(1)
        item(hub)
        receiver.wait(2)


@pytest.mark.parametrize("status", [408, 429, 500, 503, 599])
def test_a_receiver_that_is_busy_is_asked_again(hub: Central, receiver: Receiver, status: int) -> None:
    """Source: TestNotificationsRescheduledOn...Failure."""
    subscribe(hub, receiver, "items")
    receiver.status = status
    sold = item(hub)
    (failed,) = flush(hub)
    assert (failed["status"], failed["outcome"]) == (status, "retried")
    (there,) = waiting(hub)
    assert (there["changes"], there["failed"], there["attempts"]) == (0, 1, 1)
    receiver.status = 200
    later = item(hub)
    (done,) = flush(hub)
    assert done["outcome"] == "delivered"
    assert [entry["changeType"] for entry in receiver.notifications[1].body["value"]] == ["created", "created"]
    assert receiver.told()[1:] == [("created", sold["id"]), ("created", later["id"])]
    assert waiting(hub) == []


def test_after_36_hours_the_subscription_ends(hub: Central, receiver: Receiver) -> None:
    """Source: Working with webhooks ("over the next 36 hours"); TestSubscriptionDeletedAfterManyFailures."""
    subscribe(hub, receiver, "items")
    receiver.status = 500
    item(hub)
    for attempt in range(1, 7):
        flush(hub)
        assert waiting(hub)[0]["attempts"] == attempt
        assert len(hub.get("/subscriptions").value) == 1
    flush(hub)
    assert len(receiver.notifications) == 7
    assert hub.get("/subscriptions").value == []
    assert waiting(hub) == []


def test_a_receiver_that_is_not_there_is_asked_again(hub: Central) -> None:
    """Source: ShouldReschedule: no status at all is tried again."""
    with receiving() as gone:
        made = subscribe(hub, gone, "items")
    item(hub)
    (failed,) = flush(hub)
    assert (failed["status"], failed["outcome"]) == (None, "retried")
    assert hub.delete(f"/subscriptions('{made['subscriptionId']}')").status == 204


@pytest.mark.parametrize("status", [400, 401, 404, 410, 307])
def test_any_other_answer_ends_the_subscription(hub: Central, receiver: Receiver, status: int) -> None:
    """Source: TestSubscriptionDeletedOnNotFoundFailure; every subscription with this notificationUrl ends."""
    with receiving() as other:
        for entity_set in ("items", "customers"):
            subscribe(hub, receiver, entity_set)
        kept = subscribe(hub, other, "items")["subscriptionId"]
        receiver.status = status
        item(hub)
        outcomes = {each["notificationUrl"]: each["outcome"] for each in flush(hub)}
        assert outcomes == {receiver.url: "subscriptionLost", other.url: "delivered"}
        assert [each["subscriptionId"] for each in hub.get("/subscriptions").value] == [kept]
        item(hub)
        flush(hub)
        assert len(receiver.notifications) == 1
        assert len(other.notifications) == 2


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_will_do(hub: Central, receiver: Receiver, status: int) -> None:
    subscribe(hub, receiver, "items")
    receiver.status = status
    item(hub)
    assert [each["outcome"] for each in flush(hub)] == ["delivered"]


def test_a_deleted_subscription_is_told_nothing(hub: Central, receiver: Receiver) -> None:
    """Source: TestDeleteObsoleteNotifications."""
    made = subscribe(hub, receiver, "items")
    item(hub)
    assert hub.delete(f"/subscriptions('{made['subscriptionId']}')").status == 204
    assert flush(hub) == []


def test_a_renewed_subscription_that_moved_is_told_of_its_new_set(hub: Central, receiver: Receiver) -> None:
    made = subscribe(hub, receiver, "items")
    at = f"/subscriptions('{made['subscriptionId']}')"
    sold = item(hub)
    assert hub.patch(at, {}).status == 200
    flush(hub)
    assert receiver.told() == [("created", sold["id"])]
    receiver.notifications.clear()
    item(hub)
    assert hub.patch(at, {"resource": resource(hub, "customers")}).status == 200
    item(hub)
    buyer = customer(hub)
    flush(hub)
    assert receiver.told() == [("created", buyer["id"])]


def test_a_slow_receiver_holds_up_no_request(hub: Central, receiver: Receiver) -> None:
    subscribe(hub, receiver, "items")
    first = item(hub)
    receiver.slow.clear()
    thread = threading.Thread(target=flush, args=(hub,))
    thread.start()
    receiver.wait(1)
    second = item(hub)  # while the receiver ponders
    assert hub.get(f"items({second['id']})").status == 200
    receiver.slow.set()
    thread.join()
    flush(hub)
    assert receiver.told() == [("created", first["id"]), ("created", second["id"])]


def test_a_subscription_that_ends_while_its_receiver_ponders_stays_ended(hub: Central, receiver: Receiver) -> None:
    made = subscribe(hub, receiver, "items")
    item(hub)
    receiver.slow.clear()
    receiver.status = 500
    thread = threading.Thread(target=flush, args=(hub,))
    thread.start()
    receiver.wait(1)
    assert hub.delete(f"/subscriptions('{made['subscriptionId']}')").status == 204
    receiver.slow.set()
    thread.join()
    subscribe(hub, receiver, "items", subscriptionId=made["subscriptionId"])
    assert waiting(hub) == []


def _disorder(hub: Central, **settings: Any) -> None:
    ordered = {"windowSeconds": 86400, "duplicate": 0, "reorder": False, "seed": 0} | settings
    assert hub.post("/sandbox/notifications", ordered).status == 200


def test_notifications_come_twice_and_out_of_order_on_demand(hub: Central, receiver: Receiver) -> None:
    subscribe(hub, receiver, "items")
    seen = []
    try:
        for _ in range(2):
            _disorder(hub, duplicate=0.5, reorder=True, seed=7)
            keys = [item(hub)["id"] for _ in range(10)]
            deliveries = flush(hub)
            assert [each["outcome"] for each in deliveries] == ["delivered", "duplicated"]
            order = [keys.index(key) for _, key in receiver.told()]
            assert order[:10] != sorted(order[:10])
            assert sorted(order[:10]) == list(range(10))
            assert 0 < len(order[10:]) < 10
            assert len(receiver.notifications) == 2
            seen.append(order)
            receiver.notifications.clear()
    finally:
        _disorder(hub)
    assert seen[0] == seen[1]  # the same seed, the same disorder


@pytest.mark.parametrize(
    "body", [[], {"duplicate": 2}, {"windowSeconds": -1}, {"reorder": "yes"}, {"often": 1}, {"seed": None}]
)
def test_settings_that_are_none_are_refused(hub: Central, body: Any) -> None:
    before = hub.get("/sandbox/notifications").body
    refused = hub.post("/sandbox/notifications", body)
    assert (refused.status, refused.code) == (400, "BadRequest")
    assert hub.get("/sandbox/notifications").body == before


def test_the_latest_deliveries_are_told(hub: Central, receiver: Receiver) -> None:
    subscribe(hub, receiver, "items")
    item(hub)
    deliveries = flush(hub)
    assert hub.get("/sandbox/notifications").body["deliveries"][-1:] == deliveries
    assert deliveries[0]["value"] == receiver.entries()


def test_what_waits_outlives_the_server(tmp_path: Path) -> None:
    data = ("--open", "--empty", "--data", str(tmp_path / "central.db"))
    with receiving() as receiver:
        with running(tmp_path, *data, "--notify-after", "3600") as first:
            subscribe(first, receiver, "customers")
            subscribe(first, receiver, "items")
            receiver.status = 503
            failed = customer(first)
            flush(first)
            sold = item(first)
        receiver.notifications.clear()
        receiver.status = 200
        with running(tmp_path, *data, "--notify-after", "3600") as second:
            assert sorted((each["changes"], each["failed"]) for each in waiting(second)) == [(0, 1), (1, 0)]
            flush(second)
            assert sorted(receiver.told()) == sorted([("created", failed["id"]), ("created", sold["id"])])
            receiver.notifications.clear()
            later = item(second)  # it is still watching
            flush(second)
            assert receiver.told() == [("created", later["id"])]


def test_what_is_due_is_told_right_after_a_restart(tmp_path: Path) -> None:
    data = ("--open", "--empty", "--data", str(tmp_path / "central.db"))
    with receiving() as receiver:
        with running(tmp_path, *data, "--notify-after", "3600") as first:
            subscribe(first, receiver, "items")
            sold = item(first)
        with running(tmp_path, *data, "--notify-after", "0"):
            receiver.wait(1)
        assert receiver.told() == [("created", sold["id"])]


def test_it_stops_at_once_while_a_receiver_ponders(tmp_path: Path) -> None:
    data = ("--open", "--empty", "--data", str(tmp_path / "central.db"))
    with receiving() as receiver:
        with running(tmp_path, *data, "--notify-after", "0") as hub:
            subscribe(hub, receiver, "items")
            receiver.slow.clear()
            sold = item(hub)
            receiver.wait(1)
            begun = time.monotonic()
        assert time.monotonic() - begun < 5
        receiver.slow.set()
        with running(tmp_path, *data, "--notify-after", "0"):
            receiver.wait(2)  # nobody had answered, so it is told again
        assert receiver.told() == [("created", sold["id"])] * 2


def test_bad_flags_are_told(tmp_path: Path) -> None:
    for options in (("--notify-after", "-1"), ("--notify-after", "soon")):
        process = started("--open", *options)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 2
        assert "--notify-after" in said


def test_the_receiver_of_the_documentation_works(hub: Central) -> None:
    section = _DOCS.read_text().partition("## Webhooks")[2]
    found = re.search(r"\n    from http\.server.*?serve_forever\(\)", section, re.DOTALL)
    assert found
    code = re.sub(r"^    ", "", found[0], flags=re.MULTILINE)
    assert len([line for line in code.splitlines() if line.strip()]) <= 14
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = _python(code.replace("9000", str(port)))
    try:
        eventually(lambda: _answers(port))
        body = {"notificationUrl": f"http://127.0.0.1:{port}/", "resource": resource(hub, "items")}
        made = hub.post("/subscriptions", body)
        assert made.status == 201, made
        item(hub)
        assert [each["outcome"] for each in flush(hub)] == ["delivered"]
        assert process.stdout
        assert "created api/v2.0/companies(" in process.stdout.readline()
        assert hub.delete(f"/subscriptions('{made.body['subscriptionId']}')").status == 204
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _python(code: str) -> Any:
    import subprocess
    import sys

    return subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/?validationToken=x", method="POST", data=b"")
        with urllib.request.urlopen(asked) as answer:
            return bool(answer.read() == b"x")
    return False
