"""Changes told to real receivers. The signature is computed here by itself, from what the specification says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox import receiver as plain
from sandbox.receiver import Asked, Receiver, eventually
from sandbox_customerp.erp import Erp, Reply, running
from sandbox_customerp.schema_check import Schemas

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
HOUR = 3_600
DAY = 24 * HOUR


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erp]:
    """Its window is so long that only a flush, or the clock, delivers."""
    with running(tmp_path_factory.mktemp("hub"), "--open", "--empty", "--notify-after", "86400") as sandbox:
        yield sandbox


@pytest.fixture
def receiver(hub: Erp) -> Iterator[Receiver]:
    """Whoever was told here no longer is afterwards, and nothing is out of order any more."""
    with plain.receiving(Receiver) as found:
        yield found
    for each in hub.get("webhooks").items:
        assert hub.delete(f"webhooks/{each['id']}").status == 204
    hub.post("/sandbox/notifications", {"windowSeconds": 86_400, "duplicate": 0, "reorder": False, "seed": 0})


def asked(erp: Erp, url: str, /, **more: Any) -> Reply:
    return erp.post("webhooks", {"url": url, "secret": SECRET, **more})


def subscribed(erp: Erp, receiver: Receiver, **more: Any) -> str:
    """The webhook's path."""
    return f"webhooks/{asked(erp, receiver.url, **more).record['id']}"


def flush(erp: Erp) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = erp.post("/sandbox/notifications/flush", {}).record["deliveries"]
    return found


def waiting(erp: Erp) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = erp.get("/sandbox/notifications").record["waiting"]
    return found


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    return [(each["entity"], each["id"], each["change"]) for one in receiver.notifications for each in one.body["data"]]


def ids(receiver: Receiver) -> list[str]:
    return [one.headers["webhook-id"] for one in receiver.notifications]


def signed(one: Asked, key: bytes = KEY) -> bool:
    content = f"{one.headers['webhook-id']}.{one.headers['webhook-timestamp']}.".encode() + one.raw
    expected = "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return one.headers["webhook-signature"] == expected


def advance(erp: Erp, seconds: float) -> None:
    assert erp.post("/sandbox/clock", {"advanceSeconds": seconds}).status == 200


# --- what is told


def test_a_change_is_told_at_once_and_signed(erp: Erp, mark: str) -> None:
    with plain.receiving(Receiver) as receiver:
        path = subscribed(erp, receiver)
        begun = time.monotonic()
        record = erp.made("customers", name=f"Aalto Ö {mark}")
        (one,) = receiver.wait(1)
        assert time.monotonic() - begun < 5
        assert erp.delete(path).status == 204
    assert signed(one)
    assert not signed(one, b"another")
    assert one.headers["webhook-id"].startswith("msg_")
    assert abs(int(one.headers["webhook-timestamp"]) - time.time()) < 10
    assert one.headers["content-type"] == "application/json"
    (change,) = one.body["data"]
    assert change == {
        "entity": "customers", "id": record["id"], "change": "created", "at": record["createdAt"],
        "seq": int(record["etag"].strip('"'), 16),
    }  # fmt: skip
    assert one.body == {"type": "records.changed", "timestamp": record["createdAt"], "data": [change]}


def test_everything_is_told_in_the_order_of_the_feed(hub: Erp, receiver: Receiver) -> None:
    subscribed(hub, receiver)
    since = hub.position()
    product, customer = hub.made("products"), hub.made("customers")
    order = hub.made("orders", customerId=customer["id"], lines=[{"productId": product["id"]}])
    hub.patch(f"orders/{order['id']}", {"phone": "1"})
    hub.delete(f"orders/{order['id']}")
    hub.delete(f"customers/{customer['id']}")
    assert hub.patch(f"products/{product['id']}", {"price": -1}).status == 422
    (delivery,) = flush(hub)
    assert (delivery["status"], delivery["outcome"], delivery["entries"]) == (200, "delivered", 6)
    (one,) = receiver.notifications
    assert [change["change"] for change in one.body["data"]] == [*["created"] * 3, "updated", "deleted", "deleted"]
    fed = hub.get("changes", since=since).items
    assert one.body["data"] == [{name: each[name] for name in ("entity", "id", "change", "at", "seq")} for each in fed]
    assert flush(hub) == []


