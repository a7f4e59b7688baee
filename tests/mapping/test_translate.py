from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from mapping.systems import SHIPPED, SYSTEMS
from syncline.mapping.load import load_flows
from syncline.mapping.model import Flow
from syncline.mapping.translate import (
    Known,
    fields,
    key_ref,
    line_fields,
    mentions,
    mentions_values,
    row,
    takes_part,
)
from syncline.mapping.types import Code, CodeTable
from syncline.records import Line, Record, Ref, Values

NO_ID = "00000000-0000-0000-0000-000000000000"
BC, CP = "businesscentral", "customerp"


@pytest.fixture(scope="module")
def flows() -> Mapping[str, Flow]:
    return load_flows(SHIPPED, SYSTEMS)


def record(fields: dict[str, Any], *, partial: bool = False) -> Record:
    return Record(id="1", version="v", modified=None, fields=fields, partial=partial)


def codes(table: str, *rows: Code) -> Known:
    return Known(codes={(BC, table): CodeTable.of(rows)})


TERMS = codes("paymentTerms", Code("t30", "30 DAYS"), Code("tcod", "COD"))
ITEM = Known(
    links={Ref("products", CP, "p1"): "L1", Ref("products", BC, "i1"): "L1", Ref("customers", CP, "c1"): "L2"},
    members={("L1", CP): "p1", ("L1", BC): "i1", ("L2", CP): "c1"},
    codes={
        (BC, "itemVariants"): CodeTable.of([Code("v1", "RED", "i1"), Code("v2", "RED", "i2")]),
        (BC, "locations"): CodeTable.of([Code("w1", "MAIN")]),
    },
)


# --- reading


def test_reads_a_customer_as_each_side_spells_it(flows: Mapping[str, Flow]) -> None:
    theirs = record(
        {
            "customerNo": "c1",
            "name": "Alfreds",
            "address": {"street": "Obere Str. 57", "country": "de", "postalCode": "ab 1"},
            "phone": "030-0074321",
            "paymentTerms": "30 days",
            "creditLimit": 100,
            "hold": "shipping",
            "taxable": True,
        }
    )
    ours = record(
        {
            "number": "C1",
            "displayName": "Alfreds",
            "addressLine1": "Obere Str. 57",
            "addressLine2": "",
            "country": "DE",
            "postalCode": "AB 1",
            "phoneNumber": "+49300074321",
            "paymentTermsId": "t30",
            "paymentMethodId": NO_ID,
            "creditLimit": Decimal("100.00"),
            "blocked": "Ship",
            "taxLiable": True,
            "customerFinancialDetails": {"overdueAmount": Decimal("7.5")},
            "contactsInformation": {"contactNumber": "CT000007"},
        }
    )
    left = row(flows["customers"], CP, theirs, TERMS)
    right = row(flows["customers"], BC, ours, TERMS)
    assert not left.problems
    assert not right.problems
    assert left.lines is UNSET
    same = ("name", "street", "street2", "country", "phone", "paymentTerms", "creditLimit", "hold", "taxable", "email")
    assert {n: left.values[n] for n in same} == {n: right.values[n] for n in same}
    assert right.values["street2"] is None
    assert right.values["paymentMethod"] is None
    assert right.values["overdue"] == Decimal("7.5")
    assert right.values["companyContact"] == "CT000007"
    assert "companyContact" not in left.values
    assert left.values["number"] == "c1"
    assert flows["customers"].properties["number"].normal(BC, "c1") == "C1"
    assert list(right.values) == list(flows["customers"].properties)


def test_a_partial_record_tells_only_what_it_has(flows: Mapping[str, Flow]) -> None:
    told = record({"phone": "030-0074321", "name": None, "address": {"city": "Berlin"}}, partial=True)
    assert row(flows["customers"], CP, told, TERMS).values == {"name": None, "city": "Berlin"}  # no country, no phone
    told = record({"address": None}, partial=True)
    assert row(flows["customers"], CP, told, TERMS).values["city"] is None
    assert row(flows["orders"], BC, record({}, partial=True), ITEM).lines is UNSET
    assert row(flows["orders"], BC, record({}), ITEM).lines == ()


