from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox_customerp.erp import Erp, running


def listed(erp: Erp, path: str, **query: object) -> list[list[dict[str, Any]]]:
    """All pages of a list."""
    pages = []
    cursor: dict[str, object] = {}
    while True:
        reply = erp.get(path, **query, **cursor).record
        pages.append(reply["items"])
        if reply["nextCursor"] is None:
            return pages
        cursor = {"cursor": reply["nextCursor"]}


def fed(erp: Erp, since: str | None = None, **query: object) -> tuple[list[dict[str, Any]], str]:
    """All that the feed tells from there on, and where it ends."""
    items: list[dict[str, Any]] = []
    while True:
        reply = erp.get("changes", **query, **({} if since is None else {"since": since})).record
        items += reply["items"]
        since = str(reply["nextSince"])
        if not reply["hasMore"]:
            return items, since


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erp]:
    """A sandbox with 25 products that nobody changes."""
    with running(tmp_path_factory.mktemp("shelf"), "--open", "--empty") as sandbox:
        for place in range(25):
            sandbox.made("products", name=f"p{place}", category="ODD" if place % 2 else "EVEN")
        yield sandbox


# --- lists


def test_a_list_is_told_by_pages_in_the_order_of_change(shelf: Erp) -> None:
    pages = listed(shelf, "products", limit=10)
    assert [len(page) for page in pages] == [10, 10, 5]
    items = [item for page in pages for item in page]
    assert [item["name"] for item in items] == [f"p{place}" for place in range(25)]
    assert items == sorted(items, key=lambda item: (item["updatedAt"], item["id"]))
    assert items[3] == shelf.get(f"products/{items[3]['id']}").record
    assert [len(page) for page in listed(shelf, "products", limit=25)] == [25]
    assert listed(shelf, "customers") == [[]]


def test_a_changed_record_moves_to_the_end_and_hides_none(erp: Erp, mark: str) -> None:
    made = [erp.made("products", category=mark, name=str(place)) for place in range(6)]
    first = erp.get("products", category=mark, limit=3).record
    assert erp.post("/sandbox/clock", {"advanceSeconds": 0.002}).status == 200  # moments are told in milliseconds
    erp.patch(f"products/{made[0]['id']}", {"name": "edited"})
    rest = erp.get("products", category=mark, limit=9, cursor=first["nextCursor"]).record
    assert [item["name"] for item in rest["items"]] == ["3", "4", "5", "edited"]


def test_updated_since_takes_the_moment_itself(shelf: Erp) -> None:
    items = shelf.get("products", limit=1000).items
    moment = items[12]["updatedAt"]
    expected = [item for item in items if item["updatedAt"] >= moment]
    assert shelf.get("products", updatedSince=moment).items == expected
    later = datetime.fromisoformat(items[-1]["updatedAt"]) + timedelta(milliseconds=1)
    assert shelf.get("products", updatedSince=later.isoformat()).items == []
    eastern = datetime.fromisoformat(moment).isoformat().replace("+00:00", "") + "+00:00"
    assert shelf.get("products", updatedSince=eastern).items == expected
    assert [len(page) for page in listed(shelf, "products", updatedSince=items[0]["updatedAt"], limit=20)] == [20, 5]


@pytest.mark.parametrize(
    ("entity", "name", "value"),
    [
        ("customers", "customerNo", "Nº 1"),
        ("customers", "name", "Søn & Co"),
        ("customers", "email", "a+b@example.org"),
        ("customers", "phone", "+4512345678"),
        ("customers", "organisationNumber", "DE 1"),
        ("contacts", "contactNo", "K1"),
        ("contacts", "email", "b@example.org"),
        ("contacts", "mobile", "+4587654321"),
        ("orders", "orderNo", "O/1"),
        ("orders", "bcNumber", "S-1"),
        ("orders", "status", "cancelled"),
        ("products", "sku", "S 1"),
        ("products", "barcode", "4006381333931"),
        ("products", "category", "desk"),
    ],
)
def test_records_are_found_by_what_they_hold(erp: Erp, mark: str, entity: str, name: str, value: str) -> None:
    unlike = "completed" if name == "status" else f"{value}{mark}"
    value = value if name == "status" else f"{mark} {value}"
    wanted = erp.made(entity, **{name: value})
    erp.made(entity, **{name: unlike})
    assert erp.get(entity, **{name: value}).items == [wanted]
    moved = erp.patch(f"{entity}/{wanted['id']}", {name: "review" if name == "status" else mark}).record
    assert erp.get(entity, **{name: value}).items == []
    assert moved in erp.get(entity, **{name: moved[name]}).items


def test_records_are_found_by_whom_they_refer_to(erp: Erp) -> None:
    customer, other = erp.made("customers"), erp.made("customers")
    orders = [erp.made("orders", customerId=customer["id"], status=status) for status in ("open", "draft")]
    contact = erp.made("contacts", customerId=customer["id"])
    assert erp.get("orders", customerId=customer["id"]).items == orders
    assert erp.get("orders", customerId=customer["id"], status="draft").items == orders[1:]
    assert erp.get("orders", customerId=other["id"]).items == []
    assert erp.get("contacts", customerId=customer["id"]).items == [contact]


