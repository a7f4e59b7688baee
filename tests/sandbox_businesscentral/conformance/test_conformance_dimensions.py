"""Dimensions of records, documents and lines. Each test names the public source of the fact that it proves."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox_businesscentral.central import Central

NOWHERE = "11111111-1111-1111-1111-111111111111"
REFUSED = "Application_DialogException"
UNFIT = "Application_FieldValidationException"
PARENTS = {"customers": "Customer", "vendors": "Vendor", "items": "Item", "employees": "Employee"}


def parent(central: Central, entity_set: str, mark: str) -> dict[str, Any]:
    if entity_set == "items":
        return central.sold(mark)
    return central.made(entity_set, {"givenName": mark} if entity_set == "employees" else {"displayName": mark})


def value(central: Central, dimension: str, code: str) -> str:
    """The id of a dimension's value."""
    id_ = central.code("dimensions", dimension)
    found = central.get(f"dimensions({id_})/dimensionValues?$filter=code eq '{code}'").value
    return str(found[0]["id"])


def bring(central: Central, entity_set: str, record: dict[str, Any], code: str, dimension: str, **more: Any) -> None:
    """Let a record bring a value of a dimension along."""
    told = {"dimensionValueId": value(central, dimension, code), **more}
    central.made(f"{entity_set}({record['id']})/defaultDimensions", told)


def carried(central: Central, entity_set: str, record: dict[str, Any]) -> dict[str, str]:
    """What a document or line carries: values by dimensions."""
    lines = central.get(f"{entity_set}({record['id']})/dimensionSetLines").value
    return {line["code"]: line["valueCode"] for line in lines}


