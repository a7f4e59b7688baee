"""``$batch`` as multipart/mixed: OData 4.0, part 1, section 11.7, as Business Central takes it beside JSON."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import BytesParser
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox_businesscentral.central import Central, Reply, _reply

CONTINUE = {"Prefer": "odata.continue-on-error"}


class Part(NamedTuple):
    """One answer of a batch."""

    status: int
    name: str | None
    headers: Mapping[str, str]
    body: Any


def part(method: str, url: str, body: object = None, *, name: str = "", **headers: str) -> str:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    lines += [f"Content-ID: {name}"] if name else []
    lines += ["", f"{method} {url} HTTP/1.1"]
    lines += [f"{key.replace('_', '-')}: {value}" for key, value in headers.items()]
    if body is None:
        return "\r\n".join([*lines, "", ""])
    return "\r\n".join([*lines, "Content-Type: application/json", "", json.dumps(body, ensure_ascii=False)])


def joined(parts: Sequence[str], boundary: str) -> str:
    return "".join(f"--{boundary}\r\n{each}\r\n" for each in parts) + f"--{boundary}--\r\n"


def change_set(*parts: str) -> str:
    return "Content-Type: multipart/mixed; boundary=changes\r\n\r\n" + joined(parts, "changes")


def sent(central: Central, body: bytes, headers: Mapping[str, str] | None = None, boundary: str = "batch") -> Any:
    kind = {"Content-Type": f"multipart/mixed; boundary={boundary}"}
    asked = urllib.request.Request(f"{central.root}/$batch", data=body, headers={**kind, **(headers or {})})
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return _reply(refused)


def batched(central: Central, *parts: str, headers: Mapping[str, str] | None = None) -> list[Part | list[Part]]:
    kind, content = sent(central, joined(parts, "batch").encode(), headers)
    whole = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + content)
    assert whole.get_content_type() == "multipart/mixed"
    assert not whole.defects
    answers: list[Part | list[Part]] = []
    for each in whole.get_payload():
        assert isinstance(each, Message)
        if each.is_multipart():
            answers.append([_part(inner) for inner in each.get_payload() if isinstance(inner, Message)])
        else:
            answers.append(_part(each))
    return answers


def _part(message: Message[str, str]) -> Part:
    assert message.get_content_type() == "application/http"
    content = message.get_payload(decode=True)
    assert isinstance(content, bytes)
    head, _, body = content.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = dict(each.split(": ", 1) for each in rest)
    return Part(int(line.split()[1]), message["Content-ID"], headers, json.loads(body) if body.strip() else None)


def statuses(answers: Sequence[Part | list[Part]]) -> list[Any]:
    return [[each.status for each in one] if isinstance(one, list) else one.status for one in answers]


def category(central: Central, code: str, name: str = "") -> str:
    url = f"companies({central.company})/itemCategories"
    return part("POST", url, {"code": code, "displayName": "æøå ✓"}, name=name)


def kept(central: Central, mark: str) -> list[str]:
    return [each["code"] for each in central.get(f"itemCategories?$filter=startswith(code,'{mark}')").value]


def test_requests_and_change_sets_are_answered_in_order(central: Central, mark: str) -> None:
    """Section 11.7.4: one part for each request, and one that holds a part for each request of a change set."""
    answers = batched(
        central,
        part("GET", f"companies({central.company})/items?$top=1&$select=number"),
        change_set(category(central, f"{mark}-1", "a"), category(central, f"{mark}-2", "b")),
        part("GET", f"/v2.0/local/sandbox/api/v2.0/companies({central.company})/itemCategories/$count"),
        part("GET", f"{central.root}/companies"),
    )
    assert statuses(answers) == [200, [201, 201], 200, 200]
    made = answers[1]
    assert isinstance(made, list)
    assert [each.name for each in made] == ["a", "b"]
    assert [each.body["displayName"] for each in made] == ["æøå ✓"] * 2
    assert made[0].headers["Location"].startswith(central.root)
    assert kept(central, mark) == [f"{mark}-1", f"{mark}-2"]


def test_a_change_set_is_kept_whole_or_not_at_all(central: Central, mark: str) -> None:
    """Sections 11.7.3 and 11.7.4: all or nothing, and a failure is one answer in place of the set's."""
    twice = category(central, f"{mark}-1", "second")
    answers = batched(central, change_set(category(central, f"{mark}-1", "first"), twice))
    assert statuses(answers) == [400]
    failed = answers[0]
    assert isinstance(failed, Part)
    assert failed.name == "second"
    assert failed.body["error"]["code"] == "Internal_EntityWithSameKeyExists"
    assert kept(central, mark) == []


