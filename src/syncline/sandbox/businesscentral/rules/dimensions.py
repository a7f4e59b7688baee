"""Dimensions: what customers, vendors, items and employees bring along, and what documents and lines carry of it.

Followed from the pages ``APIV2DefaultDimensions`` and ``APIV2DimensionSetLines`` and the base application's
``DefaultDimension.Table`` and ``DimensionManagement``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from syncline.connectors.businesscentral.metadata import ZERO_GUID, entity_sets
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import dialog, field_error
from syncline.sandbox.businesscentral.relations import GLOBAL_DIMENSIONS, follow
from syncline.sandbox.businesscentral.rules.base import Draft, Rules
from syncline.sandbox.businesscentral.values import Stored

Dimensions: TypeAlias = dict[str, str]
"""The id of a dimension, and the id of its value."""

PARENT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "salesOrders": "Sales_x0020_Order",
        "salesOrderLines": "Sales_x0020_Order_x0020_Line",
        "salesQuotes": "Sales_x0020_Quote",
        "salesInvoices": "Sales_x0020_Invoice",
        "salesInvoiceLines": "Sales_x0020_Invoice_x0020_Line",
        "salesCreditMemos": "Sales_x0020_Credit_x0020_Memo",
        "salesShipments": "Sales_x0020_Shipment",
        "salesShipmentLines": "Sales_x0020_Shipment_x0020_Line",
    }
)
"""How a set's records are called where their dimensions are kept."""
_SETS = {parent_type: entity_set for entity_set, parent_type in PARENT_TYPES.items()}
_READ_ONLY = frozenset({"salesShipments", "salesShipmentLines"})
_DOCUMENTS_OF = {"salesOrderLines": "salesOrders", "salesInvoiceLines": "salesInvoices"}
_DEFAULT_PARENTS = {"Customer": "customers", "Item": "items", "Vendor": "vendors", "Employee": "employees"}
_NONE = "_x0020_"
_SHORTCUTS = ("shortcutDimension1Code", "shortcutDimension2Code")


def defaults_of(company: Company, parent: str) -> Dimensions:
    """What a customer, vendor, item or employee brings along."""
    rows = company.all("defaultDimensions", parentId=parent)
    return {row["dimensionId"]: row["dimensionValueId"] for row in rows if row["dimensionValueId"] != ZERO_GUID}


def forget_defaults(company: Company, parent: str) -> None:
    for row in company.all("defaultDimensions", parentId=parent):
        company.delete("defaultDimensions", row)


def dimensions_of(company: Company, parent: str) -> Dimensions:
    """What a document or line carries."""
    return {row["id"]: row["valueId"] for row in company.all("dimensionSetLines", parentId=parent)}


def write(company: Company, entity_set: str, parent: str, wanted: Dimensions) -> None:
    """Let a document or line carry these dimensions and no others."""
    held = {row["id"]: row for row in company.all("dimensionSetLines", parentId=parent)}
    for dimension, row in held.items():
        if wanted.get(dimension) != row["valueId"]:
            company.delete("dimensionSetLines", row)
    for dimension, value in wanted.items():
        if dimension in held and held[dimension]["valueId"] == value:
            continue
        row = company.blank_row(entity_sets()["dimensionSetLines"])
        row |= {"parentId": parent, "parentType": PARENT_TYPES[entity_set]}
        row |= _named(company.find("dimensions", id=dimension), company.find("dimensionValues", id=value))
        company.insert("dimensionSetLines", row)


def copy(company: Company, source: str, entity_set: str, target: str) -> None:
    """Let a new document or line carry what another one carries."""
    carried = dimensions_of(company, source)
    if carried:
        write(company, entity_set, target, carried)


def forget(company: Company, parent: str) -> None:
    for row in company.all("dimensionSetLines", parentId=parent):
        company.delete("dimensionSetLines", row)


def shortcuts(company: Company, carried: Dimensions) -> dict[str, str]:
    """The shortcut dimensions of a document that carries these."""
    codes = dict.fromkeys(_SHORTCUTS, "")
    for dimension, value in carried.items():
        found = company.find("dimensions", id=dimension)
        value_row = company.find("dimensionValues", id=value)
        if found and value_row and found["code"] in GLOBAL_DIMENSIONS:
            codes[_SHORTCUTS[GLOBAL_DIMENSIONS.index(found["code"])]] = value_row["code"]
    return codes