def ordered(central: Central, customer: dict[str, Any], *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    lines = [{"itemId": item["id"], "quantity": 1} for item in items]
    told = {"customerId": customer["id"], "salesOrderLines": lines, **more}
    return central.made("salesOrders?$expand=salesOrderLines", told)


@pytest.mark.parametrize("entity_set", PARENTS)
def test_a_default_dimension_is_made_changed_and_deleted(central: Central, mark: str, entity_set: str) -> None:
    """``APIV2DefaultDimensionsE2E``, ``TestCreate...``, ``TestPatch...`` and ``TestDeleteDefaultDimensionOn...``."""
    owner = parent(central, entity_set, mark)
    department, sales = central.code("dimensions", "DEPARTMENT"), value(central, "DEPARTMENT", "SALES")
    path = f"{entity_set}({owner['id']})/defaultDimensions"
    made = central.made(path, {"dimensionId": department, "dimensionValueId": sales})
    assert (made["parentId"], made["parentType"]) == (owner["id"], PARENTS[entity_set])
    assert (made["dimensionCode"], made["dimensionValueCode"]) == ("DEPARTMENT", "SALES")
    told = {"dimensionValueId": value(central, "DEPARTMENT", "PROD"), "postingValidation": "Same_x0020_Code"}
    changed = central.patch(f"{path}({made['id']})", told).body
    assert (changed["dimensionValueCode"], changed["postingValidation"]) == ("PROD", "Same_x0020_Code")
    assert [
        each["id"] for each in central.fresh(entity_set, owner, "?$expand=defaultDimensions")["defaultDimensions"]
    ] == [made["id"]]
    assert central.delete(f"{path}({made['id']})").status == 204
    assert central.get(path).value == []


def test_a_default_dimension_is_named_by_its_value_alone(central: Central, mark: str) -> None:
    """``DefaultDimension.Table``, field DimensionValueId; ``...E2E``, ``TestCreate...WithDimensionCodeOnCustomer``."""
    customer = parent(central, "customers", mark)
    told = {"dimensionValueId": value(central, "AREA", "20")}
    made = central.made(f"customers({customer['id']})/defaultDimensions", told)
    assert (made["dimensionCode"], made["dimensionValueCode"]) == ("AREA", "20")
    by_body = {
        "parentType": "Customer",
        "parentId": customer["id"],
        "dimensionId": central.code("dimensions", "PROJECT"),
    }
    assert central.made("defaultDimensions", by_body)["dimensionValueCode"] == ""
    alone = {"parentId": parent(central, "items", f"{mark}-I")["id"], **told}
    assert central.made("defaultDimensions", alone)["parentType"] == "Item"


def test_default_dimensions_that_cannot_be(central: Central, mark: str) -> None:
    """``APIV2DefaultDimensionsE2E``, ``...FailsWithMismatchingDimensions...``, ``...ChangingDimensionCode...``."""
    customer = parent(central, "customers", mark)
    path = f"customers({customer['id']})/defaultDimensions"
    department, area = central.code("dimensions", "DEPARTMENT"), value(central, "AREA", "10")
    mismatch = central.post(path, {"dimensionId": department, "dimensionValueId": area})
    assert (mismatch.code, "different Dimension records" in mismatch.message) == (REFUSED, True)
    made = central.made(path, {"dimensionId": department})
    assert central.post(path, {"dimensionId": department}).code == "Internal_EntityWithSameKeyExists"
    assert central.patch(f"{path}({made['id']})", {"dimensionId": central.code("dimensions", "AREA")}).code == REFUSED
    assert central.patch(f"{path}({made['id']})", {"dimensionCode": "AREA"}).code == "BadRequest_InvalidOperation"
    none = {"postingValidation": "No_x0020_Code", "dimensionValueId": value(central, "DEPARTMENT", "ADM")}
    assert central.patch(f"{path}({made['id']})", none).code == UNFIT
    assert central.post("defaultDimensions", {"dimensionId": department}).code == REFUSED
    assert central.post("defaultDimensions", {"dimensionId": department, "parentId": NOWHERE}).code == REFUSED
    assert central.post(path, {"dimensionId": NOWHERE}).code == "Internal_InvalidTableRelation"
    assert central.post(path, {}).code == UNFIT


def test_a_document_carries_what_its_payer_brings(central: Central, mark: str) -> None:
    """``SalesHeader.Table``, ``InitDefaultDimensionSources``: the bill-to customer's default dimensions."""
    buyer, payer = (parent(central, "customers", mark) for _ in range(2))
    bring(central, "customers", buyer, "SALES", "DEPARTMENT")
    bring(central, "customers", payer, "PROD", "DEPARTMENT")
    bring(central, "customers", payer, "20", "AREA")
    own = ordered(central, buyer)
    assert (own["shortcutDimension1Code"], carried(central, "salesOrders", own)) == ("SALES", {"DEPARTMENT": "SALES"})
    other = ordered(central, buyer, billToCustomerId=payer["id"])
    assert other["shortcutDimension1Code"] == "PROD"
    assert carried(central, "salesOrders", other) == {"DEPARTMENT": "PROD", "AREA": "20"}
    for entity_set in ("salesInvoices", "salesQuotes", "salesCreditMemos"):
        document = central.made(entity_set, {"customerId": payer["id"]})
        assert document["shortcutDimension1Code"] == "PROD"
        assert carried(central, entity_set, document) == {"DEPARTMENT": "PROD", "AREA": "20"}


def test_a_line_carries_what_its_document_does_and_what_the_item_adds(central: Central, mark: str) -> None:
    """``SalesLine.Table``, ``CreateDim``; ``DimensionManagement``, ``GetDefaultDimID``: the inherited comes first."""
    customer, item = parent(central, "customers", mark), parent(central, "items", mark)
    bring(central, "customers", customer, "SALES", "DEPARTMENT")
    bring(central, "items", item, "PROD", "DEPARTMENT")
    bring(central, "items", item, "10", "AREA")
    order = ordered(central, customer, item)
    (line,) = order["salesOrderLines"]
    assert carried(central, "salesOrderLines", line) == {"DEPARTMENT": "SALES", "AREA": "10"}
    comment = central.made("salesOrderLines", {"documentId": order["id"], "description": "text"})
    assert carried(central, "salesOrderLines", comment) == {"DEPARTMENT": "SALES"}
    path = f"salesOrders({order['id']})/salesOrderLines({line['id']})/dimensionSetLines"
    assert len(central.get(path).value) == 2


def test_shortcut_dimensions_are_carried_and_lines_follow_them(central: Central, mark: str) -> None:
    """``SalesHeader.Table``, ``ValidateShortcutDimCode`` and ``UpdateAllLineDim``; ``GetDeltaDimSetID``."""
    customer, item = parent(central, "customers", mark), parent(central, "items", mark)
    bring(central, "items", item, "10", "AREA")
    order = ordered(central, customer, item, shortcutDimension1Code="SALES")
    (line,) = order["salesOrderLines"]
    assert carried(central, "salesOrders", order) == {"DEPARTMENT": "SALES"}
    assert carried(central, "salesOrderLines", line) == {"DEPARTMENT": "SALES", "AREA": "10"}
    central.patch(f"salesOrders({order['id']})", {"shortcutDimension1Code": "PROD", "shortcutDimension2Code": "FAIR"})
    wanted = {"DEPARTMENT": "PROD", "PROJECT": "FAIR"}
    assert carried(central, "salesOrders", order) == wanted
    assert carried(central, "salesOrderLines", line) == {**wanted, "AREA": "10"}
    central.patch(f"salesOrders({order['id']})", {"shortcutDimension1Code": ""})
    assert carried(central, "salesOrders", order) == {"PROJECT": "FAIR"}
    assert carried(central, "salesOrderLines", line) == {"PROJECT": "FAIR", "AREA": "10"}


@pytest.mark.parametrize("by", ["id", "code"])
def test_a_dimension_set_line_is_made_changed_and_deleted(central: Central, mark: str, by: str) -> None:
    """``APIV2DimSetLinesE2E``, ``TestCreate...``, ``TestModify...`` and ``TestDeleteSalesOrderDimensionSetLine``."""
    order = ordered(central, parent(central, "customers", mark), parent(central, "items", mark))
    (line,) = order["salesOrderLines"]
    department = central.code("dimensions", "DEPARTMENT")
    told = {
        "id": {"id": department, "valueId": value(central, "DEPARTMENT", "SALES")},
        "code": {"code": "DEPARTMENT", "valueCode": "SALES"},
    }[by]
    for owner in (f"salesOrders({order['id']})", f"salesOrderLines({line['id']})"):
        made = central.made(f"{owner}/dimensionSetLines", told)
        assert (made["id"], made["displayName"]) == (department, "Department")
        assert (made["valueCode"], made["valueDisplayName"]) == ("SALES", "Sales")
        path = f"{owner}/dimensionSetLines({department})"
        assert central.patch(path, {"valueCode": "PROD"}).body["valueDisplayName"] == "Production"
        assert central.get(path).body["valueId"] == value(central, "DEPARTMENT", "PROD")
    later = central.fresh("salesOrders", order)
    assert later["shortcutDimension1Code"] == "PROD"
    assert later["@odata.etag"] != order["@odata.etag"]
    assert central.delete(f"salesOrders({order['id']})/dimensionSetLines({department})").status == 204
    assert central.fresh("salesOrders", order)["shortcutDimension1Code"] == ""
    assert carried(central, "salesOrderLines", line) == {"DEPARTMENT": "PROD"}


def test_dimension_set_lines_that_cannot_be(central: Central, mark: str) -> None:
    """``APIV2DimSetLinesE2E``, ``TestCreateDimensionSetLineFailsWithoutParentId`` and those that follow."""
    order = ordered(central, parent(central, "customers", mark))
    path = f"salesOrders({order['id']})/dimensionSetLines"
    department, area = central.code("dimensions", "DEPARTMENT"), central.code("dimensions", "AREA")
    assert central.post("dimensionSetLines", {"code": "AREA", "valueCode": "10"}).code == REFUSED
    made = central.made(path, {"code": "AREA", "valueCode": "10"})
    for told in (
        {"code": "AREA", "valueCode": "20"},
        {"code": "NONE", "valueCode": "20"},
        {"id": NOWHERE, "valueCode": "20"},
        {"code": "DEPARTMENT", "valueCode": "NONE"},
        {"code": "DEPARTMENT", "valueId": NOWHERE},
        {"code": "DEPARTMENT", "valueId": value(central, "AREA", "20")},
        {"id": department, "code": "AREA", "valueCode": "10"},
        {"code": "DEPARTMENT"},
        {"valueId": value(central, "AREA", "20")},
    ):
        refused = central.post(path, told)
        assert (refused.status, refused.code) == (400, REFUSED), told
    change = {"code": "DEPARTMENT", "valueCode": "SALES"}
    assert central.patch(f"{path}({area})", change).code == REFUSED
    assert central.get(path).value == [{k: v for k, v in made.items() if k != "@odata.context"}]
    assert central.get(f"dimensionSetLines({area})").code == REFUSED
    assert central.get(f"{path}({department})").status == 404


def test_what_was_posted_carries_the_dimensions_and_keeps_them(central: Central, mark: str) -> None:
    """``SalesPost`` copies the dimension sets; ``APIV2DimensionSetLines``: they are read only there."""
    customer, item = parent(central, "customers", mark), parent(central, "items", mark)
    bring(central, "customers", customer, "SALES", "DEPARTMENT")
    bring(central, "items", item, "10", "AREA")
    order = ordered(central, customer, item)
    assert central.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {}).status == 204
    invoice = central.get(f"salesInvoices?$filter=orderId eq {order['id']}&$expand=salesInvoiceLines").value[0]
    by_order = f"?$filter=orderNumber eq '{order['number']}'&$expand=salesShipmentLines"
    shipment = central.get(f"salesShipments{by_order}").value[0]
    for entity_set, document, line in (
        ("salesInvoice", invoice, invoice["salesInvoiceLines"][0]),
        ("salesShipment", shipment, shipment["salesShipmentLines"][0]),
    ):
        assert carried(central, f"{entity_set}s", document) == {"DEPARTMENT": "SALES"}
        assert carried(central, f"{entity_set}Lines", line) == {"DEPARTMENT": "SALES", "AREA": "10"}
        path = f"{entity_set}s({document['id']})/dimensionSetLines"
        assert central.post(path, {"code": "PROJECT", "valueCode": "FAIR"}).code == REFUSED
        assert central.delete(f"{path}({central.code('dimensions', 'DEPARTMENT')})").code == REFUSED


