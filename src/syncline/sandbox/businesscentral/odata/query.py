"""The query options of a request, checked against the entity they are for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from msgspec import Struct, structs

from syncline.connectors.businesscentral.metadata import EdmType, EntitySet, Navigation, entity_sets
from syncline.sandbox.businesscentral.errors import bad_request, refused
from syncline.sandbox.businesscentral.odata.filters import Where, where

MOST_A_PAGE = 20_000
_MOST_DIGITS = 10
_BRACKETED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:\((?P<inside>.*)\))?", re.DOTALL)
_OF_A_SET = {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count"}
_OF_A_REQUEST = {*_OF_A_SET, "$skiptoken", "$schemaversion", "$format"}
_NEWER = "2.1"
_VERSIONS = ("2.0", _NEWER)


class Order(Struct, frozen=True):
    name: str
    descending: bool = False


class Expand(Struct, frozen=True):
    """``name`` as it was asked, which is how it is shown."""

    name: str
    way: Navigation
    query: Query


class Query(Struct, frozen=True, kw_only=True):
    """What is asked of a set. ``select`` is ``None`` where all is asked for."""

    select: tuple[str, ...] | None = None
    expand: tuple[Expand, ...] = ()
    where: Where | None = None
    order: tuple[Order, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    token: str | None = None
    page_size: int = MOST_A_PAGE


_EVERYTHING = Query()


def parse(text: str, entity_set: EntitySet, prefer: Mapping[str, str], most: int | None = None) -> Query:
    """Of the text behind the question mark. Options without a dollar are not the entity's. Raises `ApiError`.

    A page holds at most ``most`` records, and who asks for more is refused; without it nobody is, but gets no more.
    """
    if not (text or prefer or most):
        return _EVERYTHING
    pairs = [(name, value) for name, value in parse_qsl(text, keep_blank_values=True) if name.startswith("$")]
    options = _once(pairs, _OF_A_REQUEST)
    version = options.get("$schemaversion", _VERSIONS[0])
    if version not in _VERSIONS:
        raise bad_request(f"The schema version '{version}' is not supported: {' or '.join(_VERSIONS)}.")
    if options.get("$format", "json") != "json":
        raise bad_request(f"The format '{options['$format']}' is not supported: json.")
    size = prefer.get("odata.maxpagesize")
    query = _query(options, entity_set, newer=version == _NEWER)
    asked = MOST_A_PAGE if size is None else _count("odata.maxpagesize", size)
    if most is not None and size is not None and asked > most:
        raise refused(413, f"A page has at most {most} entities: {asked} are asked for.")
    return structs.replace(query, page_size=max(1, min(asked, most or MOST_A_PAGE)))


def preferences(header: str) -> dict[str, str]:
    """``Prefer: odata.maxpagesize=100, odata.continue-on-error`` by name; one without a value is ``true``."""
    pairs = (part.strip().partition("=") for part in header.split(",") if part.strip())
    return {name.strip().lower(): value.strip() or "true" for name, _, value in pairs}


def _query(options: Mapping[str, str], entity_set: EntitySet, *, newer: bool) -> Query:
    said = options.get("$filter", "").strip()
    return Query(
        select=_select(options.get("$select", ""), entity_set),
        expand=tuple(_expand(options.get("$expand", ""), entity_set, newer)),
        where=where(said, entity_set, newer=newer) if said else None,
        order=tuple(_order(options.get("$orderby", ""), entity_set)),
        top=_count("$top", options["$top"]) if "$top" in options else None,
        skip=_count("$skip", options.get("$skip", "0")),
        count=_truth("$count", options.get("$count", "false")),
        token=options.get("$skiptoken"),
    )


def _once(pairs: list[tuple[str, str]], known: set[str]) -> dict[str, str]:
    """The options by name. Raises `ApiError` for one that is unknown or said twice."""
    for name, often in Counter(name for name, _ in pairs).items():
        if name not in known:
            raise bad_request(f"The query parameter '{name}' is not supported.")
        if often > 1:
            raise bad_request(f"The query parameter '{name}' was specified more than once.")
    return dict(pairs)


def _select(text: str, entity_set: EntitySet) -> tuple[str, ...] | None:
    """In the order of the entity; a way that is selected shows itself when it is expanded."""
    asked = [name.strip() for name in text.split(",") if name.strip()]
    if not asked or "*" in asked:
        return None
    for name in asked:
        if name not in entity_set.properties and entity_set.navigation(name) is None:
            raise _no_property(name, entity_set)
    chosen = set(asked)
    return tuple(name for name in entity_set.properties if name in chosen)


def _expand(text: str, entity_set: EntitySet, newer: bool) -> Iterator[Expand]:
    asked: dict[str, str] = {}
    for part in _split(text, ","):
        found = _BRACKETED.fullmatch(part.strip())
        if found is None or found["name"] in asked:
            raise bad_request(f"Syntax error in the expand '{text}'.")
        asked[found["name"]] = found["inside"] or ""
    for name, inside in asked.items():
        way = entity_set.navigation(name)
        if way is None:
            raise bad_request(f"Could not find a navigation named '{name}' on type '{entity_set.entity}'.")
        target = entity_sets().get(way.entity_set)
        if target is None:
            raise bad_request(f"'{name}' cannot be expanded here: the set {way.entity_set} is not served.")
        said = (option.strip().partition("=") for option in _split(inside, ";"))
        options = _once([(key.strip(), value) for key, _, value in said], _OF_A_SET)
        yield Expand(name, way, _query(options, target, newer=newer))


def _order(text: str, entity_set: EntitySet) -> Iterator[Order]:
    for part in text.split(","):
        if not part.strip():
            continue
        name, _, direction = part.strip().partition(" ")
        said = entity_set.properties.get(name)
        if said is None or said.type is EdmType.STREAM:
            raise _no_property(name, entity_set)
        if direction.strip() not in ("", "asc", "desc"):
            raise bad_request(f"'{direction}' is no direction to order by: asc or desc.")
        yield Order(name, direction.strip() == "desc")


def _split(text: str, separator: str) -> Iterator[str]:
    """At the separators that stand in no bracket and no quotes."""
    depth, quoted, start = 0, False, 0
    for index, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif not quoted and depth == 0 and letter == separator:
            yield text[start:index]
            start = index + 1
    if text[start:].strip():
        yield text[start:]


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise bad_request(f"Invalid value '{text}' for {name}: it takes a whole number from 0 on.")
    return int(text)


def _truth(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise bad_request(f"Invalid value '{text}' for {name}: it takes true or false.")
    return text.lower() == "true"


def _no_property(name: str, entity_set: EntitySet) -> Exception:
    return bad_request(f"Could not find a property named '{name}' on type '{entity_set.entity}'.")
