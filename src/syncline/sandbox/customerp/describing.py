"""What the OpenAPI document is put together from: schemas of declared properties, parameters, answers and refusals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from syncline.sandbox.customerp.checking import LARGEST
from syncline.sandbox.customerp.model import Kind, Property
from syncline.sandbox.customerp.problems import MEDIA_TYPE

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


def object_schema(properties: Iterable[Property], title: str, *, written: bool) -> Json:
    told: Json = {
        "type": "object",
        "properties": {said.name: property_schema(said, title, written=written) for said in properties},
        "additionalProperties": False,
    }
    return told if written else {**told, "required": list(told["properties"])}


def property_schema(said: Property, title: str, *, written: bool) -> Json:
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
            one = {"enum": list(said.members)} if said.members else {"maxLength": said.max_length}
            told["items"] = {"type": "string", **one}
        case Kind.OBJECT:
            told |= object_schema(said.properties, title, written=written)
        case Kind.LINES:
            told["items"] = ref(f"{title}Line{'Input' if written else ''}")
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


def parameter(name: str, schema: Json, about: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": about}


def answer(schema: str, about: str, **headers: str) -> Json:
    told: Json = {"description": about, "content": {"application/json": schema_of(schema)}}
    if headers:
        told["headers"] = {name.replace("_", "-"): {"schema": {"type": kind}} for name, kind in headers.items()}
    return told


def refusals(*statuses: str) -> Json:
    return {status: problem(_WORDS[status]) for status in statuses}


def problem(about: str) -> Json:
    return {"description": about, "content": {MEDIA_TYPE: schema_of("Problem")}}


def schema_of(name: str) -> Json:
    return {"schema": ref(name)}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


PROBLEM: Json = {
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