def document_saved(draft: Draft, lines_set: str | None) -> None:
    """A document carries what its payer brings along and its shortcut dimensions say; its lines follow a change."""
    company, document = draft.company, draft.values
    payer_changed = draft.changed("billToCustomerId")
    if not payer_changed and not draft.changed(*_SHORTCUTS):
        return
    old = {} if draft.new else dimensions_of(company, document["id"])
    wanted = defaults_of(company, document["billToCustomerId"]) if payer_changed else dict(old)
    for name, code in zip(_SHORTCUTS, GLOBAL_DIMENSIONS, strict=True):
        if document[name] or wanted:
            _set_shortcut(company, wanted, code, document[name])
    if wanted == old:
        return
    write(company, draft.entity_set.name, document["id"], wanted)
    if lines_set and not draft.new:
        for line in company.all(lines_set, documentId=document["id"]):
            carried = dimensions_of(company, line["id"])
            write(company, lines_set, line["id"], _followed(carried, old, wanted))


def line_saved(draft: Draft) -> None:
    """A new line, or one that names another object, carries what its document does, and what the item adds to it."""
    if not draft.changed("itemId", "accountId", "lineType"):
        return
    line, company = draft.values, draft.company
    wanted = dimensions_of(company, line["documentId"])
    if line["itemId"] != ZERO_GUID:
        wanted = defaults_of(company, line["itemId"]) | wanted
    if wanted or not draft.new:
        write(company, draft.entity_set.name, line["id"], wanted)


def check_posting(company: Company, parent: str, carried: Dimensions, called: str) -> None:
    """Refuse to post what does not carry the dimensions that its customer's or item's default dimensions demand."""
    for row in company.all("defaultDimensions", parentId=parent):
        has, code = carried.get(row["dimensionId"]), row["dimensionCode"]
        match row["postingValidation"]:
            case "Code_x0020_Mandatory" if has is None:
                raise dialog(f"Select a Dimension Value Code for the Dimension Code {code} for {called}.")
            case "Same_x0020_Code" if (has or ZERO_GUID) != row["dimensionValueId"]:
                raise dialog(
                    f'Select Dimension Value Code "{row["dimensionValueCode"]}" for the Dimension Code "{code}" for '
                    f"{called}."
                )
            case "No_x0020_Code" if has is not None:
                raise dialog(f"Dimension Code {code} must not be mentioned for {called}.")


class DefaultDimensionRules(Rules):
    mandatory = ()

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        default = draft.values
        match name:
            case "dimensionId":
                if not draft.new and value != default["dimensionId"]:
                    raise dialog("You can't rename a Default Dimension.")
                follow(draft, name, value)
            case "dimensionValueId":
                self._take_value(draft, str(value))
            case "postingValidation":
                default[name] = value
                self._check_no_code(default)
            case _:
                default[name] = value

    def complete(self, draft: Draft) -> None:
        default, company = draft.values, draft.company
        if default["parentId"] == ZERO_GUID:
            raise dialog("You must get to the parent first to get to the default dimensions.")
        if default["parentType"] == _NONE:
            found = [kind for kind, at in _DEFAULT_PARENTS.items() if company.exists(at, id=default["parentId"])]
            if not found:
                raise dialog("Parent is not found.")
            default["parentType"] = found[0]
        elif not company.exists(_DEFAULT_PARENTS[default["parentType"]], id=default["parentId"]):
            raise dialog("Parent is not found.")
        if default["dimensionId"] == ZERO_GUID:
            raise field_error("Dimension Code must have a value in Default Dimension. It cannot be zero or empty.")

    def _take_value(self, draft: Draft, value: str) -> None:
        default = draft.values
        found = follow(draft, "dimensionValueId", value)
        if found is None:
            return
        if default["dimensionId"] == ZERO_GUID:
            follow(draft, "dimensionId", found["dimensionId"])
        if default["dimensionId"] != found["dimensionId"]:
            raise dialog('The "dimensionId" and "dimensionValueId" match to different Dimension records.')
        self._check_no_code(default)

    def _check_no_code(self, default: Row) -> None:
        if default["postingValidation"] == "No_x0020_Code" and default["dimensionValueId"] != ZERO_GUID:
            raise field_error("Dimension Value Code must be equal to '' where Value Posting is 'No Code'.")


