"""Records read and shown: a page of a set, one record, and what is expanded from them."""

# Names of tables and columns come from the metadata, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from syncline.connectors.businesscentral.metadata import Condition, EdmType, EntitySet, entity_sets
from syncline.sandbox.businesscentral import schema
from syncline.sandbox.businesscentral.companies import all_sets
from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.errors import bad_request, dialog, no_such_record
from syncline.sandbox.businesscentral.odata.filters import Where
from syncline.sandbox.businesscentral.odata.query import Expand, Order, Query
from syncline.sandbox.businesscentral.values import RAW_TYPES

Entity: TypeAlias = dict[str, Any]
"""A record as JSON shows it."""

_A_CHUNK = 500
_NEEDS: Mapping[str, tuple[frozenset[str], str]] = {
    "salesOrderLines": (frozenset({"documentId", "id"}), "You must specify an Id or a Document Id to get the lines."),
    "salesInvoiceLines": (frozenset({"documentId", "id"}), "You must specify an Id or a Document Id to get the lines."),
    "salesShipmentLines": (
        frozenset({"documentId", "id"}),
        "You must specify an Id or a Document Id to get the lines.",
    ),
    "contactsInformation": (frozenset({"relatedId"}), "id type not specified."),
    "dimensionSetLines": (
        frozenset({"parentId"}),
        "You must get to the parent first to get to the dimension set line.",
    ),
    "pictures": (frozenset({"parentType"}), "You must get to the parent first to get to the picture."),
}
"""Sets that are listed only for one owner: what a filter or the address must fix, and what is said without it."""


class Source(Protocol):
    """Where the records of a set are: a company, or what is above them all."""

    @property
    def database(self) -> Database: ...

    def table(self, entity_set: str, /) -> str: ...


_NOTHING: Mapping[str, str] = MappingProxyType({})


class Page(Struct, frozen=True):
    """``token`` goes on behind the last record; ``None`` where there are no more."""

    records: list[Entity]
    token: str | None
    total: int | None


def page(company: Source, entity_set: EntitySet, query: Query, fixed: Mapping[str, str]) -> Page:
    """The records that hold the ``fixed`` values and the query's conditions. Raises `ApiError`."""
    check_owner(entity_set, query, fixed)
    conditions = _conditions(query, fixed)
    order = _order(entity_set, query)
    total = _count(company, entity_set, conditions) if query.count else None
    left, after = _position(entity_set, query, order)
    limit = query.page_size if left is None else min(query.page_size, left)
    read = _read(company, entity_set, query, [*conditions, *after], order, limit=limit + 1)
    rows = read.rows[:limit]
    rest = None if left is None else left - len(rows)
    more = len(read.rows) > limit and rows and rest != 0
    token = _token(rest, read.ordered_by(rows[-1])) if more else None
    return Page(_entities(company, query.expand, read, rows), token, total)


def one(company: Source, entity_set: EntitySet, key: str, query: Query, fixed: Mapping[str, str] = _NOTHING) -> Entity:
    """The record with this key and the ``fixed`` values, as the query selects and expands it.

    The options of a list do not matter. Raises `ApiError` where it is not there.
    """
    query = Query(select=query.select, expand=query.expand)
    held = {**fixed, schema.key_of(entity_set): key}
    check_owner(entity_set, query, held)
    wanted = [Where(f'"{name}" = ?', (value,)) for name, value in held.items()]
    read = _read(company, entity_set, query, wanted, (), limit=1)
    if not read.rows:
        raise no_such_record(entity_set.entity, key)
    return _entities(company, query.expand, read, read.rows)[0]


def count(company: Source, entity_set: EntitySet, query: Query, fixed: Mapping[str, str]) -> int:
    check_owner(entity_set, query, fixed)
    return _count(company, entity_set, _conditions(query, fixed))


