"""A machine whose clock is set back or forward while Syncline works, or between two of its processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import time_machine

from engine.pair import Pair
from syncline.engine.clock import Clock
from syncline.engine.sync import sync
from syncline.project import load

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
A_MOMENT = timedelta(seconds=1)


def test_it_follows_the_machines_clock_but_never_back() -> None:
    with time_machine.travel(NOON) as machine:
        clock = Clock(None)
        assert NOON <= clock.now() < NOON + A_MOMENT
        machine.move_to(NOON + HOUR)
        assert NOON + HOUR <= clock.now() < NOON + HOUR + A_MOMENT
        machine.move_to(NOON - HOUR)
        first, second = clock.now(), clock.now()
        assert NOON + HOUR < first < second < NOON + HOUR + A_MOMENT


def test_it_begins_after_all_that_is_remembered() -> None:
    with time_machine.travel(NOON) as machine:
        clock = Clock(NOON + HOUR)
        assert NOON + HOUR <= clock.now() < NOON + HOUR + A_MOMENT
        machine.move_to(NOON + 2 * HOUR)
        assert NOON + 2 * HOUR <= clock.now() < NOON + 2 * HOUR + A_MOMENT


async def test_an_edit_after_the_clock_was_set_back_is_not_taken_for_an_old_one(both: Pair) -> None:
    """The record was parked: the edit that mends it takes the place of what was seen an hour later, as it seems."""
    ours = await both.erp.create("customers", {"name": "Aalto", "currency": "XXX"})
    now = datetime.now(UTC)
    with time_machine.travel(now + HOUR):
        async with load(both.folder).open("a test") as setup:
            await sync(setup)
        assert [each.cause for each in both.parked()] == ["refused"]
    await both.erp.change("customers", ours["id"], {"currency": None})
    async with load(both.folder).open("a test") as setup:
        result = await sync(setup)
        assert result.flows["customers"].created["businesscentral"] == 1
    assert not both.parked()


async def test_what_is_to_be_tried_again_is_not_put_off_by_an_hour(both: Pair) -> None:
    await both.erp.create("customers", {"name": "Aalto"})
    await both.sync()
    (theirs,) = await both.central.all("customers")
    await both.central.change("customers", theirs["id"], {"displayName": "Aalto Oy"})
    now = datetime.now(UTC)
    with time_machine.travel(now + HOUR) as machine:
        async with load(both.folder).open("a test") as setup:
            await both.fail("customerp", {"kind": "503", "times": 20, "method": "PATCH"})
            assert (await sync(setup, patience=timedelta(0))).unfinished
            machine.move_to(now)
            await both.fail("customerp")
            assert (await sync(setup)).flows["customers"].updated["customerp"] == 1
