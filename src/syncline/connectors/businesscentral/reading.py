"""Records read by id or by value, whole entities by their ids, and code tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any

from syncline.connectors.base import ConnectorError
from syncline.connectors.businesscentral.answers import Reply, has_trace, living_on, numbers_of, record
from syncline.connectors.businesscentral.client import Client, LinkLost, Operation, listed, listing
from syncline.connectors.businesscentral.metadata import ZERO_GUID, entity_sets
from syncline.connectors.businesscentral.query import Shape, address, any_of, both
from syncline.connectors.businesscentral.traits import MODIFIED, Afterlife, code_properties
from syncline.mapping.types import Code
from syncline.records import Record

_VALUES_A_FILTER = 20
Told = Mapping[str, Any]


async def get(client: Client, shape: Shape, ids: Sequence[str]) -> dict[str, Record]:
    """These records by id; what lives on elsewhere is told as that."""
    asked = [Operation(method="GET", url=address(f"{shape.name}({id_})", shape.options())) for id_ in ids]
    replies = dict(zip(ids, await client.read(asked), strict=True))
    there = {id_: reply.body for id_, reply in replies.items() if reply.good}
    found = {each.id: each for each in await completed(client, shape, list(there.values()))}
    if afterlife := shape.traits.afterlife:
        gone = [id_ for id_ in ids if id_ not in there]
        for id_, told in (await lives(client, afterlife, gone)).items():
            found[id_] = living_on(afterlife, id_, told)
    return found


async def completed(client: Client, shape: Shape, told: Sequence[Told]) -> list[Record]:
    """The records, with the numbers that must be looked up for them."""
    afterlife = shape.traits.afterlife
    if afterlife is None or shape.numbers is None:
        return [record(shape, each) for each in told]
    begun = await lives(client, afterlife, [str(each["id"]) for each in told if has_trace(shape, each)])
    return [record(shape, each, numbers_of(begun.get(str(each["id"]), ()))) for each in told]


async def lives(client: Client, afterlife: Afterlife, ids: Sequence[str]) -> dict[str, Sequence[Told]]:
    """The records in which these live on; those that do not are absent."""
    said = entity_sets()[afterlife.entity].properties[afterlife.owner]
    groups = [ids[at : at + _VALUES_A_FILTER] for at in range(0, len(ids), _VALUES_A_FILTER)]
    select = {"$select": f"id,number,{afterlife.owner},{MODIFIED}"}
    asked = [
        listing(afterlife.entity, both(any_of(afterlife.owner, said, group), afterlife.condition), select)
        for group in groups
    ]
    found: dict[str, list[Told]] = {}
    for each in await _everything(client, asked):
        found.setdefault(str(each[afterlife.owner]), []).append(each)
    return dict(found)


async def find(client: Client, shape: Shape, path: str, values: Collection[str]) -> tuple[Record, ...]:
    """Records by the value of a property, also those that already live on elsewhere with the same property."""
    found = await completed(client, shape, await _matching(client, shape.name, path, values, options=shape.options()))
    afterlife = shape.traits.afterlife
    if afterlife is None or path not in entity_sets()[afterlife.entity].properties:
        return tuple(found)
    told_of = {str(each.fields.get(path)).casefold() for each in found}
    missing = [value for value in values if value.casefold() not in told_of]
    select = {"$select": f"id,{afterlife.owner}"}
    told = await _matching(client, afterlife.entity, path, missing, options=select, condition=afterlife.condition)
    owners = dict.fromkeys(str(each[afterlife.owner]) for each in told)
    there = {each.id for each in found}
    others = await get(client, shape, [owner for owner in owners if owner not in {*there, ZERO_GUID}])
    return (*found, *(each for each in others.values() if each.closed))


async def _matching(
    client: Client, entity: str, path: str, values: Iterable[str], *, options: Mapping[str, str], condition: str = ""
) -> list[Told]:
    said = entity_sets()[entity].properties[path]
    wanted = sorted(values)
    groups = [wanted[at : at + _VALUES_A_FILTER] for at in range(0, len(wanted), _VALUES_A_FILTER)]
    asked = [listing(entity, both(any_of(path, said, group), condition), options) for group in groups]
    return await _everything(client, asked)


async def _everything(client: Client, asked: Sequence[Operation]) -> list[Told]:
    """All values of several listings."""
    return [value for reply in await client.read(asked) for value in await client.all(listed(reply))]


async def ids(client: Client, shape: Shape) -> AsyncIterator[tuple[str, ...]]:
    first = await client.page(listing(shape.name, both(*shape.taking_part()), {"$select": "id"}))
    try:
        async for page in client.pages(first):
            yield tuple(str(each["id"]) for each in page.values)
    except LinkLost as error:
        raise ConnectorError(client.name, f"The list of {shape.name} was cut short.", "List it again.") from error


async def codes(client: Client, tables: Collection[str]) -> dict[str, tuple[Code, ...]]:
    """Code tables, all in one request unless one has several pages."""
    names = list(dict.fromkeys(tables))
    if unknown := [name for name in names if name not in entity_sets()]:
        raise ConnectorError(client.name, f"There is no entity {unknown[0]}.", "Look at the flow's lookup.")
    asked = [listing(name, {"$select": ",".join(_code_columns(name))}) for name in names]
    replies: list[Reply] = await client.read(asked) if asked else []
    return {
        name: tuple(_code(name, each) for each in await client.all(listed(reply)))
        for name, reply in zip(names, replies, strict=True)
    }


def _code_columns(name: str) -> list[str]:
    code, within = code_properties(entity_sets()[name])
    return ["id", code, *([within] if within else [])]


def _code(name: str, told: Told) -> Code:
    code, within = code_properties(entity_sets()[name])
    return Code(id=str(told["id"]), code=str(told[code]), within=str(told[within]) if within else None)
