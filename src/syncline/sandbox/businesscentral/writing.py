"""Records created, changed and deleted: properties in the order sent, then the entity's own rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from syncline.connectors.businesscentral.metadata import EntitySet, Navigation, Property, entity_sets
from syncline.sandbox.businesscentral import pictures, schema, values
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import ApiError, bad_request, no_such_record
from syncline.sandbox.businesscentral.rules import rules_of
from syncline.sandbox.businesscentral.rules.base import Draft
from syncline.sandbox.businesscentral.versions import ANY_VERSION, meant

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Options(Struct, frozen=True, kw_only=True):
    """What differs from one installation to the next."""

    client_ids: bool = False
    """A POST may choose the record's id, as a custom API page allows."""
    page: int | None = None
    """Refuse to list more records a page than that."""


def create(
    company: Company,
    entity_set: EntitySet,
    body: Any,
    fixed: Mapping[str, str],
    options: Options,
    *,
    part: bool = False,
) -> str:
    """Insert one record with what hangs on it; its id. ``fixed`` is what the address says of it."""
    _check_allowed(entity_set, entity_set.insert, "inserted")
    sent = _properties(body)
    rules = rules_of(entity_set.name)
    draft = Draft(company, entity_set, company.blank_row(entity_set), None)
    draft.part = part
    rules.start(draft)
    for name, value in fixed.items():
        rules.apply(draft, name, value)
    parts = _apply(draft, sent, options)
    rules.complete(draft)
    company.insert(entity_set.name, draft.values)
    rules.saved(draft)
    key = str(draft.values[schema.key_of(entity_set)])
    for name, children in parts:
        way = entity_set.navigations[name]
        for child in children:
            create(company, _child_set(way), child, owner(way, draft.values), options, part=True)
    if parts:
        rules.parts_added(company, key)
    return key


def modify(
    company: Company,
    entity_set: EntitySet,
    key: str,
    body: Any,
    version: str | None,
    fixed: Mapping[str, str] = _NOTHING,
) -> None:
    _check_allowed(entity_set, entity_set.modify, "modified")
    row = _versioned(company, entity_set, key, version, fixed)
    rules = rules_of(entity_set.name)
    if entity_set.name == "pictures":
        _checked(entity_set, _properties(body))
        return
    if rules.kept_in:
        sent = _checked(entity_set, _properties(body))
        modify(company, entity_sets()[rules.kept_in], key, rules.translated(company, row, sent), ANY_VERSION)
        return
    rules.check_change(company, row)
    draft = Draft(company, entity_set, dict(row), row)
    parts = _apply(draft, _properties(body), Options())
    if parts:
        raise bad_request(f"'{parts[0][0]}' cannot be changed with the record it hangs on.")
    rules.complete(draft)
    changed = {name: value for name, value in draft.values.items() if row[name] != value and not name.startswith("_")}
    company.update(entity_set.name, draft.values, changed)
    rules.saved(draft)


def remove(
    company: Company, entity_set: EntitySet, key: str, version: str | None, fixed: Mapping[str, str] = _NOTHING
) -> None:
    _check_allowed(entity_set, entity_set.delete, "deleted")
    row = _versioned(company, entity_set, key, version, fixed)
    if entity_set.name == "pictures":
        pictures.remove(company, row)
        return
    rules = rules_of(entity_set.name)
    if rules.kept_in:
        remove(company, entity_sets()[rules.kept_in], key, ANY_VERSION)
        return
    rules.check_change(company, row)
    rules.check_delete(company, row)
    company.delete(entity_set.name, row)
    rules.deleted(company, row)


def act(company: Company, entity_set: EntitySet, key: str, action: str) -> str:
    """Do a bound action; the path of the record it led to, below the company."""
    does = rules_of(entity_set.name).actions.get(action)
    if action not in entity_set.actions:
        raise ApiError(404, "BadRequest_NotFound", f"No action '{action}' on {entity_set.entity}.")
    if does is None:
        raise ApiError(501, "BadRequest_MethodNotImplemented", f"The action '{action}' is not served by this sandbox.")
    return does(company, existing(company, entity_set, key))


def put_content(
    company: Company, entity_set: EntitySet, key: str, sent: Any, version: str | None, fixed: Mapping[str, str]
) -> None:
    """Put a picture's content in the place of what there is."""
    if entity_set.name != "pictures":
        raise ApiError(405, "BadRequest_MethodNotAllowed", f"The content of a {entity_set.entity} is only read.")
    pictures.put(company, _versioned(company, entity_set, key, version, fixed), sent)


def existing(company: Company, entity_set: EntitySet, key: str, fixed: Mapping[str, str] = _NOTHING) -> Row:
    """``fixed`` is what the address says of it besides the key."""
    name = schema.key_of(entity_set)
    row = company.find(entity_set.name, **{**fixed, name: key}) if fixed.get(name, key) == key else None
    if row is None:
        raise no_such_record(entity_set.entity, key)
    return row


def owner(way: Navigation, row: Row) -> dict[str, str]:
    """What a record reached by this way from another holds."""
    return {
        condition.child: str(row[condition.parent]) if condition.parent else str(condition.constant)
        for condition in way.conditions
    }


def _child_set(way: Navigation) -> EntitySet:
    if way.entity_set not in entity_sets():
        raise ApiError(501, "BadRequest_MethodNotImplemented", f"{way.entity_set} is not served by this sandbox.")
    return entity_sets()[way.entity_set]


def _properties(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise bad_request("The request body is to be a JSON object with the record's properties.")
    return body


def _apply(draft: Draft, sent: Mapping[str, Any], options: Options) -> list[tuple[str, Sequence[Any]]]:
    """Set what was sent, in that order; what hangs on the record is handed back to be inserted behind it."""
    entity_set = draft.entity_set
    rules = rules_of(entity_set.name)
    parts: list[tuple[str, Sequence[Any]]] = []
    for name, value in sent.items():
        if "@" in name:
            continue
        if name in entity_set.navigations and name not in entity_set.properties:
            parts.append((name, value if isinstance(value, list) else [value]))
            continue
        rules.apply(draft, name, values.store(name, _writable(entity_set, name, options), value))
        draft.sent.add(name)
    return parts


def _writable(entity_set: EntitySet, name: str, options: Options) -> Property:
    said = entity_set.properties.get(name)
    if said is None:
        raise bad_request(
            f"The property '{name}' does not exist on type 'Microsoft.NAV.{entity_set.entity}'. Make sure to only use "
            "property names that are defined by the type."
        )
    if said.read_only and not (name == "id" and options.client_ids):
        raise ApiError(400, "BadRequest_InvalidOperation", f"The property '{name}' is read-only.")
    return said


def _checked(entity_set: EntitySet, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, once each property may be written and takes its value. Raises `ApiError`."""
    checked: dict[str, Any] = {}
    for name, value in sent.items():
        if "@" not in name:
            checked[name] = values.store(name, _writable(entity_set, name, Options()), value)
    return checked


def _versioned(company: Company, entity_set: EntitySet, key: str, version: str | None, fixed: Mapping[str, str]) -> Row:
    return meant(version, lambda: existing(company, entity_set, key, fixed))


def _check_allowed(entity_set: EntitySet, allowed: bool, done: str) -> None:
    if not allowed:
        raise ApiError(405, "BadRequest_MethodNotAllowed", f"A record of '{entity_set.name}' cannot be {done}.")
    if schema.is_view(entity_set.name) and not (rules_of(entity_set.name).kept_in or entity_set.name == "pictures"):
        message = f"'{entity_set.name}' is only read in this sandbox."
        raise ApiError(501, "BadRequest_MethodNotImplemented", message)
