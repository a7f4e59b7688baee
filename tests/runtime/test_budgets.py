"""One budget for all workers: however many ask, a system is asked no more than it allows."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest
from msgspec.structs import replace

from postgres import Server
from syncline.connectors.wire import Limits, Pace, Unsent
from syncline.runtime.fleet import budgets
from syncline.runtime.fleet.queue import looking, pool

LIMITS = Limits(requests=60, seconds=3.0, burst=30)


async def _spend(pace: Pace, until: float) -> list[float]:
    moments: list[float] = []
    while time.monotonic() < until:
        await pace.acquire()
        moments.append(time.monotonic())
    return moments


async def test_those_who_share_it_never_ask_more_than_is_allowed(server: Server) -> None:
    """Three of one name, each with connections of its own, and one of another name, who has a budget to itself."""
    address = server.address()
    async with looking(address):
        pools = [pool(address) for _ in range(3)]
        for each in pools:
            each.open()
        try:
            ours = [budgets.budgets(each)("ours")(LIMITS) for each in pools]
            other = budgets.budgets(pools[0])("theirs")(LIMITS)
            end = time.monotonic() + 7
            spent = await asyncio.gather(*(_spend(pace, end) for pace in [*ours, other] if pace is not None))
        finally:
            for each in pools:
                each.close()
    moments = sorted(moment for of_one in spent[:3] for moment in of_one)
    windows = [sum(start <= each < start + LIMITS.seconds for each in moments) for start in moments]
    assert max(windows) <= 60
    assert len(moments) > 60, "it comes back"
    assert len(spent[3]) > 60


async def test_those_of_one_process_share_what_one_of_them_has_asked_for(server: Server) -> None:
    with pool(server.address()) as connections:
        shared = budgets.budgets(connections)
        ours = shared("ours")(LIMITS)
        assert shared("ours")(LIMITS) is ours
        assert shared("theirs")(LIMITS) is not ours
        assert shared("ours")(replace(LIMITS, requests=61)) is not ours


async def test_whoever_comes_is_told_how_long_those_wait_who_wait_already(server: Server) -> None:
    address = server.address()
    async with looking(address):
        with pool(address) as connections:
            pace = budgets.budgets(connections)("ours")(LIMITS)
            assert pace is not None
            assert pace.pause() == 0
            waiting = asyncio.gather(*(pace.acquire() for _ in range(12)))  # of which half may be sent at once
            while not (pause := pace.pause()):
                await asyncio.sleep(0.01)
            assert 0 < pause < LIMITS.seconds
            await waiting
            assert pace.pause() == 0


async def test_the_time_is_the_database_s_and_not_this_machine_s_where_that_cannot_be_asked(server: Server) -> None:
    """What it is would be taken to be so for a minute."""
    with pool(server.address()) as connections, server.connect() as admin:
        budgets._Clock(connections).now()  # the connection that it was asked on stays, until it is cut
        clock = budgets._Clock(connections)
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        with pytest.raises(psycopg.Error):
            clock.now()
        assert abs(clock.now() / 1_000 - time.time()) < 1


async def test_who_has_no_limit_is_not_counted(server: Server) -> None:
    with pool(server.address()) as connections:
        assert budgets.budgets(connections)("anybody")(Limits()) is None


async def test_a_count_that_cannot_be_asked_is_told_as_a_request_that_was_not_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "_PATIENCE", 0.0)
    address = server.address()
    async with looking(address):
        with pool(address) as connections:
            pace = budgets.budgets(connections)("ours")(LIMITS)
            assert pace is not None
            await asyncio.to_thread(server.stop)
            try:
                with pytest.raises(Unsent, match="the budget that is shared cannot be asked"):
                    await pace.acquire()
            finally:
                await asyncio.to_thread(server.start)
