"""Items, their units, variants and stock. Each test names the public source of the fact that it proves."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sandbox_businesscentral.central import Central

ZERO = "00000000-0000-0000-0000-000000000000"
NOWHERE = "11111111-1111-1111-1111-111111111111"
REFUSED = "Application_DialogException"
UNFIT = "Application_FieldValidationException"
RELATION = "Internal_InvalidTableRelation"


def test_a_base_unit_is_found_by_its_standard_code_too(central: Central, mark: str) -> None:
    """``Item.Table``, field Base Unit of Measure: by International Standard Code where no code is so."""
    central.made("unitsOfMeasure", {"code": f"U{mark}", "internationalStandardCode": f"S{mark}"})
    assert central.made("items", {"baseUnitOfMeasureCode": f"S{mark}"})["baseUnitOfMeasureCode"] == f"U{mark}"
    refused = central.post("items", {"baseUnitOfMeasureCode": f"N{mark}"})
    assert (refused.code, "does not exist" in refused.message) == (REFUSED, True)


@pytest.mark.parametrize("by", ["Id", "Code"])
def test_an_item_takes_its_category_and_unit_by_id_or_code(central: Central, by: str) -> None:
    """``APIV2ItemsE2E``, ``TestCreateItemWithCategoryId``, ``...CategoryCode``, ``...UoMId`` and ``...UoMCode``."""
    category, unit = central.code("itemCategories", "DESK"), central.code("unitsOfMeasure", "BOX")
    told = {"Id": (category, unit), "Code": ("DESK", "BOX")}[by]
    item = central.made("items", {f"itemCategory{by}": told[0], f"baseUnitOfMeasure{by}": told[1]})
    assert (item["itemCategoryId"], item["itemCategoryCode"]) == (category, "DESK")
    assert (item["baseUnitOfMeasureId"], item["baseUnitOfMeasureCode"]) == (unit, "BOX")


def test_an_item_is_taken_out_of_its_posting_groups(central: Central, mark: str) -> None:
    """``APIV2ItemsE2E``, ``TestUnassignGenProdPostingGroup`` and ``TestUnassignInventoryPostingGroup``."""
    item = central.sold(mark)
    blank = {"generalProductPostingGroupCode": "", "inventoryPostingGroupCode": ""}
    changed = central.patch(f"items({item['id']})", blank).body
    assert (changed["generalProductPostingGroupId"], changed["inventoryPostingGroupId"]) == (ZERO, ZERO)


def test_what_an_item_is_posted_by_is_expanded(central: Central, mark: str) -> None:
    """``APIV2ItemsE2E``, ``TestGetRelatedEntities``."""
    item = central.fresh("items", central.sold(mark), "?$expand=generalProductPostingGroup,inventoryPostingGroup")
    assert item["generalProductPostingGroup"]["id"] == item["generalProductPostingGroupId"]
    assert item["inventoryPostingGroup"]["code"] == "RESALE"


def test_an_item_that_is_no_longer_inventory_has_no_inventory_group(central: Central, mark: str) -> None:
    """``Item.Table``, ``CheckUpdateFieldsForNonInventoriableItem``."""
    item = central.sold(mark)
    assert central.patch(f"items({item['id']})", {"type": "Service"}).body["inventoryPostingGroupCode"] == ""


def test_a_barcode_has_digits_only(central: Central) -> None:
    """``Item.Table``, field GTIN is numeric."""
    assert central.post("items", {"gtin": "12345678"}).status == 201
    assert central.post("items", {"gtin": "ABC"}).status == 400


def test_stock_that_was_ever_moved_keeps_the_item(central: Central, mark: str) -> None:
    """``APIV2Items``, ``UpdateInventory``; ``MoveEntries``, ``MoveItemEntries``: entries stay at a stock of 0."""
    item = central.sold(mark)
    path = f"items({item['id']})"
    assert central.patch(path, {"inventory": 5}).body["inventory"] == 5
    assert central.patch(path, {"inventory": 0}).body["inventory"] == 0
    for refused in (central.delete(path), central.patch(path, {"type": "Service"})):
        assert (refused.status, refused.code) == (400, REFUSED)


def test_the_base_unit_stays_while_there_is_stock(central: Central, mark: str) -> None:
    """``Item.Table``, ``TestNoOpenEntriesExist`` for Base Unit of Measure."""
    item = central.sold(mark)
    central.patch(f"items({item['id']})", {"inventory": 5})
    assert central.patch(f"items({item['id']})", {"baseUnitOfMeasureCode": "BOX"}).code == REFUSED


def test_an_item_on_an_order_is_not_deleted(central: Central, mark: str) -> None:
    """``Item.Table``, ``CheckDocuments``; the table of error codes in the product's documentation."""
    item, customer = central.sold(mark), central.made("customers", {"displayName": mark})
    lines = [{"itemId": item["id"], "quantity": 1}]
    order = central.made("salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})
    refused = central.delete(f"items({item['id']})")
    assert (refused.code, "at least one outstanding Sales Order" in refused.message) == (REFUSED, True)
    assert central.delete(f"salesOrders({order['id']})").status == 204
    assert central.delete(f"items({item['id']})").status == 204


def test_a_new_number_of_an_item_is_carried_by_lines_and_variants(central: Central, mark: str) -> None:
    """``Item.Table``, ``OnRename``: ``SalesLine.RenameNo``, and the relation of ``ItemVariant.Table``."""
    item, customer = central.sold(mark), central.made("customers", {"displayName": mark})
    variant = central.made("itemVariants", {"itemId": item["id"], "code": "RED"})
    lines = [{"itemId": item["id"], "quantity": 1}]
    order = central.made(
        "salesOrders?$expand=salesOrderLines", {"customerId": customer["id"], "salesOrderLines": lines}
    )
    central.patch(f"items({item['id']})", {"number": f"{mark}-N"})
    assert central.fresh("itemVariants", variant)["itemNumber"] == f"{mark}-N"
    assert central.fresh("salesOrderLines", order["salesOrderLines"][0])["lineObjectNumber"] == f"{mark}-N"


def test_a_variant_is_made_for_an_item_by_id_or_number(central: Central, mark: str) -> None:
    """``APIV2ItemVariantsE2E``, ``TestCreateItemVariantWithItemId`` to ``...MismatchingItemNumberAndItemId``."""
    item, other = central.sold(mark), central.sold(f"{mark}-2")
    first = central.made("itemVariants", {"itemId": item["id"], "code": "RED"})
    assert first["itemNumber"] == mark
    second = central.made("itemVariants", {"itemNumber": mark, "code": "BLUE"})
    assert second["itemId"] == item["id"]
    both = {"itemId": item["id"], "itemNumber": mark, "code": "GREEN"}
    assert central.post("itemVariants", both).status == 201
    for told, code in (
        ({"itemId": NOWHERE}, RELATION),
        ({"itemNumber": "NOWHERE"}, RELATION),
        ({"itemId": item["id"], "itemNumber": other["number"]}, REFUSED),
        ({}, REFUSED),
    ):
        refused = central.post("itemVariants", {**told, "code": "X"})
        assert (refused.status, refused.code) == (400, code), told


def test_a_variants_code_is_its_own_within_the_item(central: Central, mark: str) -> None:
    """``APIV2ItemVariantsE2E``, ``TestCreateItemVariantWithExistingItemNumberAndCode``."""
    item, other = central.sold(mark), central.sold(f"{mark}-2")
    central.made("itemVariants", {"itemId": item["id"], "code": "RED"})
    again = central.post("itemVariants", {"itemId": item["id"], "code": "red"})
    assert again.code == "Internal_EntityWithSameKeyExists"
    assert central.post("itemVariants", {"itemId": other["id"], "code": "RED"}).status == 201


def test_a_variant_goes_to_another_item_until_it_is_sold(central: Central, mark: str) -> None:
    """``APIV2ItemVariantsE2E``, ``TestModifyItemVariantItemId``; ``ItemVariant.Table``, ``OnRename``."""
    item, other = central.sold(mark), central.sold(f"{mark}-2")
    variant = central.made("itemVariants", {"itemId": item["id"], "code": "RED"})
    path = f"itemVariants({variant['id']})"
    assert central.patch(path, {"itemId": other["id"]}).body["itemNumber"] == f"{mark}-2"
    customer = central.made("customers", {"displayName": mark})
    lines = [{"itemId": other["id"], "itemVariantId": variant["id"], "quantity": 1}]
    central.made("salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})
    assert central.patch(path, {"itemId": item["id"]}).code == REFUSED
    assert central.delete(path).code == REFUSED


def test_a_variant_in_use_is_not_deleted_and_one_that_is_not_goes_with_its_item(central: Central, mark: str) -> None:
    """``APIV2ItemVariantsE2E``, ``TestDeleteItemVariant``; ``Item.Table``, ``DeleteRelatedData``."""
    item = central.sold(mark)
    first, second = (central.made("itemVariants", {"itemId": item["id"], "code": code}) for code in ("A", "B"))
    assert central.delete(f"itemVariants({first['id']})").status == 204
    assert central.delete(f"items({item['id']})").status == 204
    assert central.get(f"itemVariants({second['id']})").status == 404


def test_an_item_says_how_it_is_posted_before_it_is_sold(central: Central, mark: str) -> None:
    """``SalesLine.Table``, ``CopyFromItem``: ``TestField`` of both posting groups; inventory items need both."""
    customer = central.made("customers", {"displayName": mark})
    order = central.made("salesOrders", {"customerId": customer["id"]})
    blank = {"generalProductPostingGroupCode": "", "inventoryPostingGroupCode": ""}
    item = central.made("items", {"number": mark, **blank})
    line = {"documentId": order["id"], "itemId": item["id"], "quantity": 1}
    for group, then in (("general", 400), ("inventory", 201)):
        refused = central.post("salesOrderLines", line)
        assert (refused.status, refused.code, "must have a value" in refused.message) == (400, UNFIT, True)
        name = "generalProductPostingGroupCode" if group == "general" else "inventoryPostingGroupCode"
        central.patch(f"items({item['id']})", {name: "RETAIL" if group == "general" else "RESALE"})
        assert central.post("salesOrderLines", line).status == then
    service = central.made("items", {"type": "Service", "generalProductPostingGroupCode": "SERVICES"})
    assert central.post("salesOrderLines", {**line, "itemId": service["id"]}).status == 201


def test_a_template_says_how_an_item_is_posted_that_says_nothing_of_it(central: Central) -> None:
    """``GraphMgtGeneralTools``, ``ProcessNewRecordFromAPI``: what was sent stays, the rest is the template's."""
    told = {kind: central.made("items", {"type": kind}) for kind in ("Inventory", "Service", "Non_x002D_Inventory")}
    told["own"] = central.made("items", {"generalProductPostingGroupCode": "RAWMAT", "inventoryPostingGroupCode": ""})
    assert {
        kind: (item["generalProductPostingGroupCode"], item["inventoryPostingGroupCode"]) for kind, item in told.items()
    } == {
        "Inventory": ("RETAIL", "RESALE"),
        "Service": ("SERVICES", ""),
        "Non_x002D_Inventory": ("RETAIL", ""),
        "own": ("RAWMAT", ""),
    }


def test_an_item_without_units_of_its_own_is_sold_in_all(central: Central, mark: str) -> None:
    """Assumed, see docs/sandbox.md: no request of the API could set one up."""
    item = central.sold(mark, unitPrice=2.5)
    customer = central.made("customers", {"displayName": mark})
    order = central.made("salesOrders", {"customerId": customer["id"]})
    line = {"documentId": order["id"], "itemId": item["id"], "unitOfMeasureCode": "BOX", "quantity": 2}
    made = central.made("salesOrderLines", line)
    assert (made["unitOfMeasureCode"], made["unitPrice"], made["netAmount"]) == ("BOX", 2.5, 5)
    assert central.post("salesOrderLines", {**line, "unitOfMeasureCode": "NONE"}).status == 400


def test_a_line_takes_the_items_own_units_only(central: Central, mark: str) -> None:
    """``SalesLine.Table``, the relation of Unit of Measure Code to Item Unit of Measure, and its price and stock."""
    item = central.sold(mark, unitPrice=2.5)
    customer = central.made("customers", {"displayName": mark})
    order = central.made("salesOrders", {"customerId": customer["id"]})
    line = {"documentId": order["id"], "itemId": item["id"], "unitOfMeasureCode": "BOX", "quantity": 2}
    unit = {"item": mark, "unit": "BOX", "quantity": 12}
    assert central.post("/sandbox/setup", {"itemUnits": [unit]}).status == 204
    refused = central.post("salesOrderLines", {**line, "unitOfMeasureCode": "PACK"})
    assert (refused.status, refused.code) == (400, RELATION)
    made = central.made("salesOrderLines", line)
    assert (made["unitOfMeasureCode"], made["unitPrice"], made["netAmount"]) == ("BOX", 30, 60)
    assert made["unitOfMeasureId"] == central.code("unitsOfMeasure", "BOX")
    assert central.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {}).status == 204
    assert central.fresh("items", item)["inventory"] == -24


def test_a_unit_that_was_the_base_stays_one_of_the_items(central: Central, mark: str) -> None:
    """``Item.Table``, ``CreateItemUnitOfMeasure``; ``APIV2SalesInvLinesE2E``, ``TestModifyInvoiceLineWithUoM``."""
    item = central.sold(mark, baseUnitOfMeasureCode="SET")
    central.patch(f"items({item['id']})", {"baseUnitOfMeasureCode": "PAIR"})
    customer = central.made("customers", {"displayName": mark})
    lines = [{"itemId": item["id"], "quantity": 1}]
    invoice = central.made(
        "salesInvoices?$expand=salesInvoiceLines", {"customerId": customer["id"], "salesInvoiceLines": lines}
    )
    path = f"salesInvoiceLines({invoice['salesInvoiceLines'][0]['id']})"
    by_id = central.patch(path, {"unitOfMeasureId": central.code("unitsOfMeasure", "SET")}).body
    assert by_id["unitOfMeasureCode"] == "SET"
    assert central.patch(path, {"unitOfMeasureCode": "PAIR"}).body["unitOfMeasureCode"] == "PAIR"


def test_prices_of_items_keep_five_decimals(central: Central) -> None:
    """``APIV2ItemsE2E``, ``TestModifyItem``."""
    item = central.made("items", {})
    changed = central.patch(f"items({item['id']})", {"unitPrice": 12.345})
    assert changed.body["unitPrice"] == Decimal("12.345")
