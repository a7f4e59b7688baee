"""What a declaration file says of a JSON API, as it is written there, and how it is read.

A *path into an answer* (``items``, ``meta.next``) has a dot per level; an empty one is the whole answer. A *path of a
request* lies below the API's base and may hold ``{entity}`` (the entity's own path) and ``{id}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Struct, structs

from syncline.connectors.rest.properties import DeclaredProperty, property_type, property_types
from syncline.mapping.types import EntityType
from syncline.yamlfile import Document, FileError, KeyPath, convert, did_you_mean, parse, text_of

SCHEMA_FILE = Path(__file__).parents[1] / "declarations" / "declaration.schema.json"
_PLACEHOLDER = re.compile(r"\{([^}]*)\}")


class _Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Strict: a key that is not known here is a mistake."""


# --- Sign-in. The secrets are named in syncline.yaml, never here.


class NoSignIn(_Said, frozen=True, kw_only=True, tag_field="kind", tag="none"):
    pass


class Bearer(_Said, frozen=True, kw_only=True, tag_field="kind", tag="bearer"):
    """``Authorization: Bearer TOKEN``."""


class Basic(_Said, frozen=True, kw_only=True, tag_field="kind", tag="basic"):
    """User and password."""


class KeyHeader(_Said, frozen=True, kw_only=True, tag_field="kind", tag="header"):
    """A key in a header of its own."""

    name: str


class OAuth(_Said, frozen=True, kw_only=True, tag_field="kind", tag="oauth"):
    """OAuth 2.0 client credentials. ``tokenUrl`` may be relative to the system's address."""

    token_url: str
    scope: str = ""


SignIn: TypeAlias = NoSignIn | Bearer | Basic | KeyHeader | OAuth


# --- Records


class Version(_Said, frozen=True, kw_only=True):
    """Where a record's version is, and how a write is kept from overwriting a later one.

    Exactly one of ``member`` (a path in the record) and ``header`` (of the answer to a get). ``check``: the write
    carries it as ``If-Match``; or, where the API has no such thing, the record is ``read`` just before the write.
    Without a version it is read as well, and compared whole.
    """

    member: str | None = None
    header: str | None = None
    check: Literal["ifMatch", "read"] = "ifMatch"


Times: TypeAlias = Literal["iso", "epochSeconds", "epochMilliseconds"]


class RecordShape(_Said, frozen=True, kw_only=True):
    """Where a record keeps what Syncline must know of it.

    ``within`` is the member an answer about one record keeps it in, ``sentWithin`` the one it is sent in.
    """

    id: str = "id"
    version: Version | None = None
    modified: str | None = None
    times: Times = "iso"
    within: str = ""
    sent_within: str = ""


# --- Paging


class NoPages(_Said, frozen=True, kw_only=True, tag_field="kind", tag="none"):
    pass


class CursorPages(_Said, frozen=True, kw_only=True, tag_field="kind", tag="cursor"):
    """The answer tells at ``next`` what ``parameter`` must be for the next page; nothing there ends the list."""

    parameter: str
    next: str


class NumberPages(_Said, frozen=True, kw_only=True, tag_field="kind", tag="page"):
    """Pages are numbered from ``first``. An empty page ends the list, or the number told at ``last`` does."""

    parameter: str
    first: int = 1
    last: str | None = None


class OffsetPages(_Said, frozen=True, kw_only=True, tag_field="kind", tag="offset"):
    """``parameter`` says how many records to skip. An empty page ends the list, or the declared ``total`` does."""

    parameter: str


class LinkPages(_Said, frozen=True, kw_only=True, tag_field="kind", tag="link"):
    """The ``Link`` header names the next page (``rel="next"``)."""


class UrlPages(_Said, frozen=True, kw_only=True, tag_field="kind", tag="url"):
    """The answer tells the next page's address at ``next``."""

    next: str


Paging: TypeAlias = NoPages | CursorPages | NumberPages | OffsetPages | LinkPages | UrlPages


class Size(_Said, frozen=True, kw_only=True):
    """How many records a page is asked to have."""

    parameter: str
    value: int