def test_a_request_of_a_change_set_addresses_what_another_made(central: Central, mark: str) -> None:
    """Section 11.7.3.1: $ and a Content-ID stand for the record."""
    items = f"companies({central.company})/items"
    answers = batched(
        central,
        change_set(
            part("POST", items, {"number": mark}, name="1"),
            part("POST", "$1/itemVariants", {"code": "RED"}, name="2"),
            part("PATCH", "$2", {"description": "red"}, name="3", If_Match="*"),
        ),
        part("GET", "$1/itemVariants?$select=code,description"),
    )
    assert statuses(answers) == [[201, 201, 200], 200]
    listed = answers[1]
    assert isinstance(listed, Part)
    assert [(each["code"], each["description"]) for each in listed.body["value"]] == [("RED", "red")]


def test_names_are_unique_within_a_change_set_and_may_come_again_in_the_next(central: Central, mark: str) -> None:
    answers = batched(
        central, change_set(category(central, f"{mark}-1", "1")), change_set(category(central, f"{mark}-2", "1"))
    )
    assert statuses(answers) == [[201], [201]]
    twice = change_set(category(central, f"{mark}-3", "1"), category(central, f"{mark}-4", "1"))
    refused = sent(central, joined([twice], "batch").encode())
    assert (refused.status, refused.code) == (400, "BadRequest")
    assert kept(central, mark) == [f"{mark}-1", f"{mark}-2"]


def test_without_continue_on_error_processing_stops_at_the_failure(central: Central, mark: str) -> None:
    """Section 8.2.8.3: the failure is answered, and nothing behind it is done or answered."""
    wrong = part("GET", "companies/nothing")
    answers = batched(central, category(central, f"{mark}-1"), wrong, category(central, f"{mark}-2"))
    assert statuses(answers) == [201, 404]
    assert kept(central, mark) == [f"{mark}-1"]


def test_with_continue_on_error_every_part_is_answered(central: Central, mark: str) -> None:
    one, broken = category(central, f"{mark}-1"), change_set(category(central, f"{mark}-2"), part("DELETE", "nowhere"))
    for prefer in ("odata.continue-on-error", "continue-on-error=true"):
        answers = batched(central, one, broken, part("GET", "companies"), headers={"Prefer": prefer})
        assert statuses(answers)[1:] == [404, 200]
    assert kept(central, mark) == [f"{mark}-1"]


def test_a_snapshot_reverts_all_of_it(central: Central, mark: str) -> None:
    """The product's page on transactional batches: as if the batch had never happened."""
    parts = (category(central, f"{mark}-1"), change_set(category(central, f"{mark}-2")), part("GET", "nothing"))
    for header in ("Isolation", "OData-Isolation"):
        assert statuses(batched(central, *parts, headers={header: "snapshot"})) == [201, [201], 404]
    assert kept(central, mark) == []
    assert statuses(batched(central, *parts[:2], headers={"Isolation": "snapshot"})) == [201, [201]]
    assert kept(central, mark) == [f"{mark}-1", f"{mark}-2"]


def test_headers_bodies_and_versions_are_those_of_each_request(central: Central, mark: str) -> None:
    item = central.made("items", {"number": mark})
    url = f"items({item['id']})"
    company = {"Company": central.name}
    stale = part("PATCH", url, {"displayName": "x"}, If_Match='W/"old"', **company)
    fresh = part("PATCH", url, {"displayName": "é"}, If_Match=item["@odata.etag"], **company)
    gone = part("DELETE", url, If_Match="*", **company)
    answers = batched(central, stale, fresh, gone, headers=CONTINUE)
    assert statuses(answers) == [409, 200, 204]
    changed, deleted = answers[1:]
    assert isinstance(changed, Part)
    assert changed.body["displayName"] == "é"
    assert isinstance(deleted, Part)
    assert deleted.body is None
    assert central.get(f"items({item['id']})").status == 404