def test_ids_alone_and_records_by_their_ids(shelf: Erp) -> None:
    ids = [item["id"] for item in shelf.get("products", limit=1000).items]
    pages = listed(shelf, "products", fields="id", limit=10)
    assert [item for page in pages for item in page] == [{"id": name} for name in ids]
    asked = [ids[7], "nobody", ids[2], ids[7]]
    reply = shelf.get("products", ids=",".join(asked), limit=500).record
    assert [item["id"] for item in reply["items"]] == [ids[7], ids[2]]
    assert reply["nextCursor"] is None
    assert shelf.get("customers", ids=ids[0]).items == []
    assert len(shelf.get("products", ids=",".join([*ids, *(f"n{n}" for n in range(75))])).items) == 25
    assert shelf.get("products", ids=",".join(f"n{n}" for n in range(101))).status == 400


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("products", {"limit": 0}, "limit"),
        ("products", {"limit": 1001}, "limit"),
        ("products", {"limit": "ten"}, "limit"),
        ("products", {"updatedSince": "yesterday"}, "updatedSince"),
        ("products", {"updatedSince": "2026-01-01T00:00:00"}, "updatedSince"),
        ("products", {"fields": "name"}, "fields"),
        ("products", {"colour": "red"}, "colour"),
        ("products", {"orderNo": "1"}, "orderNo"),
        ("products", {"ids": "a", "sku": "1"}, "ids"),
        ("changes", {"entity": "vendors"}, "entity"),
        ("changes", {"expand": "all"}, "expand"),
        ("changes", {"cursor": "x"}, "cursor"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(shelf: Erp, path: str, query: dict[str, object], named: str) -> None:
    reply = shelf.get(path, **query)
    assert reply.status == 400
    assert reply.body["detail"].startswith(f"{named}: ")


def test_a_parameter_is_given_once(shelf: Erp) -> None:
    assert shelf.get("products?limit=1&limit=2").status == 400


# --- the feed


def test_the_feed_tells_every_change_with_deletions(erp: Erp) -> None:
    start = erp.position()
    record = erp.made("customers", name="a")
    product = erp.made("products")
    changed = erp.patch(f"customers/{record['id']}", {"name": "b"}).record
    erp.delete(f"customers/{record['id']}")
    items, end = fed(erp, start)
    assert [(item["entity"], item["id"], item["change"], item["etag"]) for item in items] == [
        ("customers", record["id"], "created", record["etag"]),
        ("products", product["id"], "created", product["etag"]),
        ("customers", record["id"], "updated", changed["etag"]),
        ("customers", record["id"], "deleted", None),
    ]
    assert [item["seq"] for item in items] == sorted({item["seq"] for item in items})
    assert items[2]["at"] == changed["updatedAt"]
    assert fed(erp, end) == ([], end)
    assert fed(erp, start, limit=1) == (items, end)
    assert [item["id"] for item in fed(erp, start, entity="products")[0]] == [product["id"]]


def test_an_expanded_feed_tells_each_record_once_as_it_is_now(erp: Erp) -> None:
    start = erp.position()
    made = [erp.made("customers", name=str(place)) for place in range(4)]
    for round_ in range(3):
        made[0] = erp.patch(f"customers/{made[0]['id']}", {"name": f"again {round_}"}).record
    erp.patch(f"customers/{made[1]['id']}", {"name": "before it goes"})
    erp.delete(f"customers/{made[1]['id']}")
    erp.made("products")
    items, _ = fed(erp, start, entity="customers", expand="record", limit=2)
    assert [(item["change"], item["id"], item["record"]) for item in items] == [
        ("created", made[2]["id"], made[2]),
        ("created", made[3]["id"], made[3]),
        ("updated", made[0]["id"], made[0]),
        ("deleted", made[1]["id"], None),
    ]


def test_a_record_that_changes_between_pages_is_told_again(erp: Erp) -> None:
    start = erp.position()
    first, _ = erp.made("customers"), erp.made("customers")
    page = erp.get("changes", since=start, expand="record", limit=1).record
    assert (page["items"][0]["id"], page["hasMore"]) == (first["id"], True)
    changed = erp.patch(f"customers/{first['id']}", {"name": "meanwhile"}).record
    items, _ = fed(erp, page["nextSince"], expand="record")
    assert items[-1]["record"] == changed


def test_without_a_position_the_feed_begins_at_the_beginning(shelf: Erp) -> None:
    items, end = fed(shelf, entity="products", limit=10)
    assert [item["seq"] for item in items] == list(range(1, 26))
    assert fed(shelf, "latest") == ([], end)
    assert fed(shelf, entity="customers") == ([], end)


# --- cursors


def test_a_cursor_of_other_data_is_gone(erp: Erp, shelf: Erp, tmp_path: Path) -> None:
    erp.made("customers")
    erp.made("customers")
    cursor = erp.get("customers", limit=1).record["nextCursor"]
    for since in (erp.position(), "nonsense", "é", "", cursor, "bGF0ZXN0"):
        reply = shelf.get("changes", since=since)
        assert reply.status == 410
        assert "start again" in reply.body["detail"]
        assert shelf.get("products", cursor=since).status == 410
    assert erp.get("customers", cursor=erp.position()).status == 410
    assert erp.get("products", cursor=cursor).status == 410
    assert erp.get("customers", cursor=cursor).status == 200


def test_a_cursor_from_before_a_restore_is_gone_also_where_the_feed_has_grown_past_it(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty") as erp:
        kept = erp.made("customers", name="Before")
        between = erp.position()
        assert erp.post("/sandbox/snapshots", {"name": "before"}).status == 201
        erp.made("customers", name="Lost")
        cursor = erp.position()
        assert erp.post("/sandbox/snapshots/before/restore", None).status == 204
        assert [each["id"] for each in erp.get("customers").items] == [kept["id"]]
        assert erp.get("changes", since=cursor).status == 410
        time.sleep(0.002)  # a moment is a millisecond
        erp.made("customers", name="Another")
        erp.made("customers", name="And one more")
        assert erp.get("changes", since=cursor).status == 410
        assert len(erp.get("changes", since=between).items) == 2
        assert erp.post("/sandbox/snapshots/nothing/restore", None).status == 404
        assert erp.post("/sandbox/snapshots", {"called": "x"}).status == 400