class _Read(Struct, frozen=True):
    """Rows that hold first what is shown, then what they are ordered by, then what links them to others."""

    rows: Sequence[Sequence[Any]]
    names: tuple[str, ...]
    ordered: int
    links: tuple[str, ...]

    def ordered_by(self, row: Sequence[Any]) -> Sequence[Any]:
        return row[len(self.names) : len(self.names) + self.ordered]

    def link(self, row: Sequence[Any], name: str) -> str:
        return str(row[len(self.names) + self.ordered + self.links.index(name)])


def _read(
    company: Source,
    entity_set: EntitySet,
    query: Query,
    conditions: Sequence[Where],
    order: Sequence[Order],
    *,
    limit: int | None = None,
    links: tuple[str, ...] = (),
) -> _Read:
    ordered = tuple(each.name for each in order)
    links = tuple(dict.fromkeys((*links, *_parent_links(query.expand))))
    columns, names = _columns(entity_set.name, query.select, ordered, links)
    said = " AND ".join(condition.sql for condition in conditions) or "1"
    asked = f"SELECT {columns} FROM {company.table(entity_set.name)} WHERE {said}"
    if order:
        by = (f"{_sortable(entity_set, each.name)}{' DESC' if each.descending else ''}" for each in order)
        asked += f" ORDER BY {', '.join(by)}"
    if limit is not None:
        asked += f" LIMIT {limit}"
        asked += f" OFFSET {query.skip}" if query.skip and query.token is None else ""
    parameters = [value for condition in conditions for value in condition.parameters]
    return _Read(company.database.execute(asked, parameters).fetchall(), names, len(order), links)