def test_a_hundred_operations_counted_through_change_sets_and_no_more(central: Central) -> None:
    patches = [part("PATCH", "companies", {}, name=f"{number}") for number in range(60)]
    reads = [part("GET", "companies") for _ in range(40)]
    assert len(batched(central, *reads, change_set(*patches), headers=CONTINUE)) == 41
    refused = sent(central, joined([*reads, part("GET", "companies"), change_set(*patches)], "batch").encode())
    assert (refused.status, refused.code) == (400, "BadRequest")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no parts at all",
        joined([part("GET", "companies")], "other"),
        joined([part("GET", "companies")], "batch").removesuffix("--batch--\r\n"),
        joined(["Content-Type: application/json\r\n\r\n{}"], "batch"),
        joined(["Content-Type: application/http\r\n\r\nno request line"], "batch"),
        joined(["Content-Type: application/http\r\n\r\n"], "batch"),
        joined([change_set(part("GET", "companies"))], "batch"),
        joined([change_set(change_set(part("DELETE", "companies")))], "batch"),
        joined([change_set(part("DELETE", "companies")).removesuffix("--changes--\r\n")], "batch"),
        joined(["Content-Type: multipart/mixed\r\n\r\n" + joined([part("DELETE", "x")], "changes")], "batch"),
    ],
)
def test_a_malformed_batch_is_refused_whole(central: Central, body: str) -> None:
    refused = sent(central, body.encode())
    assert (refused.status, refused.code) == (400, "BadRequest")


def test_nothing_is_done_of_a_batch_that_was_cut_short(central: Central, mark: str) -> None:
    whole = joined([category(central, f"{mark}-1"), category(central, f"{mark}-2")], "batch")
    for missing in (len("--batch--\r\n"), 60, len(whole) // 2):
        assert sent(central, whole[:-missing].encode()).status == 400
    assert kept(central, mark) == []


def test_a_body_that_is_no_json_fails_its_own_part(central: Central, mark: str) -> None:
    broken = category(central, f"{mark}-1").replace('{"code"', '{"code')
    answers = batched(central, broken, category(central, f"{mark}-2"), headers=CONTINUE)
    assert statuses(answers) == [400, 201]


PIECES = st.sampled_from(
    [
        "--batch\r\n", "--batch--\r\n", "--changes\r\n", "--changes--\r\n", "\r\n", "\n", "\r", "Content-ID: $1\r\n",
        "Content-Type: application/http\r\n", "Content-Type: multipart/mixed; boundary=changes\r\n",
        "Content-ID: é\r\n",
        "Content-Type: multipart/mixed; boundary*=x'y'%zz\r\n", "Content-Transfer-Encoding: base64\r\n", "\x00", "\xff",
        "GET companies HTTP/1.1\r\n", "POST $1/items HTTP/1.1\r\n", "{}", "If-Match: *\r\n", " folded\r\n",
        "GET  HTTP/1\r\n",
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=25))
def test_whatever_is_sent_is_answered_or_refused_in_the_contracts_shape(central: Central, pieces: list[str]) -> None:
    answer = sent(central, "".join(pieces).encode("utf-8", "surrogatepass"))
    if isinstance(answer, Reply):
        assert answer.status == 400
        assert set(answer.body["error"]) == {"code", "message"}
    else:
        assert answer[0].startswith("multipart/mixed")


def test_parts_nested_without_end_are_refused(central: Central) -> None:
    nested = "".join(
        f"--b{number}\r\nContent-Type: multipart/mixed; boundary=b{number + 1}\r\n\r\n" for number in range(3000)
    )
    assert sent(central, nested.encode(), boundary="b0").status == 400
