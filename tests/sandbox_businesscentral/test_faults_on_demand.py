"""What goes wrong by itself or when told to, past what `test_server` shows of single statuses and cut connections."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox_businesscentral.central import Central, running
from sandbox_businesscentral.test_server import faults


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    with running(tmp_path_factory.mktemp("faulty"), "--open", "--empty") as sandbox:
        yield sandbox


def test_a_connection_is_cut_in_the_middle_of_the_body(faulty: Central) -> None:
    faults(faulty, {"kind": "cut-halfway", "match": "items", "method": "POST"})
    with pytest.raises(http.client.IncompleteRead) as cut:
        faulty.post("items", {"displayName": "half"})
    assert cut.value.partial.startswith(b'{"@odata.context"')
    assert len(faulty.get("items?$filter=displayName eq 'half'").value) == 1


def test_a_next_link_dies_and_a_new_list_goes_on(faulty: Central) -> None:
    page = {"Prefer": "odata.maxpagesize=10"}
    link = faulty.get("countriesRegions", page).body["@odata.nextLink"]
    faults(faulty, {"kind": "dead-link", "times": 2}, {"kind": "dead-link", "status": 400, "after": 1})
    for _ in range(2):
        assert (faulty.get(link, page).status, faulty.get("countriesRegions", page).status) == (410, 200)
    assert [faulty.get(link, page).status for _ in range(3)] == [200, 400, 200]


def test_gateway_timeouts_and_throttling_without_a_retry_after(faulty: Central) -> None:
    faults(faulty, {"kind": "429"}, {"kind": "504"}, {"kind": "503", "retryAfter": 7})
    replies = [faulty.get("items") for _ in range(3)]
    assert [reply.status for reply in replies] == [429, 504, 503]
    assert [reply.headers.get("retry-after") for reply in replies] == [None, None, "7"]
    assert all(set(reply.body["error"]) == {"code", "message"} for reply in replies)


CHANCES = {
    "seed": 11,
    "faults": [
        {"kind": "429", "rate": 0.2, "retryAfter": 1},
        {"kind": "500", "rate": 0.2, "match": "items"},
        {"kind": "503", "rate": 0.3, "method": "POST"},
    ],
}


def seen(central: Central) -> list[int]:
    """The statuses of requests of several kinds, with ids that no other sandbox has."""
    statuses = []
    for number in range(20):
        statuses.append(central.get("items?$top=1").status)
        statuses.append(central.get(f"companies({central.company})").status)
        statuses.append(central.post("itemCategories", {"code": f"{number}", "displayName": "x"}).status)
        url = f"companies({central.company})/items?$top=1"
        asked = {"requests": [{"id": str(each), "method": "GET", "url": url} for each in range(3)]}
        batch = central.post("/$batch", asked, {"Prefer": "odata.continue-on-error"})
        statuses.append(batch.status)
        statuses += [each["status"] for each in batch.body.get("responses", [])]
    return statuses


def test_the_same_seed_and_requests_give_the_same_faults(tmp_path: Path) -> None:
    chosen = tmp_path / "faults.json"
    chosen.write_text(json.dumps({"next": [], "random": CHANCES}))
    told = []
    for folder, seed in (("a", ()), ("b", ()), ("c", ("--faults-seed", "12"))):
        (tmp_path / folder).mkdir()
        with running(tmp_path / folder, "--open", "--empty", *seed, "--faults", str(chosen)) as sandbox:
            told.append(seen(sandbox))
    assert told[0] == told[1]
    assert {429, 500, 503, 200} <= set(told[0])
    assert told[0] != told[2]


def test_chances_are_drawn_for_each_kind_of_request_by_itself(faulty: Central) -> None:
    def items(*, others: int) -> list[int]:
        assert faulty.post("/sandbox/faults", {"next": [], "random": CHANCES}).status == 200
        statuses = []
        for _ in range(30):
            statuses.append(faulty.get("items?$top=1").status)
            for _ in range(others):
                faulty.get("customers?$top=1")
        return statuses

    assert items(others=0) == items(others=2)
    faults(faulty)


@pytest.mark.parametrize(
    "body",
    [
        {"random": CHANCES},
        {"next": [], "random": {"faults": [{"kind": "500"}]}},
        {"next": [], "random": {"faults": [{"kind": "500", "rate": 2}]}},
        {"next": [{"kind": "500", "times": 0}]},
        {"next": [{"kind": "latency", "seconds": -1}]},
        {"next": [{"kind": "429", "retryAfter": -1}]},
        {"next": [{"kind": "dead-link", "status": 418}]},
    ],
)
def test_what_cannot_go_wrong_is_refused(faulty: Central, body: dict[str, Any]) -> None:
    assert faulty.post("/sandbox/faults", body).status == 400
