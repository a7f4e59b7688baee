"""People at the two systems, over plain HTTP. What goes wrong there meets them too: they look, and try again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import aiohttp

from blackbox.oracle import Value, Write
from syncline.demo.systems import Central, Customerp, Declined

SIDES = ("customerp", "businesscentral")
_TRIES = 40
_PAUSE = 0.02
_T = TypeVar("_T")


class Lost(Exception):
    """Nobody knows what became of it: the answer was lost, or the system failed."""


class Place(NamedTuple):
    """One property of one record, as the users of one system address it: ``address.city``, ``lines.ID.quantity``."""

    entity: str
    id: str
    path: str


class People:
    """Each call is one thing that one person does."""

    def __init__(self, erp: Customerp, central: Central) -> None:
        self.systems: tuple[Customerp, Central] = (erp, central)

    async def read(self, side: int, place: Place) -> Value:
        return at(await self.get(side, place.entity, place.id), place.path)

    async def get(self, side: int, entity: str, id_: str) -> dict[str, Any]:
        return await patiently(lambda: self.systems[side].get(entity, id_))

    async def create(self, side: int, entity: str, fields: Mapping[str, Any], key: str) -> dict[str, Any]:
        """``key`` is the path of a value that nothing else has: by it a person finds what was created unheard."""
        system = self.systems[side]
        for _ in range(_TRIES):
            try:
                return await _heard(system.create(entity, fields))
            except Lost:
                there = await patiently(lambda: system.all(entity))
                if found := [record for record in there if at(record, key) == at(fields, key)]:
                    return found[0]
        raise AssertionError(f"{SIDES[side]} did not create {fields} in {_TRIES} tries")

    async def save(self, side: int, place: Place, value: Value) -> list[Write]:
        """Set a property, however often that must be tried. What was done, the last of it certainly."""
        done: list[Write] = []
        tried: tuple[str, Value] | None = None
        for _ in range(_TRIES):
            record = await self.get(side, place.entity, place.id)
            version, stands = _version(record), at(record, place.path)
            if tried and stands == value:
                return [*done, Write(side, value, tried[1])]
            if tried and tried[0] != version:
                done.append(Write(side, value, tried[1], certain=False))
            tried = None
            try:
                await self._patch(side, place, change(record, place.path.split("."), value), version)
            except Lost:
                tried = version, stands
            except Declined as error:
                if error.status not in (409, 412):  # somebody was quicker: look again
                    raise
            else:
                return [*done, Write(side, value, stands)]
        raise AssertionError(f"{SIDES[side]} did not take {place.path} = {value!r} in {_TRIES} tries")

    async def _patch(self, side: int, place: Place, fields: Mapping[str, Any], version: str) -> None:
        erp = side == 0
        path = f"{place.entity}/{place.id}" if erp else f"{place.entity}({place.id})"
        kind = {"Content-Type": "application/merge-patch+json"} if erp else {}
        await _heard(self.systems[side].ask("PATCH", path, fields, {**kind, "If-Match": version}))


async def patiently(does: Callable[[], Awaitable[_T]]) -> _T:
    """What may be done twice."""
    for _ in range(_TRIES):
        try:
            return await _heard(does())
        except Lost:
            await asyncio.sleep(_PAUSE)
    raise AssertionError(f"no answer in {_TRIES} tries")


async def _heard(answer: Awaitable[_T]) -> _T:
    """Raises `Lost`, and `Declined` where the system certainly did nothing for a reason that stays."""
    try:
        return await answer
    except Declined as error:
        if error.status == 429 or error.status >= 500:
            raise Lost from error
        raise
    except aiohttp.ClientError as error:
        raise Lost from error


def at(record: Mapping[str, Any], path: str) -> Value:
    """The value at a path, ``None`` where it is empty. A member of a list goes by its id."""
    found: Any = record
    for key in path.split("."):
        members = {each["id"]: each for each in found} if isinstance(found, list) else found or {}
        found = members.get(key)
    value: Value = found or None
    return value


def change(record: Mapping[str, Any], path: list[str], value: Value) -> dict[str, Any]:
    """The merge patch that sets a value: objects by their parts, a list as a whole."""
    key, *rest = path
    if not rest:
        return {key: value}
    inner = record.get(key) or {}
    if not isinstance(inner, list):
        return {key: change(inner, rest, value)}
    id_, *within = rest
    return {key: [{**each, **change(each, within, value)} if each["id"] == id_ else each for each in inner]}


def _version(record: Mapping[str, Any]) -> str:
    return str(record.get("@odata.etag") or record["etag"])