def test_what_cannot_be_read_is_a_problem_of_its_property(flows: Mapping[str, Flow]) -> None:
    told = record({"blocked": "Some", "creditLimit": "much", "paymentTermsId": "gone", "displayName": "A"})
    seen = row(flows["customers"], BC, told, TERMS)
    assert seen.problems == {
        "hold": "Some is none of _x0020_, Ship, Invoice, All",
        "creditLimit": "much is not a number",
        "paymentTerms": "gone is not in paymentTerms of businesscentral",
    }
    assert seen.values["name"] == "A"
    assert not seen.problems.keys() & seen.values.keys()


def test_a_person_finds_its_customer_through_the_company_contact(flows: Mapping[str, Flow]) -> None:
    person = record({"displayName": "Ana Trujillo", "companyNumber": "CT000007"})
    contacts = flows["contacts"]
    key = ("customers", BC, "companyContact", "CT000007")
    assert mentions(contacts, BC, person).keys == {key}
    assert mentions(contacts, BC, person).refs == frozenset()
    waiting = row(contacts, BC, person, Known())
    assert waiting.waits == (key_ref(*key),)
    assert waiting.waits[0].id == "companyContact=CT000007"
    assert "customer" not in waiting.values
    assert row(contacts, BC, person, Known(by_key={key: "L2"})).values["customer"] == "L2"
    assert row(contacts, BC, record({"companyNumber": ""}), Known()).values["customer"] is None


ORDER = {
    "orderNo": "O1",
    "customerId": "c1",
    "lines": [
        {"id": "1", "productId": "p1", "kind": "product", "quantity": 3, "unitPrice": Decimal("9.80")},
        {"id": "2", "productId": "p9", "kind": "product"},
        {"id": "3", "kind": "text", "description": "With care", "@odata.etag": "e"},
    ],
}


def test_lines_keep_their_order_and_an_unknown_product_makes_the_order_wait(flows: Mapping[str, Flow]) -> None:
    order = record(ORDER)
    assert mentions(flows["orders"], CP, order).refs == {
        Ref("customers", CP, "c1"),
        Ref("products", CP, "p1"),
        Ref("products", CP, "p9"),
    }
    seen = row(flows["orders"], CP, order, ITEM)
    assert seen.waits == (Ref("products", CP, "p9"),)
    assert isinstance(seen.lines, tuple)
    assert [line.id for line in seen.lines] == ["1", "2", "3"]
    assert seen.lines[0].values["product"] == "L1"
    assert "product" not in seen.lines[1].values
    assert seen.lines[2].values["product"] is None
    assert seen.lines[2].version == "e"
    assert isinstance(seen.lines[0], Line)


def test_problems_of_a_line_say_which(flows: Mapping[str, Flow]) -> None:
    told = record({"lines": [{"id": "1"}, {"id": "2", "kind": "gift"}, {"kind": "text"}]})
    seen = row(flows["orders"], CP, told, ITEM)
    assert set(seen.problems) == {"lines[1].kind", "lines[2]"}


# --- writing


def test_a_new_customer_has_its_type_first_and_nothing_empty(flows: Mapping[str, Flow]) -> None:
    values = {"paymentTerms": "30 Days", "name": "Alfreds", "email": None, "balanceDue": Decimal(3), "hold": "none"}
    sent = fields(flows["customers"], BC, values, TERMS, creating=True)
    assert list(sent.fields.items()) == [
        ("type", "Company"),
        ("displayName", "Alfreds"),
        ("paymentTermsId", "t30"),
        ("blocked", "_x0020_"),
    ]
    assert not sent.problems
    assert not sent.waits


def test_an_update_spells_what_is_empty_as_the_side_does(flows: Mapping[str, Flow]) -> None:
    values = {"paymentTerms": None, "email": None, "region": None, "hold": None}
    assert fields(flows["customers"], BC, values, TERMS, creating=False).fields == {
        "state": "",
        "email": "",
        "paymentTermsId": NO_ID,
        "blocked": "_x0020_",
    }
    assert fields(flows["customers"], CP, values, TERMS, creating=False).fields == {
        "address": {"region": None},
        "email": None,
        "paymentTerms": None,
        "hold": None,
    }


def test_names_are_split_at_the_last_blank(flows: Mapping[str, Flow]) -> None:
    contacts = flows["contacts"]
    names = {"Ana María Trujillo": ("Ana María", "Trujillo"), "Madonna": (None, "Madonna")}
    for name, (first, last) in names.items():
        sent = fields(contacts, CP, {"name": name}, Known(), creating=False).fields
        assert sent == {"firstName": first, "lastName": last}
        assert row(contacts, CP, record(sent), Known()).values["name"] == name
    assert fields(contacts, CP, {"name": "Madonna"}, Known(), creating=True).fields == {"lastName": "Madonna"}