@lru_cache(maxsize=512)
def _columns(
    name: str, select: tuple[str, ...] | None, ordered: tuple[str, ...], links: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """The SQL of what is read, and the names to show it by; orders and links stand behind what is shown."""
    entity_set = all_sets()[name]
    shown = tuple(column for column in schema.columns(entity_set) if select is None or column in select)
    selected = [
        f'"{column}" AS "{column} [RAW]"' if entity_set.properties[column].type in RAW_TYPES else f'"{column}"'
        for column in shown
    ]
    behind = [*(_sortable(entity_set, column) for column in ordered), *(f'"{link}"' for link in links)]
    return ", ".join(["_etag", *selected, *behind]), ("@odata.etag", *shown)


def _entities(company: Source, expand: Sequence[Expand], read: _Read, rows: Sequence[Sequence[Any]]) -> list[Entity]:
    names = read.names
    entities: list[Entity] = [dict(zip(names, row, strict=False)) for row in rows]  # links stand behind the names
    for each in expand:
        way = each.way
        parent = next(condition.parent for condition in way.conditions if condition.parent)
        owners = [read.link(row, parent) for row in rows]
        found = _children(company, way.entity_set, way.conditions, each.query, owners)
        for entity, owner in zip(entities, owners, strict=True):
            mine = found.get(owner, [])
            if each.query.count and way.many:
                entity[f"{each.name}@odata.count"] = len(mine)
            mine = _cut(mine, each.query)
            entity[each.name] = mine if way.many else next(iter(mine), None)
    return entities


def _children(
    company: Source, name: str, conditions: Sequence[Condition], query: Query, owners: Sequence[str]
) -> dict[str, list[Entity]]:
    """What belongs to each owner, all owners at once."""
    child_set = entity_sets()[name]
    link = next(condition.child for condition in conditions if condition.parent)
    constant = {condition.child: condition.constant for condition in conditions if condition.constant}
    always = _conditions(query, constant)
    order = _order(child_set, query)
    found: dict[str, list[Entity]] = {}
    unique = list(dict.fromkeys(owners))
    for start in range(0, len(unique), _A_CHUNK):
        chunk = unique[start : start + _A_CHUNK]
        owned = Where(f'"{link}" IN ({", ".join("?" * len(chunk))})', tuple(chunk))
        read = _read(company, child_set, query, [owned, *always], order, links=(link,))
        entities = _entities(company, query.expand, read, read.rows)
        for row, entity in zip(read.rows, entities, strict=True):
            found.setdefault(read.link(row, link), []).append(entity)
    return found


def _cut(records: list[Entity], query: Query) -> list[Entity]:
    end = None if query.top is None else query.skip + query.top
    return records[query.skip : end] if query.skip or end is not None else records


def _parent_links(expand: Sequence[Expand]) -> tuple[str, ...]:
    return tuple(condition.parent for each in expand for condition in each.way.conditions if condition.parent)


def _conditions(query: Query, fixed: Mapping[str, str | None]) -> list[Where]:
    held = [Where(f'"{name}" = ?', (value,)) for name, value in fixed.items()]
    return [*held, query.where] if query.where else held


def _sortable(entity_set: EntitySet, name: str) -> str:
    decimal = name != "_row" and entity_set.properties[name].type is EdmType.DECIMAL
    return f'CAST("{name}" AS NUMERIC)' if decimal else f'"{name}"'


def _order(entity_set: EntitySet, query: Query) -> tuple[Order, ...]:
    """As asked, else by what a range was asked of, else as lines stand or as records were created.

    The last one tells apart what is otherwise equal: a page goes on where the one before it ended.
    """
    ranged = query.where is not None and "lastModifiedDateTime" in query.where.ranged
    own = ("sequence",) if "sequence" in entity_set.properties else ()
    by_itself = ("lastModifiedDateTime",) if ranged else own
    chosen = query.order or tuple(Order(name) for name in by_itself)
    return (*chosen, Order("_row"))


def _count(company: Source, entity_set: EntitySet, conditions: Sequence[Where]) -> int:
    said = " AND ".join(condition.sql for condition in conditions) or "1"
    parameters = [value for condition in conditions for value in condition.parameters]
    asked = f"SELECT count(*) FROM {company.table(entity_set.name)} WHERE {said}"
    return int(company.database.execute(asked, parameters).fetchone()[0])


def check_owner(entity_set: EntitySet, query: Query, fixed: Mapping[str, str]) -> None:
    """Some sets are looked at only from what their records belong to. Raises `ApiError`."""
    needed, message = _NEEDS.get(entity_set.name, (frozenset(), ""))
    given = set(fixed) | (query.where.fixed if query.where else frozenset())
    if needed and not needed & given:
        raise dialog(message)


def _token(rest: int | None, last: Sequence[Any]) -> str:
    """Where a page ended: how many records are still wanted, and the values that it was ordered by."""
    return base64.urlsafe_b64encode(msgspec.json.encode([rest, *last])).decode()


_decode_token = msgspec.json.Decoder(list[str | int | float | None]).decode


def _position(entity_set: EntitySet, query: Query, order: Sequence[Order]) -> tuple[int | None, list[Where]]:
    """How many records are still wanted, and the condition that starts behind the page before."""
    if query.token is None:
        return query.top, []
    try:
        rest, *last = _decode_token(base64.urlsafe_b64decode(query.token.encode()))
    except (ValueError, msgspec.MsgspecError):
        raise bad_request(f"The $skiptoken '{query.token}' is none that was given out.") from None
    if len(last) != len(order) or None in last or not (rest is None or (isinstance(rest, int) and rest > 0)):
        raise bad_request("The $skiptoken belongs to another query.")
    return rest, [_after([_sortable(entity_set, each.name) for each in order], order, last)]


def _after(columns: Sequence[str], order: Sequence[Order], last: Sequence[Any]) -> Where:
    """Behind these values: the first column further on, or equal and the next one further on, and so forth."""
    if not any(each.descending for each in order):
        return Where(f"({', '.join(columns)}) > ({', '.join('?' * len(order))})", tuple(last))
    ways: list[str] = []
    parameters: list[Any] = []
    for index, each in enumerate(order):
        equal = [f"{column} = ?" for column in columns[:index]]
        ways.append(" AND ".join([*equal, f"{columns[index]} {'<' if each.descending else '>'} ?"]))
        parameters += last[: index + 1]
    return Where(f"({' OR '.join(ways)})", tuple(parameters))
