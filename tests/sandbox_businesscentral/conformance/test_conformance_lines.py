"""Lines of orders and invoices. Each test names the public source of the fact that it proves."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox_businesscentral.central import Central

ZERO = "00000000-0000-0000-0000-000000000000"
NOWHERE = "11111111-1111-1111-1111-111111111111"
REFUSED = "Application_DialogException"
UNFIT = "Application_FieldValidationException"
SETS = [("salesOrders", "salesOrderLines"), ("salesInvoices", "salesInvoiceLines")]


@pytest.fixture
def item(central: Central, mark: str) -> dict[str, Any]:
    return central.sold(mark, unitPrice=100)


@pytest.fixture(params=SETS, ids=["order", "invoice"])
def document(request: pytest.FixtureRequest, central: Central, mark: str, item: dict[str, Any]) -> dict[str, Any]:
    """A draft with one line, under the names of its sets."""
    document_set, lines_set = request.param
    customer = central.made("customers", {"displayName": mark})
    lines = [{"itemId": item["id"], "quantity": 1}]
    made = central.made(f"{document_set}?$expand={lines_set}", {"customerId": customer["id"], lines_set: lines})
    return {**made, "set": document_set, "lines": lines_set, "line": made[lines_set][0]}


def test_a_line_is_reached_directly_and_by_its_document(central: Central, document: dict[str, Any]) -> None:
    """``APIV2SalesOrderLinesE2E`` and ``APIV2SalesInvLinesE2E``, ``TestGet...LineDirectly`` and ``TestGet...Lines``."""
    line, lines = document["line"], document["lines"]
    for path in (
        f"{lines}({line['id']})",
        f"{document['set']}({document['id']})/{lines}({line['id']})",
    ):
        assert central.get(path).body["sequence"] == 10000
    for path in (f"{document['set']}({document['id']})/{lines}", f"{lines}?$filter=documentId eq {document['id']}"):
        assert [each["id"] for each in central.get(path).value] == [line["id"]]
    other = central.made(document["set"], {"customerId": document["customerId"]})
    assert central.get(f"{document['set']}({other['id']})/{lines}({line['id']})").status == 404


def test_lines_are_expanded_with_each_of_several_documents(central: Central, document: dict[str, Any]) -> None:
    """``APIV2SalesOrderLinesE2E``, ``TestExpandReturnsCorrectDocumentLinesWithMultipleDocuments``."""
    lines = document["lines"]
    told = {"customerId": document["customerId"], lines: [{"description": "a"}, {"description": "b"}]}
    central.made(document["set"], told)
    found = central.get(
        f"{document['set']}?$filter=customerId eq {document['customerId']}&$expand={lines}&$orderby=number"
    ).value
    assert [len(each[lines]) for each in found] == [1, 2]
    assert all(line["documentId"] == each["id"] for each in found for line in each[lines])


def test_a_line_says_where_it_stands(central: Central, document: dict[str, Any], item: dict[str, Any]) -> None:
    """``APIV2SalesInvLinesE2E``, ``TestPostInvoiceLineWithSequence``."""
    told = {"documentId": document["id"], "itemId": item["id"], "quantity": 1}
    assert central.made(document["lines"], {**told, "sequence": 500})["sequence"] == 500
    assert central.made(document["lines"], told)["sequence"] == 20000


def test_a_line_without_an_object_is_a_comment(central: Central, document: dict[str, Any]) -> None:
    """``...LinesE2E``, ``TestPostingBlankLineDefaultsToCommentType`` and ``TestPostingCommentLine``."""
    for told in ({"description": "test"}, {"lineType": "Comment", "description": "test"}):
        line = central.made(document["lines"], {"documentId": document["id"], **told})
        assert (line["lineType"], line["lineObjectNumber"]) == ("Comment", "")
        assert (line["itemId"], line["accountId"]) == (ZERO, ZERO)


def test_a_new_type_blanks_what_the_line_named(central: Central, document: dict[str, Any]) -> None:
    """``...LinesE2E``, ``TestPatchingTheTypeBlanksIds``."""
    changed = central.patch(f"{document['lines']}({document['line']['id']})", {"lineType": "Account"}).body
    assert (changed["lineType"], changed["lineObjectNumber"]) == ("Account", "")
    assert (changed["itemId"], changed["accountId"]) == (ZERO, ZERO)


def test_a_variant_is_one_of_the_lines_item(central: Central, document: dict[str, Any], item: dict[str, Any]) -> None:
    """``...LinesE2E``, ``TestPost...LineWithItemVariant`` and ``TestPost...LineWithWrongItemVariant``."""
    other = central.sold(f"{item['number']}-2")
    right, wrong = (central.made("itemVariants", {"itemId": each["id"], "code": "RED"}) for each in (item, other))
    told = {"documentId": document["id"], "itemId": item["id"], "quantity": 1}
    assert central.made(document["lines"], {**told, "itemVariantId": right["id"]})["itemVariantId"] == right["id"]
    assert central.post(document["lines"], {**told, "itemVariantId": wrong["id"]}).status == 400


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"itemId": NOWHERE}, REFUSED),
        ({"accountId": NOWHERE}, REFUSED),
        ({"lineType": "Item", "lineObjectNumber": "NOWHERE"}, REFUSED),
        ({"lineType": "Account", "lineObjectNumber": "NOWHERE"}, REFUSED),
    ],
)
def test_a_line_names_what_there_is(
    central: Central, document: dict[str, Any], told: dict[str, Any], code: str
) -> None:
    """``APIV2SalesOrderLines``: the item or account does not exist."""
    refused = central.post(document["lines"], {"documentId": document["id"], **told})
    assert (refused.status, refused.code, "does not exist" in refused.message) == (400, code, True)


def test_an_account_takes_direct_postings_only(central: Central, document: dict[str, Any]) -> None:
    """``SalesLine.Table``, ``CopyFromGLAccount``: ``CheckGLAcc`` and ``TestDirectPosting``."""
    account = central.get("accounts?$filter=number eq '1100'").value[0]
    refused = central.post(document["lines"], {"documentId": document["id"], "accountId": account["id"]})
    assert (refused.status, refused.code, "Direct Posting" in refused.message) == (400, UNFIT, True)


def test_a_line_that_is_added_changed_or_removed_keeps_the_documents_discount(
    central: Central, document: dict[str, Any], item: dict[str, Any]
) -> None:
    """``...LinesE2E``, ``TestInsertingLineKeeps...DiscountAmt``, ``TestModifying...`` and ``TestDeleting...``."""
    path = f"{document['set']}({document['id']})"
    central.patch(path, {"discountAmount": 40})
    added = central.made(document["lines"], {"documentId": document["id"], "itemId": item["id"], "quantity": 3})
    assert (central.get(path).body["discountAmount"], central.get(path).body["totalAmountExcludingTax"]) == (40, 360)
    central.patch(f"{document['lines']}({added['id']})", {"quantity": 1})
    assert (central.get(path).body["discountAmount"], central.get(path).body["totalAmountExcludingTax"]) == (40, 160)
    central.delete(f"{document['lines']}({added['id']})")
    assert (central.get(path).body["discountAmount"], central.get(path).body["totalAmountExcludingTax"]) == (40, 60)


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ({"quantity": 3}, 0),
        ({"quantity": 2}, 10),
        ({"quantity": 3, "discountPercent": 10}, 10),
        ({"discountPercent": 10, "quantity": 3}, 0),
        ({"unitPrice": 50}, 10),
    ],
)
def test_a_new_quantity_finds_the_lines_discount_anew(
    central: Central, document: dict[str, Any], told: dict[str, Any], left: int
) -> None:
    """``SalesLine.Table``, ``UpdateUnitPriceByField``; ``PriceCalculationV16``, ``ApplyDiscount``."""
    path = f"{document['lines']}({document['line']['id']})"
    central.patch(path, {"quantity": 2, "unitPrice": 80, "discountPercent": 10})
    changed = central.patch(path, told).body
    assert changed["discountPercent"] == left
    assert changed["unitPrice"] == told.get("unitPrice", 80)


def test_a_line_stands_at_a_location(central: Central, document: dict[str, Any], item: dict[str, Any]) -> None:
    """``APIV2LocationsE2E``, ``TestCreateSalesOrderLineWithLocation``."""
    east = central.code("locations", "EAST")
    told = {"documentId": document["id"], "itemId": item["id"], "quantity": 1, "locationId": east}
    line = central.made(document["lines"], told)
    found = central.get(f"{document['lines']}({line['id']})?$expand=location").body
    assert (found["locationId"], found["location"]["code"]) == (east, "EAST")
    assert central.post(document["lines"], {**told, "locationId": NOWHERE}).code == "Internal_InvalidTableRelation"


def test_lines_of_all_kinds_are_listed_together(central: Central, document: dict[str, Any]) -> None:
    """``...LinesE2E``, ``TestGettingLinesWithDifferentTypes``."""
    account = central.get("accounts?$filter=number eq '4000'").value[0]
    central.made(document["lines"], {"documentId": document["id"], "accountId": account["id"], "quantity": 1})
    central.made(document["lines"], {"documentId": document["id"], "description": "text"})
    lines = central.get(f"{document['set']}({document['id']})/{document['lines']}").value
    assert [line["lineType"] for line in lines] == ["Item", "Account", "Comment"]


def test_a_blocked_item_is_put_on_no_line(central: Central, document: dict[str, Any], item: dict[str, Any]) -> None:
    """``SalesLine.Table``, ``CopyFromItem``: ``TestField(Blocked, false)``; the line that names it already stays."""
    central.patch(f"items({item['id']})", {"blocked": True})
    refused = central.post(document["lines"], {"documentId": document["id"], "itemId": item["id"], "quantity": 1})
    assert (refused.status, refused.code, "Blocked" in refused.message) == (400, UNFIT, True)
    assert central.patch(f"{document['lines']}({document['line']['id']})", {"quantity": 2}).status == 200
