from __future__ import annotations

from typing import Any

import pytest

from sandbox_businesscentral.central import Central, Reply

JSON = {"Content-Type": "application/json"}


def operation(central: Central, id_: int, method: str, path: str, body: object = None, **more: Any) -> dict[str, Any]:
    made = {"id": str(id_), "method": method, "url": f"companies({central.company})/{path}", "headers": JSON, **more}
    return made if body is None else {**made, "body": body}


def batched(central: Central, *operations: dict[str, Any], **headers: str) -> Reply:
    reply = central.post(
        "/$batch", {"requests": list(operations)}, {name.title(): value for name, value in headers.items()}
    )
    assert reply.status == 200, reply
    return reply


def statuses(reply: Reply) -> list[int]:
    return [each["status"] for each in reply.body["responses"]]


def category(central: Central, number: int, mark: str) -> dict[str, Any]:
    return operation(central, number, "POST", "itemCategories", {"code": f"{mark}-{number}", "displayName": "x"})


def test_a_batch_answers_each_operation_in_order(central: Central, mark: str) -> None:
    item = central.made("items", {"number": mark})
    reply = batched(
        central,
        operation(central, 1, "GET", f"items({item['id']})?$select=number"),
        operation(central, 2, "PATCH", f"items({item['id']})", {"displayName": "new"}, headers={"If-Match": "*"}),
        operation(central, 3, "GET", f"items?$filter=displayName eq 'new' and number eq '{mark}'&$select=number"),
        operation(central, 4, "DELETE", f"items({item['id']})", headers={"if-match": "*"}),
    )
    answers = reply.body["responses"]
    assert [answer["id"] for answer in answers] == ["1", "2", "3", "4"]
    assert statuses(reply) == [200, 200, 200, 204]
    assert answers[0]["body"]["number"] == mark
    assert answers[1]["body"]["displayName"] == "new"
    assert [found["number"] for found in answers[2]["body"]["value"]] == [mark]
    assert "body" not in answers[3]
    assert all(answer["headers"]["content-type"].startswith("application/json") for answer in answers[:3])


def test_a_deep_insert_in_a_batch_shows_its_lines(central: Central, mark: str) -> None:
    customer = central.made("customers", {"displayName": mark})
    body = {"customerId": customer["id"], "salesOrderLines": [{"description": "a"}, {"description": "b"}]}
    reply = batched(central, operation(central, 1, "POST", "salesOrders?$expand=salesOrderLines", body))
    order = reply.body["responses"][0]["body"]
    assert [line["description"] for line in order["salesOrderLines"]] == ["a", "b"]


def test_after_a_failure_the_rest_is_skipped_and_what_was_done_stays(central: Central, mark: str) -> None:
    reply = batched(
        central, category(central, 1, mark), category(central, 1, mark) | {"id": "2"}, category(central, 3, mark)
    )
    assert statuses(reply) == [201, 400, 424]
    assert reply.body["responses"][1]["body"]["error"]["code"] == "Internal_EntityWithSameKeyExists"
    assert central.get(f"itemCategories/$count?$filter=startswith(code,'{mark}')").body == 1


def test_a_batch_goes_on_after_a_failure_when_told_to(central: Central, mark: str) -> None:
    dependent = category(central, 4, mark) | {"dependsOn": ["2"]}
    operations = (
        category(central, 1, mark),
        category(central, 1, mark) | {"id": "2"},
        category(central, 3, mark),
        dependent,
    )
    assert statuses(batched(central, *operations, prefer="odata.continue-on-error")) == [201, 400, 201, 424]


def test_a_snapshot_is_kept_whole_or_not_at_all(central: Central, mark: str) -> None:
    """The product's page on transactional batches shows what was reverted with its own answer."""
    whole = batched(central, category(central, 1, mark), category(central, 2, mark), isolation="snapshot")
    assert statuses(whole) == [201, 201]
    broken = batched(
        central, category(central, 3, mark), category(central, 1, mark), category(central, 4, mark) | {"id": "9"},
        isolation="snapshot",
    )  # fmt: skip
    assert statuses(broken) == [201, 400, 424]
    assert central.get(f"itemCategories/$count?$filter=startswith(code,'{mark}')").body == 2


def test_operations_without_an_id_are_answered_with_null(central: Central) -> None:
    """As the example on the product's page on transactional batches."""
    reply = batched(central, {"method": "GET", "url": "companies"}, {"method": "GET", "url": "companies"})
    assert [each["id"] for each in reply.body["responses"]] == [None, None]
    headers = {"content-type": "application/json; odata.metadata=minimal", "odata-version": "4.0"}
    assert reply.body["responses"][0]["headers"] == headers


