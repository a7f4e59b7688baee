"""Generated companies: of the size asked for, the same for the same seed, and as the rules would have made them."""

from __future__ import annotations

import os
import pty
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox_businesscentral.central import Central, running, started
from syncline.connectors.businesscentral.metadata import ZERO_GUID, entity_sets
from syncline.sandbox.businesscentral.contents.generate import Size

_SIZE = 60
_CODES = (
    "currencies", "itemCategories", "paymentTerms", "shipmentMethods", "taxAreas", "taxGroups", "unitsOfMeasure",
    "generalProductPostingGroups", "inventoryPostingGroups",
)  # fmt: skip
_OF_THE_RECORD = ("@odata.context", "@odata.etag", "id", "documentId", "lastModifiedDateTime")
Record = dict[str, Any]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    """Only read: the tests that write start their own."""
    with running(tmp_path_factory.mktemp("generated"), "--open", "--generate", str(_SIZE)) as sandbox:
        yield sandbox


def _everything(central: Central) -> dict[str, list[Record]]:
    found = {name: central.get(name).value for name in ("items", "customers", "contacts")}
    found["salesOrders"] = central.get("salesOrders?$expand=salesOrderLines").value
    return found


def _unversioned(record: Any) -> Any:
    if isinstance(record, dict):
        return {name: _unversioned(value) for name, value in record.items() if name != "@odata.etag"}
    return [_unversioned(each) for each in record] if isinstance(record, list) else record


def test_a_company_has_the_size_that_was_asked_for(generated: Central) -> None:
    found = _everything(generated)
    size = Size(_SIZE)
    assert len(found["customers"]) == _SIZE
    assert len(found["contacts"]) == _SIZE + size.persons
    assert len(found["items"]) == size.items
    assert len(found["salesOrders"]) == size.orders
    assert sum(len(order["salesOrderLines"]) for order in found["salesOrders"]) == size.lines


