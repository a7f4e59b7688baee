"""Several companies in one sandbox: each has its own records, numbers and versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox_businesscentral.central import Central, running, started

_NAMES = ("North AB", "South & Sons")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    options = [option for name in _NAMES for option in ("--company", name)]
    with running(tmp_path_factory.mktemp("two"), "--open", "--empty", *options) as sandbox:
        yield sandbox


def _companies(central: Central) -> dict[str, str]:
    return {company["name"]: company["id"] for company in central.get("/companies").value}


def test_companies_lists_all_of_them(two: Central) -> None:
    listed = _companies(two)
    assert tuple(listed) == _NAMES
    assert len(set(listed.values())) == 2
    assert two.get(f"/companies({listed['South & Sons']})").body["name"] == "South & Sons"


def test_what_one_company_gets_the_other_does_not_see(two: Central) -> None:
    north, south = _companies(two).values()
    made = two.post(f"/companies({north})/customers", {"displayName": "Only in the north"}).body
    assert two.get(f"/companies({north})/customers({made['id']})").status == 200
    assert two.get(f"/companies({south})/customers({made['id']})").code == "Internal_RecordNotFound"
    for entity_set in ("customers", "contacts"):
        assert two.get(f"/companies({south})/{entity_set}?$filter=displayName eq 'Only in the north'").value == []
    refused = two.call("DELETE", f"/companies({south})/customers({made['id']})", None, {"If-Match": "*"})
    assert refused.status == 404
    currency = two.get(f"/companies({north})/currencies?$top=1").value[0]["id"]
    crossed = two.post(f"/companies({south})/customers", {"displayName": "x", "currencyId": currency})
    assert crossed.code == "Internal_InvalidTableRelation"


def test_each_company_counts_its_own_numbers_and_versions(two: Central) -> None:
    made = [two.post(f"/companies({company})/items", {}).body for company in _companies(two).values()]
    assert made[0]["number"] == made[1]["number"]
    assert made[0]["id"] != made[1]["id"]
    assert made[0]["@odata.etag"] != made[1]["@odata.etag"]
    north, south = _companies(two).values()
    stale = {"If-Match": made[0]["@odata.etag"]}
    assert two.call("PATCH", f"/companies({south})/items({made[1]['id']})", {"displayName": "x"}, stale).status == 409
    assert two.call("PATCH", f"/companies({north})/items({made[0]['id']})", {"displayName": "x"}, stale).status == 200


def test_a_company_is_chosen_by_path_query_or_header(two: Central) -> None:
    ids = _companies(two)
    for name, company in ids.items():
        assert two.post(f"/companies({company})/shipmentMethods", {"code": name[:5]}).status == 201
        wanted = f"/shipmentMethods?$filter=code eq '{name[:5]}'"
        quoted = name.replace("&", "%26")
        for path, headers in (
            (f"/companies({company}){wanted}", {}),
            (f"{wanted}&company={quoted}", {}),
            (f"{wanted}&company={company}", {}),
            (wanted, {"Company": name}),
            (wanted, {"Company": company}),
            (f"/companies({company}){wanted}", {"Company": "Nobody"}),
            (f"{wanted}&company={quoted}", {"Company": "Nobody"}),
        ):
            assert len(two.get(path, headers).value) == 1, path
        other = next(each for each in ids if each != name)
        assert two.get(wanted, {"Company": other}).value == []
    assert two.get("/shipmentMethods", {"Company": "Nobody"}).code == "Internal_CompanyNotFound"
    assert two.get("/shipmentMethods").status == 404


def test_operations_of_one_batch_may_go_to_several_companies(two: Central) -> None:
    north, south = _companies(two)
    operations = [
        {"id": "1", "method": "POST", "url": "paymentMethods", "headers": {"Company": north}, "body": {"code": "N"}},
        {
            "id": "2",
            "method": "POST",
            "url": f"paymentMethods?company={south.replace('&', '%26')}",
            "body": {"code": "S"},
        },
        {"id": "3", "method": "GET", "url": "paymentMethods?$filter=code eq 'N'", "headers": {"Company": south}},
        {"id": "4", "method": "GET", "url": "paymentMethods?$filter=code eq 'S'", "headers": {"Company": south}},
    ]
    answers = two.post("/$batch", {"requests": operations}).body["responses"]
    assert [answer["status"] for answer in answers] == [201, 201, 200, 200]
    assert [len(answer["body"]["value"]) for answer in answers[2:]] == [0, 1]


def test_a_company_is_added_to_data_that_is_there_already(tmp_path: Path) -> None:
    data = ("--open", "--data", str(tmp_path / "central.db"))
    with running(tmp_path, *data, "--empty", "--company", "First") as sandbox:
        before = _companies(sandbox)
        customer = sandbox.made("customers", {"displayName": "Kept"})
    with running(tmp_path, *data, "--company", "Second", "--company", "First", "--company", "Second") as sandbox:
        after = _companies(sandbox)
        assert tuple(after) == ("First", "Second")
        assert after["First"] == before["First"]
        assert sandbox.get(f"/companies({after['First']})/customers").value[0]["id"] == customer["id"]
        assert len(sandbox.get(f"/companies({after['Second']})/customers").value) == 20
    with running(tmp_path, *data) as sandbox:
        assert _companies(sandbox) == after


@pytest.mark.parametrize("name", ["", "  ", "x" * 31])
def test_a_name_that_no_company_can_have_is_told_in_one_line(name: str) -> None:
    process = started("--open", "--company", name)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "--company takes 1 to 30 characters" in said
    assert len(said.strip().splitlines()) == 1
