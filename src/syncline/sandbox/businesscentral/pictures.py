"""The pictures of customers, contacts, items, vendors and employees: bytes at an address of their own.

Followed from the page ``APIV2Pictures`` and the base application's ``PictureEntity.Table``: every one of them has a
picture record, which is 0 wide and 0 high until content is put there; whose picture it is, is thereby modified.
"""

# Names of tables come from the company, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

from syncline.sandbox.businesscentral import images, schema
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import bad_request, dialog


def content(company: Company, record: str) -> bytes:
    """Empty where there is none."""
    asked = f"SELECT content FROM {company.table('images')} WHERE id = ?"
    found = company.database.execute(asked, (record,)).fetchone()
    return bytes(found[0]) if found else b""


def put(company: Company, picture: Row, sent: object) -> None:
    """Raises `ApiError` where what was sent is no picture."""
    if not isinstance(sent, bytes):
        raise bad_request("The content of a picture is sent as it is: as application/octet-stream or image/...")
    image = images.read(sent)
    if image is None:
        raise dialog("The content is no picture: it is to be PNG, JPEG, GIF or BMP.")
    asked = f"INSERT OR REPLACE INTO {company.table('images')} VALUES (?, ?, ?, ?, ?)"
    company.database.execute(asked, (picture["id"], image.width, image.height, image.content_type, sent))
    _owner_changed(company, picture)


def remove(company: Company, picture: Row) -> None:
    company.database.execute(f"DELETE FROM {company.table('images')} WHERE id = ?", (picture["id"],))
    _owner_changed(company, picture)


def _owner_changed(company: Company, picture: Row) -> None:
    entity_set = schema.PICTURED[picture["parentType"]]
    owner = company.find(entity_set, id=picture["id"])
    if owner:
        company.update(entity_set, owner, {})
