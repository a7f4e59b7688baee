"""Codes, employees, projects and the company itself. Each test names the public source of the fact that it proves."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox_businesscentral.central import Central

ZERO = "00000000-0000-0000-0000-000000000000"
REFUSED = "Application_DialogException"
CODED = [
    "countriesRegions", "currencies", "itemCategories", "locations", "paymentMethods", "paymentTerms",
    "salespeoplePurchasers", "shipmentMethods", "taxAreas", "taxGroups", "unitsOfMeasure",
]  # fmt: skip


@pytest.mark.parametrize("entity_set", CODED)
def test_a_code_is_created_renamed_and_deleted(central: Central, mark: str, entity_set: str) -> None:
    """``APIV2...E2E``, ``TestCreate...``, ``TestModify...``, ``TestDelete...``; the pages' ``OnModifyRecord``."""
    made = central.made(entity_set, {"code": mark.lower(), "displayName": "one"})
    assert (made["code"], made["displayName"]) == (mark, "one")
    path = f"{entity_set}({made['id']})"
    changed = central.patch(path, {"code": f"{mark}-N", "displayName": "two"}, made["@odata.etag"]).body
    assert (changed["id"], changed["code"], changed["displayName"]) == (made["id"], f"{mark}-N", "two")
    assert central.post(entity_set, {"code": f"{mark}-N"}).code == "Internal_EntityWithSameKeyExists"
    assert central.delete(path).status == 204
    assert central.get(path).status == 404


def test_a_new_code_is_carried_by_what_names_it(central: Central, mark: str) -> None:
    """The relations of the base application's tables, which a rename follows."""
    made = {name: central.made(name, {"code": f"{mark}{at}", "displayName": "x"}) for at, name in enumerate(CODED)}
    customer = central.made(
        "customers",
        {
            "displayName": mark,
            "country": made["countriesRegions"]["code"],
            "currencyId": made["currencies"]["id"],
            "salespersonCode": made["salespeoplePurchasers"]["code"],
            "taxAreaId": made["taxAreas"]["id"],
        },
    )
    item = central.sold(
        mark,
        itemCategoryId=made["itemCategories"]["id"],
        taxGroupCode=made["taxGroups"]["code"],
        baseUnitOfMeasureCode=made["unitsOfMeasure"]["code"],
    )
    order = central.made("salesOrders", {"customerId": customer["id"]})
    for name, record in made.items():
        told = {"code": f"N{record['code']}", "displayName": "renamed"}
        assert central.patch(f"{name}({record['id']})", told).status == 200
    customer, item = central.fresh("customers", customer), central.fresh("items", item)
    order = central.fresh("salesOrders", order)
    named = {
        "countriesRegions": [customer["country"], order["sellToCountry"], order["shipToCountry"]],
        "currencies": [customer["currencyCode"], order["currencyCode"]],
        "salespeoplePurchasers": [customer["salespersonCode"], order["salesperson"]],
        "itemCategories": [item["itemCategoryCode"]],
        "taxGroups": [item["taxGroupCode"]],
        "unitsOfMeasure": [item["baseUnitOfMeasureCode"]],
    }
    for name, held in named.items():
        assert set(held) == {f"N{made[name]['code']}"}, name
    assert customer["taxAreaDisplayName"] == "renamed"


def test_a_unit_is_kept_by_the_items_that_are_counted_in_it(central: Central, mark: str) -> None:
    """``UnitofMeasure.Table``, ``OnDelete``."""
    unit = central.made("unitsOfMeasure", {"code": mark})
    item = central.made("items", {"baseUnitOfMeasureId": unit["id"]})
    assert central.delete(f"unitsOfMeasure({unit['id']})").code == REFUSED
    assert central.delete(f"items({item['id']})").status == 204
    assert central.delete(f"unitsOfMeasure({unit['id']})").status == 204


def test_items_of_a_category_that_is_deleted_have_none(central: Central, mark: str) -> None:
    """``ItemCategory.Table``, ``UpdateDeletedCategoryItems``."""
    category = central.made("itemCategories", {"code": mark})
    item = central.made("items", {"itemCategoryId": category["id"]})
    assert central.delete(f"itemCategories({category['id']})").status == 204
    left = central.fresh("items", item)
    assert (left["itemCategoryId"], left["itemCategoryCode"]) == (ZERO, "")


