"""``If-Match``: whoever changes a record names the version that was looked at, or any."""

from __future__ import annotations

from collections.abc import Callable

from syncline.sandbox.businesscentral.company import Row
from syncline.sandbox.businesscentral.errors import ApiError

ANY_VERSION = "*"


def meant(version: str | None, find: Callable[[], Row]) -> Row:
    """The record that ``find`` gives, if it is still the one that was looked at. Raises `ApiError`."""
    if version is None:
        message = "An If-Match header with the record's @odata.etag, or *, must be sent with this request."
        raise ApiError(400, "BadRequest_InvalidToken", message)
    row = find()
    if version not in (ANY_VERSION, row["_etag"]):
        message = (
            "Another user has already changed the record: read it again and apply the change to what is there now."
        )
        raise ApiError(409, "Request_EntityChanged", message)
    return row
