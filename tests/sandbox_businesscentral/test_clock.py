"""The sandbox's clock is moved by a test: whatever minds the time follows, and modification times never go back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from sandbox_businesscentral.central import Central, running

AN_HOUR = 3600


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[Central]:
    with running(tmp_path, "--open", "--empty") as sandbox:
        yield sandbox


def move(central: Central, **how: float) -> None:
    assert central.post("/sandbox/clock", how).status == 200


def told(central: Central) -> datetime:
    return datetime.fromisoformat(central.get("/sandbox/clock").body["now"])


def off(when: datetime) -> float:
    return (when - datetime.now(UTC)).total_seconds()


def test_the_clock_goes_on_by_as_much_as_it_is_told(moving: Central) -> None:
    assert abs(off(told(moving))) < 60
    move(moving, advanceSeconds=AN_HOUR)
    move(moving, advanceSeconds=AN_HOUR)
    assert abs(off(told(moving)) - 2 * AN_HOUR) < 60
    assert moving.get("/sandbox/clock").body["offsetSeconds"] == 2 * AN_HOUR
    move(moving, offsetSeconds=-AN_HOUR)
    assert abs(off(told(moving)) + AN_HOUR) < 60


def test_a_clock_that_is_off_stamps_records_and_answers(moving: Central) -> None:
    move(moving, offsetSeconds=AN_HOUR)
    reply = moving.post("items", {})
    assert abs(off(datetime.fromisoformat(reply.body["lastModifiedDateTime"])) - AN_HOUR) < 60
    assert [name.lower() for name in reply.headers].count("date") == 1
    assert abs(off(parsedate_to_datetime(reply.headers["date"])) - AN_HOUR) < 60


def test_modification_times_never_go_back(moving: Central) -> None:
    move(moving, offsetSeconds=AN_HOUR)
    first = moving.made("items", {})
    move(moving, offsetSeconds=-AN_HOUR)
    second = moving.made("items", {})
    assert second["lastModifiedDateTime"] >= first["lastModifiedDateTime"]
    assert abs(off(parsedate_to_datetime(moving.get("/companies").headers["date"])) + AN_HOUR) < 60


def test_the_day_of_documents_and_what_is_overdue_follow(moving: Central) -> None:
    terms = moving.made("paymentTerms", {"code": "FIVE", "dueDateCalculation": "5D"})
    customer = moving.made("customers", {"displayName": "late", "paymentTermsId": terms["id"]})
    lines = [{"lineType": "Item", "lineObjectNumber": moving.made("items", {"unitPrice": 10})["number"], "quantity": 1}]
    order = moving.made("salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})
    today = told(moving).date()
    assert order["orderDate"] == today.isoformat()
    assert moving.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {}).status == 204

    def overdue() -> float:
        return float(moving.get(f"customerFinancialDetails({customer['id']})").body["overdueAmount"])

    assert overdue() == 0
    move(moving, advanceSeconds=10 * 24 * AN_HOUR)
    assert overdue() > 0
    later = date.fromisoformat(moving.made("salesOrders", {"customerId": customer["id"]})["orderDate"])
    assert later == today + timedelta(days=10)


def test_what_waits_goes_on_when_the_clock_was_moved_past_it(moving: Central) -> None:
    slow_items = {"kind": "latency", "match": "items", "seconds": 600}
    assert moving.post("/sandbox/faults", {"next": [slow_items]}).status == 200
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(moving.get, "items")
        while moving.get("/sandbox/faults").body["next"]:
            pass
        move(moving, advanceSeconds=300)
        move(moving, offsetSeconds=-AN_HOUR)
        assert moving.get("customers").status == 200
        assert not slow.done()
        move(moving, advanceSeconds=301)
        assert slow.result(timeout=20).status == 200


def test_moves_that_make_no_sense_are_refused(moving: Central) -> None:
    for body in (
        {},
        {"advanceSeconds": -1},
        {"advanceSeconds": 1, "offsetSeconds": 1},
        {"offsetSeconds": 1e30},
        {"advanceSeconds": "1"},
        {"years": 1},
    ):
        refused = moving.post("/sandbox/clock", body)
        assert (refused.status, refused.code) == (400, "BadRequest")
    move(moving, advanceSeconds=50 * 366 * 86_400)
    assert moving.post("/sandbox/clock", {"advanceSeconds": 1}).status == 400
    assert moving.get("/sandbox/clock").body["offsetSeconds"] == 50 * 366 * 86_400


def test_a_sandbox_may_start_with_a_clock_that_is_off(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty", "--clock-offset", str(-AN_HOUR)) as sandbox:
        assert abs(off(told(sandbox)) + AN_HOUR) < 60
        item = sandbox.made("items", {})
        assert abs(off(datetime.fromisoformat(item["lastModifiedDateTime"])) + AN_HOUR) < 60
