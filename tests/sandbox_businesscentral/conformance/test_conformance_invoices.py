"""Sales invoices and credit memos. Each test names the public source of the fact that it proves."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox_businesscentral.central import Central

ZERO = "00000000-0000-0000-0000-000000000000"
NOWHERE = "11111111-1111-1111-1111-111111111111"
REFUSED = "Application_DialogException"
ACTION = "Microsoft.NAV."


@pytest.fixture
def customer(central: Central, mark: str) -> dict[str, Any]:
    terms = central.code("paymentTerms", "30D")
    return central.made("customers", {"displayName": mark, "email": "a@x.example", "paymentTermsId": terms})


@pytest.fixture
def item(central: Central, mark: str) -> dict[str, Any]:
    made = central.sold(mark, unitPrice=100)
    central.patch(f"items({made['id']})", {"inventory": 10})
    return made


@pytest.fixture
def draft(central: Central, customer: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    lines = [{"itemId": item["id"], "quantity": 2}, {"description": "thanks"}]
    return central.made("salesInvoices", {"customerId": customer["id"], "salesInvoiceLines": lines})


@pytest.fixture
def posted(central: Central, draft: dict[str, Any]) -> dict[str, Any]:
    assert act(central, "salesInvoices", draft, "post").status == 204
    return central.fresh("salesInvoices", draft)


def act(central: Central, entity_set: str, record: dict[str, Any], action: str) -> Any:
    return central.post(f"{entity_set}({record['id']})/{ACTION}{action}", {})


def memo_of(central: Central, invoice: dict[str, Any]) -> dict[str, Any]:
    (memo,) = central.get(f"salesCreditMemos?$filter=invoiceNumber eq '{invoice['number']}'").value
    return memo


def test_a_draft_is_due_by_its_terms_from_its_date(central: Central, customer: dict[str, Any]) -> None:
    """``SalesHeader.Table``, fields Payment Terms Code and Document Date."""
    invoice = central.made("salesInvoices", {"customerId": customer["id"], "invoiceDate": "2024-01-31"})
    assert invoice["dueDate"] == "2024-03-01"
    path = f"salesInvoices({invoice['id']})"
    changed = central.patch(path, {"paymentTermsId": central.code("paymentTerms", "1M")}).body
    assert changed["dueDate"] == "2024-02-29"
    assert central.patch(path, {"paymentTermsId": ZERO}).body["dueDate"] == "2024-01-31"


def test_a_draft_takes_its_dates_as_they_are_sent(central: Central, customer: dict[str, Any]) -> None:
    """``APIV2SalesInvoicesE2E``, ``TestPostInvoiceWithDates``."""
    dates = {"invoiceDate": "2024-01-31", "dueDate": "2024-02-01", "postingDate": "2024-02-01"}
    invoice = central.made("salesInvoices", {"customerId": customer["id"], **dates})
    assert {name: invoice[name] for name in dates} == dates


def test_a_draft_needs_a_customer_and_keeps_its_number(central: Central, draft: dict[str, Any]) -> None:
    """``APIV2SalesInvoicesE2E``, ``TestPostInvoiceFailsWithoutCustomerNoOrId``, ``TestModifyInvoiceNumberFor...``."""
    assert central.post("salesInvoices", {"currencyCode": "USD"}).code == REFUSED
    refused = central.patch(f"salesInvoices({draft['id']})", {"number": "X"})
    assert (refused.code, "read-only" in refused.message) == ("BadRequest_InvalidOperation", True)


def test_a_draft_is_posted_under_its_id_and_another_number(
    central: Central, draft: dict[str, Any], item: dict[str, Any], customer: dict[str, Any]
) -> None:
    """``APIV2SalesInvoicesE2E``, ``TestActionPostInvoice`` and ``TestGetSalesInvoiceFromDraftId``."""
    reply = act(central, "salesInvoices", draft, "post")
    assert (reply.status, reply.body) == (204, None)
    assert reply.headers["location"].endswith(f"salesInvoices({draft['id']})")
    posted = central.fresh("salesInvoices", draft, "?$expand=salesInvoiceLines")
    assert (posted["status"], posted["number"] != draft["number"]) == ("Open", True)
    assert (posted["totalAmountIncludingTax"], posted["remainingAmount"]) == (240, 240)
    assert [line["quantity"] for line in posted["salesInvoiceLines"]] == [2, 0]
    assert central.fresh("items", item)["inventory"] == 8
    assert central.fresh("customers", customer)["balanceDue"] == 240
    again = act(central, "salesInvoices", draft, "post")
    assert (again.code, "draft invoice only" in again.message) == (REFUSED, True)


def test_a_posted_invoice_and_its_lines_stay(central: Central, posted: dict[str, Any]) -> None:
    """``APIV2SalesInvLinesE2E``, ``TestGetPostedInvoiceLines`` and ``TestDeletePostedInvoiceLine``."""
    lines = central.get(f"salesInvoices({posted['id']})/salesInvoiceLines").value
    assert len(lines) == 2
    for refused in (
        central.delete(f"salesInvoiceLines({lines[0]['id']})"),
        central.patch(f"salesInvoiceLines({lines[0]['id']})", {"quantity": 1}),
        central.post("salesInvoiceLines", {"documentId": posted["id"], "description": "more"}),
        central.delete(f"salesInvoices({posted['id']})"),
    ):
        assert (refused.status, refused.code) == (400, REFUSED)


@pytest.mark.parametrize(("blocked", "status"), [("Ship", 400), ("Invoice", 400), ("All", 400)])
def test_no_draft_is_posted_for_a_blocked_customer(
    central: Central, draft: dict[str, Any], customer: dict[str, Any], blocked: str, status: int
) -> None:
    """``Customer.Table``, ``CheckBlockedCustOnDocs`` with a shipment; ``SalesPost``, ``CheckCustBlockage``."""
    central.patch(f"customers({customer['id']})", {"blocked": blocked})
    assert act(central, "salesInvoices", draft, "post").status == status
    assert central.fresh("salesInvoices", draft)["status"] == "Draft"


def test_a_draft_without_lines_or_quantities_is_not_posted(central: Central, customer: dict[str, Any]) -> None:
    """``APIV2SalesInvoices``, ``PostInvoice``."""
    invoice = central.made("salesInvoices", {"customerId": customer["id"]})
    assert act(central, "salesInvoices", invoice, "post").code == REFUSED


def test_an_invoice_is_cancelled_by_a_credit_memo(
    central: Central, posted: dict[str, Any], item: dict[str, Any], customer: dict[str, Any]
) -> None:
    """``APIV2SalesInvoicesE2E``, ``TestActionCancelInvoice``; ``APIV2SalesInvoices``, ``GetRemainingAmount``."""
    assert act(central, "salesInvoices", posted, "cancel").status == 204
    cancelled = central.fresh("salesInvoices", posted)
    assert (cancelled["status"], cancelled["remainingAmount"]) == ("Canceled", 0)
    memo = memo_of(central, posted)
    assert (memo["status"], memo["invoiceId"], memo["totalAmountIncludingTax"]) == ("Corrective", posted["id"], 240)
    assert central.fresh("items", item)["inventory"] == 10
    assert central.fresh("customers", customer)["balanceDue"] == 0
    again = act(central, "salesInvoices", posted, "cancel")
    assert (again.code, "already been canceled" in again.message) == (REFUSED, True)


def test_what_was_never_posted_is_not_cancelled(central: Central, draft: dict[str, Any]) -> None:
    """``APIV2SalesInvoices``, ``GetPostedInvoice``."""
    for action in ("cancel", "cancelAndSend", "makeCorrectiveCreditMemo"):
        refused = act(central, "salesInvoices", draft, action)
        assert (refused.code, "posted invoice only" in refused.message) == (REFUSED, True)


def test_no_invoice_of_a_blocked_customer_or_item_is_cancelled(
    central: Central, posted: dict[str, Any], item: dict[str, Any], customer: dict[str, Any]
) -> None:
    """``CorrectPostedSalesInvoice``, ``TestIfCustomerIsBlocked`` and ``TestSalesLines``."""
    for entity_set, record, told, back in (
        ("customers", customer, {"blocked": "Invoice"}, {"blocked": "_x0020_"}),
        ("items", item, {"blocked": True}, {"blocked": False}),
    ):
        central.patch(f"{entity_set}({record['id']})", told)
        refused = act(central, "salesInvoices", posted, "cancel")
        assert (refused.code, "is blocked" in refused.message) == (REFUSED, True)
        central.patch(f"{entity_set}({record['id']})", back)
    assert act(central, "salesInvoices", posted, "cancel").status == 204


def test_an_order_that_is_left_is_outstanding_again(
    central: Central, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    """``CorrectPostedSalesInvoice``, ``UpdateSalesOrderLinesFromCancelledInvoice``."""
    lines = [{"itemId": item["id"], "quantity": 3, "shipQuantity": 2}]
    order = central.made("salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})
    assert act(central, "salesOrders", order, "shipAndInvoice").status == 204
    invoice = central.get(f"salesInvoices?$filter=orderId eq {order['id']}").value[0]
    assert act(central, "salesInvoices", invoice, "cancel").status == 204
    (line,) = central.get(f"salesOrders({order['id']})/salesOrderLines").value
    assert (line["shippedQuantity"], line["invoicedQuantity"], line["shipQuantity"]) == (0, 0, 3)


def test_a_corrective_credit_memo_is_a_draft_over_all_of_it(
    central: Central, posted: dict[str, Any], customer: dict[str, Any], item: dict[str, Any]
) -> None:
    """``APIV2SalesInvoicesE2E``, ``...MakeCorrectiveCreditMemo``; ``APIV2SalesCreditMemosE2E``, ``...Post...``."""
    reply = act(central, "salesInvoices", posted, "makeCorrectiveCreditMemo")
    memo = memo_of(central, posted)
    assert (reply.status, reply.headers["location"].endswith(f"salesCreditMemos({memo['id']})")) == (204, True)
    assert (memo["status"], memo["totalAmountIncludingTax"], memo["customerId"]) == ("Draft", 240, customer["id"])
    assert central.fresh("salesInvoices", posted)["status"] == "Open"
    assert act(central, "salesCreditMemos", memo, "post").status == 204
    settled = central.fresh("salesCreditMemos", memo)
    assert (settled["status"], settled["number"] != memo["number"]) == ("Paid", True)
    invoice = central.fresh("salesInvoices", posted)
    assert (invoice["status"], invoice["remainingAmount"]) == ("Paid", 0)
    assert central.fresh("items", item)["inventory"] == 10
    assert central.fresh("customers", customer)["balanceDue"] == 0
    for action in ("makeCorrectiveCreditMemo", "cancel"):
        assert act(central, "salesInvoices", posted, action).code == REFUSED


def test_a_corrective_credit_memo_is_cancelled_by_an_invoice(
    central: Central, posted: dict[str, Any], customer: dict[str, Any], item: dict[str, Any]
) -> None:
    """``APIV2SalesCreditMemosE2E``, ``TestActionCancelCorrectiveCreditMemo``."""
    act(central, "salesInvoices", posted, "cancel")
    memo = memo_of(central, posted)
    assert act(central, "salesCreditMemos", memo, "cancel").status == 204
    assert central.fresh("salesCreditMemos", memo)["status"] == "Canceled"
    (again,) = central.get(f"salesInvoices?$filter=customerId eq {customer['id']} and status eq 'Corrective'").value
    assert (again["totalAmountIncludingTax"], again["remainingAmount"]) == (240, 240)
    assert central.fresh("items", item)["inventory"] == 8
    assert central.fresh("customers", customer)["balanceDue"] == 240
    assert act(central, "salesCreditMemos", memo, "cancel").code == REFUSED


def test_a_credit_memo_that_corrects_nothing_is_not_cancelled(
    central: Central, posted: dict[str, Any], customer: dict[str, Any]
) -> None:
    """``APIV2SalesCreditMemosE2E``, ``TestActionCancelNonCorrectiveCreditMemo``; ``GetPostedCreditMemo``."""
    act(central, "salesInvoices", posted, "makeCorrectiveCreditMemo")
    memo = memo_of(central, posted)
    assert act(central, "salesCreditMemos", memo, "cancel").code == REFUSED
    act(central, "salesCreditMemos", memo, "post")
    assert act(central, "salesCreditMemos", memo, "cancel").code == REFUSED
    assert central.patch(f"salesCreditMemos({memo['id']})", {"email": "b@x.example"}).code == REFUSED


def test_a_credit_memo_without_lines_is_not_posted(central: Central, customer: dict[str, Any]) -> None:
    """``APIV2SalesCreditMemos``, ``PostCreditMemo``."""
    memo = central.made("salesCreditMemos", {"customerId": customer["id"]})
    refused = act(central, "salesCreditMemos", memo, "post")
    assert (refused.code, "at least one line item" in refused.message) == (REFUSED, True)


def test_a_credit_memo_names_a_posted_invoice_by_id_or_number(
    central: Central, posted: dict[str, Any], customer: dict[str, Any]
) -> None:
    """``APIV2SalesCreditMemos``, fields invoiceId and invoiceNumber."""
    draft = central.made("salesInvoices", {"customerId": customer["id"]})
    told = {"customerId": customer["id"]}
    for name in ("id", "number"):
        by = f"invoice{name.capitalize()}"
        memo = central.made("salesCreditMemos", {**told, by: posted[name]})
        assert (memo["invoiceId"], memo["invoiceNumber"]) == (posted["id"], posted["number"])
    for wrong in ({"invoiceId": NOWHERE}, {"invoiceId": draft["id"]}, {"invoiceNumber": "NOWHERE"}):
        assert central.post("salesCreditMemos", {**told, **wrong}).code == REFUSED
    blank = central.patch(f"salesCreditMemos({memo['id']})", {"invoiceId": ZERO}).body
    assert (blank["invoiceId"], blank["invoiceNumber"]) == (ZERO, "")


def test_a_credit_memo_is_due_at_once_unless_its_terms_say_so(central: Central, mark: str) -> None:
    """``SalesHeader.Table``, field Payment Terms Code, for credit documents."""
    for also, due in ((False, "2024-01-31"), (True, "2024-03-01")):
        told = {"code": f"T{mark[-4:]}{also:d}", "dueDateCalculation": "30D", "calculateDiscountOnCreditMemos": also}
        terms = central.made("paymentTerms", told)
        customer = central.made("customers", {"displayName": mark, "paymentTermsId": terms["id"]})
        memo = central.made("salesCreditMemos", {"customerId": customer["id"], "creditMemoDate": "2024-01-31"})
        assert memo["dueDate"] == due


def test_what_is_sent_needs_an_address(
    central: Central, draft: dict[str, Any], customer: dict[str, Any], mark: str
) -> None:
    """``APIV2SalesInvoicesE2E``, ``TestActionSendDraftInvoice``, ``...PostAndSend...``, ``...CancelAndSend...``."""
    assert act(central, "salesInvoices", draft, "send").status == 204
    assert central.fresh("salesInvoices", draft)["status"] == "Draft"
    assert act(central, "salesInvoices", draft, "postAndSend").status == 204
    assert act(central, "salesInvoices", draft, "send").status == 204
    assert act(central, "salesInvoices", draft, "cancelAndSend").status == 204
    memo = memo_of(central, central.fresh("salesInvoices", draft))
    assert act(central, "salesCreditMemos", memo, "send").status == 204
    central.patch(f"customers({customer['id']})", {"email": ""})
    for entity_set, record in (("salesInvoices", draft), ("salesCreditMemos", memo)):
        refused = act(central, entity_set, record, "send")
        assert (refused.code, "email is empty" in refused.message) == (REFUSED, True)


def test_what_cannot_be_sent_is_not_posted_either(
    central: Central, draft: dict[str, Any], customer: dict[str, Any]
) -> None:
    """Assumed: the product has posted by then."""
    central.patch(f"customers({customer['id']})", {"email": ""})
    assert act(central, "salesInvoices", draft, "postAndSend").code == REFUSED
    assert central.fresh("salesInvoices", draft)["status"] == "Draft"


def test_what_was_posted_keeps_the_customer_and_the_salesperson(
    central: Central, customer: dict[str, Any], item: dict[str, Any], mark: str
) -> None:
    """``MoveEntries``, ``MoveCustEntries``; ``SalespersonPurchaser.Table``, ``OnDelete``; ``Item.Table``."""
    salesperson = central.made("salespeoplePurchasers", {"code": mark, "displayName": mark})
    lines = [{"itemId": item["id"], "quantity": 1}]
    told = {"customerId": customer["id"], "salesperson": mark, "salesInvoiceLines": lines}
    invoice = central.made("salesInvoices", told)
    assert act(central, "salesInvoices", invoice, "post").status == 204
    act(central, "salesInvoices", invoice, "cancel")
    for path in (
        f"customers({customer['id']})", f"salespeoplePurchasers({salesperson['id']})", f"items({item['id']})"
    ):  # fmt: skip
        refused = central.delete(path)
        assert (refused.status, refused.code) == (400, REFUSED), path
