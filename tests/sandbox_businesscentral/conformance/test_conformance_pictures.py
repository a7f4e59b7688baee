"""Pictures of customers and others. Each test names the public source of the fact that it proves."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest

from sandbox_businesscentral.central import Central, Reply
from syncline.sandbox.businesscentral.images import Image, read

OWNERS = {
    "customers": "Customer", "items": "Item", "vendors": "Vendor", "employees": "Employee", "contacts": "Contact",
    "itemVariants": "Item_x0020_Variant",
}  # fmt: skip


def png(width: int, height: int) -> bytes:
    """The smallest picture of this size: all black."""
    rows = (b"\0" + b"\0" * width) * height
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def put(central: Central, path: str, content: object, etag: str = "*", kind: str = "application/octet-stream") -> Reply:
    return central.call("PATCH", path, content, {"If-Match": etag, "Content-Type": kind})


def owner(central: Central, entity_set: str, mark: str) -> dict[str, Any]:
    match entity_set:
        case "items":
            return central.made("items", {"number": mark})
        case "employees":
            return central.made("employees", {"givenName": mark})
        case "itemVariants":
            return central.made("itemVariants", {"itemId": central.made("items", {})["id"], "code": "RED"})
    return central.made(entity_set, {"displayName": mark})


@pytest.mark.parametrize("entity_set", OWNERS)
def test_a_picture_is_put_replaced_and_deleted(central: Central, mark: str, entity_set: str) -> None:
    """``APIV2PicturesE2E``: ``...WithoutPicture``, ``TestPictureUpload...``, ``...Replace...`` and ``...Delete...``."""
    record = owner(central, entity_set, mark)
    picture = f"{entity_set}({record['id']})/picture"
    none = central.get(picture).body
    assert (none["id"], none["parentType"], none["contentType"]) == (record["id"], OWNERS[entity_set], "")
    assert (none["width"], none["height"]) == (0, 0)
    assert central.get(f"{picture}/pictureContent").status == 204
    for width, height in ((1, 1), (3, 2)):
        assert put(central, f"{picture}/pictureContent", png(width, height)).status == 204
        told = central.get(picture).body
        assert (told["width"], told["height"], told["contentType"]) == (width, height, "image/png")
        content = central.get(f"{picture}/pictureContent")
        assert (content.status, content.body) == (200, png(width, height))
        assert content.headers["content-type"] == "application/octet-stream"
    assert central.delete(picture).status == 204
    assert central.get(picture).body["width"] == 0
    assert central.get(f"{picture}/pictureContent").status == 204


def test_a_picture_says_where_its_content_is(central: Central, mark: str) -> None:
    """The product's documentation of media links in answers (resource type picture)."""
    picture = f"customers({owner(central, 'customers', mark)['id']})/picture"
    told = central.get(picture).body
    for link in ("mediaReadLink", "mediaEditLink"):
        at = told[f"pictureContent@odata.{link}"]
        assert at.endswith(f"{picture}/pictureContent")
        assert central.get(at).status == 204


def test_a_picture_is_a_change_of_whose_it_is(central: Central, mark: str) -> None:
    """``PictureEntity.Table``, ``SavePictureWithParentType``: the customer is modified."""
    customer = owner(central, "customers", mark)
    content = f"customers({customer['id']})/picture/pictureContent"
    assert put(central, content, png(1, 1), customer["@odata.etag"], "image/png").status == 204
    changed = central.fresh("customers", customer)
    assert changed["@odata.etag"] != customer["@odata.etag"]
    assert put(central, content, png(2, 2), customer["@odata.etag"]).code == "Request_EntityChanged"
    assert central.call("PATCH", content, png(2, 2), {"Content-Type": "image/png"}).code == "BadRequest_InvalidToken"


def test_pictures_are_expanded_and_reached_by_their_owner_only(central: Central, mark: str) -> None:
    """``APIV2Pictures``, ``OnFindRecord``."""
    customer = owner(central, "customers", mark)
    put(central, f"customers({customer['id']})/picture/pictureContent", png(2, 1))
    assert central.fresh("customers", customer, "?$expand=picture")["picture"]["width"] == 2
    assert central.get(f"pictures({customer['id']})").code == "Application_DialogException"
    by_filter = f"pictures?$filter=id eq {customer['id']} and parentType eq 'Customer'"
    assert [each["width"] for each in central.get(by_filter).value] == [2]


def test_what_is_no_picture_is_not_taken(central: Central, mark: str) -> None:
    """Assumed: the product stores what it can show."""
    picture = f"customers({owner(central, 'customers', mark)['id']})/picture"
    for content, kind in ((b"not a picture", "image/png"), (b"", "image/png"), ({"a": 1}, "application/json")):
        assert put(central, f"{picture}/pictureContent", content, kind=kind).status == 400
    assert central.patch(picture, {"width": 5}).code == "BadRequest_InvalidOperation"
    assert central.post("pictures", {}).status == 405


def test_a_customer_deleted_and_made_again_has_no_picture(central: Central, mark: str) -> None:
    """``Customer.Table``: the image is a field of the customer."""
    customer = owner(central, "customers", mark)
    put(central, f"customers({customer['id']})/picture/pictureContent", png(2, 1))
    assert central.delete(f"customers({customer['id']})").status == 204
    assert central.get(f"customers({customer['id']})/picture").status == 404


@pytest.mark.parametrize(
    ("content", "image"),
    [
        (png(4, 5), Image(4, 5, "image/png")),
        (b"GIF89a" + struct.pack("<HH", 7, 8), Image(7, 8, "image/gif")),
        (b"BM" + b"\0" * 16 + struct.pack("<ii", 9, -10), Image(9, 10, "image/bmp")),
        (
            b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"JF\xff\xc0" + struct.pack(">HBHH", 11, 8, 12, 13),
            Image(13, 12, "image/jpeg"),
        ),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"\xff\xd8\xff", None),
        (b"text", None),
    ],
)
def test_the_size_of_a_picture_is_read_from_it(content: bytes, image: Image | None) -> None:
    """``APIV2PicturesE2E``, ``ValidateImageMetadata``."""
    assert read(content) == image
