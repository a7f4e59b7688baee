"""The OpenAPI document, made from the declarations that the bodies are checked by."""

from __future__ import annotations

from syncline import __version__
from syncline.sandbox.customerp.checking import DECIMALS
from syncline.sandbox.customerp.describing import (
    PROBLEM,
    Json,
    answer,
    object_schema,
    parameter,
    problem,
    ref,
    refusals,
    schema_of,
)
from syncline.sandbox.customerp.entities import ENTITIES
from syncline.sandbox.customerp.model import Entity, Kind, Property
from syncline.sandbox.customerp.reading import DEFAULT_LIMIT, MAX_IDS, MAX_LIMIT
from syncline.sandbox.customerp.webhooks import described as webhooks
from syncline.sandbox.customerp.writing import LONGEST_KEY, MERGE_PATCH


def document(*, sign_in: bool) -> Json:
    """The whole document. ``sign_in`` says whether a bearer token is asked for."""
    security: Json = {"security": [{"bearer": []}]} if sign_in else {}
    schemes: Json = {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}} if sign_in else {}
    paths: Json = {"/api/changes": {"get": _changes()}, **webhooks.paths()}
    schemas: Json = {"Change": _change(), "ChangePage": _change_page(), "Problem": PROBLEM, **webhooks.schemas()}
    for entity in ENTITIES.values():
        paths |= _paths(entity)
        schemas |= _schemas(entity)
    if sign_in:
        for operation in (operation for path in paths.values() for operation in path.values()):
            operation["responses"] |= refusals("401")
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
        "webhooks": webhooks.told(),
        "components": {"schemas": schemas, **schemes},
    }


# --- schemas


def _schemas(entity: Entity) -> Json:
    lines = [said for said in entity.properties if said.kind is Kind.LINES]
    found = {
        entity.title: _record(entity),
        f"{entity.title}Input": object_schema(entity.properties, entity.title, written=True),
        f"{entity.title}Page": _page(entity),
    }
    for said in lines:
        line = object_schema(said.properties, entity.title, written=False)
        line["properties"] = {"id": {"type": "string", "readOnly": True}, **line["properties"]}
        line["required"].insert(0, "id")
        sent = object_schema(said.properties, entity.title, written=True)
        about = "That of the line as it was read, so that it stays the same line; none for a new one."
        sent["properties"] = {"id": {"type": ["string", "null"], "description": about}, **sent["properties"]}
        found |= {f"{entity.title}Line": line, f"{entity.title}LineInput": sent}
    return found


def _record(entity: Entity) -> Json:
    told = object_schema(entity.properties, entity.title, written=False)
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
            "items": {"type": "array", "items": {"anyOf": [ref(entity.title), id_only]}},
            "nextCursor": {"type": ["string", "null"], "description": "Null at the end."},
        },
        "required": ["items", "nextCursor"],
        "additionalProperties": False,
    }


def _change() -> Json:
    records = [ref(entity.title) for entity in ENTITIES.values()]
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
            "items": {"type": "array", "items": ref("Change")},
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
    patched = {MERGE_PATCH: schema_of(f"{one}Input"), "application/json": schema_of(f"{one}Input")}
    sent = {"application/json": schema_of(f"{one}Input")}
    return {
        f"/api/{many}": {
            "get": {
                "operationId": f"list{one}s",
                "summary": f"The {many}, by time of change and id.",
                "parameters": _list_parameters(entity),
                "responses": {"200": answer(f"{one}Page", "A page."), **refusals("400", "410")},
            },
            "post": {
                "operationId": f"create{one}",
                "summary": f"A new one. Without {entity.series.property} it gets the next number of the series.",
                "parameters": [key],
                "requestBody": {"required": True, "content": sent},
                "responses": {
                    "201": answer(
                        one,
                        "What was created.",
                        ETag="string",
                        Location="string",
                        Idempotent_Replay="boolean",
                    ),
                    **refusals("400", "409", "413", "415", "422"),
                },
            },
        },
        f"/api/{many}/{{id}}": {
            "get": {
                "operationId": f"get{one}",
                "parameters": [by_id],
                "responses": {"200": answer(one, "The record.", ETag="string"), **refusals("404")},
            },
            "patch": {
                "operationId": f"update{one}",
                "summary": "A JSON merge patch (RFC 7396). One that changes nothing leaves etag and updatedAt alone.",
                "parameters": [by_id, if_match],
                "requestBody": {"required": True, "content": patched},
                "responses": {
                    "200": answer(one, "The record as it is now.", ETag="string"),
                    **refusals("400", "404", "409", "412", "413", "415", "422", "428"),
                },
            },
            "delete": {
                "operationId": f"delete{one}",
                "parameters": [by_id, if_match],
                "responses": {
                    "204": {"description": "It is gone."},
                    **refusals("400", "404", "412", "428"),
                    "409": problem("Another record still refers to it."),
                },
            },
        },
    }


def _changes() -> Json:
    return {
        "operationId": "listChanges",
        "summary": "What changed since a moment, deletions included, in the order it happened.",
        "parameters": [
            parameter("since", {"type": "string"}, "nextSince of an earlier answer, or latest. None: all there is."),
            _limit(),
            parameter("entity", {"type": "string", "enum": list(ENTITIES)}, "Only of this one."),
            parameter(
                "expand",
                {"type": "string", "enum": ["record"]},
                "Only the latest change of each record, and the record with it.",
            ),
        ],
        "responses": {"200": answer("ChangePage", "A page of the feed."), **refusals("400", "410")},
    }


def _list_parameters(entity: Entity) -> list[Json]:
    filters = [parameter(said.name, _filter(said), "Only those that hold exactly this.") for said in entity.filters]
    return [
        parameter("updatedSince", {"type": "string", "format": "date-time"}, "Only those changed then or later."),
        _limit(),
        parameter("cursor", {"type": "string"}, "nextCursor of the page before; all else as it was asked there."),
        parameter("fields", {"type": "string", "enum": ["id"]}, "Only the ids."),
        parameter(
            "ids", {"type": "string"}, f"Only these, at most {MAX_IDS}, with commas between. Absent are those unknown."
        ),
        *filters,
    ]


def _filter(said: Property) -> Json:
    told: Json = {"type": "string"}
    return told | ({"enum": list(said.members)} if said.members else {})


def _limit() -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return parameter("limit", schema, "The largest page that is wanted.")
