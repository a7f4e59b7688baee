"""Items: what they are counted and posted by, stock that only postings move, and their variants.

Followed from the pages ``APIV2Items`` and ``APIV2ItemVariants`` and the base application's ``Item.Table`` and
``ItemVariant.Table``; inventory is kept as the sum that the product's ledger gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from syncline.connectors.businesscentral.metadata import ZERO_GUID
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import dialog, field_error
from syncline.sandbox.businesscentral.rules import itemunits, ledger
from syncline.sandbox.businesscentral.rules.base import Draft, Rules, refuse_change
from syncline.sandbox.businesscentral.rules.dimensions import forget_defaults
from syncline.sandbox.businesscentral.values import Stored

_LINES = {"salesOrderLines": "Order", "salesInvoiceLines": "Invoice"}
"""Where items are sold, and what the documents are called."""


_TEMPLATE: Mapping[str, Mapping[str, str]] = {
    "generalProductPostingGroup": {"Inventory": "RETAIL", "Non_x002D_Inventory": "RETAIL", "Service": "SERVICES"},
    "inventoryPostingGroup": {"Inventory": "RESALE"},
}
"""What the company's template for items made by the API fills in, by type (``ProcessNewRecordFromAPI``)."""


class ItemRules(Rules):
    series = "items"
    mandatory = ()
    renames = MappingProxyType(dict.fromkeys(_LINES, (("itemId", "lineObjectNumber"),)))

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        item = draft.values
        match name:
            case "inventory" if draft.new:
                raise dialog("Inventory cannot be changed during on insert.")
            case "inventory" if item["type"] != "Inventory" and value != item["inventory"]:
                raise dialog("The inventory of an item that is not of type Inventory cannot be changed.")
            case "type" if not draft.new and value != item["type"]:
                self._check_unused(draft, "Type")
                item["type"] = value
                if value != "Inventory":
                    item |= {"inventoryPostingGroupId": ZERO_GUID, "inventoryPostingGroupCode": ""}
            case "gtin" if not str(value).isdecimal() and value:
                raise field_error(f"The value '{value}' of 'gtin' must be numeric.")
            case "baseUnitOfMeasureCode" if value:
                super().apply(draft, name, _unit_called(draft.company, str(value)))
            case _:
                super().apply(draft, name, value)

    def complete(self, draft: Draft) -> None:
        super().complete(draft)
        if draft.new:
            self._fill_from_template(draft)
        if draft.before and draft.changed("baseUnitOfMeasureCode") and Decimal(draft.before["inventory"]):
            raise dialog(
                "You cannot change Base Unit of Measure because there are one or more open ledger entries for this "
                "item."
            )

    def saved(self, draft: Draft) -> None:
        super().saved(draft)
        item = draft.values
        if item["baseUnitOfMeasureCode"]:
            itemunits.add(draft.company, item["id"], item["baseUnitOfMeasureCode"], "1")
        if draft.before and draft.changed("inventory"):
            ledger.enter(draft.company, item["id"])

    def check_delete(self, company: Company, row: Row) -> None:
        for lines_set, kind in _LINES.items():
            if company.exists(lines_set, itemId=row["id"]) and not ledger.has_entries(company, row["id"]):
                raise dialog(
                    f"You cannot delete Item {row['number']} because there is at least one outstanding Sales {kind} "
                    "that includes this item."
                )
        if ledger.has_entries(company, row["id"]) or Decimal(row["inventory"]):
            raise dialog(
                f"You cannot delete Item {row['number']} because it has ledger entries in a fiscal year that has not "
                "been closed yet."
            )

    def deleted(self, company: Company, row: Row) -> None:
        for variant in company.all("itemVariants", itemId=row["id"]):
            company.delete("itemVariants", variant)
        itemunits.remove(company, row["id"])
        forget_defaults(company, row["id"])

    def _fill_from_template(self, draft: Draft) -> None:
        """How it is posted, where the request says nothing of that."""
        for group, codes in _TEMPLATE.items():
            said = {f"{group}Code", f"{group}Id"} & draft.sent
            code = codes.get(str(draft.values["type"]))
            if code and not said and draft.company.exists(f"{group}s", code=code):
                super().apply(draft, f"{group}Code", code)

    def _check_unused(self, draft: Draft, field: str) -> None:
        item, company = draft.values, draft.company
        used_in = [kind for lines, kind in _LINES.items() if company.exists(lines, itemId=item["id"])]
        if ledger.has_entries(company, item["id"]) or Decimal(item["inventory"]):
            used_in.insert(0, "Item Ledger Entry")
        if used_in:
            raise refuse_change(
                field,
                f"You cannot change the {field} field on Item {item['number']} because at least one {used_in[0]} "
                "exists for this item.",
            )


class ItemVariantRules(Rules):
    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        if name in ("itemId", "itemNumber") and draft.before and self._sold(draft):
            raise dialog("You cannot rename Item No. in a Item Variant, because it is used in sales document lines.")
        super().apply(draft, name, value)

    def complete(self, draft: Draft) -> None:
        super().complete(draft)
        if draft.values["itemId"] == ZERO_GUID:
            raise dialog('The "itemId" does not match to an Item.')

    def check_delete(self, company: Company, row: Row) -> None:
        for lines_set in _LINES:
            if company.exists(lines_set, itemId=row["itemId"], itemVariantId=row["id"]):
                raise dialog(
                    f"You cannot delete item variant {row['code']} because there is at least one Sales Line that "
                    "includes this Variant Code."
                )
        if ledger.has_entries(company, row["id"]):
            raise dialog(
                f"You cannot delete item variant {row['code']} because there is at least one Item Ledger Entry that "
                "includes this Variant Code."
            )

    def _sold(self, draft: Draft) -> bool:
        variant = draft.values
        sold = {"itemId": variant["itemId"], "itemVariantId": variant["id"]}
        return any(draft.company.exists(lines, **sold) for lines in _LINES)


def _unit_called(company: Company, code: str) -> str:
    """A unit of measure by its code, or else by its international standard code. Raises `ApiError`."""
    if company.exists("unitsOfMeasure", code=code):
        return code
    found = company.find("unitsOfMeasure", internationalStandardCode=code)
    if found is None:
        raise dialog(f"The Unit of Measure with Code {code} does not exist.")
    return str(found["code"])