@pytest.mark.parametrize("customers", [1, 7, 100, 2_000, 1_000_000])
def test_sizes_are_in_proportion(customers: int) -> None:
    size = Size(customers)
    for found, share in ((size.persons, 0.4), (size.orders, 0.3), (size.lines, 0.9)):
        assert found == pytest.approx(customers * share, abs=5)
    assert 20 <= size.items <= max(20, min(customers // 10, 20_000))


def test_records_look_real_and_differ(generated: Central) -> None:
    customers = generated.get("customers").value
    for name in ("number", "email"):
        assert len({customer[name] for customer in customers}) == _SIZE
    companies = [customer for customer in customers if customer["type"] == "Company"]
    assert len({customer["taxRegistrationNumber"] for customer in companies}) == len(companies)
    assert all(customer["email"].endswith(".example") for customer in customers)
    stamps = [customer["lastModifiedDateTime"] for customer in customers]
    assert stamps == sorted(set(stamps))
    assert stamps[0].startswith("2023")
    assert stamps[-1].startswith("2024")
    for item in generated.get("items").value:
        weighed = (int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(item["gtin"]))
        assert sum(weighed) % 10 == 0
        assert 0 < item["unitCost"] < item["unitPrice"]


def test_the_same_seed_makes_the_same_records(generated: Central, tmp_path: Path) -> None:
    first = _unversioned(_everything(generated))
    with running(tmp_path, "--open", "--generate", str(_SIZE)) as again:
        assert again.company == generated.company
        assert _unversioned(_everything(again)) == first
    with running(tmp_path, "--open", "--generate", str(_SIZE), "--seed", "2") as other:
        second = _unversioned(_everything(other))
    for name, records in first.items():
        assert len(second[name]) == len(records)
        assert not {record["id"] for record in records} & {record["id"] for record in second[name]}


class _Rules:
    """The same records once more, each posted to an empty company, where the rules make what they say."""

    def __init__(self, source: Central, target: Central) -> None:
        self._source = source
        self._target = target
        self._ids: dict[str, str] = {}
        for name in _CODES:
            theirs = {code["code"]: code["id"] for code in target.get(name).value}
            self._ids |= {code["id"]: theirs[code["code"]] for code in source.get(name).value}

    def post(self, entity_set: str, record: Record, *names: str) -> Record:
        made = self._target.made(entity_set, self._said(record, names))
        self._ids[record["id"]] = made["id"]
        return made

    def post_all_of(self, entity_set: str, record: Record, *, but: tuple[str, ...]) -> Record:
        """With everything that a client may send and that says something."""
        said = entity_sets()[entity_set].properties
        names = [name for name in record if name in said and not said[name].read_only and name not in but]
        return self.post(entity_set, record, *(name for name in names if record[name] not in ("", 0, ZERO_GUID)))

    def post_order(self, order: Record) -> Record:
        head = ("customerId", "externalDocumentNumber", "orderDate", "postingDate", "requestedDeliveryDate")
        line = ("itemId", "quantity", "discountPercent", "shipmentDate")
        lines = [self._said(each, line) for each in order["salesOrderLines"]]
        made = self._target.made("salesOrders", self._said(order, head) | {"salesOrderLines": lines})
        return self._target.fresh("salesOrders", made, "?$expand=salesOrderLines")

    def _said(self, record: Record, names: tuple[str, ...]) -> Record:
        said: Record = {name: self._ids.get(record[name], record[name]) for name in names}
        return {name: float(value) if isinstance(value, Decimal) else value for name, value in said.items()}

    def same(self, record: Record, made: Record) -> None:
        assert self._told(record, self._ids) == self._told(made, {})

    def _told(self, record: Record, ids: Mapping[str, str]) -> Record:
        told = {name: value for name, value in record.items() if name not in _OF_THE_RECORD}
        return {
            name: [self._told(each, ids) for each in value] if isinstance(value, list) else ids.get(value, value)
            for name, value in told.items()
        }


def test_every_record_is_as_the_rules_would_have_made_it(generated: Central, tmp_path: Path) -> None:
    source = _everything(generated)
    persons = [contact for contact in source["contacts"] if contact["jobTitle"]]
    own = {contact["email"]: contact for contact in source["contacts"] if not contact["jobTitle"]}
    with running(tmp_path, "--open", "--empty") as target:
        rules = _Rules(generated, target)
        for item in source["items"]:
            made = rules.post_all_of("items", item, but=("number", "inventory"))
            target.patch(f"items({made['id']})", {"inventory": int(item["inventory"])})
            rules.same(item, target.fresh("items", made))
        for customer in source["customers"]:
            rules.same(customer, rules.post_all_of("customers", customer, but=("number",)))
            contact = own[customer["email"]]
            found = target.get(f"contacts?$filter=number eq '{contact['number']}'").value
            rules.same(contact, found[0])
            for person in persons:
                if person["companyNumber"] == contact["number"] and contact["type"] == "Company":
                    given = ("type", "displayName", "jobTitle", "companyNumber", "mobilePhoneNumber", "email")
                    rules.same(person, rules.post("contacts", person, *given))
        for order in source["salesOrders"]:
            rules.same(order, rules.post_order(order))
        counted = {name: target.get(f"{name}/$count").body for name in ("items", "customers", "contacts")}
        assert counted == {name: len(source[name]) for name in counted}
        relations = [
            {
                (each["contactNumber"], each["contactType"])
                for each in side.get(f"customers({customer['id']})/contactsInformation").value
            }
            for side in (generated, target)
            for customer in side.get("customers").value
        ]
        assert relations[:_SIZE] == relations[_SIZE:]


def test_deriving_anew_changes_nothing_and_everything_can_be_worked_with(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--generate", "20") as sandbox:
        before = _everything(sandbox)
        for order in before["salesOrders"]:
            for line in order["salesOrderLines"]:
                sandbox.patch(f"salesOrderLines({line['id']})", {"quantity": float(line["quantity"])})
        for name in ("items", "customers", "contacts", "salesOrders"):
            for record in before[name]:
                assert sandbox.patch(f"{name}({record['id']})", {}, record["@odata.etag"]).status in (200, 409)
        unmoved = _timeless(before)
        assert _timeless(_everything(sandbox)) == unmoved

        for entity_set in ("customers", "contacts", "items"):
            highest = max(record["number"] for record in before[entity_set])
            assert sandbox.made(entity_set, {"displayName": "Next"})["number"] > highest
        order = before["salesOrders"][-1]
        following = sandbox.made("salesOrders", {"customerId": order["customerId"]})
        assert int(following["number"][-6:]) == int(order["number"][-6:]) + 1
        assert following["lastModifiedDateTime"] > order["lastModifiedDateTime"]
        done = sandbox.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {})
        assert done.status == 204, done
        assert sandbox.get(f"salesOrders({order['id']})").status == 404


def _timeless(record: Any) -> Any:
    if isinstance(record, dict):
        moved = ("@odata.etag", "lastModifiedDateTime")
        return {name: _timeless(value) for name, value in record.items() if name not in moved}
    return [_timeless(each) for each in record] if isinstance(record, list) else record


def test_totals_add_up_and_blocked_customers_have_no_orders(generated: Central) -> None:
    found = _everything(generated)
    blocked = {customer["id"] for customer in found["customers"] if customer["blocked"] != "_x0020_"}
    numbers = {customer["id"]: customer["number"] for customer in found["customers"]}
    for order in found["salesOrders"]:
        lines = order["salesOrderLines"]
        assert sum(line["netAmount"] for line in lines) == order["totalAmountExcludingTax"]
        assert sum(line["netAmountIncludingTax"] for line in lines) == order["totalAmountIncludingTax"]
        assert numbers[order["customerId"]] == order["customerNumber"]
        assert order["customerId"] not in blocked


def test_a_generated_company_is_added_once_and_stays(tmp_path: Path) -> None:
    data = ("--open", "--data", str(tmp_path / "central.db"))
    with running(tmp_path, *data, "--empty") as sandbox:
        assert sandbox.name == "Empty Company"
    with running(tmp_path, *data, "--generate", "3", "--company", "Three", "--company", "Too") as sandbox:
        companies = {company["name"]: company["id"] for company in sandbox.get("/companies").value}
        assert list(companies) == ["Empty Company", "Three", "Too"]
        listed = {name: sandbox.get(f"/companies({key})/customers").value for name, key in companies.items()}
        assert [len(each) for each in listed.values()] == [0, 3, 3]
        assert not {each["id"] for each in listed["Three"]} & {each["id"] for each in listed["Too"]}
    with running(tmp_path, *data, "--generate", "5", "--company", "Three") as sandbox:
        assert sandbox.get(f"/companies({companies['Three']})/customers").value == listed["Three"]


def test_a_generated_company_is_kept_and_looked_up_as_any_other(tmp_path: Path) -> None:
    data = tmp_path / "central.db"
    for options in (("--empty",), ("--generate", "30")):
        with running(tmp_path, "--open", "--data", str(data), *options):
            pass
    with closing(sqlite3.connect(data)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        made = connection.execute("SELECT tbl_name, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        plain, generated = (
            {tuple(str(cell).replace(f"{number}$", "$") for cell in row) for row in made if f"{number}$" in row[0]}
            for number in (1, 2)
        )
        assert plain == generated
        for entity_set in ("customers", "contacts", "items", "salesOrders"):
            for asked in (  # what is asked when a file is opened, and by whoever polls
                f'SELECT max(lastModifiedDateTime) FROM "2${entity_set}"',
                f"SELECT * FROM \"2${entity_set}\" WHERE lastModifiedDateTime > '' ORDER BY lastModifiedDateTime, _row",
            ):
                plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {asked}")]
                assert len(plan) == 1
                assert f"INDEX 2${entity_set} lastModifiedDateTime" in plan[0]


def test_what_is_cut_off_leaves_nothing_behind(tmp_path: Path) -> None:
    data = tmp_path / "central.db"
    process = started("--open", "--data", str(data), "--generate", "100000")
    try:
        while not data.with_name("central.db-journal").exists():  # there is one while a transaction is open
            assert process.poll() is None
            time.sleep(0.005)
    finally:
        process.kill()
        process.communicate()
    with running(tmp_path, "--open", "--data", str(data), "--generate", "5") as sandbox:
        assert [company["name"] for company in sandbox.get("/companies").value] == ["Generated Company"]
        assert len(sandbox.get("customers").value) == 5


def test_whoever_watches_a_terminal_sees_how_far_it_is() -> None:
    ours, theirs = pty.openpty()
    command = "from syncline.sandbox.businesscentral.command import businesscentral_command as run; run()"
    with subprocess.Popen(
        [sys.executable, "-c", command, "--open", "--generate", "2000"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    ) as process:
        os.close(theirs)
        assert process.stdout
        assert process.stdout.readline().startswith(b"http://127.0.0.1:")
        process.terminate()
        said = b""
        while chunk := _read(ours):
            said += chunk
    os.close(ours)
    assert b"Generated Company: records" in said
    assert f"/{Size(2000).records}".encode() in said


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody writes to it any more
        return b""


def test_empty_and_generate_exclude_each_other() -> None:
    process = started("--open", "--empty", "--generate", "10")
    _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "--empty and --generate" in said
