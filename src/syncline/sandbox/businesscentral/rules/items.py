"""Items: what they are counted and posted by, and stock that only postings move.

Followed from the page ``APIV2Items``; inventory is kept as the sum that the product's ledger gives.
"""

from __future__ import annotations

from types import MappingProxyType

from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.rules.base import Draft, Rules, refuse_change
from syncline.sandbox.businesscentral.values import Stored

_LINES = ("salesOrderLines", "salesInvoiceLines")


class ItemRules(Rules):
    series = "items"
    mandatory = ()
    renames = MappingProxyType(
        {**dict.fromkeys(_LINES, (("itemId", "lineObjectNumber"),)), "itemVariants": (("itemId", "itemNumber"),)}
    )
    used_by = MappingProxyType(dict.fromkeys(_LINES, ("itemId",)))

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        match name:
            case "inventory" if draft.new:
                raise dialog("Inventory cannot be changed during on insert.")
            case "inventory" if draft.values["type"] != "Inventory" and value != draft.values["inventory"]:
                raise dialog("The inventory of an item that is not of type Inventory cannot be changed.")
            case "type" if not draft.new and value != draft.values["type"] and self._used(draft):
                raise refuse_change("type", "You cannot change the type of an item that is used in documents.")
            case _:
                super().apply(draft, name, value)

    def _used(self, draft: Draft) -> bool:
        return any(draft.company.exists(lines, itemId=draft.values["id"]) for lines in _LINES)
