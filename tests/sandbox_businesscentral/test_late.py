"""What arrives late: a replica that lags behind, and writes that become visible after later-stamped ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox_businesscentral.central import Central, running
from sandbox_businesscentral.test_server import faults
from syncline.sandbox.businesscentral.company import MEMORY, Database
from syncline.sandbox.businesscentral.conditions.replica import Replica
from syncline.sandbox.businesscentral.contents.setup import add_company
from syncline.sandbox.clock import Clock

READ_ONLY = {"Data-Access-Intent": "ReadOnly"}
LAG = {"kind": "lag", "seconds": 60, "times": 10_000}


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    with running(tmp_path_factory.mktemp("late"), "--open", "--empty") as sandbox:
        yield sandbox
        faults(sandbox)


def pass_time(central: Central, seconds: float) -> None:
    assert central.post("/sandbox/clock", {"advanceSeconds": seconds}).status == 200


def everything(central: Central, **headers: str) -> dict[str, Any]:
    """What a reader sees of several sets, with what is counted, expanded and derived."""
    asked = {
        "items": "items?$expand=itemVariants",
        "customers": "customers?$expand=contactsInformation,customerFinancialDetail",
        "contacts": "contacts?$orderby=displayName desc",
        "orders": "salesOrders?$expand=salesOrderLines",
        "invoices": "salesInvoices",
        "count": "customers/$count",
        "terms": "paymentTerms?$filter=code eq 'LATE'",
    }
    return {name: central.get(path, headers).body for name, path in asked.items()}


def test_a_replica_shows_the_state_of_some_seconds_ago(late: Central, mark: str) -> None:
    item = late.made("items", {"number": mark, "unitPrice": 5, "displayName": "é ' first"})
    customer = late.made("customers", {"displayName": mark})
    gone = late.made("paymentTerms", {"code": "LATE"})
    faults(late, LAG)
    begun = everything(late)
    assert everything(late, **READ_ONLY) == begun

    pass_time(late, 40)
    line = {"lineType": "Item", "lineObjectNumber": item["number"], "quantity": 2}
    order = late.made("salesOrders", {"customerId": customer["id"], "salesOrderLines": [line]})
    assert late.patch(f"items({item['id']})", {"displayName": "second", "number": f"{mark}-2"}).status == 200
    assert late.delete(f"paymentTerms({gone['id']})").status == 204
    middle = everything(late)
    assert everything(late, **READ_ONLY) == begun

    pass_time(late, 40)
    assert late.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {}).status == 204
    late.made("customers", {"displayName": f"{mark} later"})
    now = everything(late)
    assert begun != middle != now
    assert everything(late, **READ_ONLY) == begun, "the changes are 40 seconds old, the replica 60 behind"

    pass_time(late, 25)
    assert everything(late, **READ_ONLY) == middle
    assert late.get(f"items({item['id']})", READ_ONLY).body["displayName"] == "second"
    pass_time(late, 40)
    assert everything(late, **READ_ONLY) == now
    assert everything(late) == now, "looking at the past changed nothing"


def test_only_readers_of_the_replica_see_the_past(late: Central, mark: str) -> None:
    faults(late, {**LAG, "times": 1})
    item = late.made("items", {"number": mark})
    path = f"items({item['id']})"
    assert late.get(path).status == 200
    assert late.get(path, {"Data-Access-Intent": "ReadWrite"}).status == 200
    missing = late.get(path, READ_ONLY)
    assert (missing.status, missing.code) == (404, "Internal_RecordNotFound")
    assert late.get(path, READ_ONLY).status == 200, "it lagged for one request"


def test_what_a_replica_never_followed_it_does_not_hide(late: Central, mark: str) -> None:
    faults(late)
    item = late.made("items", {"number": mark})
    faults(late, LAG)
    assert late.get(f"items({item['id']})", READ_ONLY).status == 200


def test_a_reverted_batch_leaves_no_trace_in_the_past(late: Central, mark: str) -> None:
    faults(late, LAG)
    before = everything(late)
    url = f"companies({late.company})/items"
    operations = [{"method": "POST", "url": url, "body": {"number": mark}} for _ in range(2)]
    late.post("/$batch", {"requests": operations}, {"Isolation": "snapshot"})
    assert everything(late) == everything(late, **READ_ONLY) == before


def test_a_replica_takes_no_changes(late: Central) -> None:
    """Tips for working with the APIs: Data-Access-Intent ReadOnly on a modification is an error."""
    for method in ("POST", "PATCH", "DELETE"):
        refused = late.call(method, "items", {}, READ_ONLY)
        assert (refused.status, refused.code) == (400, "BadRequest_InvalidOperation")
    url = f"companies({late.company})/items"
    asked = {"requests": [{"id": "1", "method": "POST", "url": url, "body": {}, "headers": READ_ONLY}]}
    assert late.post("/$batch", asked).body["responses"][0]["status"] == 400
    asked = {"requests": [{"id": "1", "method": "GET", "url": url}]}
    assert late.post("/$batch", asked, READ_ONLY).body["responses"][0]["status"] == 200


def test_a_replica_may_lag_from_the_beginning(tmp_path: Path) -> None:
    chosen = tmp_path / "faults.json"
    chosen.write_text('{"next": [], "random": {"faults": [{"kind": "lag", "rate": 1, "seconds": 5}]}}')
    with running(tmp_path, "--open", "--empty", "--faults", str(chosen)) as sandbox:
        item = sandbox.made("items", {})
        assert sandbox.get(f"items({item['id']})", READ_ONLY).status == 404
        pass_time(sandbox, 6)
        assert sandbox.get(f"items({item['id']})", READ_ONLY).status == 200


def test_a_write_becomes_visible_after_a_later_stamped_one(late: Central, mark: str) -> None:
    """A poll that goes on from the last time it saw misses it, one whose window overlaps does not."""
    first = late.made("items", {"displayName": mark})
    faults(late, {"kind": "late-commit", "method": "POST", "match": "items", "seconds": 20})
    straggler = late.made("items", {"displayName": mark})
    assert straggler["lastModifiedDateTime"] < first["lastModifiedDateTime"]

    def since(moment: str, compared: str = "gt") -> list[str]:
        found = late.get(f"items?$filter=displayName eq '{mark}' and lastModifiedDateTime {compared} {moment}").value
        return [each["id"] for each in found]

    assert since(first["lastModifiedDateTime"]) == []
    assert since(straggler["lastModifiedDateTime"], "ge") == [straggler["id"], first["id"]]
    later = late.made("items", {"displayName": mark})
    assert later["lastModifiedDateTime"] >= first["lastModifiedDateTime"]


def test_a_late_write_never_moves_a_record_back(late: Central) -> None:
    item = late.made("items", {})
    faults(late, {"kind": "late-commit", "seconds": 20})
    changed = late.patch(f"items({item['id']})", {"displayName": "x"}).body
    assert changed["lastModifiedDateTime"] == item["lastModifiedDateTime"]
    assert changed["@odata.etag"] != item["@odata.etag"]


def test_a_whole_batch_may_commit_late(late: Central) -> None:
    now = late.made("items", {})["lastModifiedDateTime"]
    faults(late, {"kind": "late-commit", "match": "$batch", "seconds": 20})
    url = f"companies({late.company})/items"
    reply = late.post("/$batch", {"requests": [{"method": "POST", "url": url, "body": {}} for _ in range(2)]})
    assert all(each["body"]["lastModifiedDateTime"] < now for each in reply.body["responses"])


def test_a_replica_follows_new_companies_and_forgets_when_the_data_was_replaced() -> None:
    clock = Clock()
    database = Database(MEMORY, clock)
    replica = Replica(database)
    replica.follow(60)
    with database.transaction():
        company = add_company(database, "Later")
    replica.keep_up()
    terms = company.find("paymentTerms", code="30D")
    assert terms is not None
    with database.transaction():
        company.delete("paymentTerms", terms)
    with replica.behind(60):
        assert company.find("paymentTerms", code="30D") == terms
    replica.forget()
    with replica.behind(60):
        assert company.find("paymentTerms", code="30D") is None
    database.close()
