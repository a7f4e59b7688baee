"""Sales orders and quotes. Each test names the public source of the fact that it proves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sandbox_businesscentral.central import Central

ZERO = "00000000-0000-0000-0000-000000000000"
REFUSED = "Application_DialogException"
UNFIT = "Application_FieldValidationException"
LINES = "?$expand=salesOrderLines"
ACTION = "Microsoft.NAV."


def ordered(central: Central, mark: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    customer = central.made("customers", {"displayName": mark, "city": "Lyon"})
    told = {"customerId": customer["id"], "salesOrderLines": list(lines), **more}
    return central.made(f"salesOrders{LINES}", told)


@pytest.mark.parametrize(
    ("blocked", "refused"),
    [
        ("Ship", {"salesOrders", "salesQuotes"}),
        ("Invoice", {"salesOrders", "salesQuotes", "salesInvoices"}),
        ("All", {"salesOrders", "salesQuotes", "salesInvoices", "salesCreditMemos"}),
    ],
)
def test_what_is_made_for_a_blocked_customer(central: Central, mark: str, blocked: str, refused: set[str]) -> None:
    """``Customer.Table``, ``CheckBlockedCustOnDocs``, called by ``SalesHeader.Table`` for both customers."""
    customer = central.made("customers", {"displayName": mark, "blocked": blocked})
    buyer = central.made("customers", {"displayName": mark})
    for entity_set in ("salesOrders", "salesQuotes", "salesInvoices", "salesCreditMemos"):
        for told in (
            {"customerId": customer["id"]},
            {"customerId": buyer["id"], "billToCustomerId": customer["id"]},
        ):
            reply = central.post(entity_set, told)
            assert reply.status == (400 if entity_set in refused else 201), entity_set
            if entity_set in refused:
                assert (reply.code, customer["number"] in reply.message) == (REFUSED, True)


@pytest.mark.parametrize(("blocked", "status"), [("Ship", 400), ("Invoice", 400), ("All", 400), ("_x0020_", 204)])
def test_nothing_is_posted_for_a_blocked_customer(central: Central, mark: str, blocked: str, status: int) -> None:
    """``SalesPost``, ``CheckCustBlockage``."""
    item = central.sold(mark)
    order = ordered(central, mark, {"itemId": item["id"], "quantity": 1})
    central.patch(f"customers({order['customerId']})", {"blocked": blocked})
    assert central.post(f"salesOrders({order['id']})/{ACTION}shipAndInvoice", {}).status == status


def test_an_item_blocked_meanwhile_is_not_posted(central: Central, mark: str) -> None:
    """``Item.Table``, field Blocked: transactions with the item cannot be posted."""
    item = central.sold(mark)
    order = ordered(central, mark, {"itemId": item["id"], "quantity": 1})
    central.patch(f"items({item['id']})", {"blocked": True})
    refused = central.post(f"salesOrders({order['id']})/{ACTION}shipAndInvoice", {})
    assert (refused.status, refused.code) == (400, UNFIT)
    assert central.get(f"salesOrders({order['id']})").status == 200


def test_an_order_checks_its_telephone_number_and_address(central: Central, mark: str) -> None:
    """``SalesHeader.Table``, fields Sell-to Phone No. and Sell-to E-Mail."""
    order = ordered(central, mark)
    path = f"salesOrders({order['id']})"
    assert central.patch(path, {"phoneNumber": "ring me"}).code == REFUSED
    assert central.patch(path, {"email": "nobody"}).code == REFUSED
    assert central.patch(path, {"phoneNumber": "+33 1", "email": "a@x.example"}).status == 200


def test_goods_follow_the_buyer_who_moves(central: Central, mark: str) -> None:
    """``SalesHeader.Table``, ``UpdateShipToAddressFromSellToAddress``: while both addresses are one."""
    order = ordered(central, mark)
    path = f"salesOrders({order['id']})"
    moved = central.patch(path, {"sellToAddressLine1": "Quai 1", "sellToCity": "Metz", "sellToPostCode": "57000"}).body
    assert (moved["shipToAddressLine1"], moved["shipToCity"], moved["shipToPostCode"]) == ("Quai 1", "Metz", "57000")
    central.patch(path, {"shipToCity": "Nice"})
    apart = central.patch(path, {"sellToCity": "Lille"}).body
    assert (apart["sellToCity"], apart["billToCity"], apart["shipToCity"]) == ("Lille", "Lille", "Nice")


def test_an_order_takes_all_three_addresses_apart(central: Central, mark: str) -> None:
    """``APIV2SalesOrdersE2E``, ``TestPostOrders``."""
    payer = central.made("customers", {"displayName": mark, "city": "Paris"})
    told = {"sellToCity": "Metz", "shipToCity": "Nice", "shipToName": "Yard"}
    order = ordered(central, mark, billToCustomerId=payer["id"], **told)
    assert [order[f"{to}City"] for to in ("sellTo", "billTo", "shipTo")] == ["Metz", "Paris", "Nice"]
    assert order["shipToName"] == "Yard"


def test_an_empty_change_changes_nothing(central: Central, mark: str) -> None:
    """``APIV2SalesOrdersE2E``, ``TestEmptyModifyOrders``."""
    order = ordered(central, mark, {"itemId": central.sold(mark)["id"], "quantity": 1})
    changed = central.patch(f"salesOrders({order['id']})", {})
    assert changed.status == 200
    left = central.fresh("salesOrders", order, LINES)
    for record in (order, left):
        for name in ("@odata.etag", "@odata.context", "lastModifiedDateTime"):
            record.pop(name)
    assert left == order


def test_blank_ids_empty_what_they_named(central: Central, mark: str) -> None:
    """``APIV2SalesInvoicesE2E``, ``TestModifyingWithBlankIdEmptiesTheCodeAndTheId``."""
    terms, method = central.code("paymentTerms", "30D"), central.code("shipmentMethods", "DAP")
    order = ordered(central, mark, currencyCode="USD", paymentTermsId=terms, shipmentMethodId=method)
    blank = {"currencyId": ZERO, "paymentTermsId": ZERO, "shipmentMethodId": ZERO}
    changed = central.patch(f"salesOrders({order['id']})", blank).body
    assert {name: changed[name] for name in blank} == blank
    assert changed["currencyCode"] == "EUR"


def test_a_discount_is_cleared_by_zero(central: Central, mark: str) -> None:
    """``APIV2SalesOrdersE2E``, ``TestModifyOrderSetManualDiscount`` and ``TestClearingManualDiscounts``."""
    order = ordered(central, mark, {"itemId": central.sold(mark, unitPrice=100)["id"], "quantity": 2})
    path = f"salesOrders({order['id']})"
    half = central.patch(path, {"discountAmount": 100}).body
    assert (half["discountAmount"], half["totalAmountExcludingTax"]) == (100, 100)
    whole = central.patch(path, {"discountAmount": 0}).body
    assert (whole["discountAmount"], whole["totalAmountExcludingTax"]) == (0, 200)


def test_an_account_bears_none_of_an_orders_discount(central: Central, mark: str) -> None:
    """``SalesLine.Table``, ``CopyFromGLAccount``: Allow Invoice Disc. is false; ``SalesCalcDiscountByType``."""
    account = central.get("accounts?$filter=number eq '4900'").value[0]["id"]
    freight = {"accountId": account, "quantity": 1, "unitPrice": 50}
    order = ordered(central, mark, {"itemId": central.sold(mark, unitPrice=100)["id"], "quantity": 1}, freight)
    central.patch(f"salesOrders({order['id']})", {"discountAmount": 30})
    lines = central.fresh("salesOrders", order, LINES)["salesOrderLines"]
    assert [line["invoiceDiscountAllocation"] for line in lines] == [30, 0]
    alone = ordered(central, f"{mark}-2", freight)
    assert central.patch(f"salesOrders({alone['id']})", {"discountAmount": 1}).code == REFUSED


def test_an_item_priced_with_tax_is_sold_without_and_the_other_way_round(central: Central, mark: str) -> None:
    """``SalesLine.Table`` and the price calculation: prices are converted where item and document differ."""
    gross = central.sold(mark, unitPrice=120, priceIncludesTax=True)
    net = central.sold(f"{mark}-2", unitPrice=100)
    for with_tax, prices in ((False, [100, 100]), (True, [120, 120])):
        lines = [{"itemId": item["id"], "quantity": 1} for item in (gross, net)]
        order = ordered(central, mark, *lines, pricesIncludeTax=with_tax)
        assert [line["unitPrice"] for line in order["salesOrderLines"]] == prices
        assert order["totalAmountIncludingTax"] == 240


def test_prices_are_recalculated_where_they_come_to_include_the_tax(central: Central, mark: str) -> None:
    """``SalesHeader.Table``, field Prices Including VAT; ``ConfirmRecalculatePrice``: yes where no one is asked."""
    item = central.sold(mark, unitPrice=100)
    order = ordered(central, mark, {"itemId": item["id"], "quantity": 2, "discountPercent": 10})
    path = f"salesOrders({order['id']})"
    central.patch(path, {"discountAmount": 18})
    changed = central.patch(path, {"pricesIncludeTax": True}).body
    assert (changed["totalAmountExcludingTax"], changed["totalAmountIncludingTax"]) == (162, Decimal("194.4"))
    assert changed["discountAppliedBeforeTax"] is False
    line = central.fresh("salesOrders", order, LINES)["salesOrderLines"][0]
    assert (line["unitPrice"], line["discountAmount"], line["discountPercent"]) == (120, 24, 10)


def test_a_price_abroad_is_by_the_rate_of_the_posting_date(central: Central, mark: str) -> None:
    """``SalesHeader.Table``, ``UpdateCurrencyFactor``: by the posting date, and none before the first rate."""
    customer = central.made("customers", {"displayName": mark, "currencyCode": "USD"})
    item = central.sold(mark, unitPrice=100)
    early = central.made("salesOrders", {"customerId": customer["id"], "postingDate": "1989-12-31"})
    line = {"documentId": early["id"], "itemId": item["id"], "quantity": 1}
    assert central.post("salesOrderLines", line).code == REFUSED
    central.patch(f"salesOrders({early['id']})", {"postingDate": "1990-01-01"})
    assert central.made("salesOrderLines", line)["unitPrice"] == 108


def test_lines_without_a_quantity_are_not_posted(central: Central, mark: str) -> None:
    """``APIV2SalesOrders``, ``PostWithShipAndInvoice``: ``CheckDocumentIfNoItemsExists``, ``LinesInstructionMgt``."""
    order = ordered(central, mark)
    path = f"salesOrders({order['id']})/{ACTION}shipAndInvoice"
    assert central.post(path, {}).code == REFUSED
    central.made("salesOrderLines", {"documentId": order["id"], "itemId": central.sold(mark)["id"]})
    refused = central.post(path, {})
    assert (refused.code, "quantity" in refused.message) == (REFUSED, True)


def test_a_posted_invoice_is_due_from_the_orders_date(central: Central, mark: str) -> None:
    """``SalesHeader.Table``, field Payment Terms Code: Due Date is calculated from Document Date."""
    terms = central.code("paymentTerms", "30D")
    told = {"paymentTermsId": terms, "orderDate": "2024-01-31", "postingDate": "2024-03-01"}
    order = ordered(central, mark, {"itemId": central.sold(mark)["id"], "quantity": 1}, **told)
    central.post(f"salesOrders({order['id']})/{ACTION}shipAndInvoice", {})
    invoice = central.get(f"salesInvoices?$filter=orderId eq {order['id']}").value[0]
    assert (invoice["dueDate"], invoice["invoiceDate"], invoice["postingDate"]) == (
        "2024-03-01", "2024-01-31", "2024-03-01",
    )  # fmt: skip
    shipment = central.get(f"salesShipments?$filter=orderNumber eq '{order['number']}'").value[0]
    assert (shipment["dueDate"], shipment["paymentTermsCode"]) == ("2024-03-01", "30D")


@pytest.mark.parametrize(("action", "made_in"), [("makeOrder", "salesOrders"), ("makeInvoice", "salesInvoices")])
def test_a_quote_becomes_an_order_or_an_invoice(central: Central, mark: str, action: str, made_in: str) -> None:
    """``APIV2SalesQuotesE2E``, ``TestActionMakeOrderFromQuote`` and ``TestActionMakeInvoiceFromQuote``."""
    customer = central.made("customers", {"displayName": mark})
    told = {"externalDocumentNumber": mark, "shortcutDimension1Code": "SALES", "sellToCity": "Metz"}
    quote = central.made("salesQuotes", {"customerId": customer["id"], **told})
    reply = central.post(f"salesQuotes({quote['id']})/{ACTION}{action}", {})
    assert (reply.status, reply.body) == (204, None)
    assert central.get(f"salesQuotes({quote['id']})").status == 404
    (made,) = central.get(f"{made_in}?$filter=externalDocumentNumber eq '{mark}'").value
    assert reply.headers["location"].endswith(f"{made_in}({made['id']})")
    assert made["id"] != quote["id"]
    assert made["status"] == "Draft"
    assert {name: made[name] for name in told} == told
    lines = central.get(f"{made_in}({made['id']})/dimensionSetLines").value
    assert [line["valueCode"] for line in lines] == ["SALES"]


def test_no_quote_of_a_blocked_customer_becomes_anything(central: Central, mark: str) -> None:
    """``SalesQuoteToOrder`` and ``SalesQuoteToInvoice`` call ``CheckBlockedCustOnDocs``."""
    customer = central.made("customers", {"displayName": mark})
    quote = central.made("salesQuotes", {"customerId": customer["id"]})
    central.patch(f"customers({customer['id']})", {"blocked": "All"})
    for action in ("makeOrder", "makeInvoice"):
        assert central.post(f"salesQuotes({quote['id']})/{ACTION}{action}", {}).code == REFUSED
    assert central.get(f"salesQuotes({quote['id']})").status == 200


def test_a_quote_is_sent_once_it_is_said_to_be(central: Central, mark: str) -> None:
    """``GraphMgtSalesQuoteBuffer``, ``SetStatusOptionFromSalesHeader``; ``APIV2SendSalesDocument``."""
    customer = central.made("customers", {"displayName": mark})
    quote = central.made("salesQuotes", {"customerId": customer["id"]})
    assert quote["status"] == "Draft"
    assert central.post(f"salesQuotes({quote['id']})/{ACTION}send", {}).code == REFUSED
    sent = central.patch(f"salesQuotes({quote['id']})", {"sentDate": "2024-01-31T10:00:00Z"}).body
    assert sent["status"] == "Sent"


def test_lines_of_other_documents_are_not_served(central: Central, mark: str) -> None:
    """Of the sandbox itself: their sets are not described."""
    customer = central.made("customers", {"displayName": mark})
    for entity_set, lines in (("salesQuotes", "salesQuoteLines"), ("salesCreditMemos", "salesCreditMemoLines")):
        document = central.made(entity_set, {"customerId": customer["id"]})
        reply = central.get(f"{entity_set}({document['id']})/{lines}")
        assert (reply.status, reply.code) == (501, "BadRequest_MethodNotImplemented")