@pytest.mark.parametrize(
    ("validation", "brought", "sent", "status"),
    [
        ("Code_x0020_Mandatory", "", "", 400),
        ("Code_x0020_Mandatory", "", "PROD", 204),
        ("Same_x0020_Code", "SALES", "PROD", 400),
        ("Same_x0020_Code", "SALES", "SALES", 204),
        ("No_x0020_Code", "", "PROD", 400),
        ("No_x0020_Code", "", "", 204),
    ],
)
@pytest.mark.parametrize("owner", ["customers", "items"])
def test_dimensions_that_are_demanded_are_there_at_posting(
    central: Central, mark: str, owner: str, validation: str, brought: str, sent: str, status: int
) -> None:
    """``DefaultDimension.Table``, field Value Posting; ``DimensionManagement``, ``CheckDimValuePosting``."""
    customer, item = parent(central, "customers", mark), parent(central, "items", mark)
    record = customer if owner == "customers" else item
    order = ordered(central, customer, item, shortcutDimension1Code=sent)
    told: dict[str, Any] = {"dimensionId": central.code("dimensions", "DEPARTMENT"), "postingValidation": validation}
    if brought:
        told["dimensionValueId"] = value(central, "DEPARTMENT", brought)
    central.made(f"{owner}({record['id']})/defaultDimensions", told)
    assert central.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {}).status == status


def test_dimensions_and_their_values_are_only_read(central: Central) -> None:
    """``APIV2DimensionsE2E``, ``TestGetDimensions`` and ``TestGetDimensionValues``; the pages allow no more."""
    dimension = central.get("dimensions?$filter=code eq 'AREA'&$expand=dimensionValues").value[0]
    assert [each["code"] for each in dimension["dimensionValues"]] == ["10", "20"]
    assert central.post("dimensions", {"code": "X"}).status == 405
    assert central.patch(f"dimensions({dimension['id']})", {"displayName": "X"}).status == 405
