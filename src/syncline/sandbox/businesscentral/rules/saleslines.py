"""Lines of sales orders and invoices: what an item brings to its line, and what the line brings to its document.

Followed from the page ``APIV2SalesOrderLines`` and the base application's ``SalesLine.Table``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from syncline.connectors.businesscentral.metadata import ZERO_DATE, ZERO_GUID
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import ApiError, dialog, field_error, no_such_record
from syncline.sandbox.businesscentral.relations import follow
from syncline.sandbox.businesscentral.rules import amounts, blocking, dimensions, itemunits
from syncline.sandbox.businesscentral.rules.base import Draft, Rules, refuse_change
from syncline.sandbox.businesscentral.rules.totals import check_open, refresh_document, tax_percent
from syncline.sandbox.businesscentral.values import Stored, number, rounded

SEQUENCE_STEP = 10_000
_IGNORED = frozenset({"shippedQuantity", "invoicedQuantity"})
"""The product takes them and keeps what its postings say."""
_FOUND_ANEW = "0"
"""The discount of a line whose quantity, unit or variant is another: found anew in the price lists, which hold none."""
_OF_AN_OBJECT = {
    "itemId": ZERO_GUID,
    "accountId": ZERO_GUID,
    "lineObjectNumber": "",
    "itemVariantId": ZERO_GUID,
    "unitOfMeasureId": ZERO_GUID,
    "unitOfMeasureCode": "",
    "quantity": "0",
    "unitPrice": "0",
    "discountPercent": "0",
    "discountAmount": "0",
    "taxCode": "",
    "taxPercent": "0",
}


class _SalesLineRules(Rules):
    mandatory = ()
    document_set: ClassVar[str]
    always_free: ClassVar[frozenset[str]] = frozenset()
    """What may be changed in any state of the document."""
    lines_set: ClassVar[str]

    def start(self, draft: Draft) -> None:
        draft.values["lineType"] = "Comment"
        draft.values["shipmentDate"] = draft.company.today()

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        line = draft.values
        match name:
            case "documentId":
                self._belong(draft, str(value))
            case "sequence" if line["sequence"] not in (0, value):
                raise refuse_change(
                    name, "The value for sequence cannot be modified. Delete and insert the line again."
                )
            case "itemId":
                self._take_item(draft, str(value))
            case "accountId":
                self._take_account(draft, str(value))
            case "lineType":
                if value != line["lineType"]:
                    line |= {**_OF_AN_OBJECT, "lineType": value}
            case "lineObjectNumber":
                self._take_number(draft, str(value))
            case "itemVariantId":
                self._take_variant(draft, str(value))
            case "unitOfMeasureId" | "unitOfMeasureCode" if line["itemId"] != ZERO_GUID:
                self._take_unit(draft, name, value)
            case "taxCode":
                follow(draft, name, value)
                line["taxPercent"] = tax_percent(draft.company, self._document(draft), str(value))
            case "quantity" | "unitPrice" | "discountPercent" | "discountAmount":
                self._take_amount(draft, name, str(value))
            case _ if name not in _IGNORED:
                super().apply(draft, name, value)

    def complete(self, draft: Draft) -> None:
        line = draft.values
        if line["documentId"] == ZERO_GUID:
            raise dialog('A "documentId" must be provided.')
        document = self._document(draft)
        if draft.new or draft.sent - self.always_free:
            self.check_document(document)
        if line["lineType"] != "Comment" and not line["lineObjectNumber"] and Decimal(line["quantity"]):
            raise dialog(f"No. must have a value in Sales Line: lineType={line['lineType']}.")
        if not line["sequence"]:
            line["sequence"] = _next_sequence(draft.company, self.lines_set, line["documentId"])
        with_tax = document["pricesIncludeTax"] == "true"
        line |= amounts.line_totals(line, with_tax=with_tax, allocation=Decimal(0))

    def saved(self, draft: Draft) -> None:
        dimensions.line_saved(draft)
        if not draft.part:
            refresh_document(draft.company, self.document_set, self.lines_set, draft.values["documentId"])

    def check_delete(self, company: Company, row: Row) -> None:
        document = company.find(self.document_set, id=row["documentId"])
        if document:
            self.check_document(document)

    def deleted(self, company: Company, row: Row) -> None:
        dimensions.forget(company, row["id"])
        refresh_document(company, self.document_set, self.lines_set, row["documentId"])

    def check_document(self, document: Row) -> None:
        """Refuse to add, delete or change lines in the document's present state."""

    def quantity_changed(self, draft: Draft) -> None:
        """Set what follows from a new quantity."""

    def _document(self, draft: Draft) -> Row:
        document = draft.company.find(self.document_set, id=draft.values["documentId"])
        if document is None:
            raise no_such_record(self.document_set, str(draft.values["documentId"]))
        return document

    def _belong(self, draft: Draft, value: str) -> None:
        if draft.values["documentId"] not in (ZERO_GUID, value):
            raise refuse_change("documentId")
        draft.values["documentId"] = value
        self._document(draft)

    def _take_item(self, draft: Draft, value: str) -> None:
        line, company = draft.values, draft.company
        if value == line["itemId"]:
            return
        if value == ZERO_GUID:
            line |= {**_OF_AN_OBJECT, "lineType": "Comment"}
            return
        if "accountId" in draft.sent and line["accountId"] != ZERO_GUID:
            raise _both()
        item = company.find("items", id=value)
        if item is None:
            raise dialog(f'Item does not exist: "itemId" is {value}.')
        _check_sold(item)
        document = self._document(draft)
        percent = tax_percent(company, document, item["taxGroupCode"])
        line |= {
            "itemId": value,
            "accountId": ZERO_GUID,
            "lineType": "Item",
            "lineObjectNumber": item["number"],
            "description": item["displayName"],
            "description2": item["displayName2"],
            "unitOfMeasureId": item["baseUnitOfMeasureId"],
            "unitOfMeasureCode": item["baseUnitOfMeasureCode"],
            "unitPrice": _price(company, document, item, percent),
            "taxCode": item["taxGroupCode"],
            "taxPercent": percent,
            "itemVariantId": ZERO_GUID,
        }
        line["discountAmount"] = amounts.discount_amount(line)

    def _take_account(self, draft: Draft, value: str) -> None:
        line = draft.values
        if value in (line["accountId"], ZERO_GUID):
            return
        if "itemId" in draft.sent and line["itemId"] != ZERO_GUID:
            raise _both()
        account = draft.company.find("accounts", id=value)
        if account is None:
            raise dialog(f'Account does not exist: "accountId" is {value}.')
        _check_postable(account)
        if line["lineType"] != "Account":
            line |= _OF_AN_OBJECT
        line |= {
            "accountId": value,
            "lineType": "Account",
            "lineObjectNumber": account["number"],
            "description": account["displayName"],
        }

    def _take_number(self, draft: Draft, value: str) -> None:
        line = draft.values
        if line["lineObjectNumber"] == value:
            return
        if line["lineObjectNumber"]:
            raise refuse_change("lineObjectNumber")
        target = {"Item": "items", "Account": "accounts"}.get(line["lineType"])
        if target is None:
            line["lineObjectNumber"] = value
            return
        found = draft.company.find(target, number=value)
        if found is None:
            raise dialog(f'{line["lineType"]} does not exist: "lineObjectNumber" is {value}.')
        (self._take_item if target == "items" else self._take_account)(draft, found["id"])

    def _take_variant(self, draft: Draft, value: str) -> None:
        found = draft.company.find("itemVariants", id=value) if value != ZERO_GUID else None
        if value != ZERO_GUID and (found is None or found["itemId"] != draft.values["itemId"]):
            message = f'The "itemVariantId" cannot be set to {value}: it is no variant of the line\'s item.'
            raise ApiError(400, "Internal_InvalidTableRelation", message)
        if value != draft.values["itemVariantId"]:
            draft.values["discountPercent"] = _FOUND_ANEW
            draft.values["discountAmount"] = "0"
        draft.values["itemVariantId"] = value

    def _take_unit(self, draft: Draft, name: str, value: Stored) -> None:
        """Another of the item's units, with the price of so many base units."""
        line, company = draft.values, draft.company
        before = line["unitOfMeasureCode"]
        follow(draft, name, value)
        item = company.find("items", id=line["itemId"])
        code = line["unitOfMeasureCode"]
        if item is None or code in ("", before):
            return
        held = itemunits.base_units_in(company, item, code)
        if held is None:
            message = (
                f'The "{name}" cannot be set to {value}: the field contains a value that is in no record of the '
                f"related table (Item Unit of Measure), where Item No.='{item['number']}'."
            )
            raise ApiError(400, "Internal_InvalidTableRelation", message)
        document = self._document(draft)
        line["discountPercent"] = _FOUND_ANEW
        line["unitPrice"] = _price(company, document, item, line["taxPercent"], held)
        line["discountAmount"] = amounts.discount_amount(line)

    def _take_amount(self, draft: Draft, name: str, value: str) -> None:
        line = draft.values
        if line["lineType"] == "Comment" and Decimal(value):
            raise dialog(f'Type must not be blank: "{name}" cannot be set on a line of type Comment.')
        if name == "discountPercent" and Decimal(value) > 100:
            raise dialog('The "discountPercent" must not be more than 100.')
        if name == "discountAmount" and abs(Decimal(value)) > abs(amounts.before_discount(line)):
            raise dialog('The "discountAmount" must not be more than the line comes to.')
        if name == "quantity" and value != line["quantity"]:
            line["discountPercent"] = _FOUND_ANEW
        line[name] = number(rounded(Decimal(value), amounts.CENTS)) if name == "discountAmount" else value
        if name == "discountAmount":
            line["discountPercent"] = amounts.discount_percent(line)
        else:
            line["discountAmount"] = amounts.discount_amount(line)
        if name == "quantity":
            self.quantity_changed(draft)


