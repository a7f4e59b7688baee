from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sandbox_businesscentral.central import Central
from syncline.sandbox.businesscentral.rules.amounts import allocations
from syncline.sandbox.businesscentral.rules.posting import due_date

ZERO = "00000000-0000-0000-0000-000000000000"
LINES = "?$expand=salesOrderLines"


@pytest.fixture
def customer(central: Central, mark: str) -> dict[str, Any]:
    return central.made(
        "customers",
        {
            "displayName": mark,
            "addressLine1": "Street 1",
            "city": "Lyon",
            "country": "FR",
            "postalCode": "69003",
            "phoneNumber": "+33 1",
            "email": "a@example.com",
            "salespersonCode": "BM",
            "paymentTermsId": central.code("paymentTerms", "30D"),
            "shipmentMethodId": central.code("shipmentMethods", "DAP"),
        },
    )


@pytest.fixture
def items(central: Central, mark: str) -> list[dict[str, Any]]:
    def item(number: str, price: float, **more: object) -> dict[str, Any]:
        return central.sold(f"{mark}-{number}", displayName=f"Item {number}", unitPrice=price, **more)

    return [item("A", 19.99), item("B", 0.335, taxGroupCode="REDUCED"), item("C", 100, blocked=True)]


def ordered(central: Central, customer: dict[str, Any], *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return central.made(f"salesOrders{LINES}", {"customerId": customer["id"], **more, "salesOrderLines": list(lines)})


def shown(central: Central, order: dict[str, Any]) -> dict[str, Any]:
    return central.fresh("salesOrders", order, LINES)


def test_an_order_takes_its_defaults_from_its_customer(central: Central, customer: dict[str, Any]) -> None:
    """``SalesHeader.Table``, fields Sell-to and Bill-to Customer No.; ``APIV2SalesOrdersE2E``, ``TestPostOrders``."""
    order = central.made("salesOrders", {"customerNumber": customer["number"], "externalDocumentNumber": "po-1"})
    assert order["customerId"] == order["billToCustomerId"] == customer["id"]
    assert order["number"].startswith("S-ORD")
    assert order["externalDocumentNumber"] == "PO-1"
    assert order["customerName"] == order["shipToName"] == order["billToName"] == customer["displayName"]
    for prefix in ("sellTo", "billTo", "shipTo"):
        address = [order[f"{prefix}{part}"] for part in ("AddressLine1", "City", "Country", "PostCode")]
        assert address == ["Street 1", "Lyon", "FR", "69003"]
    assert (order["phoneNumber"], order["email"], order["salesperson"]) == ("+33 1", "a@example.com", "BM")
    assert order["paymentTermsId"] == customer["paymentTermsId"]
    assert order["shipmentMethodId"] == customer["shipmentMethodId"]
    assert (order["status"], order["currencyCode"], order["partialShipping"]) == ("Draft", "EUR", True)


def test_properties_apply_in_the_order_sent(central: Central, customer: dict[str, Any]) -> None:
    """Contract; ``APIV2SalesOrders`` registers fields in the order sent."""
    behind = central.made("salesOrders", {"customerId": customer["id"], "sellToCity": "Nice", "shipToName": "Shop"})
    assert (behind["sellToCity"], behind["shipToName"]) == ("Nice", "Shop")
    before = central.made("salesOrders", {"sellToCity": "Nice", "customerId": customer["id"]})
    assert before["sellToCity"] == "Lyon"


def test_the_payer_may_be_another(central: Central, customer: dict[str, Any], mark: str) -> None:
    """``APIV2SalesOrders``, fields billToCustomerId and billToCustomerNumber; ``SalesHeader.Table``."""
    payer = central.made("customers", {"displayName": f"{mark} Payer", "currencyCode": "USD", "city": "Paris"})
    order = central.made("salesOrders", {"customerId": customer["id"], "billToCustomerId": payer["id"]})
    assert (order["billToName"], order["billToCity"], order["currencyCode"]) == (f"{mark} Payer", "Paris", "USD")
    assert (order["customerName"], order["sellToCity"]) == (mark, "Lyon")
    disagreeing = {"customerId": customer["id"], "customerNumber": payer["number"]}
    assert central.post("salesOrders", disagreeing).code == "Application_DialogException"


def test_a_line_takes_its_defaults_from_its_item(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """``SalesLine.Table``, ``CopyFromItem``."""
    line = ordered(central, customer, {"itemId": items[0]["id"], "quantity": 3})["salesOrderLines"][0]
    assert (line["lineType"], line["lineObjectNumber"], line["description"]) == ("Item", items[0]["number"], "Item A")
    assert (line["unitOfMeasureCode"], line["unitPrice"], line["sequence"]) == ("PCS", Decimal("19.99"), 10000)
    assert (line["taxCode"], line["taxPercent"]) == ("STANDARD", 20)
    assert (line["shipQuantity"], line["invoiceQuantity"], line["shippedQuantity"]) == (3, 3, 0)


def test_totals_of_a_deep_insert_are_right_to_the_cent(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """Contract; ``SalesLine.Table``, ``UpdateAmounts``; ``GraphMgtSalesOrderBuffer``, ``AssignTotalsFromSalesLine``."""
    order = ordered(
        central,
        customer,
        {"itemId": items[0]["id"], "quantity": 3, "discountPercent": 10},
        {"itemId": items[1]["id"], "quantity": 7.5},
        {"lineType": "Comment", "description": "Ring the bell"},
    )
    assert central.patch(f"salesOrders({order['id']})", {"discountAmount": 5}).status == 200
    order = shown(central, order)
    first, second, comment = order["salesOrderLines"]
    assert (first["discountAmount"], first["amountExcludingTax"]) == (Decimal("6"), Decimal("53.97"))
    assert (first["totalTaxAmount"], first["amountIncludingTax"]) == (Decimal("10.79"), Decimal("64.76"))
    assert second["amountExcludingTax"] == Decimal("2.51")
    assert first["invoiceDiscountAllocation"] + second["invoiceDiscountAllocation"] == 5
    assert (comment["lineType"], comment["netAmount"], comment["sequence"]) == ("Comment", 0, 30000)
    for line in (first, second):
        assert line["netAmount"] == line["amountExcludingTax"] - line["invoiceDiscountAllocation"]
        assert line["netTaxAmount"] == round(line["netAmount"] * line["taxPercent"] / 100, 2)
        assert line["netAmountIncludingTax"] == line["netAmount"] + line["netTaxAmount"]
    assert order["totalAmountExcludingTax"] == Decimal("51.48")
    assert order["totalTaxAmount"] == first["netTaxAmount"] + second["netTaxAmount"]
    assert order["totalAmountIncludingTax"] == order["totalAmountExcludingTax"] + order["totalTaxAmount"]


def test_prices_may_include_the_tax(central: Central, customer: dict[str, Any], items: list[dict[str, Any]]) -> None:
    """``SalesHeader.Table``, field Prices Including VAT."""
    order = ordered(central, customer, {"itemId": items[0]["id"], "quantity": 6}, pricesIncludeTax=True)
    assert order["salesOrderLines"][0]["unitPrice"] == Decimal("23.988")
    assert order["totalAmountIncludingTax"] == Decimal("143.93")
    assert order["totalAmountExcludingTax"] == Decimal("119.94")
    without = central.patch(f"salesOrders({order['id']})", {"pricesIncludeTax": False}).body
    assert (without["totalAmountExcludingTax"], without["totalTaxAmount"]) == (Decimal("119.94"), Decimal("23.99"))


def test_a_customer_abroad_pays_no_tax(central: Central, items: list[dict[str, Any]], mark: str) -> None:
    """``APIV2Customers``, field taxAreaId; ``TaxAreaBuffer.Table``, ``GetTaxAreaDisplayName``."""
    abroad = central.made("customers", {"displayName": mark, "taxAreaId": central.code("taxAreas", "EXPORT")})
    assert abroad["taxAreaDisplayName"] == "Customers abroad"
    order = ordered(central, abroad, {"itemId": items[0]["id"], "quantity": 1})
    assert (order["totalTaxAmount"], order["totalAmountIncludingTax"]) == (0, Decimal("19.99"))


def test_prices_are_told_in_the_orders_currency(central: Central, items: list[dict[str, Any]], mark: str) -> None:
    """``APIV2SalesOrdersE2E``, ``TestPostOrderWithCurrency``."""
    customer = central.made("customers", {"displayName": mark, "currencyCode": "USD"})
    order = ordered(central, customer, {"itemId": items[0]["id"], "quantity": 1})
    assert order["currencyCode"] == "USD"
    assert order["salesOrderLines"][0]["unitPrice"] == Decimal("21.59")


def test_a_line_change_moves_the_orders_totals_etag_and_time(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """Contract; ``GraphMgtSalesOrderBuffer``."""
    order = ordered(central, customer, {"itemId": items[0]["id"], "quantity": 1})
    line = order["salesOrderLines"][0]
    steps: list[dict[str, Any]] = [order]
    changed = central.patch(f"salesOrderLines({line['id']})", {"quantity": 2}, line["@odata.etag"])
    assert (changed.status, changed.body["netAmount"]) == (200, Decimal("39.98"))
    steps.append(shown(central, order))
    added = central.post(f"salesOrders({order['id']})/salesOrderLines", {"itemId": items[1]["id"], "quantity": 100})
    assert (added.status, added.body["sequence"]) == (201, 20000)
    steps.append(shown(central, order))
    assert central.delete(f"salesOrderLines({line['id']})").status == 204
    steps.append(shown(central, order))
    totals = [step["totalAmountExcludingTax"] for step in steps]
    assert totals == [Decimal("19.99"), Decimal("39.98"), Decimal("73.48"), Decimal("33.5")]
    assert len({step["@odata.etag"] for step in steps}) == len(steps)
    times = [step["lastModifiedDateTime"] for step in steps]
    assert times == sorted(times)


def test_an_orders_discount_is_shared_anew_when_lines_change(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """``APIV2SalesOrdersE2E``, ``TestGetOrdersRedistributesDiscountAmt``."""
    order = ordered(central, customer, {"itemId": items[0]["id"], "quantity": 10})
    central.patch(f"salesOrders({order['id']})", {"discountAmount": 50})
    line = shown(central, order)["salesOrderLines"][0]
    assert line["invoiceDiscountAllocation"] == 50
    central.post("salesOrderLines", {"documentId": order["id"], "itemId": items[0]["id"], "quantity": 10})
    later = shown(central, order)
    assert [each["invoiceDiscountAllocation"] for each in later["salesOrderLines"]] == [25, 25]
    assert later["totalAmountExcludingTax"] == Decimal("349.8")
    assert central.patch(f"salesOrders({order['id']})", {"discountAmount": 5000}).code == "Application_DialogException"


def test_a_discount_needs_lines_to_bear_it(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """``SalesCalcDiscountByType``, ``ApplyInvDiscBasedOnAmt``; ``APIV2SalesOrders``, ``UpdateDiscount``."""
    lines = [{"itemId": items[0]["id"], "quantity": 1}]
    whole = {"customerId": customer["id"], "discountAmount": 5, "salesOrderLines": lines}
    refused = central.post("salesOrders", whole)
    assert (refused.status, refused.code) == (400, "Application_DialogException")
    assert "discount" in refused.message
    order = ordered(central, customer, *lines, discountAmount=0)
    assert order["discountAppliedBeforeTax"] is True
    changed = central.patch(f"salesOrders({order['id']})", {"discountAmount": 5}).body
    assert (changed["discountAmount"], changed["totalAmountExcludingTax"]) == (5, Decimal("14.99"))


def test_a_line_changes_its_type_with_what_it_names(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """``APIV2SalesOrderLinesE2E``, ``TestPatchingTheIdToAccountChangesLineType`` and ``...ToItem...``."""
    account = central.get("accounts?$filter=number eq '4900'").value[0]
    order = ordered(central, customer, {"itemId": items[0]["id"], "quantity": 1})
    path = f"salesOrderLines({order['salesOrderLines'][0]['id']})"
    by_account = central.patch(path, {"accountId": account["id"]}).body
    assert (by_account["lineType"], by_account["itemId"], by_account["lineObjectNumber"]) == ("Account", ZERO, "4900")
    by_item = central.patch(path, {"itemId": items[1]["id"]}).body
    assert (by_item["lineType"], by_item["accountId"]) == ("Item", ZERO)
    comment = central.patch(path, {"lineType": "Comment"}).body
    assert (comment["itemId"], comment["accountId"], comment["quantity"]) == (ZERO, ZERO, 0)


def test_the_payers_address_is_the_buyers_while_they_are_the_same(central: Central, customer: dict[str, Any]) -> None:
    """``GraphMgtSalesOrderBuffer``: ``CopySellToAddressToBillToAddress``."""
    order = central.made("salesOrders", {"customerId": customer["id"], "sellToCity": "Nice"})
    assert (order["sellToCity"], order["billToCity"]) == ("Nice", "Nice")
    changed = central.patch(f"salesOrders({order['id']})", {"sellToCity": "Metz"}).body
    assert (changed["billToCity"], changed["shipToCity"]) == ("Metz", "Metz")


def test_a_lines_discount_is_told_either_way(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """``SalesLine.Table``, fields Line Discount % and Line Discount Amount."""
    order = ordered(central, customer, {"itemId": items[0]["id"], "quantity": 10})
    path = f"salesOrderLines({order['salesOrderLines'][0]['id']})"
    assert central.patch(path, {"discountPercent": 25}).body["discountAmount"] == Decimal("49.98")
    told = {"quantity": 20, "discountPercent": 25}
    assert central.patch(path, told).body["discountAmount"] == Decimal("99.95")
    assert central.patch(path, {"discountAmount": 39.98}).body["discountPercent"] == 10
    assert central.patch(path, {"discountPercent": 101}).code == "Application_DialogException"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sequence": 5}, "sequence"),
        ({"documentId": "11111111-1111-1111-1111-111111111111"}, "documentId"),
        ({"lineObjectNumber": "OTHER"}, "lineObjectNumber"),
        ({"shipQuantity": 2}, "shipQuantity"),
        ({"invoiceQuantity": 2}, "invoiceQuantity"),
    ],
)
def test_what_a_line_keeps(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]], change: dict[str, Any], named: str
) -> None:
    """``APIV2SalesOrderLines``; ``...E2E``, ``TestModifyOrderLineFailsOnSequenceIdOrDocumentIdChange``."""
    order = ordered(central, customer, {"itemId": items[0]["id"], "quantity": 1})
    refused = central.patch(f"salesOrderLines({order['salesOrderLines'][0]['id']})", change)
    assert (refused.code, named in refused.message) == ("Application_DialogException", True)


def test_lines_that_cannot_be(central: Central, customer: dict[str, Any], items: list[dict[str, Any]]) -> None:
    """``APIV2SalesOrderLines`` and ``SalesLine.Table``."""
    account = central.get("accounts?$top=1").value[0]
    order = ordered(central, customer, {"sequence": 500, "description": "text"})
    for line in (
        {"itemId": items[0]["id"], "accountId": account["id"]},
        {"accountId": account["id"], "itemId": items[0]["id"]},
        {"itemId": items[2]["id"]},
        {"itemId": "11111111-1111-1111-1111-111111111111"},
        {"lineType": "Comment", "quantity": 1},
        {"itemId": items[0]["id"], "quantity": 1, "sequence": 500},
    ):
        refused = central.post(f"salesOrders({order['id']})/salesOrderLines", line)
        assert refused.status == 400, line
    assert central.post("salesOrderLines", {"itemId": items[0]["id"]}).status in {400, 404}
    assert len(shown(central, order)["salesOrderLines"]) == 1
    whole = {
        "customerId": customer["id"],
        "externalDocumentNumber": "HALF",
        "salesOrderLines": [{"itemId": items[2]["id"]}],
    }
    assert central.post("salesOrders", whole).status == 400
    assert central.get("salesOrders?$filter=externalDocumentNumber eq 'HALF'").value == []


def test_lines_by_number_account_variant_and_location(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """``APIV2SalesOrderLines``; ``...E2E``, ``TestPostOrderLineWithItemVariant``."""
    variant = central.made("itemVariants", {"itemId": items[0]["id"], "code": "red"})
    account = central.get("accounts?$filter=number eq '4900'").value[0]
    order = ordered(
        central,
        customer,
        {"lineType": "Item", "lineObjectNumber": items[0]["number"], "quantity": 1, "itemVariantId": variant["id"]},
        {"accountId": account["id"], "quantity": 1, "unitPrice": 12, "locationId": central.code("locations", "MAIN")},
    )
    by_number, by_account = order["salesOrderLines"]
    assert (by_number["itemId"], by_number["itemVariantId"]) == (items[0]["id"], variant["id"])
    assert (by_account["lineType"], by_account["description"]) == ("Account", "Freight charged")
    assert order["totalAmountExcludingTax"] == Decimal("31.99")
    foreign = {"itemId": items[1]["id"], "itemVariantId": variant["id"]}
    refused = central.post(f"salesOrders({order['id']})/salesOrderLines", foreign)
    assert refused.code == "Internal_InvalidTableRelation"


def test_lines_are_listed_by_their_order_in_sequence(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """``APIV2SalesOrderLinesE2E``, ``TestGetOrderLinesDirectlyWithDocumentIdFilter``."""
    order = ordered(central, customer, *({"sequence": number, "description": "x"} for number in (300, 100, 200)))
    for path in (
        f"salesOrders({order['id']})/salesOrderLines",
        f"salesOrderLines?$filter=documentId eq {order['id']}",
    ):
        assert [line["sequence"] for line in central.get(path).value] == [100, 200, 300]
    assert [line["sequence"] for line in order["salesOrderLines"]] == [100, 200, 300]


def test_shortcut_dimensions_are_values_of_the_first_two_dimensions(central: Central, customer: dict[str, Any]) -> None:
    """``SalesHeader.Table``, fields Shortcut Dimension 1 Code and 2 Code."""
    order = central.made(
        "salesOrders",
        {"customerId": customer["id"], "shortcutDimension1Code": "sales", "shortcutDimension2Code": "FAIR"},
    )
    assert (order["shortcutDimension1Code"], order["shortcutDimension2Code"]) == ("SALES", "FAIR")
    wrong = central.patch(f"salesOrders({order['id']})", {"shortcutDimension1Code": "FAIR"})
    assert wrong.code == "Internal_InvalidTableRelation"


def test_a_wholly_invoiced_order_is_gone_and_lives_on_in_its_invoice(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """``APIV2SalesOrdersE2E``, ``TestActionShipAndInvoice``; ``APIV2SalesInvoicesE2E``."""
    central.patch(f"items({items[0]['id']})", {"inventory": 10})
    order = ordered(
        central,
        customer,
        {"itemId": items[0]["id"], "quantity": 4},
        {"description": "thanks"},
        externalDocumentNumber="PO-77",
        orderDate="2020-01-31",
        postingDate="2020-02-03",
    )
    central.patch(f"salesOrders({order['id']})", {"discountAmount": 10})
    order = shown(central, order)
    posted = central.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {})
    assert posted.status == 204
    assert central.get(f"salesOrders({order['id']})").status == 404
    assert central.get(f"salesOrderLines?$filter=documentId eq {order['id']}").value == []
    invoice = central.get(f"salesInvoices?$filter=orderId eq {order['id']}&$expand=salesInvoiceLines").value[0]
    assert posted.headers["location"].endswith(f"salesInvoices({invoice['id']})")
    assert (invoice["orderNumber"], invoice["externalDocumentNumber"]) == (order["number"], "PO-77")
    assert (invoice["status"], invoice["dueDate"], invoice["invoiceDate"]) == ("Open", "2020-03-01", order["orderDate"])
    for name in ("totalAmountExcludingTax", "totalAmountIncludingTax", "discountAmount"):
        assert invoice[name] == order[name]
    assert invoice["remainingAmount"] == order["totalAmountIncludingTax"]
    assert [line["netAmount"] for line in invoice["salesInvoiceLines"]] == [Decimal("69.96"), 0]
    shipment = central.get(
        f"salesShipments?$filter=orderNumber eq '{order['number']}'&$expand=salesShipmentLines"
    ).value[0]
    assert [line["quantity"] for line in shipment["salesShipmentLines"]] == [4, 0]
    assert central.fresh("items", items[0])["inventory"] == 6

    owing = central.fresh("customers", customer, "?$expand=customerFinancialDetails")
    assert owing["balanceDue"] == owing["customerFinancialDetails"]["overdueAmount"] == invoice["remainingAmount"]
    assert owing["customerFinancialDetails"]["totalSalesExcludingTax"] == invoice["totalAmountExcludingTax"]
    assert owing["lastModifiedDateTime"] == customer["lastModifiedDateTime"]
    assert central.delete(f"customers({customer['id']})").code == "Application_DialogException"
    assert central.patch(f"salesInvoices({invoice['id']})", {"email": "b@example.com"}).status == 400


def test_an_order_shipped_in_part_stays_with_what_was_done(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """``SalesPost``; ``SalesHeader.Table`` and ``SalesLine.Table``, ``TestStatusOpen``."""
    order = ordered(
        central,
        customer,
        {"itemId": items[0]["id"], "quantity": 3, "shipQuantity": 2},
        {"itemId": items[1]["id"], "quantity": 10, "shipQuantity": 10, "invoiceQuantity": 0},
    )
    central.patch(f"salesOrders({order['id']})", {"discountAmount": 9})
    order = shown(central, order)
    act = f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice"
    assert central.post(act, {}).status == 204
    left = shown(central, order)
    assert (left["status"], left["fullyShipped"]) == ("Open", False)
    assert left["lastModifiedDateTime"] >= order["lastModifiedDateTime"]
    first, second = left["salesOrderLines"]
    assert (first["shippedQuantity"], first["invoicedQuantity"], first["shipQuantity"]) == (2, 2, 1)
    assert (second["shippedQuantity"], second["invoicedQuantity"], second["invoiceQuantity"]) == (10, 0, 10)
    for refused in (
        central.patch(f"salesOrderLines({first['id']})", {"quantity": 4}),
        central.patch(f"salesOrders({order['id']})", {"requestedDeliveryDate": "2030-01-01"}),
        central.post(f"salesOrders({order['id']})/salesOrderLines", {"description": "more"}),
        central.delete(f"salesOrderLines({second['id']})"),
    ):
        assert (refused.code, "Released" in refused.message) == ("Application_FieldValidationException", True)
    assert central.patch(f"salesOrderLines({first['id']})", {"description": "still free"}).status == 200
    assert central.patch(f"salesOrders({order['id']})", {"externalDocumentNumber": "FREE"}).status == 200
    central.patch(f"salesOrderLines({first['id']})", {"shipQuantity": 0})
    central.patch(f"salesOrderLines({second['id']})", {"invoiceQuantity": 0})
    assert central.post(act, {}).code == "Application_DialogException"
    central.patch(f"salesOrderLines({first['id']})", {"shipQuantity": 1})
    central.patch(f"salesOrderLines({second['id']})", {"invoiceQuantity": 10})
    assert central.post(act, {}).status == 204
    assert central.get(f"salesOrders({order['id']})").status == 404
    invoices = central.get(f"salesInvoices?$filter=orderNumber eq '{order['number']}'").value
    assert len(invoices) == 2
    assert sum(invoice["totalAmountExcludingTax"] for invoice in invoices) == order["totalAmountExcludingTax"]
    assert central.fresh("customers", customer)["balanceDue"] == sum(invoice["remainingAmount"] for invoice in invoices)


def test_an_order_for_complete_shipment_is_not_shipped_in_part(
    central: Central, customer: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """``SalesHeader.Table``, field Shipping Advice."""
    order = ordered(
        central, customer, {"itemId": items[0]["id"], "quantity": 3, "shipQuantity": 2}, partialShipping=False
    )
    act = f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice"
    assert central.post(act, {}).code == "Application_DialogException"
    assert central.post(f"salesOrders({order['id']})/Microsoft.NAV.release", {}).code == "BadRequest_NotFound"


@pytest.mark.parametrize(
    ("formula", "due"),
    [
        ("", "2024-01-31"),
        ("0D", "2024-01-31"),
        ("30D", "2024-03-01"),
        ("2W", "2024-02-14"),
        ("1M", "2024-02-29"),
        ("CM", "2024-01-31"),
        ("CM+14D", "2024-02-14"),
        ("1M+CM", "2024-02-29"),
        ("13M", "2025-02-28"),
    ],
)
def test_a_date_formula_moves_a_day(formula: str, due: str) -> None:
    assert due_date(formula, "2024-01-31") == due


@pytest.mark.parametrize(
    ("discount", "amounts"),
    [("10", ["33.33", "33.33", "33.34"]), ("0.05", ["1", "1", "1"]), ("7", ["0", "0"]), ("5", []), ("3", ["-1", "4"])],
)
def test_shares_of_a_discount_come_to_the_whole(discount: str, amounts: list[str]) -> None:
    exact = [Decimal(amount) for amount in amounts]
    shares = allocations(Decimal(discount), exact)
    assert sum(shares) == (Decimal(discount) if sum(exact) else 0)