@pytest.mark.parametrize(
    ("entity_set", "name"),
    [
        ("paymentTerms", "paymentTermsId"),
        ("paymentMethods", "paymentMethodId"),
        ("shipmentMethods", "shipmentMethodId"),
    ],
)
def test_terms_and_methods_are_deleted_though_customers_name_them(
    central: Central, mark: str, entity_set: str, name: str
) -> None:
    """``PaymentTerms.Table``, ``PaymentMethod.Table`` and ``ShipmentMethod.Table``: ``OnDelete`` looks for no user."""
    code = central.made(entity_set, {"code": mark})
    central.made("customers", {"displayName": mark, name: code["id"]})
    assert central.delete(f"{entity_set}({code['id']})").status == 204


def test_a_currency_with_open_entries_stays(central: Central, mark: str) -> None:
    """``Currency.Table``, ``OnDelete``; its exchange rates go with one that is deleted."""
    customer = central.made("customers", {"displayName": mark, "currencyCode": "CAD"})
    lines = [{"itemId": central.sold(mark, unitPrice=10)["id"], "quantity": 1}]
    invoice = central.made("salesInvoices", {"customerId": customer["id"], "salesInvoiceLines": lines})
    assert central.post(f"salesInvoices({invoice['id']})/Microsoft.NAV.post", {}).status == 204
    assert central.delete(f"currencies({central.code('currencies', 'CAD')})").code == REFUSED
    assert central.get("currencyExchangeRates?$filter=currencyCode eq 'ZAR'").value
    assert central.delete(f"currencies({central.code('currencies', 'ZAR')})").status == 204
    assert central.get("currencyExchangeRates?$filter=currencyCode eq 'ZAR'").value == []


def test_exchange_rates_are_only_read(central: Central) -> None:
    """``APIV2CurrencyExchRateE2E``, ``TestGetCurrencyExchangeRates`` and ``TestSingleGetCurrencyExchangeRate``."""
    rate = central.get("currencyExchangeRates?$filter=currencyCode eq 'USD'").value[0]
    assert central.get(f"currencyExchangeRates({rate['id']})").body["exchangeRateAmount"] == rate["exchangeRateAmount"]
    assert central.post("currencyExchangeRates", {"currencyCode": "USD"}).status == 405


def test_an_employee_is_created_changed_and_deleted(central: Central, mark: str) -> None:
    """``APIV2EmployeesE2E``, ``TestCreateEmployee``, ``TestModifyEmployee`` and ``TestDeleteEmployee``."""
    employee = central.made("employees", {"givenName": mark, "middleName": "M", "surname": "Berg"})
    assert (employee["displayName"], employee["number"][:3]) == (f"{mark} M Berg", "EMP")
    path = f"employees({employee['id']})"
    changed = central.patch(path, {"surname": "Holm", "status": "Inactive"}).body
    assert (changed["displayName"], changed["status"]) == (f"{mark} M Holm", "Inactive")
    assert central.delete(path).status == 204


def test_a_project_is_numbered_and_renamed(central: Central, mark: str) -> None:
    """``Job.Table``, ``InitJobNo``; ``APIV2Jobs``."""
    project = central.made("projects", {"displayName": mark})
    assert project["number"].startswith("J")
    path = f"projects({project['id']})"
    assert central.patch(path, {"number": mark, "displayName": "x"}).body["number"] == mark
    assert central.delete(path).status == 204


def test_the_company_is_described_and_changed(central: Central) -> None:
    """``APIV2CompanyInfoE2E``, ``TestGetCompanyInformation`` and ``TestModifyCompanyInformation``."""
    (company,) = central.get("companyInformation").value
    path = f"companyInformation({company['id']})"
    told: dict[str, Any] = {"addressLine1": "Quay 1", "city": "Rotterdam", "phoneNumber": "+31 10", "country": "NL"}
    changed = central.patch(path, told, company["@odata.etag"]).body
    assert {name: changed[name] for name in told} == told
    assert (changed["currencyCode"], changed["displayName"]) == ("EUR", company["displayName"])
    assert central.patch(path, {"currencyCode": "USD"}).code == "BadRequest_InvalidOperation"
    assert central.post("companyInformation", told).status == 405
    assert central.delete(path).status == 405
    assert central.get(f"{path}/picture").status == 204


def test_the_company_is_shown_so_much_of_the_product(central: Central) -> None:
    """``APIV2CompanyInfoE2E``, ``TestModifyValidExperinceTier`` and ``TestModifyInvalidExperinceTier``."""
    (company,) = central.get("companyInformation").value
    path = f"companyInformation({company['id']})"
    assert central.patch(path, {"experience": "Premium"}).body["experience"] == "Premium"
    refused = central.patch(path, {"experience": "Supreme"})
    assert (refused.code, "experience tier" in refused.message) == (REFUSED, True)
    central.patch(path, {"experience": company["experience"]})