class SalesInvoiceLineRules(_SalesLineRules):
    document_set = "salesInvoices"
    lines_set = "salesInvoiceLines"

    def check_document(self, document: Row) -> None:
        if document["status"] != "Draft":
            raise dialog("The posted invoice cannot be changed.")


class SalesOrderLineRules(_SalesLineRules):
    document_set = "salesOrders"
    lines_set = "salesOrderLines"
    always_free = frozenset({"description", "description2", "shipQuantity", "invoiceQuantity"}) | _IGNORED

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        line = draft.values
        if name == "shipQuantity":
            _at_most(name, value, _outstanding(line))
            line["shipQuantity"] = value
            line["invoiceQuantity"] = number(_to_invoice(line))
        elif name == "invoiceQuantity":
            _at_most(name, value, _to_invoice(line))
            line["invoiceQuantity"] = value
        else:
            super().apply(draft, name, value)

    def check_document(self, document: Row) -> None:
        check_open(document)

    def quantity_changed(self, draft: Draft) -> None:
        line = draft.values
        if abs(Decimal(line["quantity"])) < abs(Decimal(line["shippedQuantity"])):
            raise dialog('The "quantity" must not be less than what is already shipped.')
        set_outstanding(line)

    def check_delete(self, company: Company, row: Row) -> None:
        super().check_delete(company, row)
        if Decimal(row["shippedQuantity"]) != Decimal(row["invoicedQuantity"]):
            raise dialog("You cannot delete the line because it is shipped and not yet invoiced.")