def test_only_what_was_asked_for_is_told_and_nothing_of_before(hub: Erp, receiver: Receiver) -> None:
    before = hub.made("products")
    path = subscribed(hub, receiver, entities=["contacts", "products", "contacts"])
    assert hub.get(path).record["entities"] == ["contacts", "products"]
    hub.made("customers")
    assert waiting(hub) == []
    after = hub.made("products")
    flush(hub)
    assert told(receiver) == [("products", after["id"], "created")]
    hub.made("customers")
    assert hub.patch(path, {"entities": None}).record["entities"] == ["customers", "contacts", "orders", "products"]
    assert waiting(hub) == []
    hub.patch(f"products/{before['id']}", {"name": "x"})
    flush(hub)
    assert told(receiver)[1:] == [("products", before["id"], "updated")]


def test_a_message_has_at_most_500_changes(hub: Erp, receiver: Receiver) -> None:
    subscribed(hub, receiver)
    made = [hub.made("products")["id"] for _ in range(501)]
    assert [each["changes"] for each in waiting(hub)] == [501]
    assert [each["entries"] for each in flush(hub)] == [500, 1]
    assert [key for _, key, _ in told(receiver)] == made
    assert len(set(ids(receiver))) == 2


def test_changes_of_one_window_are_one_message(hub: Erp, receiver: Receiver) -> None:
    subscribed(hub, receiver)
    made = [hub.made("products")["id"] for _ in range(3)]
    advance(hub, DAY)
    receiver.wait(1)
    eventually(lambda: waiting(hub) == [])
    made.append(hub.made("products")["id"])
    hub.post("/sandbox/notifications", {"windowSeconds": 0})
    receiver.wait(2)
    assert [key for _, key, _ in told(receiver)] == made
    assert len(receiver.notifications) == 2


def test_a_slow_receiver_holds_up_nobody_else(erp: Erp) -> None:
    with plain.receiving(Receiver) as slow, plain.receiving(Receiver) as quick:
        slow.slow.clear()
        paths = [subscribed(erp, each) for each in (slow, quick)]
        first = erp.made("products")["id"]
        slow.wait(1)
        quick.wait(1)
        second = erp.made("products")["id"]
        quick.wait(2)
        assert len(slow.notifications) == 1
        slow.slow.set()
        slow.wait(2)
        assert [key for _, key, _ in told(slow)] == [first, second]
        for path in paths:
            erp.delete(path)


def test_redirects_are_not_followed(hub: Erp, receiver: Receiver) -> None:
    path = subscribed(hub, receiver)
    hub.made("products")
    receiver.status = 307
    (delivery,) = flush(hub)
    assert (delivery["status"], delivery["outcome"]) == (307, "retried")
    assert len(receiver.notifications) == 1
    assert hub.get(path).record["lastDelivery"]["status"] == 307


# --- what fails