# --- Requests


class ListRequest(_Said, frozen=True, kw_only=True):
    """How an entity is listed. ``total`` is where the answer tells how many records there are in all."""

    path: str = "{entity}"
    query: Mapping[str, str] = {}
    items: str = ""
    paging: Paging = NoPages()
    size: Size | None = None
    total: str | None = None
    ids_only: Mapping[str, str] = {}
    """Parameters that make the list tell the ids and nothing more."""


class AllAgain(_Said, frozen=True, kw_only=True, tag_field="kind", tag="all"):
    """The API cannot tell changes: everything is listed every time."""


class SinceChanges(_Said, frozen=True, kw_only=True, tag_field="kind", tag="since"):
    """The list takes a time: only what was changed after it is told.

    ``value`` is what is sent, with ``{since}`` in it. ``overlap`` (seconds) is asked for again each time, for what
    was stamped earlier than it could be seen.
    """

    parameter: str
    value: str = "{since}"
    overlap: int = 60


class FeedChanges(_Said, frozen=True, kw_only=True, tag_field="kind", tag="feed"):
    """A feed of changes, each with the record's id and what happened to it.

    ``parameter`` takes the position to go on from; the answer tells the next one at ``next``. ``start`` are the
    parameters whose answer tells the position of now. ``more`` is where the answer says that more is to be read at
    once; without it the feed is read until it tells nothing. In a change, ``id`` is the record's id, ``change`` what
    happened, and ``deleted`` the word for a deletion; ``record`` is where the whole record is, if it is told.
    """

    path: str
    query: Mapping[str, str] = {}
    parameter: str
    items: str = ""
    next: str
    more: str | None = None
    start: Mapping[str, str] = {}
    id: str = "id"
    change: str
    deleted: str
    record: str | None = None


Changes: TypeAlias = AllAgain | SinceChanges | FeedChanges


class ManyIds(_Said, frozen=True, kw_only=True):
    """The list takes ids, joined by ``separator``, at most ``chunk`` of them in one request."""

    parameter: str
    separator: str = ","
    chunk: int = 100


class GetRequest(_Said, frozen=True, kw_only=True):
    path: str = "{entity}/{id}"
    query: Mapping[str, str] = {}
    many: ManyIds | None = None


class CreateRequest(_Said, frozen=True, kw_only=True):
    """``idempotencyKey`` is the header with which a repeated create is answered with the first one's record.

    ``answer``: the whole record, or only its id (in the body, or at the end of the ``Location`` header).
    """

    path: str = "{entity}"
    idempotency_key: str | None = None
    answer: Literal["record", "id"] = "record"


class UpdateRequest(_Said, frozen=True, kw_only=True):
    """``body``: only what changed (RFC 7386), or the whole record with the changes in it."""

    path: str = "{entity}/{id}"
    method: Literal["PATCH", "PUT", "POST"] = "PATCH"
    body: Literal["mergePatch", "whole"] = "mergePatch"
    content_type: str = "application/json"


class DeleteRequest(_Said, frozen=True, kw_only=True):
    path: str = "{entity}/{id}"


class Requests(_Said, frozen=True, kw_only=True):
    """What the API can be asked. ``create``, ``update`` and ``delete`` are impossible where they are not declared."""

    list: ListRequest | None = None
    changes: Changes | None = None
    get: GetRequest | None = None
    create: CreateRequest | None = None
    update: UpdateRequest | None = None
    delete: DeleteRequest | None = None


class Errors(_Said, frozen=True, kw_only=True):
    """Where an answer that refuses says why: the first path of each that holds something.

    ``details`` is a list of mistakes, each with its ``property`` and ``detail``; without it they are paths into the
    answer itself. ``stale`` are the statuses that mean that the record has moved.
    """

    message: tuple[str, ...] = ("message", "error", "detail", "title")
    code: str | None = None
    details: str | None = None
    property: str | None = None
    detail: str | None = None
    stale: tuple[int, ...] = (412,)


class Limits(_Said, frozen=True, kw_only=True):
    requests_per_second: float | None = None
    concurrency: int = 8


