"""What is done with a sales quote: it becomes an order or an invoice, or is sent.

Followed from the page ``APIV2SalesQuotes``, ``SalesQuoteToOrder`` and ``SalesQuoteToInvoice``. Lines of quotes have
no set described here, so what a quote becomes has none, and a quote is never sent.
"""

from __future__ import annotations

from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.rules import blocking, dimensions
from syncline.sandbox.businesscentral.rules.base import free_number
from syncline.sandbox.businesscentral.rules.posting import parties_of, posted_copy


def make_order(company: Company, quote: Row) -> str:
    dated = {"orderDate": quote["documentDate"], "partialShipping": "true", "fullyShipped": "false"}
    return _make(company, quote, "salesOrders", "Order", dated)


def make_invoice(company: Company, quote: Row) -> str:
    return _make(company, quote, "salesInvoices", "Invoice", {"invoiceDate": quote["documentDate"]})


def send(_: Company, __: Row) -> str:
    raise dialog("Please add at least one line item to the document.")


def _make(company: Company, quote: Row, entity_set: str, kind: str, dated: Row) -> str:
    for customer in parties_of(company, quote):
        blocking.check_making(customer, kind)
    made = posted_copy(company, entity_set, quote) | dated
    made |= {"number": free_number(company, entity_set, entity_set), "status": "Draft"}
    company.insert(entity_set, made)
    dimensions.copy(company, quote["id"], entity_set, made["id"])
    company.delete("salesQuotes", quote)
    dimensions.forget(company, quote["id"])
    return f"{entity_set}({made['id']})"
