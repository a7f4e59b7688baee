from __future__ import annotations

from pathlib import Path

import pytest

import syncline
from syncline.connectors.businesscentral.schema import entity_type
from syncline.connectors.rest import declaration
from syncline.mapping.load import load_flows
from syncline.mapping.types import Kind

PACKAGE = Path(syncline.__file__).parent


def test_types_are_in_business_centrals_words() -> None:
    customers = entity_type("customers").properties
    assert customers["number"].label == "Code[20]"
    assert customers["number"].upper_case
    assert customers["displayName"].label == "Text[100]"
    assert customers["displayName"].max_length == 100
    assert customers["displayName"].blank == ""
    assert customers["creditLimit"].label == "Decimal"
    assert customers["paymentTermsId"].label == "Guid"
    assert customers["paymentTermsId"].blank == "00000000-0000-0000-0000-000000000000"
    assert customers["taxLiable"].label == "Boolean"
    assert customers["balanceDue"].read_only
    assert entity_type("contacts").properties["lastInteractionDate"].blank == "0001-01-01"
    assert entity_type("items").properties["unitPrice"].minimum == 0


def test_only_an_enum_with_a_blank_member_has_one() -> None:
    blocked = entity_type("customers").properties["blocked"]
    assert (blocked.kind, blocked.label, blocked.blank) == (Kind.ENUM, "Enum", "_x0020_")
    assert blocked.members == ("_x0020_", "Ship", "Invoice", "All")
    assert entity_type("items").properties["type"].blank is None


def test_navigations_are_paths_that_are_only_read() -> None:
    customers = entity_type("customers").properties
    overdue, contact = (
        customers["customerFinancialDetails.overdueAmount"],
        customers["contactsInformation.contactNumber"],
    )
    assert (overdue.label, overdue.read_only) == ("Decimal", True)
    assert (contact.label, contact.read_only) == ("Code[20]", True)
    assert "defaultDimensions.dimensionCode" not in customers


def test_orders_have_lines_and_what_the_connector_adds() -> None:
    orders = entity_type("salesOrders")
    assert set(orders.lines) == {"salesOrderLines"}
    assert orders.lines["salesOrderLines"]["quantity"].decimals == 5
    assert orders.properties["invoiceNumbers"].kind is Kind.LIST
    assert orders.properties["invoiceNumbers"].read_only
    assert orders.properties["status"].members == ("Draft", "In_x0020_Review", "Open", "Completed")


def test_what_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        entity_type("dragons")


def test_the_shipped_flows_agree_with_the_metadata() -> None:
    customerp = declaration.load(PACKAGE / "connectors" / "declarations" / "customerp.yaml").entity_type
    flows = load_flows(
        sorted((PACKAGE / "flows").glob("*.yaml")), {"customerp": customerp, "businesscentral": entity_type}
    )
    assert set(flows) == {"contacts", "customers", "orders", "products"}