class Identity(_Said, frozen=True, kw_only=True):
    """A request whose answer tells which company this is."""

    path: str
    value: str


class StandardSignature(_Said, frozen=True, kw_only=True, tag_field="kind", tag="standard"):
    """As the Standard Webhooks specification has it: over ``webhook-id``, ``webhook-timestamp`` and the body."""


class HmacSignature(_Said, frozen=True, kw_only=True, tag_field="kind", tag="hmac"):
    """HMAC-SHA256 of the body, in a ``header``, after a ``prefix`` such as ``sha256=``."""

    header: str
    prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"


Signature: TypeAlias = StandardSignature | HmacSignature


class Subscribe(_Said, frozen=True, kw_only=True):
    """How the system is asked to announce changes: a list at ``path``, to which what is lacking is added.

    ``items``, ``url`` and ``id`` are where its answer has the list, and of one in it our address and its id; one that
    is there already is sent ``body`` again, by ``method``. In the body ``{url}``, ``{secret}`` and ``{entities}`` (a
    list) stand for what they say.
    """

    path: str
    items: str = ""
    url: str = "url"
    id: str = "id"
    body: Mapping[str, str]
    method: Literal["PATCH", "PUT", "POST"] = "PATCH"
    content_type: str = "application/json"


class Webhooks(_Said, frozen=True, kw_only=True):
    """How the system announces that something has changed.

    ``items`` is where a call has its list of changes (or the only one), ``entity`` where each has the entity's path.
    Without ``entity`` everything is looked at.
    """

    sign: Signature
    items: str = ""
    entity: str | None = None
    subscribe: Subscribe | None = None


class LinesShape(_Said, frozen=True, kw_only=True):
    """An array of objects inside the record. A write replaces it whole."""

    path: str
    id: str = "id"
    write: Literal["whole"] = "whole"
    properties: Mapping[str, str | DeclaredProperty]


class CodeTable(_Said, frozen=True, kw_only=True):
    """A list of codes. ``within`` is where a row names the record it belongs to."""

    path: str
    query: Mapping[str, str] = {}
    id: str = "id"
    code: str = "code"
    within: str | None = None


class DeclaredEntity(_Said, frozen=True, kw_only=True):
    """``requests`` and ``record`` differ from the general ones only in what they say.

    ``filters`` are the list's parameters that ask for records whose property has a value.
    """

    path: str | None = None
    record: RecordShape | None = None
    requests: Requests = Requests()
    filters: Mapping[str, str] = {}
    properties: Mapping[str, str | DeclaredProperty]
    lines: LinesShape | None = None


class Entity(Struct, frozen=True, kw_only=True):
    """An entity with all that holds for it."""

    name: str
    path: str
    record: RecordShape
    list: ListRequest
    changes: Changes
    get: GetRequest
    create: CreateRequest | None
    update: UpdateRequest | None
    delete: DeleteRequest | None
    filters: Mapping[str, str]
    lines: LinesShape | None
    type: EntityType

    def url(self, template: str, record: str = "") -> str:
        """A request's path for this entity and record."""
        return template.replace("{entity}", self.path).replace("{id}", quote(record, safe=""))


class Declaration(_Said, frozen=True, kw_only=True):
    """A JSON API. ``base`` lies below the address that syncline.yaml gives."""

    system: str
    base: str = ""
    sign_in: SignIn = NoSignIn()
    headers: Mapping[str, str] = {}
    limits: Limits = Limits()
    identity: Identity | None = None
    errors: Errors = Errors()
    record: RecordShape = RecordShape()
    requests: Requests = Requests()
    codes: Mapping[str, CodeTable] = {}
    webhooks: Webhooks | None = None
    entities: Mapping[str, DeclaredEntity]

    def entity(self, name: str) -> Entity:
        """Raises `KeyError` for an entity that is not declared."""
        declared = self.entities[name]
        own = {k: v for k, v in structs.asdict(declared.requests).items() if v is not None}
        requests = structs.replace(self.requests, **own)
        lines = {declared.lines.path: property_types(declared.lines.properties)} if declared.lines else {}
        return Entity(
            name=name,
            path=declared.path or name,
            record=declared.record or self.record,
            list=requests.list or ListRequest(),
            changes=requests.changes or AllAgain(),
            get=requests.get or GetRequest(),
            create=requests.create,
            update=requests.update,
            delete=requests.delete,
            filters=declared.filters,
            lines=declared.lines,
            type=EntityType(name=name, properties=property_types(declared.properties), lines=lines),
        )

    def entity_type(self, name: str) -> EntityType:
        """What the system says of an entity's properties. Raises `KeyError`."""
        return self.entity(name).type