class DimensionSetLineRules(Rules):
    mandatory = ()

    def start(self, draft: Draft) -> None:
        draft.values["id"] = ZERO_GUID

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        match name:
            case "id" | "code":
                self._take(draft, "dimensions", name, str(value), 'The "{}" does not match to a Dimension.')
            case "valueId" | "valueCode":
                self._take(draft, "dimensionValues", name, str(value), 'The "{}" does not match to a Dimension Value.')
            case _:
                draft.values[name] = value

    def complete(self, draft: Draft) -> None:
        line, company = draft.values, draft.company
        if line["parentId"] == ZERO_GUID:
            raise dialog("You must get to the parent first to create a dimension set line.")
        _changeable(company, line)
        if not line["code"]:
            raise dialog('The "id" or "code" field must be filled in.')
        if line["valueId"] == ZERO_GUID:
            raise dialog('The "valueId" or "valueCode" field must be filled in.')
        if draft.before and draft.changed("id"):
            raise dialog('The "id" and "code" fields cannot be modified.')
        value = company.find("dimensionValues", id=line["valueId"])
        if value is None or value["dimensionId"] != line["id"]:
            raise dialog('The "valueId" does not match to a Dimension Value.')
        if draft.new and company.exists("dimensionSetLines", parentId=line["parentId"], id=line["id"]):
            raise dialog(
                "The dimension set line already exists. Check existing dimension set lines and the default dimension "
                "set lines on the parent."
            )

    def check_change(self, company: Company, row: Row) -> None:
        _changeable(company, row)

    def saved(self, draft: Draft) -> None:
        _parent_changed(draft.company, draft.values)

    def deleted(self, company: Company, row: Row) -> None:
        _parent_changed(company, row)

    def _take(self, draft: Draft, entity_set: str, name: str, value: str, otherwise: str) -> None:
        """A dimension or its value by id or by code; both names of one must mean the same."""
        line = draft.values
        key = "id" if name in ("id", "valueId") else "code"
        within = {"dimensionId": line["id"]} if name == "valueCode" else {}
        found = draft.company.find(entity_set, **{key: value}, **within)
        if found is None:
            raise dialog(otherwise.format(name))
        if draft.named.setdefault(entity_set, found["id"]) != found["id"]:
            raise dialog(f'The values of the "{name}" field and its partner do not refer to the same record.')
        line |= _named(found, None) if entity_set == "dimensions" else _named(None, found)


def _named(dimension: Row | None, value: Row | None) -> Row:
    """How a dimension and a value of it are told in a dimension set line."""
    named: Row = {}
    if dimension:
        named |= {"id": dimension["id"], "code": dimension["code"], "displayName": dimension["displayName"]}
        named["consolidationCode"] = dimension["consolidationCode"]
    if value:
        named |= {"valueId": value["id"], "valueCode": value["code"], "valueDisplayName": value["displayName"]}
        named["valueConsolidationCode"] = value["consolidationCode"]
    return named


def _parent(company: Company, line: Row) -> tuple[str, Row | None]:
    entity_set = _SETS.get(line["parentType"], "")
    return entity_set, company.find(entity_set, id=line["parentId"]) if entity_set else None


def _changeable(company: Company, line: Row) -> None:
    entity_set, parent = _parent(company, line)
    posted = parent is not None and parent.get("status", "Draft") != "Draft" and entity_set != "salesOrders"
    if parent is None or entity_set in _READ_ONLY or posted:
        raise dialog(
            f"Parent with ID {line['parentId']} does not exist or dimension set lines are read only for parent type "
            f"{line['parentType']}."
        )


def _parent_changed(company: Company, line: Row) -> None:
    """The document, or the line with its document, is thereby modified; lines do not follow their document here."""
    entity_set, parent = _parent(company, line)
    if parent is None:
        return
    carried = dimensions_of(company, parent["id"])
    named = shortcuts(company, carried)
    company.update(entity_set, parent, {name: code for name, code in named.items() if name in parent})
    document_set = _DOCUMENTS_OF.get(entity_set)
    document = company.find(document_set, id=parent["documentId"]) if document_set else None
    if document_set and document:
        company.update(document_set, document, {})


def _followed(carried: Dimensions, old: Dimensions, new: Dimensions) -> Dimensions:
    """What a line carries once its document's dimensions have changed: what changed there changes here."""
    kept = {dimension: value for dimension, value in carried.items() if dimension not in old or dimension in new}
    return kept | {dimension: value for dimension, value in new.items() if old.get(dimension) != value}


def _set_shortcut(company: Company, wanted: Dimensions, dimension_code: str, value_code: str) -> None:
    dimension = company.find("dimensions", code=dimension_code)
    if dimension is None:
        return
    value = company.find("dimensionValues", dimensionId=dimension["id"], code=value_code) if value_code else None
    if value:
        wanted[dimension["id"]] = value["id"]
    else:
        wanted.pop(dimension["id"], None)
