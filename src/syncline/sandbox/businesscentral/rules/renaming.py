"""A new number or code is carried by every record that names it, as the product's relations between tables do."""

# Names of tables and columns come from the metadata, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from msgspec import Struct

from syncline.connectors.businesscentral.metadata import entity_sets
from syncline.sandbox.businesscentral import schema
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.relations import RELATIONS


class _Bearer(Struct, frozen=True):
    """A set's property that holds ``key`` of the renamed record, and the one with its id where there is one."""

    entity_set: str
    name: str
    key: str
    by_id: str | None


def carry(company: Company, entity_set: str, before: Row, after: Row) -> None:
    """Write what was renamed into the records that name it; their version and time stay."""
    for bearer in _bearers(entity_set):
        old, new = before[bearer.key], after[bearer.key]
        if old == new or not old:
            continue
        where, value = (bearer.by_id, after["id"]) if bearer.by_id else (bearer.name, old)
        table = company.table(bearer.entity_set)
        company.database.execute(f'UPDATE {table} SET "{bearer.name}" = ? WHERE "{where}" = ?', (new, value))


@cache
def _bearers(target: str) -> tuple[_Bearer, ...]:
    return tuple(_found(target))


def _found(target: str) -> Iterator[_Bearer]:
    for entity_set in entity_sets().values():
        has = entity_set.properties.keys()
        for name in () if schema.is_view(entity_set.name) else schema.columns(entity_set):
            relation = RELATIONS.get(name)
            if relation is None or relation.target != target:
                continue
            if relation.key != "id":
                by_id = relation.partner if relation.partner in has else None
                yield _Bearer(entity_set.name, name, relation.key, by_id)
            elif relation.partner_key and relation.partner in has and relation.partner not in RELATIONS:
                yield _Bearer(entity_set.name, str(relation.partner), relation.partner_key, name)