def set_outstanding(line: Row) -> None:
    """What is left is to be shipped and invoiced next."""
    line["shipQuantity"] = number(_outstanding(line))
    line["invoiceQuantity"] = number(_to_invoice(line))


def _outstanding(line: Row) -> Decimal:
    return Decimal(line["quantity"]) - Decimal(line["shippedQuantity"])


def _to_invoice(line: Row) -> Decimal:
    """All that is shipped, with what is to be shipped, and not yet invoiced."""
    shipped = Decimal(line["shippedQuantity"]) + Decimal(line["shipQuantity"])
    return shipped - Decimal(line["invoicedQuantity"])


def _at_most(name: str, value: Stored, most: Decimal) -> None:
    if abs(Decimal(value)) > abs(most):
        raise dialog(f'The "{name}" cannot be more than {number(most)}.')


def _next_sequence(company: Company, lines_set: str, document: str) -> int:
    sequences = [int(line["sequence"]) for line in company.all(lines_set, documentId=document)]
    return max(sequences, default=0) + SEQUENCE_STEP


def _price(company: Company, document: Row, item: Row, tax_percent: str, base_units: Decimal = Decimal(1)) -> str:
    """Of so many of the item's base units, in the document's currency by its posting date's rate, as it counts tax."""
    price = Decimal(item["unitPrice"]) * base_units
    with_tax = document["pricesIncludeTax"] == "true"
    if with_tax != (item["priceIncludesTax"] == "true"):
        price = rounded(price * amounts.tax_factor(tax_percent, included=with_tax), amounts.PRICE_DECIMALS)
    if document["currencyCode"] == company.local_currency:
        return number(price)
    day = company.today() if document["postingDate"] == ZERO_DATE else document["postingDate"]
    rates = [
        rate
        for rate in company.all("currencyExchangeRates", currencyCode=document["currencyCode"])
        if rate["startingDate"] <= day
    ]
    if not rates:
        raise dialog(f"There is no exchange rate for the currency {document['currencyCode']} on {day}.")
    latest = max(rates, key=lambda rate: str(rate["startingDate"]))
    factor = Decimal(latest["exchangeRateAmount"]) / Decimal(latest["relationalExchangeRateAmount"])
    return number(rounded(price * factor, amounts.CENTS))


def _check_postable(account: Row) -> None:
    said = f"in G/L Account: No.={account['number']}"
    if account["accountType"] != "Posting":
        raise field_error(f"Account Type must be equal to 'Posting' {said}.")
    if account["blocked"] == "true":
        raise field_error(f"Blocked must be equal to 'No' {said}. Current value is 'Yes'.")
    if account["directPosting"] != "true":
        raise field_error(f"Direct Posting must be equal to 'Yes' {said}. Current value is 'No'.")


def _check_sold(item: Row) -> None:
    """An item is sold while it is not blocked, and once it is known how it is posted."""
    blocking.check_item(item)
    said = f"in Item: No.={item['number']}"
    if not item["generalProductPostingGroupCode"]:
        raise field_error(f"Gen. Prod. Posting Group must have a value {said}. It cannot be zero or empty.")
    if item["type"] == "Inventory" and not item["inventoryPostingGroupCode"]:
        raise field_error(f"Inventory Posting Group must have a value {said}. It cannot be zero or empty.")


def _both() -> ApiError:
    return dialog('Both "itemId" and "accountId" are specified. Specify only one of them.')
