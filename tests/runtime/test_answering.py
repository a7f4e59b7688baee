"""How it does, asked over HTTP while passes go on between real systems."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from cli.calling import edit
from engine.pair import Pair
from postgres import Server
from runtime.living import Living, living, until
from syncline.listening import Place, listening
from syncline.project.watched import Health
from syncline.runtime.announcements import Announcements
from syncline.runtime.answering import answering, create_app
from syncline.runtime.course import Course
from syncline.runtime.health import unreadable
from syncline.runtime.paces import Paces

OFTEN = Paces(every=0.1, sweep=0.1)


async def _get(address: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status, await answer.text()


async def _json(address: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status, await answer.json()


def _configured(failing_after: timedelta = timedelta(minutes=15)) -> Health:
    return Health(host="127.0.0.1", port=0, failing_after=failing_after)


def _samples(text: str) -> dict[str, float]:
    """By name with its labels, as they are written."""
    return {
        f"{sample.name}{{{','.join(f'{k}={v}' for k, v in sorted(sample.labels.items()))}}}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class _Asked:
    """What was scraped last."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def scrape(self) -> dict[str, float]:
        status, text = await _get(self.address + "metrics")
        assert status == 200
        return _samples(text)


async def test_health_follows_the_passes(both: Pair) -> None:
    async with living(both, OFTEN) as alive, answering(*_watched(alive)) as (at, _):
        await until(lambda: alive.results)
        status, told = await _json(at + "health")
        assert (status, told["status"], told["failures"], told["store"]) == (200, "ok", 0, True)
        assert set(told["flows"]) == {"customers", "products", "contacts", "orders"}
        assert told["flows"]["customers"] == {"lag": 0, "due": 0, "parked": {}, "linked": 0}
        await both.fail("customerp", {"kind": "503", "times": 100, "retryAfter": 600})
        await until(lambda: alive.failures)
        status, told = await _json(at + "health")
        assert (status, told["status"]) == (200, "degraded")
        assert told["why"][0] in ("The last pass failed.", "The last 2 passes failed.")
        await both.fail("customerp")
        await until(lambda: alive.mended)
        assert (await _json(at + "health"))[1]["status"] == "ok"


async def test_too_long_without_a_good_pass_is_a_503_and_the_process_still_lives(both: Pair) -> None:
    async with living(both, OFTEN) as alive, answering(*_watched(alive, timedelta(0))) as (at, _):
        await both.fail("customerp", {"kind": "503", "times": 100, "retryAfter": 600})
        await until(lambda: alive.failures)
        status, told = await _json(at + "health")
        assert (status, told["status"]) == (503, "failing")
        assert await _get(at + "health/live") == (200, "ok\n")
        await both.fail("customerp")


async def test_metrics_tell_what_was_done(both: Pair) -> None:
    async with living(both, OFTEN) as alive, answering(*_watched(alive)) as (at, metrics):
        alive.also.append(metrics)
        asked = _Asked(at)
        await both.erp.create("customers", {"name": "Aalto", "address": {"city": "Turku"}})
        created = "syncline_writes_total{flow=customers,side=businesscentral,verb=create}"

        async def written() -> bool:
            return (await asked.scrape()).get(created) == 1

        await until(written)
        await both.fail("customerp", {"kind": "503", "times": 100, "retryAfter": 600})
        await until(lambda: alive.failures)
        await both.fail("customerp")
        found = await asked.scrape()
    assert found["syncline_linked_records{flow=customers}"] == 1
    assert found["syncline_lag_seconds{flow=customers,side=customerp}"] == 0
    assert found["syncline_due_records{flow=orders,side=businesscentral}"] == 0
    assert found["syncline_write_delay_seconds_count{flow=customers}"] >= 1  # what was derived travels back
    assert found["syncline_write_delay_seconds_sum{flow=customers}"] > 0
    assert found["syncline_passes_total{outcome=done}"] >= 1
    assert found["syncline_passes_total{outcome=failed}"] >= 1
    assert found["syncline_failures_in_a_row{}"] >= 1
    assert found["syncline_pass_duration_seconds_count{kind=sweep}"] == found["syncline_passes_total{outcome=done}"]
    assert found["syncline_turn_duration_seconds_count{flow=customers}"] >= 1
    assert found["syncline_requests_total{status=200,system=businesscentral}"] > 1
    assert found["syncline_requests_refused_total{system=customerp}"] >= 1
    assert found["syncline_requests_budget{system=businesscentral}"] == 5_700
    assert 0 < found["syncline_requests_budget_left{system=businesscentral}"] < 5_700
    assert found["syncline_requests_window_seconds{system=businesscentral}"] == 300
    assert found["syncline_webhooks_total{outcome=refused,side=customerp}"] == 0
    assert found["syncline_last_pass_timestamp_seconds{}"] > found["process_start_time_seconds{}"] > 0


async def test_metrics_tell_whose_calls_are_heard_and_refused_and_are_named_by_convention(both: Pair) -> None:
    async with both.setup() as setup:
        announcements = Announcements(setup.flows.values())
        announcements.refuse("customerp")
        async with answering(_configured(), setup, Course(), announcements) as (at, _):
            status, text = await _get(at + "metrics")
    assert status == 200
    assert _samples(text)["syncline_webhooks_total{outcome=refused,side=customerp}"] == 1
    families = {family.name: family for family in text_string_to_metric_families(text)}
    for name, family in families.items():
        assert re.fullmatch(r"(syncline|process)_[a-z_]+", name)
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram", "summary")


async def test_a_store_that_cannot_be_read_is_told() -> None:
    def scraped() -> bytes:
        raise OperationalError("select", {}, Exception("disk I/O error"))

    async with listening(create_app(lambda: unreadable(Course()), scraped), Place(port=0)) as at:
        status, told = await _json(at + "health")
        assert (status, told["why"], told["store"]) == (503, ["The store cannot be read."], False)
        assert (await _get(at + "metrics"))[0] == 503
        assert (await _get(at))[0] == 404


def _watched(alive: Living, failing_after: timedelta = timedelta(minutes=15)) -> tuple[Any, ...]:
    announcements = Announcements(alive.setup.flows.values())
    return _configured(failing_after), alive.setup, alive.course, announcements


async def test_a_store_that_is_away_is_told(both: Pair, server: Server) -> None:
    edit(both.folder / "syncline.yaml", "store: sqlite:///syncline.db", f"store: {server.address()}")
    async with both.setup() as setup, answering(_configured(), setup, Course(), Announcements(())) as (at, _):
        assert (await _json(at + "health"))[1]["store"]
        await asyncio.to_thread(server.stop)
        try:
            status, told = await _json(at + "health")
            assert (status, told["status"], told["store"]) == (503, "failing", False)
            assert await _get(at + "metrics") == (503, "The store cannot be read.\n")
        finally:
            await asyncio.to_thread(server.start)
        assert (await _json(at + "health"))[1]["store"]