def test_what_failed_is_sent_again_by_the_same_id_and_newer_changes_wait(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty") as erp, plain.receiving(Receiver) as receiver:
        path = subscribed(erp, receiver)
        receiver.status = 503
        first = erp.made("products")["id"]
        receiver.wait(1)
        second = erp.made("products")["id"]
        for count, pause in enumerate((5, 30, 120, 600, HOUR, HOUR), 1):
            eventually(lambda count=count: erp.get(path).record["lastDelivery"]["attempt"] == count)
            last = erp.get(path).record["lastDelivery"]
            assert (last["status"], last["outcome"]) == (503, "retried")
            due, at = (datetime.fromisoformat(last[name]) for name in ("nextAttemptAt", "at"))
            assert due - at == timedelta(seconds=pause)
            advance(erp, pause)
            receiver.wait(count + 1)
        # only then the last answer is noted: the next pause begins with it
        eventually(lambda: erp.get(path).record["lastDelivery"]["attempt"] == 7)
        receiver.status = 200
        advance(erp, HOUR)
        receiver.wait(9)
        eventually(lambda: waiting(erp) == [])
        assert erp.get(path).record["lastDelivery"]["outcome"] == "delivered"
    assert len(set(ids(receiver)[:8])) == 1
    assert len({one.raw for one in receiver.notifications[:8]}) == 1
    assert ids(receiver)[8] != ids(receiver)[0]
    assert [key for _, key, _ in told(receiver)] == [first] * 8 + [second]
    assert all(signed(one) for one in receiver.notifications)
    stamps = [int(one.headers["webhook-timestamp"]) for one in receiver.notifications]
    assert stamps[5] - stamps[4] >= HOUR


def test_after_three_days_it_is_disabled_and_goes_on_when_asked_to(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty") as erp:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        path = f"webhooks/{asked(erp, url).record['id']}"
        made = [erp.made("products")["id"]]
        eventually(lambda: erp.get(path).record["lastDelivery"])
        advance(erp, 3 * DAY - 10)
        eventually(lambda: erp.get(path).record["lastDelivery"]["attempt"] == 2)
        assert erp.get(path).record["state"] == "active"
        advance(erp, 30)
        eventually(lambda: erp.get(path).record["state"] == "disabled")
        gone = erp.get(path).record
        assert "three days" in gone["disabledReason"]
        assert "no answer" in gone["disabledReason"]
        last = gone["lastDelivery"]
        assert (last["status"], last["outcome"], last["nextAttemptAt"]) == (None, "disabled", None)
        made.append(erp.made("products")["id"])
        assert flush(erp) == []
        with plain.receiving(Receiver) as receiver:
            back = erp.patch(path, {"state": "active", "url": receiver.url}).record
            assert (back["state"], back["disabledReason"]) == ("active", None)
            receiver.wait(1)
            assert [key for _, key, _ in told(receiver)] == made


def test_410_disables_at_once(hub: Erp, receiver: Receiver) -> None:
    path = subscribed(hub, receiver)
    hub.made("products")
    receiver.status = 410
    assert [each["outcome"] for each in flush(hub)] == ["disabled"]
    record = hub.get(path).record
    assert (record["state"], record["lastDelivery"]["status"]) == ("disabled", 410)
    assert "410" in record["disabledReason"]
    receiver.status = 200
    hub.patch(path, {"state": "active"})
    assert [each["outcome"] for each in flush(hub)] == ["delivered"]


def test_a_restart_goes_on_with_what_waited(tmp_path: Path) -> None:
    options = ("--open", "--empty", "--data", str(tmp_path / "data"))
    with plain.receiving(Receiver) as receiver:
        receiver.status = 500
        with running(tmp_path, *options, kill=True) as erp:
            path = subscribed(erp, receiver)
            first = erp.made("products")["id"]
            receiver.wait(1)
            eventually(lambda: erp.get(path).record["lastDelivery"])
            second = erp.made("products")["id"]
        receiver.status = 204
        with running(tmp_path, *options) as erp:
            advance(erp, 5)
            receiver.wait(3)
            assert [key for _, key, _ in told(receiver)] == [first, first, second]
            assert ids(receiver)[0] == ids(receiver)[1]
            assert all(signed(one) for one in receiver.notifications)


def test_who_waits_for_too_much_is_told_where_to_look(tmp_path: Path) -> None:
    data = tmp_path / "data"
    options = ("--open", "--empty", "--data", str(data))
    with plain.receiving(Receiver) as receiver:
        with running(tmp_path, *options) as erp:
            path = subscribed(erp, receiver, state="disabled")
            erp.made("customers")
            product = erp.made("products")
        with sqlite3.connect(data) as database:  # as thousands of edits leave it, in no time
            rows = [(product["id"], product["updatedAt"])] * 9_998
            made = "INSERT INTO change (entity, record, change, at) VALUES ('products', ?, 'updated', ?)"
            database.executemany(made, rows)
        database.close()
        with running(tmp_path, *options) as erp:
            _check_where_to_look(erp, receiver, path)


def _check_where_to_look(erp: Erp, receiver: Receiver, path: str) -> None:
    assert [(each["changes"], each["more"]) for each in waiting(erp)] == [(10_000, False)]
    contact = erp.made("contacts")
    assert [(each["changes"], each["more"]) for each in waiting(erp)] == [(10_000, True)]
    receiver.status = 500
    erp.patch(path, {"state": "active"})
    receiver.wait(1)
    later = erp.made("products")["id"]
    receiver.status = 200
    eventually(lambda: erp.get(path).record["lastDelivery"])
    advance(erp, 5)
    receiver.wait(3)
    refused, first, second = receiver.notifications
    assert refused.raw == first.raw
    many = [(each["entity"], each["id"], each["change"]) for each in first.body["data"]]
    assert many == [("customers", None, "many"), ("products", None, "many"), ("contacts", None, "many")]
    assert first.body["timestamp"] == contact["createdAt"]
    assert [each["id"] for each in second.body["data"]] == [later]


def test_a_webhook_that_is_changed_or_ended_meanwhile_forgets_the_answer(erp: Erp) -> None:
    with plain.receiving(Receiver) as receiver, plain.receiving(Receiver) as other:
        receiver.slow.clear()
        path = subscribed(erp, receiver)
        made = erp.made("products")["id"]
        receiver.wait(1)
        erp.patch(path, {"url": other.url})
        receiver.status = 410
        receiver.slow.set()
        other.wait(1)
        assert [key for _, key, _ in told(other)] == [made]
        assert ids(other) != ids(receiver)
        assert erp.get(path).record["state"] == "active"
        other.slow.clear()
        erp.made("products")
        other.wait(2)
        assert erp.delete(path).status == 204
        other.slow.set()
        assert erp.get("webhooks").items == []


def test_data_that_is_brought_back_brings_its_webhooks(hub: Erp, receiver: Receiver) -> None:
    path = subscribed(hub, receiver)
    made = hub.made("products")["id"]
    assert hub.post("/sandbox/snapshots", {"name": "s"}).status == 201
    flush(hub)
    hub.delete(path)
    assert hub.post("/sandbox/snapshots/s/restore", {}).status == 204
    flush(hub)
    assert [key for _, key, _ in told(receiver)] == [made, made]


# --- disorder on demand


def test_messages_come_twice_by_the_same_id(hub: Erp, receiver: Receiver) -> None:
    subscribed(hub, receiver)
    assert hub.post("/sandbox/notifications", {"duplicate": 1}).record["windowSeconds"] == 86_400
    hub.made("products")
    assert [each["outcome"] for each in flush(hub)] == ["delivered", "duplicated"]
    first, second = receiver.notifications
    assert first.raw == second.raw
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert waiting(hub) == []


def test_changes_come_out_of_order_as_the_seed_has_it(hub: Erp, receiver: Receiver) -> None:
    subscribed(hub, receiver)
    hub.post("/sandbox/notifications", {"reorder": True, "seed": 7})
    made = [hub.made("products")["id"] for _ in range(20)]
    receiver.status = 500
    flush(hub)
    receiver.status = 200
    flush(hub)
    refused, taken = receiver.notifications
    assert refused.raw == taken.raw
    keys = [change["id"] for change in taken.body["data"]]
    assert keys != made
    assert sorted(keys) == sorted(made)


def test_settings_that_make_no_sense_are_refused(hub: Erp) -> None:
    for body in ({"duplicate": 2}, {"windowSeconds": -1}, {"dupilcate": 1}):
        assert hub.post("/sandbox/notifications", body).status == 400


# --- the address


def test_a_webhook_is_registered_read_changed_and_ended(hub: Erp, receiver: Receiver) -> None:
    reply = asked(hub, receiver.url)
    record = reply.record
    assert reply.status == 201
    path = reply.headers["location"]
    assert path == f"/api/webhooks/{record['id']}"
    assert record == {
        "id": record["id"], "url": receiver.url, "entities": ["customers", "contacts", "orders", "products"],
        "state": "active", "disabledReason": None, "createdAt": record["createdAt"], "lastDelivery": None,
    }  # fmt: skip
    assert hub.get(path).record == record
    assert hub.get("webhooks").record == {"items": [record]}
    assert hub.get("webhooks", limit=1).status == 400
    paused = hub.patch(path, {"state": "disabled", "entities": ["orders"]}).record
    assert paused == {**record, "state": "disabled", "disabledReason": "It was asked for.", "entities": ["orders"]}
    assert hub.patch(path, {}).record == paused
    assert hub.delete(path).status == 204
    for method in ("GET", "DELETE"):
        assert hub.call(method, path).status == 404
    assert hub.patch(path, {}).status == 404


def test_the_secret_is_never_told(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty") as erp, plain.receiving(Receiver) as receiver:
        path = subscribed(erp, receiver)
        other = base64.b64encode(os.urandom(24)).decode()
        receiver.status = 500
        erp.made("products")
        receiver.wait(1)
        eventually(lambda: erp.get(path).record["lastDelivery"])
        receiver.status = 200
        changed = erp.patch(path, {"secret": f"whsec_{other}"})
        flush(erp)
        first, second = receiver.notifications
        assert signed(first)
        assert signed(second, base64.b64decode(other))
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        refusal = asked(erp, receiver.url + "x", secret="whsec_c2hvcnQ=")
        shown = [erp.get(path), erp.get("webhooks"), erp.get("/sandbox/notifications"), changed, refusal]
        for secret in (SECRET, other, "c2hvcnQ="):
            assert secret.removeprefix("whsec_") not in str(shown)


def test_a_url_has_one_webhook(hub: Erp, receiver: Receiver) -> None:
    first, second = asked(hub, receiver.url), asked(hub, receiver.url + "/2")
    again = asked(hub, receiver.url)
    assert (again.status, again.mistaken) == (409, ["url"])
    assert again.headers["location"] == first.headers["location"]
    assert first.record["id"] in again.body["detail"]
    taken = hub.patch(second.headers["location"], {"url": receiver.url})
    assert (taken.status, taken.headers["location"]) == (409, first.headers["location"])


_LONG = base64.b64encode(bytes(65)).decode()


@pytest.mark.parametrize(
    ("body", "mistaken"),
    [
        ({"url": None}, ["url"]),
        ({"url": 7}, ["url"]),
        ({"url": "hook"}, ["url"]),
        ({"url": "ftp://127.0.0.1/"}, ["url"]),
        ({"url": "http://127.0.0.1:0/"}, ["url"]),
        ({"url": "http://example.com/"}, ["url"]),
        ({"url": "http://127.0.0.1.example.com/"}, ["url"]),
        ({"url": "http://0.0.0.0/"}, ["url"]),
        ({"url": "http://me:pass@127.0.0.1/"}, ["url"]),
        ({"url": "http://127.0.0.1/" + "x" * 2_000}, ["url"]),
        ({"secret": None}, ["secret"]),
        ({"secret": ""}, ["secret"]),
        ({"secret": 7}, ["secret"]),
        ({"secret": SECRET.removeprefix("whsec_")}, ["secret"]),
        ({"secret": "whsec_" + base64.b64encode(bytes(23)).decode()}, ["secret"]),
        ({"secret": f"whsec_{_LONG}"}, ["secret"]),
        ({"secret": "whsec_not base64 at all, but long enough"}, ["secret"]),
        ({"secret": "whsec_ÄÖÜ"}, ["secret"]),
        ({"entities": ["customers", "clients"]}, ["entities[1]"]),
        ({"entities": [["customers"]]}, ["entities[0]"]),
        ({"entities": "customers"}, ["entities"]),
        ({"state": "off"}, ["state"]),
        ({"id": "mine"}, ["id"]),
        ({"lastDelivery": None}, ["lastDelivery"]),
        ({"uri": "x"}, ["uri"]),
        ({"url": None, "secret": None, "entities": ["x"]}, ["entities[0]", "url", "secret"]),
    ],
)
def test_what_cannot_be_taken_is_named(hub: Erp, receiver: Receiver, body: dict[str, Any], mistaken: list[str]) -> None:
    for reply in (asked(hub, receiver.url, **body), hub.patch(subscribed(hub, receiver), body)):
        assert (reply.status, reply.mistaken) == (422, mistaken)
        assert "pass@" not in str(reply.body)


def test_other_hosts_are_called_only_where_that_was_asked_for(tmp_path: Path) -> None:
    """TEST-NET-1 is nobody's. What was taken with the option is not called without it."""
    options = ("--open", "--empty", "--data", str(tmp_path / "data"))
    with running(tmp_path, *options, "--notify-any-host", "--notify-after", "86400") as erp:
        assert asked(erp, "http://192.0.2.1/").status == 201
        erp.made("products")
    with running(tmp_path, *options, "--notify-after", "86400") as erp:
        begun = time.monotonic()
        assert [(each["status"], each["outcome"]) for each in flush(erp)] == [(None, "retried")]
        assert time.monotonic() - begun < 5
        refused = asked(erp, "http://192.0.2.2/")
        assert "--notify-any-host" in refused.body["detail"]


def test_there_may_be_a_hundred(hub: Erp, receiver: Receiver) -> None:
    assert all(asked(hub, f"{receiver.url}/{n}").status == 201 for n in range(100))
    assert asked(hub, receiver.url).status == 409


def test_who_does_not_sign_in_is_told_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "--empty", token="t") as erp:
        assert asked(erp, "http://127.0.0.1:9/").status == 401
        assert erp.get("webhooks").status == 401


def test_data_of_before_there_were_webhooks_is_taken(tmp_path: Path) -> None:
    data = tmp_path / "data"
    options = ("--open", "--empty", "--data", str(data))
    with running(tmp_path, *options) as erp:
        erp.made("products")
    with sqlite3.connect(data) as database:
        database.execute("DROP TABLE webhook")
    database.close()
    with running(tmp_path, *options) as erp:
        assert erp.get("webhooks").items == []
        assert len(erp.get("products").items) == 1


def test_it_is_as_the_document_says(hub: Erp, receiver: Receiver) -> None:
    document = hub.get("/openapi.json").record
    schemas = Schemas(document)

    def wrong(value: Any, title: str) -> list[str]:
        return schemas.wrong(value, {"$ref": f"#/components/schemas/{title}"})

    path = subscribed(hub, receiver)
    assert wrong(hub.get(path).record, "Webhook") == []
    hub.delete(f"products/{hub.made('products')['id']}")
    flush(hub)
    assert wrong(hub.get("webhooks").record, "WebhookList") == []
    (one,) = receiver.notifications
    assert wrong(one.body, "Message") == []
    (said,) = (event["post"] for event in document["webhooks"].values())
    assert {header["name"] for header in said["parameters"]} <= set(one.headers)
    assert wrong({"secret": SECRET}, "WebhookInput") != []
    assert wrong({"url": receiver.url, "secret": SECRET, "entities": ["customers"]}, "WebhookInput") == []
    assert wrong({"entities": ["clients"]}, "WebhookPatch") != []


def test_the_clock_is_told_in_every_answer(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty") as erp:
        advance(erp, 400 * DAY)
        ahead = str(int(erp.get("/sandbox/clock").record["now"][:4]))
        assert ahead in erp.get("customers").headers["date"]
        assert erp.made("customers")["createdAt"].startswith(ahead)