def test_an_atomicity_group_is_kept_whole_or_not_at_all(central: Central, mark: str) -> None:
    """OData JSON Format 4.01, section 19: a group is a change set, and is named in its answers."""
    first, broken, other = ({"atomicityGroup": name} for name in ("first", "broken", "other"))
    reply = batched(
        central,
        category(central, 1, mark) | first, category(central, 2, mark) | first,
        category(central, 3, mark) | broken,
        category(central, 1, mark) | broken | {"id": "again"},
        category(central, 4, mark) | broken,
        category(central, 5, mark) | other | {"dependsOn": ["broken"]},
        category(central, 6, mark) | {"dependsOn": ["first"]},
        prefer="odata.continue-on-error",
    )  # fmt: skip
    assert statuses(reply) == [201, 201, 424, 400, 424, 424, 201]
    groups = [each.get("atomicityGroup") for each in reply.body["responses"]]
    assert groups == ["first", "first", "broken", "broken", "broken", "other", None]
    found = central.get(f"itemCategories?$filter=startswith(code,'{mark}')&$select=code").value
    assert [each["code"] for each in found] == [f"{mark}-{number}" for number in (1, 2, 6)]


def test_after_a_group_that_failed_the_rest_is_skipped(central: Central, mark: str) -> None:
    group = {"atomicityGroup": "g"}
    twice = category(central, 1, mark)
    reply = batched(central, twice | group, twice | group | {"id": "2"}, category(central, 3, mark))
    assert statuses(reply) == [424, 400, 424]
    assert central.get(f"itemCategories/$count?$filter=startswith(code,'{mark}')").body == 0


def test_an_operation_may_address_what_an_earlier_one_made(central: Central, mark: str) -> None:
    """OData JSON Format 4.01, section 19: $ and the id of an earlier request stand for its record."""
    reply = batched(
        central,
        operation(central, 1, "POST", "items", {"number": mark}),
        {"id": "2", "method": "POST", "url": "$1/itemVariants", "body": {"code": "RED"}, "dependsOn": ["1"]},
        {"id": "3", "method": "PATCH", "url": "$2", "body": {"description": "red"}, "headers": {"If-Match": "*"}},
        {"id": "4", "method": "GET", "url": "$3?$select=description,itemNumber"},
    )
    assert statuses(reply) == [201, 201, 200, 200]
    shown = reply.body["responses"][3]["body"]
    assert (shown["description"], shown["itemNumber"]) == ("red", mark)


def test_what_names_a_failed_or_unknown_operation_is_not_done(central: Central) -> None:
    reply = batched(
        central,
        operation(central, 1, "POST", "items", {"no": "such property"}),
        {"id": "2", "method": "GET", "url": "$1/itemVariants"},
        {"id": "3", "method": "GET", "url": "$9"},
        prefer="odata.continue-on-error",
    )
    assert statuses(reply) == [400, 424, 404]


def test_one_body_that_cannot_be_done_does_not_spoil_the_others(central: Central, mark: str) -> None:
    reply = batched(
        central,
        operation(central, 1, "POST", "items", ["no", "record"]),
        operation(central, 2, "POST", "items", {"number": mark}),
        prefer="odata.continue-on-error",
    )
    assert statuses(reply) == [400, 201]


def test_addresses_of_operations_may_be_relative_rooted_or_whole(central: Central) -> None:
    path = "companies?$select=name"
    rooted = "/v2.0/local/sandbox/api/v2.0/companies"
    urls = ["companies", "/companies", rooted, f"{central.root}/companies", f"/items?company={central.name}&$top=1"]
    reply = batched(central, *({"id": url, "method": "GET", "url": url} for url in urls))
    assert (statuses(reply), path[:9]) == ([200] * 5, "companies")


def test_a_header_chooses_the_company_of_an_operation(central: Central) -> None:
    reply = batched(central, {"id": "1", "method": "GET", "url": "items?$top=1", "headers": {"Company": central.name}})
    assert statuses(reply) == [200]


def test_a_hundred_operations_and_no_more(central: Central) -> None:
    hundred = [{"id": str(number), "method": "GET", "url": "companies"} for number in range(101)]
    assert len(batched(central, *hundred[:100]).body["responses"]) == 100
    refused = central.post("/$batch", {"requests": hundred})
    assert (refused.status, refused.code) == (400, "BadRequest")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"requests": 5},
        {"requests": [{"id": "1"}]},
        {"requests": [{"id": "1", "method": "GET", "url": "companies"}] * 2},
        {"requests": [{"id": "1", "method": "GET", "url": "companies", "dependsOn": ["2"]}]},
        {
            "requests": [
                {"id": f"{n}", "method": "GET", "url": "items", "atomicityGroup": f"{n % 2}g"} for n in range(3)
            ]
        },
        {"requests": [{"id": "1", "method": "GET", "url": "companies", "headers": {"a": 1}}]},
        [],
    ],
)
def test_a_malformed_batch_is_refused_whole(central: Central, body: object) -> None:
    refused = central.post("/$batch", body)
    assert (refused.status, refused.code) == (400, "BadRequest")