def words(declaration: Declaration, base: str) -> frozenset[str]:
    """What the addresses of its requests are made of, but for ids; ``base`` is where they begin."""

    def paths(said: Any) -> Iterator[str]:
        if isinstance(said, Mapping):
            yield from (path for key, path in said.items() if key == "path" and isinstance(path, str))
            said = list(said.values())
        if isinstance(said, list):
            for each in said:
                yield from paths(each)

    entities = (declaration.entity(name).path for name in declaration.entities)
    found = (*paths(msgspec.to_builtins(declaration)), *entities, base)
    return frozenset(part for path in found for part in path.split("/"))


def load(path: Path, name: str | None = None) -> Declaration:
    """Read and check a declaration. ``name`` is what messages call the file. Raises `FileError`."""
    return _declared(text_of(path, name), name or str(path))


@lru_cache(maxsize=32)
def _declared(text: str, file: str) -> Declaration:
    """The same for all companies that have the same. Raises `FileError`."""
    document = parse(text, file)
    declaration = convert(document, Declaration)
    for error in _mistakes(document, declaration):
        raise error
    return declaration


def schema() -> dict[str, Any]:
    """The JSON Schema of a declaration file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Declaration)}


# --- what the types alone do not catch


def _mistakes(document: Document, declaration: Declaration) -> Iterator[FileError]:
    yield from _request_mistakes(document, ("requests",), declaration.requests)
    yield from _version_mistakes(document, ("record",), declaration.record)
    for name, entity in declaration.entities.items():
        at: KeyPath = ("entities", name)
        yield from _type_mistakes(document, (*at, "properties"), entity.properties)
        yield from _request_mistakes(document, (*at, "requests"), entity.requests)
        if entity.record:
            yield from _version_mistakes(document, (*at, "record"), entity.record)
        if entity.lines:
            yield from _type_mistakes(document, (*at, "lines", "properties"), entity.lines.properties)
        for path in entity.filters:
            if path not in entity.properties:
                mend = did_you_mean(path, entity.properties)
                yield document.error((*at, "filters", path), "is not a property of this entity.", mend)


def _type_mistakes(
    document: Document, at: KeyPath, declared: Mapping[str, str | DeclaredProperty]
) -> Iterator[FileError]:
    for path, said in declared.items():
        try:
            property_type(said)
        except ValueError as error:
            yield document.error((*at, path), str(error))


def _request_mistakes(document: Document, at: KeyPath, requests: Requests) -> Iterator[FileError]:
    for name, request in structs.asdict(requests).items():
        path = getattr(request, "path", None)
        if path is None:
            continue
        of_one = name in {"get", "update", "delete"}
        known = {"entity", "id"} if of_one else {"entity"}
        for placeholder in _PLACEHOLDER.findall(path):
            if placeholder not in known:
                message = f"{{{placeholder}}} stands for nothing here."
                yield document.error((*at, name, "path"), message, f"Known here: {', '.join(sorted(known))}.")
        if of_one and "{id}" not in path:
            yield document.error((*at, name, "path"), "must say where the record's {id} goes.")


def _version_mistakes(document: Document, at: KeyPath, record: RecordShape) -> Iterator[FileError]:
    version = record.version
    if version and (version.member is None) == (version.header is None):
        yield document.error((*at, "version"), "is either a member of the record or a header of the answer.")


if __name__ == "__main__":
    SCHEMA_FILE.write_bytes(msgspec.json.format(msgspec.json.encode(schema(), order="sorted"), indent=2) + b"\n")
