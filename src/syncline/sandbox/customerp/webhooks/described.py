"""Webhooks in the OpenAPI document: the addresses to be told at, and what is told there."""

from __future__ import annotations

from typing import get_args

from syncline.sandbox.customerp.describing import (
    Json,
    answer,
    object_schema,
    problem,
    property_schema,
    ref,
    refusals,
    schema_of,
)
from syncline.sandbox.customerp.entities import ENTITIES
from syncline.sandbox.customerp.model import Property
from syncline.sandbox.customerp.webhooks.messages import PREFIX
from syncline.sandbox.customerp.webhooks.notifier import MOST
from syncline.sandbox.customerp.webhooks.registering import PROPERTIES
from syncline.sandbox.customerp.webhooks.store import Outcome
from syncline.sandbox.customerp.writing import MERGE_PATCH

_TITLE = "Webhook"
_PATCHES = (MERGE_PATCH, "application/json")
_MOMENT = {"type": "string", "format": "date-time"}
_NOT_THERE = problem("There is no such webhook.")
_TAKEN = problem("The url is told by another webhook, which Location names, or there are too many.")


def schemas() -> Json:
    sent = object_schema(PROPERTIES, _TITLE, written=True)
    return {
        "Webhook": _webhook(),
        "WebhookInput": {**sent, "required": ["url", "secret"]},
        "WebhookPatch": sent,
        "WebhookList": _object(items={"type": "array", "items": ref("Webhook")}),
        "Delivery": _object(
            messageId={"type": "string"},
            at=_MOMENT,
            status={"type": ["integer", "null"], "description": "Null: there was no answer."},
            outcome={"type": "string", "enum": list(get_args(Outcome))},
            attempt={"type": "integer", "minimum": 1},
            nextAttemptAt={"type": ["string", "null"], "format": "date-time"},
        ),
        "Message": _object(
            type={"type": "string", "enum": ["records.changed"]},
            timestamp={**_MOMENT, "description": "When the last of these changes was."},
            data={"type": "array", "items": ref("ToldChange"), "description": f"At most {MOST}, in order."},
        ),
        "ToldChange": _object(
            entity={"type": "string", "enum": list(ENTITIES)},
            id={"type": ["string", "null"], "description": "Null: look at all records of the entity."},
            change={"type": "string", "enum": ["created", "updated", "deleted", "many"]},
            at=_MOMENT,
            seq={"type": "integer", "description": "Its place in the change feed."},
        ),
    }


def paths() -> Json:
    by_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "/api/webhooks": {
            "get": {
                "operationId": "listWebhooks",
                "responses": {"200": answer("WebhookList", "All there are."), **refusals("400")},
            },
            "post": {
                "operationId": "createWebhook",
                "summary": "Have changes told from now on.",
                "requestBody": {"required": True, "content": {"application/json": schema_of("WebhookInput")}},
                "responses": {
                    "201": answer("Webhook", "What was created.", Location="string"),
                    **refusals("400", "413", "415", "422"),
                    "409": _TAKEN,
                },
            },
        },
        "/api/webhooks/{id}": {
            "get": {
                "operationId": "getWebhook",
                "parameters": [by_id],
                "responses": {"200": answer("Webhook", "The webhook."), "404": _NOT_THERE},
            },
            "patch": {
                "operationId": "updateWebhook",
                "summary": "A JSON merge patch (RFC 7396).",
                "parameters": [by_id],
                "requestBody": {"required": True, "content": dict.fromkeys(_PATCHES, schema_of("WebhookPatch"))},
                "responses": {
                    "200": answer("Webhook", "The webhook as it is now."),
                    **refusals("400", "413", "415", "422"),
                    "404": _NOT_THERE,
                    "409": _TAKEN,
                },
            },
            "delete": {
                "operationId": "deleteWebhook",
                "parameters": [by_id],
                "responses": {"204": {"description": "It is told no more."}, "404": _NOT_THERE},
            },
        },
    }


def told() -> Json:
    """What the webhooks themselves send."""
    headers = {
        "webhook-id": "The message's id, the same whenever it is sent again.",
        "webhook-timestamp": "When it was sent, in seconds since 1970.",
        "webhook-signature": f"v1, and the base64 of the HMAC-SHA256 of id.timestamp.body by what follows {PREFIX}.",
    }
    return {
        "recordsChanged": {
            "post": {
                "summary": "Records changed. Signed as the Standard Webhooks specification says.",
                "parameters": [
                    {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": about}
                    for name, about in headers.items()
                ],
                "requestBody": {"required": True, "content": {"application/json": schema_of("Message")}},
                "responses": {
                    "2XX": {"description": "It was taken. Anything else is tried again."},
                    "410": {"description": "The webhook is disabled at once."},
                },
            }
        }
    }


def _webhook() -> Json:
    said = {prop.name: prop for prop in PROPERTIES if prop.name != "secret"}
    return _object(
        id={"type": "string", "readOnly": True},
        url={"type": "string"},
        entities=_answered(said["entities"]),
        state=_answered(said["state"]),
        disabledReason={"type": ["string", "null"], "readOnly": True},
        createdAt={**_MOMENT, "readOnly": True},
        lastDelivery={"anyOf": [ref("Delivery"), {"type": "null"}], "readOnly": True},
    )


def _answered(said: Property) -> Json:
    return property_schema(said, _TITLE, written=False)


def _object(**properties: Json) -> Json:
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
