"""Stores of one database that share its sessions, as a worker's do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from postgres import Server
from runtime.living import until
from syncline.store import Memory, Store, StoreLocked, StoreLost
from syncline.store.sessions import Pools


@pytest.fixture
def pools() -> Iterator[Pools]:
    pools = Pools()
    yield pools
    pools.close()


async def test_each_store_sees_its_own_schema_though_they_take_turns_on_one_session(
    server: Server, pools: Pools
) -> None:
    addresses = [server.address() for _ in range(3)]
    for number, address in enumerate(addresses):
        with Store.open(address, pools) as store, store.lock("a turn"):
            store.save(Memory(facts={"number": str(number)}))
    for number, address in enumerate(addresses):
        with Store.open(address, pools) as store, store.lock("a turn"):
            assert store.fact("number") == str(number)


async def test_a_read_shows_what_was_saved_before_it(server: Server, pools: Pools) -> None:
    address = server.address()
    with Store.open(address, pools) as store, Store.open(address) as other:
        assert store.fact("name") is None
        store.save(Memory(facts={"name": "ours"}))
        assert store.fact("name") == "ours"
        other.save(Memory(facts={"name": "theirs"}))
        await until(lambda: store.fact("name") == "theirs")


async def test_what_a_read_shows_is_never_older_than_the_lock(server: Server, pools: Pools) -> None:
    address = server.address()
    with Store.open(address, pools) as store, Store.open(address) as other:
        assert store.fact("name") is None
        other.save(Memory(facts={"name": "theirs"}))
        with store.lock("a turn"):
            assert store.fact("name") == "theirs"


async def test_between_two_turns_the_lock_is_anybodys(server: Server, pools: Pools) -> None:
    with Store.open(server.address("shared")) as other:
        for _ in range(3):
            with Store.open(server.address("shared"), pools) as store:
                with store.lock("a turn"):
                    _is_locked(other, "a turn")
                with other.lock("by hand"):
                    _is_locked(store, "by hand")


def _is_locked(store: Store, by: str) -> None:
    with pytest.raises(StoreLocked, match=by), store.lock("another"):
        pass


async def test_a_read_that_fails_takes_none_of_the_next_ones_along(server: Server, pools: Pools) -> None:
    with Store.open(server.address(), pools) as store:
        assert store.fact("name") is None
        with pytest.raises(ValueError, match="not ours"), store._look():
            raise ValueError("not ours")
        assert store.fact("name") is None


async def test_a_server_that_is_started_anew_is_told_under_the_lock_and_found_by_the_next_turn(
    server: Server, pools: Pools
) -> None:
    address = server.address()
    with Store.open(address, pools) as store, store.lock("a turn"):
        server.restart()
        with pytest.raises(StoreLost):
            store.save(Memory(facts={"name": "lost"}))
    with Store.open(address, pools) as store, store.lock("a turn"):
        store.save(Memory(facts={"name": "kept"}))
        assert store.fact("name") == "kept"


async def test_a_schema_that_was_dropped_is_made_again_by_the_next_turn(server: Server, pools: Pools) -> None:
    address = server.address("dropped")
    with Store.open(address, pools) as store:
        store.save(Memory(facts={"name": "any"}))
    with server.connect() as admin:
        admin.execute("DROP SCHEMA dropped CASCADE")
    with Store.open(address, pools) as store:
        assert store.fact("name") is None


async def test_no_session_outlives_its_pool(server: Server, pools: Pools) -> None:
    def sessions(connection: psycopg.Connection) -> int:
        told = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%syncline%'")
        (number,) = told.fetchone() or (0,)
        return int(number)

    with server.connect() as admin:
        before = sessions(admin)
        for _ in range(20):
            with Store.open(server.address(), pools) as store, store.lock("a turn"):
                store.fact("name")
        assert sessions(admin) - before <= 3
        pools.close()
        for _ in range(50):
            if sessions(admin) == before:
                break
            await asyncio.sleep(0.1)
        assert sessions(admin) == before
