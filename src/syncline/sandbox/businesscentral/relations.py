"""Which properties name another record, by its id or by its code, and that both ways agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from syncline.connectors.businesscentral.metadata import ZERO_GUID, EntitySet, entity_sets
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import ApiError, dialog
from syncline.sandbox.businesscentral.values import Stored

GLOBAL_DIMENSIONS = ("DEPARTMENT", "PROJECT")
"""Whose values the shortcut dimensions 1 and 2 of documents are."""


class Relation(Struct, frozen=True):
    """The property holds ``key`` of a record of ``target``; ``partner`` names the same record by ``partner_key``."""

    target: str
    key: str
    partner: str | None = None
    partner_key: str | None = None
    unless: str | None = None
    """A record is none to be named where this holds true of it."""
    within: str | None = None
    """The code of the dimension whose values are meant."""


def _pair(prefix: str, target: str, key: str = "code") -> dict[str, Relation]:
    """``currencyId`` and ``currencyCode``: two names of one record."""
    by_id, by_key = f"{prefix}Id", f"{prefix}{key.capitalize()}"
    return {by_id: Relation(target, "id", by_key, key), by_key: Relation(target, key, by_id, "id")}


_SALESPERSON = Relation("salespeoplePurchasers", "code", unless="blocked")
RELATIONS: Mapping[str, Relation] = {
    **{
        name: Relation("countriesRegions", "code")
        for name in ("country", "sellToCountry", "shipToCountry", "billToCountry")
    },
    **dict.fromkeys(("salespersonCode", "salesperson"), _SALESPERSON),
    **_pair("currency", "currencies"),
    **_pair("itemCategory", "itemCategories"),
    **_pair("taxGroup", "taxGroups"),
    **_pair("baseUnitOfMeasure", "unitsOfMeasure"),
    **_pair("unitOfMeasure", "unitsOfMeasure"),
    **_pair("generalProductPostingGroup", "generalProductPostingGroups"),
    **_pair("inventoryPostingGroup", "inventoryPostingGroups"),
    **_pair("customer", "customers", "number"),
    **_pair("billToCustomer", "customers", "number"),
    **_pair("item", "items", "number"),
    **_pair("dimension", "dimensions"),
    "paymentTermsId": Relation("paymentTerms", "id"),
    "shipmentMethodId": Relation("shipmentMethods", "id"),
    "paymentMethodId": Relation("paymentMethods", "id"),
    "taxAreaId": Relation("taxAreas", "id", "taxAreaDisplayName", "displayName"),
    "accountId": Relation("accounts", "id"),
    "locationId": Relation("locations", "id"),
    "itemVariantId": Relation("itemVariants", "id"),
    "dimensionValueId": Relation("dimensionValues", "id", "dimensionValueCode", "code"),
    "taxCode": Relation("taxGroups", "code"),
    "shortcutDimension1Code": Relation("dimensionValues", "code", within=GLOBAL_DIMENSIONS[0]),
    "shortcutDimension2Code": Relation("dimensionValues", "code", within=GLOBAL_DIMENSIONS[1]),
    "paymentTermsCode": Relation("paymentTerms", "code"),
    "shipmentMethodCode": Relation("shipmentMethods", "code"),
}
"""By the property's name, which means the same in every entity."""


class Applied(Protocol):
    """A record under way: what it holds so far and which records were named for it in this request."""

    company: Company
    entity_set: EntitySet
    values: Row
    named: dict[str, str]


def follow(draft: Applied, name: str, value: Stored) -> Row | None:
    """Set a property that names a record, and its partner with it; the record, unless the value is blank.

    Raises `ApiError` where there is no such record, or where the partner was sent too and names another.
    """
    relation = RELATIONS[name]
    if name == "currencyCode" and value in ("", draft.company.local_currency):
        draft.values.update({"currencyCode": draft.company.local_currency, "currencyId": ZERO_GUID})
        return None
    found = None if value in ("", ZERO_GUID) else _find(draft, relation, name, str(value))
    _agree(draft, name, relation, found["id"] if found else "")
    draft.values[name] = value
    partner, key = relation.partner, relation.partner_key
    if partner and key and partner in draft.values:
        draft.values[partner] = found[key] if found else _blank(draft.company, partner)
    return found


def _find(draft: Applied, relation: Relation, name: str, value: str) -> Row:
    """A property that no table keeps has no relation to check: the page itself looks, and says it in its own words."""
    company = draft.company
    equal = {relation.key: value}
    if relation.within:
        dimension = company.find("dimensions", code=relation.within)
        equal["dimensionId"] = dimension["id"] if dimension else ""
    found = company.find(relation.target, **equal)
    if found and relation.unless and found[relation.unless] == "true":
        found = None
    if found is None and draft.entity_set.properties[name].column is None:
        raise dialog(f'The "{name}" does not match to a {_called(relation)}.')
    if found is None:
        message = (
            f'The "{name}" cannot be set to {value}: the field contains a value that is in no record of the related '
            f"table ({relation.target})."
        )
        raise ApiError(400, "Internal_InvalidTableRelation", message)
    return found


def _called(relation: Relation) -> str:
    entity = entity_sets()[relation.target].entity
    return entity[0].upper() + entity[1:]


def _agree(draft: Applied, name: str, relation: Relation, record: str) -> None:
    before = draft.named.get(relation.partner or "")
    if before is not None and before != record:
        raise dialog(f'The values of "{relation.partner}" and "{name}" do not match to a specific record.')
    draft.named[name] = record


def _blank(company: Company, name: str) -> str:
    if name == "currencyCode":
        return company.local_currency
    return ZERO_GUID if name.endswith("Id") else ""
