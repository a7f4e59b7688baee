"""The operational limits of Business Central online, held to when asked: the product's page names every number."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sandbox_businesscentral.central import Central, Reply, running
from sandbox_businesscentral.test_batch_multipart import joined, part, sent
from sandbox_businesscentral.test_server import _CLIENT, _token, faults

LONG = 80_000


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    with running(tmp_path_factory.mktemp("limited"), "--open", "--empty") as sandbox:
        yield sandbox


@pytest.fixture
def limited(_shared: Central) -> Iterator[Central]:
    yield _shared
    faults(_shared)
    assert _shared.delete("/sandbox/limits").status == 204


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def limit(central: Central, **numbers: float | None) -> None:
    """Only these limits, and those that no client could do without."""
    free: dict[str, Any] = dict.fromkeys(
        "requests processed queued connections queueSeconds operationSeconds requestSeconds page".split()
    )
    assert central.post("/sandbox/limits", free | numbers).status == 200


def pass_time(central: Central, seconds: float) -> None:
    assert central.post("/sandbox/clock", {"advanceSeconds": seconds}).status == 200


def started(central: Central, pool: ThreadPoolExecutor, number: int = 1) -> list[Future[Reply]]:
    """Requests that are on the server: each was counted, and stands where the limits have it."""
    begun = []
    for _ in range(number):
        before = central.get("/sandbox/requests").body["total"]
        begun.append(pool.submit(central.get, "items?$top=1"))
        while central.get("/sandbox/requests").body["total"] == before:
            pass
    return begun


def slow(central: Central, times: int, seconds: float = LONG) -> None:
    faults(central, {"kind": "latency", "match": "items", "seconds": seconds, "times": times})


def refused(reply: Reply, status: int) -> bool:
    return reply.status == status and set(reply.body["error"]) == {"code", "message"}


def test_the_limits_are_those_of_the_product(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty", "--limits") as sandbox:
        assert sandbox.get("/sandbox/limits").body == {
            "requests": 6000,
            "windowSeconds": 300,
            "processed": 5,
            "queued": 95,
            "connections": 100,
            "queueSeconds": 480,
            "operationSeconds": 480,
            "requestSeconds": 600,
            "page": 20_000,
            "bodyBytes": 350 * 1024 * 1024,
            "batch": 100,
            "subscriptions": 200,
        }
        assert refused(sandbox.get("items", {"Prefer": "odata.maxpagesize=20001"}), 413)


def test_without_asking_nothing_is_limited_that_a_client_could_meet(limited: Central) -> None:
    told = limited.get("/sandbox/limits").body
    assert {name for name, number in told.items() if number is None} == {
        "requests", "processed", "queued", "connections", "queueSeconds", "operationSeconds", "requestSeconds", "page",
    }  # fmt: skip
    assert limited.get("items", {"Prefer": "odata.maxpagesize=20001"}).status == 200


def test_requests_are_limited_in_a_window_that_slides(limited: Central) -> None:
    limit(limited, requests=3, windowSeconds=300)
    assert [limited.get("items").status for _ in range(2)] == [200, 200]
    pass_time(limited, 200)
    assert limited.get("items").status == 200
    throttled = limited.get("items")
    assert refused(throttled, 429)
    assert "retry-after" not in throttled.headers, "the product promises it for 502 and 503 only"
    pass_time(limited, 101)
    assert [limited.get("items").status for _ in range(3)] == [200, 200, 429]


def test_each_user_has_limits_of_their_own(tmp_path: Path) -> None:
    options = ("--empty", "--user", "sync", "--password-env", "KEY")
    with running(tmp_path, *options, environment={"KEY": "web-key", **_CLIENT}) as sandbox:
        sandbox.post("/sandbox/limits", {"requests": 2})
        user = {"Authorization": "Basic c3luYzp3ZWIta2V5"}
        tokens = [{"Authorization": f"Bearer {_token(sandbox).body['access_token']}"} for _ in range(2)]
        assert [sandbox.get("/companies", user).status for _ in range(3)] == [200, 200, 429]
        assert [sandbox.get("/companies", each).status for each in (*tokens, tokens[0])] == [200, 200, 429]
        assert sandbox.get("/companies", {"Authorization": "Basic !"}).status == 401


def test_what_cannot_be_processed_at_once_waits_in_turn(limited: Central, pool: ThreadPoolExecutor) -> None:
    limit(limited, processed=2, queued=1)
    slow(limited, 2, seconds=50)
    begun = started(limited, pool, 3)
    assert refused(limited.get("items"), 429), "two are processed, one waits, and no more may"
    assert not any(each.done() for each in begun)
    pass_time(limited, 51)
    assert [each.result(timeout=20).status for each in begun] == [200, 200, 200]
    assert limited.get("items").status == 200


def test_requests_at_the_same_time_are_limited_whether_they_wait_or_not(
    limited: Central, pool: ThreadPoolExecutor
) -> None:
    limit(limited, processed=1, queued=95, connections=2)
    slow(limited, 1, seconds=50)
    begun = started(limited, pool, 2)
    assert refused(limited.get("items"), 429)
    pass_time(limited, 51)
    assert [each.result(timeout=20).status for each in begun] == [200, 200]


def test_who_waits_too_long_in_the_queue_is_sent_away(limited: Central, pool: ThreadPoolExecutor) -> None:
    limit(limited, processed=1, queueSeconds=480)
    slow(limited, 1, seconds=1000)
    busy, waiting = started(limited, pool, 2)
    pass_time(limited, 481)
    gone = waiting.result(timeout=20)
    assert refused(gone, 503)
    assert int(gone.headers["retry-after"]) > 0
    assert not busy.done()
    pass_time(limited, 600)
    assert busy.result(timeout=20).status == 200
    assert limited.get("items").status == 200, "nobody holds the place of who was sent away"


def test_an_operation_that_takes_too_long_is_ended_and_not_done(limited: Central, pool: ThreadPoolExecutor) -> None:
    limit(limited, processed=1, operationSeconds=480, requestSeconds=600)
    faults(limited, {"kind": "latency", "match": "items", "method": "POST", "seconds": LONG})
    before = limited.get("items/$count").body
    lost = pool.submit(limited.post, "items", {})
    while limited.get("/sandbox/faults").body["next"]:
        pass
    pass_time(limited, 479)
    waiting = started(limited, pool)[0]
    assert not lost.done()
    pass_time(limited, 2)
    assert refused(lost.result(timeout=20), 408)
    assert waiting.result(timeout=20).status == 200, "its place was given to the next"
    assert limited.get("items/$count").body == before


def test_a_request_that_waited_and_then_took_too_long_is_a_gateway_timeout(
    limited: Central, pool: ThreadPoolExecutor
) -> None:
    limit(limited, processed=1, queueSeconds=480, operationSeconds=400, requestSeconds=600)
    slow(limited, 2)
    first, second = started(limited, pool, 2)
    pass_time(limited, 390)
    third = started(limited, pool)[0]
    assert not first.done()
    pass_time(limited, 11)
    assert refused(first.result(timeout=20), 408)
    while limited.get("/sandbox/faults").body["next"]:
        pass
    pass_time(limited, 190)
    assert not second.done()
    pass_time(limited, 10)
    assert refused(second.result(timeout=20), 504), "401 seconds in the queue and 200 processed are 600 in all"
    assert third.result(timeout=20).status == 200


def test_a_page_that_is_too_large_is_refused_and_none_is_larger(limited: Central) -> None:
    limit(limited, page=10)
    first = limited.get("countriesRegions")
    assert len(first.value) == 10
    assert len(limited.get(first.body["@odata.nextLink"]).value) == 10
    assert len(limited.get("countriesRegions", {"Prefer": "odata.maxpagesize=10"}).value) == 10
    assert refused(limited.get("countriesRegions", {"Prefer": "odata.maxpagesize=11"}), 413)
    assert len(limited.get("countriesRegions?$top=15").value) == 10, "how many are wanted in all is no page"


def test_a_body_that_is_too_large_is_refused(limited: Central) -> None:
    limit(limited, bodyBytes=1000)
    assert limited.made("items", {"displayName": "x" * 50})
    assert refused(limited.post("items", {"displayName": "x" * 1000}), 413)
    assert limited.made("items", {"displayName": "x"})


@pytest.mark.parametrize("door", ["setup", "clock", "faults", "limits", "notifications", "snapshots"])
def test_what_is_no_text_is_refused_at_every_door(limited: Central, door: str) -> None:
    assert refused(limited.post(f"/sandbox/{door}", b'{"name": "\xff"}'), 400)


@pytest.mark.parametrize(
    "path",
    [
        "{}/local/oauth2/v2.0/token",
        "/sandbox/setup",
        "/sandbox/clock",
        "/sandbox/faults",
        "/sandbox/limits",
        "/sandbox/notifications",
        "/sandbox/snapshots",
    ],
)
def test_no_door_takes_a_body_without_end(limited: Central, path: str) -> None:
    reply = limited.post(path.format(limited.address), b'"' + b"x" * (10 * 1024 * 1024) + b'"')
    assert refused(reply, 413)
    assert reply.message.startswith("A request's body has at most 10485760 bytes.")


def test_a_batch_has_as_many_operations_as_the_limit_says(limited: Central) -> None:
    limit(limited, batch=2)
    requests = [{"method": "GET", "url": "companies"} for _ in range(3)]
    assert limited.post("/$batch", {"requests": requests[:2]}).status == 200
    assert refused(limited.post("/$batch", {"requests": requests}), 400)
    parts = joined([part("GET", "companies")] * 3, "batch")
    assert refused(sent(limited, parts.encode()), 400)


def test_a_whole_batch_counts_as_one_request(limited: Central) -> None:
    limit(limited, requests=2)
    requests = [{"method": "GET", "url": "companies"} for _ in range(50)]
    assert [limited.post("/$batch", {"requests": requests}).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    "body",
    [{"requests": 0}, {"queueSeconds": 0}, {"batch": None}, {"requests": "many"}, {"pages": 5}, [], {"page": 1.5}],
)
def test_limits_that_are_none_are_refused(limited: Central, body: object) -> None:
    before = limited.get("/sandbox/limits").body
    assert refused(limited.post("/sandbox/limits", body), 400)
    assert limited.get("/sandbox/limits").body == before
