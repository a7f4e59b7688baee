"""Each entity's own rules: one small file an entity, and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from syncline.sandbox.businesscentral.rules.base import Rules
from syncline.sandbox.businesscentral.rules.codes import (
    CompanyInformationRules,
    CurrencyRules,
    ItemCategoryRules,
    SalespersonRules,
    UnitOfMeasureRules,
)
from syncline.sandbox.businesscentral.rules.contacts import ContactRules
from syncline.sandbox.businesscentral.rules.customercontacts import CustomerContactRules
from syncline.sandbox.businesscentral.rules.customers import CustomerRules
from syncline.sandbox.businesscentral.rules.dimensions import DefaultDimensionRules, DimensionSetLineRules
from syncline.sandbox.businesscentral.rules.items import ItemRules, ItemVariantRules
from syncline.sandbox.businesscentral.rules.parties import EmployeeRules, ProjectRules, VendorRules
from syncline.sandbox.businesscentral.rules.salesdocuments import (
    SalesCreditMemoRules,
    SalesInvoiceRules,
    SalesOrderRules,
    SalesQuoteRules,
)
from syncline.sandbox.businesscentral.rules.saleslines import SalesInvoiceLineRules, SalesOrderLineRules

_PLAIN = Rules()
_RULES: Mapping[str, Rules] = {
    "companyInformation": CompanyInformationRules(),
    "contacts": ContactRules(),
    "currencies": CurrencyRules(),
    "customerContacts": CustomerContactRules(),
    "customers": CustomerRules(),
    "defaultDimensions": DefaultDimensionRules(),
    "dimensionSetLines": DimensionSetLineRules(),
    "employees": EmployeeRules(),
    "itemCategories": ItemCategoryRules(),
    "itemVariants": ItemVariantRules(),
    "items": ItemRules(),
    "projects": ProjectRules(),
    "salesCreditMemos": SalesCreditMemoRules(),
    "salesInvoiceLines": SalesInvoiceLineRules(),
    "salesInvoices": SalesInvoiceRules(),
    "salesOrderLines": SalesOrderLineRules(),
    "salesOrders": SalesOrderRules(),
    "salesQuotes": SalesQuoteRules(),
    "salespeoplePurchasers": SalespersonRules(),
    "unitsOfMeasure": UnitOfMeasureRules(),
    "vendors": VendorRules(),
}


def rules_of(entity_set: str) -> Rules:
    return _RULES.get(entity_set, _PLAIN)