def test_a_reference_is_sent_as_the_other_side_knows_it(flows: Mapping[str, Flow]) -> None:
    contacts = flows["contacts"]
    values = {"customer": "L2"}
    known = Known(members={("L2", CP): "c1"}, keys={("L2", BC, "companyContact"): "CT000007"})
    assert mentions_values(contacts, values).links == {"L2"}
    assert mentions_values(contacts, values).keys == {("L2", BC, "companyContact")}
    assert fields(contacts, CP, values, known, creating=True).fields == {"customerId": "c1"}
    sent = fields(contacts, BC, values, known, creating=True).fields
    assert list(sent.items()) == [("type", "Person"), ("companyNumber", "CT000007")]
    waiting = fields(contacts, BC, values, Known(), creating=True)
    assert waiting.waits == ("L2",)
    assert "companyNumber" not in waiting.fields


def test_a_variant_is_one_of_its_item(flows: Mapping[str, Flow]) -> None:
    orders = flows["orders"]
    whole = {"product": "L1", "variant": "red", "location": "MAIN", "kind": "product"}
    sent = line_fields(orders, BC, whole, ITEM, creating=True)
    assert sent.fields == {"itemId": "i1", "lineType": "Item", "itemVariantId": "v1", "locationId": "w1"}
    change = line_fields(orders, BC, {"variant": "RED"}, ITEM, creating=False, whole=whole)
    assert change.fields == {"itemVariantId": "v1"}
    alone = line_fields(orders, BC, {"variant": "RED"}, ITEM, creating=False)
    assert alone.problems == {"variant": "a code of itemVariants belongs to a product, and there is none"}
    assert mentions_values(orders, {"customer": "L2"}, [whole]).links == {"L1", "L2"}


def test_a_code_that_the_table_lacks(flows: Mapping[str, Flow]) -> None:
    parked = fields(flows["customers"], BC, {"paymentTerms": "NEVER"}, TERMS, creating=False)
    assert parked.problems == {"paymentTerms": "NEVER is not in paymentTerms of businesscentral"}
    known = codes("itemCategories", Code("k1", "BOOKS"))
    there = fields(flows["products"], BC, {"category": "Books"}, known, creating=False)
    assert there.fields == {"itemCategoryCode": "BOOKS"}
    first = fields(flows["products"], BC, {"category": "Toys"}, known, creating=False)
    assert first.missing_codes == (("itemCategories", "TOYS"),)
    assert first.fields == {}


def test_what_a_side_does_not_receive_is_not_sent(flows: Mapping[str, Flow]) -> None:
    values: Values = {"balanceDue": Decimal(3), "companyContact": "CT1", "name": "A"}
    assert fields(flows["customers"], BC, values, TERMS, creating=False).fields == {"displayName": "A"}
    assert fields(flows["customers"], CP, values, TERMS, creating=False).fields == {
        "name": "A",
        "balanceDue": Decimal(3),
    }


def test_a_product_is_posted_by_its_category_and_only_stock_is_valued(flows: Mapping[str, Flow]) -> None:
    stock = row(
        flows["products"], CP, record({"sku": "1", "kind": "stock", "category": "TOYS", "active": True}), Known()
    )
    service = row(flows["products"], CP, record({"sku": "2", "kind": "service"}), Known())
    groups = ("generalProductPostingGroup", "inventoryPostingGroup")
    assert [stock.values[g] for g in groups] == ["RETAIL", "RESALE"]
    assert [service.values[g] for g in groups] == ["RETAIL", None]
    sent = fields(flows["products"], BC, {"active": True, "kind": "nonstock"}, Known(), creating=False).fields
    assert sent == {"type": "Non_x002D_Inventory", "blocked": False}


def test_which_records_take_part(flows: Mapping[str, Flow]) -> None:
    side = flows["contacts"].sides[BC]
    assert takes_part(side, record({"type": "Person"}))
    assert not takes_part(side, record({"type": "Company"}))
    assert not takes_part(side, record({}))
    assert takes_part(side, record({}, partial=True))
    assert "type" in flows["contacts"].paths(BC)
    assert takes_part(flows["contacts"].sides[CP], record({}))
