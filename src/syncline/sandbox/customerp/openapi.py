"""The OpenAPI document, made from the declarations that the bodies are checked by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncline import __version__
from syncline.sandbox.customerp.checking import DECIMALS, LARGEST
from syncline.sandbox.customerp.entities import ENTITIES
from syncline.sandbox.customerp.model import Entity, Kind, Property
from syncline.sandbox.customerp.problems import MEDIA_TYPE
from syncline.sandbox.customerp.reading import DEFAULT_LIMIT, MAX_IDS, MAX_LIMIT
from syncline.sandbox.customerp.writing import LONGEST_KEY, MERGE_PATCH

Json = dict[str, Any]

_WORDS = {
    "400": "The request cannot be read.",
    "401": "Sign in: send the bearer token.",
    "404": "There is no such record.",
    "409": "The number is taken.",
    "410": "The cursor is not, or no longer, one of this data: start again without.",
    "412": "The record was changed since it was read.",
    "413": "The body is too large.",
    "415": "The body is not sent as JSON.",
    "422": "A property cannot be taken; `errors` names each.",
    "428": "If-Match is missing.",
}


def document(*, sign_in: bool) -> Json:
    """The whole document. ``sign_in`` says whether a bearer token is asked for."""
    security: Json = {"security": [{"bearer": []}]} if sign_in else {}
    schemes: Json = {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}} if sign_in else {}
    paths: Json = {"/api/changes": {"get": _changes()}}
    schemas: Json = {"Change": _change(), "ChangePage": _change_page(), "Problem": _PROBLEM}
    for entity in ENTITIES.values():
        paths |= _paths(entity)
        schemas |= _schemas(entity)
    if sign_in:
        for operation in (operation for path in paths.values() for operation in path.values()):
            operation["responses"] |= _refusals("401")
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Customerp",
            "version": __version__,
            "summary": "The reference ERP: customers, contacts, orders and products.",
            "description": "An empty property is null. Moments are UTC with milliseconds. "
            f"Numbers are kept exactly, with up to {DECIMALS} decimals.",
        },
        "servers": [{"url": "/"}],
        **security,
        "paths": paths,
        "components": {"schemas": schemas, **schemes},
    }


# --- schemas


def _schemas(entity: Entity) -> Json:
    lines = [said for said in entity.properties if said.kind is Kind.LINES]
    found = {
        entity.title: _record(entity),
        f"{entity.title}Input": _object(entity.properties, entity.title, written=True),
        f"{entity.title}Page": _page(entity),
    }
    for said in lines:
        line = _object(said.properties, entity.title, written=False)
        line["properties"] = {"id": {"type": "string", "readOnly": True}, **line["properties"]}
        line["required"].insert(0, "id")
        sent = _object(said.properties, entity.title, written=True)
        about = "That of the line as it was read, so that it stays the same line; none for a new one."
        sent["properties"] = {"id": {"type": ["string", "null"], "description": about}, **sent["properties"]}
        found |= {f"{entity.title}Line": line, f"{entity.title}LineInput": sent}
    return found


def _record(entity: Entity) -> Json:
    told = _object(entity.properties, entity.title, written=False)
    moment = {"type": "string", "format": "date-time", "readOnly": True}
    version = {"type": "string", "readOnly": True, "description": "What If-Match wants, quotes included."}
    told["properties"] = {
        "id": {"type": "string", "readOnly": True},
        **told["properties"],
        "createdAt": moment,
        "updatedAt": moment,
        "etag": version,
    }
    told["required"] = list(told["properties"])
    return told


def _object(properties: Iterable[Property], title: str, *, written: bool) -> Json:
    told: Json = {
        "type": "object",
        "properties": {said.name: _property(said, title, written=written) for said in properties},
        "additionalProperties": False,
    }
    return told if written else {**told, "required": list(told["properties"])}


def _property(said: Property, title: str, *, written: bool) -> Json:
    """A property as it is answered, or with ``written`` as it may be sent: null then takes what is there away."""
    empty = written or (said.default is None and said.kind not in {Kind.OBJECT, Kind.LINES, Kind.TEXTS})
    told: Json = {"type": _TYPES[said.kind]}
    match said.kind:
        case Kind.DECIMAL:
            told |= {"format": "decimal", "exclusiveMaximum": LARGEST}
            told |= {"exclusiveMinimum": -LARGEST} if said.minimum is None else {"minimum": said.minimum}
        case Kind.DATE:
            told["format"] = "date"
        case Kind.ENUM:
            told["enum"] = [*said.members, None] if empty else list(said.members)
        case Kind.REFERENCE:
            told["x-refers-to"] = said.refers
        case Kind.TEXTS:
            told["items"] = {"type": "string", "maxLength": said.max_length}
        case Kind.OBJECT:
            told |= _object(said.properties, title, written=written)
        case Kind.LINES:
            told["items"] = _ref(f"{title}Line{'Input' if written else ''}")
        case Kind.TEXT:
            told["maxLength"] = said.max_length
    if empty:
        told["type"] = [told["type"], "null"]
    if said.about:
        told["description"] = said.about
    if written and isinstance(said.default, str | bool):
        told["default"] = said.default
    return told


_TYPES = {
    Kind.TEXT: "string",
    Kind.DECIMAL: "number",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "string",
    Kind.ENUM: "string",
    Kind.REFERENCE: "string",
    Kind.TEXTS: "array",
    Kind.OBJECT: "object",
    Kind.LINES: "array",
}

_PROBLEM: Json = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "property": {"type": "string", "description": "Its path, lines[2].productId for instance."},
                    "message": {"type": "string"},
                },
                "required": ["property", "message"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["type", "title", "status", "detail", "errors"],
    "additionalProperties": False,
}


def _page(entity: Entity) -> Json:
    """With ``fields=id`` an item is its id only."""
    id_only = {
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "required": ["id"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"anyOf": [_ref(entity.title), id_only]}},
            "nextCursor": {"type": ["string", "null"], "description": "Null at the end."},
        },
        "required": ["items", "nextCursor"],
        "additionalProperties": False,
    }


def _change() -> Json:
    records = [_ref(entity.title) for entity in ENTITIES.values()]
    about = "With expand=record: the record as it is now, null once it is deleted."
    return {
        "type": "object",
        "properties": {
            "seq": {"type": "integer"},
            "entity": {"type": "string", "enum": list(ENTITIES)},
            "id": {"type": "string"},
            "change": {"type": "string", "enum": ["created", "updated", "deleted"]},
            "at": {"type": "string", "format": "date-time"},
            "etag": {"type": ["string", "null"], "description": "Null once it is deleted."},
            "record": {"anyOf": [*records, {"type": "null"}], "description": about},
        },
        "required": ["seq", "entity", "id", "change", "at", "etag"],
        "additionalProperties": False,
    }


def _change_page() -> Json:
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": _ref("Change")},
            "nextSince": {"type": "string", "description": "What to send as since the next time, at the end too."},
            "hasMore": {"type": "boolean", "description": "Whether there is more to be had at once."},
        },
        "required": ["items", "nextSince", "hasMore"],
        "additionalProperties": False,
    }


# --- paths


def _paths(entity: Entity) -> Json:
    one, many = entity.title, entity.name
    by_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    if_match = {
        "name": "If-Match",
        "in": "header",
        "required": True,
        "schema": {"type": "string"},
        "description": "The etag of the record as it was read, or * for any.",
    }
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
        "description": "A create sent again with this key within 7 days is answered again and done once.",
    }
    patched = {MERGE_PATCH: _schema(f"{one}Input"), "application/json": _schema(f"{one}Input")}
    sent = {"application/json": _schema(f"{one}Input")}
    return {
        f"/api/{many}": {
            "get": {
                "operationId": f"list{one}s",
                "summary": f"The {many}, by time of change and id.",
                "parameters": _list_parameters(entity),
                "responses": {"200": _answer(f"{one}Page", "A page."), **_refusals("400", "410")},
            },
            "post": {
                "operationId": f"create{one}",
                "summary": f"A new one. Without {entity.series.property} it gets the next number of the series.",
                "parameters": [key],
                "requestBody": {"required": True, "content": sent},
                "responses": {
                    "201": _answer(
                        one,
                        "What was created.",
                        ETag="string",
                        Location="string",
                        Idempotent_Replay="boolean",
                    ),
                    **_refusals("400", "409", "413", "415", "422"),
                },
            },
        },
        f"/api/{many}/{{id}}": {
            "get": {
                "operationId": f"get{one}",
                "parameters": [by_id],
                "responses": {"200": _answer(one, "The record.", ETag="string"), **_refusals("404")},
            },
            "patch": {
                "operationId": f"update{one}",
                "summary": "A JSON merge patch (RFC 7396). One that changes nothing leaves etag and updatedAt alone.",
                "parameters": [by_id, if_match],
                "requestBody": {"required": True, "content": patched},
                "responses": {
                    "200": _answer(one, "The record as it is now.", ETag="string"),
                    **_refusals("400", "404", "409", "412", "413", "415", "422", "428"),
                },
            },
            "delete": {
                "operationId": f"delete{one}",
                "parameters": [by_id, if_match],
                "responses": {
                    "204": {"description": "It is gone."},
                    **_refusals("400", "404", "412", "428"),
                    "409": _problem("Another record still refers to it."),
                },
            },
        },
    }


def _changes() -> Json:
    return {
        "operationId": "listChanges",
        "summary": "What changed since a moment, deletions included, in the order it happened.",
        "parameters": [
            _parameter("since", {"type": "string"}, "nextSince of an earlier answer, or latest. None: all there is."),
            _limit(),
            _parameter("entity", {"type": "string", "enum": list(ENTITIES)}, "Only of this one."),
            _parameter(
                "expand",
                {"type": "string", "enum": ["record"]},
                "Only the latest change of each record, and the record with it.",
            ),
        ],
        "responses": {"200": _answer("ChangePage", "A page of the feed."), **_refusals("400", "410")},
    }


def _list_parameters(entity: Entity) -> list[Json]:
    filters = [_parameter(said.name, _filter(said), "Only those that hold exactly this.") for said in entity.filters]
    return [
        _parameter("updatedSince", {"type": "string", "format": "date-time"}, "Only those changed then or later."),
        _limit(),
        _parameter("cursor", {"type": "string"}, "nextCursor of the page before; all else as it was asked there."),
        _parameter("fields", {"type": "string", "enum": ["id"]}, "Only the ids."),
        _parameter(
            "ids", {"type": "string"}, f"Only these, at most {MAX_IDS}, with commas between. Absent are those unknown."
        ),
        *filters,
    ]


def _filter(said: Property) -> Json:
    told: Json = {"type": "string"}
    return told | ({"enum": list(said.members)} if said.members else {})


def _limit() -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return _parameter("limit", schema, "The largest page that is wanted.")


def _parameter(name: str, schema: Json, about: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": about}


def _answer(schema: str, about: str, **headers: str) -> Json:
    told: Json = {"description": about, "content": {"application/json": _schema(schema)}}
    if headers:
        told["headers"] = {name.replace("_", "-"): {"schema": {"type": kind}} for name, kind in headers.items()}
    return told


def _refusals(*statuses: str, words: Mapping[str, str] = _WORDS) -> Json:
    return {status: _problem(words[status]) for status in statuses}


def _problem(about: str) -> Json:
    return {"description": about, "content": {MEDIA_TYPE: _schema("Problem")}}


def _schema(name: str) -> Json:
    return {"schema": _ref(name)}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
