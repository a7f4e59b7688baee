"""The queue of the workers, where the database goes away in the worst moment."""

from __future__ import annotations

import asyncio
from typing import cast

from psycopg import sql

from postgres import Server
from runtime.fleet import schema_of
from runtime.living import until
from syncline.meanwhile import meanwhile
from syncline.runtime.announcements import News
from syncline.runtime.fleet.queue import opened
from syncline.runtime.fleet.standing import Standing


async def test_a_job_whose_end_could_not_be_told_does_not_hold_up_its_company(server: Server) -> None:
    """The database takes no more from when the job is done until the connection that tells so is cut. The worker, which
    lives on, goes on with another one.
    """
    heard: list[frozenset[tuple[str, str]]] = []
    said = server.address()
    with server.connect() as admin, server.connect() as holding:

        async def news(company: str, news: News) -> None:
            assert company == "acme"
            if not heard:
                holding.autocommit = False
                lock = sql.SQL("LOCK TABLE {}.procrastinate_jobs IN EXCLUSIVE MODE").format(schema_of(admin, said))
                await asyncio.to_thread(holding.execute, lock)  # who looks for jobs just now ends that in this loop
            heard.append(news.flow_sides)

        async def nothing(_company: str, _standing: Standing) -> None:
            raise AssertionError("no turn was asked for")

        async with opened(said, nothing, news) as queue, meanwhile(queue.work(1, 1.0)):
            await queue.announce("acme", News(flow_sides=frozenset({("customers", "erp")})))
            cut = (
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND query LIKE '%procrastinate_finish_job%'"
            )
            try:
                assert await until(lambda: cast("tuple[int]", admin.execute(cut).fetchone())[0]) == 1
            finally:
                holding.rollback()
            await queue.announce("acme", News(flow_sides=frozenset({("customers", "central")})))

            async def both() -> bool:
                await queue.take_over()
                return len(set(heard)) == 2

            await until(both)
