"""``companies``, read like any other set: what it is made of, and where its records are."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from syncline.connectors.businesscentral.metadata import ZERO_GUID, EdmType, EntitySet, Property, entity_sets
from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.webhooks.metadata import SUBSCRIPTIONS

_VERSION = "26.0.0.0"


def _shown(kind: EdmType, max_length: int | None = None) -> Property:
    return Property(type=kind, max_length=max_length, read_only=True)


COMPANIES = EntitySet(
    name="companies",
    entity="company",
    insert=False,
    modify=False,
    delete=False,
    actions=(),
    properties={
        "id": _shown(EdmType.GUID),
        "systemVersion": _shown(EdmType.STRING),
        "timestamp": _shown(EdmType.INT64),
        "name": _shown(EdmType.STRING, 30),
        "displayName": _shown(EdmType.STRING, 250),
        "businessProfileId": _shown(EdmType.STRING, 250),
        "systemCreatedAt": _shown(EdmType.DATETIME),
        "systemCreatedBy": _shown(EdmType.GUID),
        "systemModifiedAt": _shown(EdmType.DATETIME),
        "systemModifiedBy": _shown(EdmType.GUID),
    },
    navigations={},
)
"""As the documentation's page of the company resource has it; lengths as in the system table ``Company``."""

ABOVE = (COMPANIES, SUBSCRIPTIONS)
"""The sets that stand beside or above the companies, and not below one."""


class Companies(Struct, frozen=True):
    """All companies of the data, to be read as the one set there is above them."""

    database: Database

    def table(self, _: str) -> str:
        return (
            f"(SELECT number AS _row, '' AS _etag, id, '{_VERSION}' AS systemVersion, number AS timestamp, name, "  # noqa: S608 - no text but our own
            "display_name AS displayName, '' AS businessProfileId, created_at AS systemCreatedAt, "
            f"'{ZERO_GUID}' AS systemCreatedBy, created_at AS systemModifiedAt, '{ZERO_GUID}' AS systemModifiedBy "
            "FROM companies)"
        )


def all_sets() -> Mapping[str, EntitySet]:
    """Every set there is, by its name: those above the companies first."""
    return {**{each.name: each for each in ABOVE}, **entity_sets()}
