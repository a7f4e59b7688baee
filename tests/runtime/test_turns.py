"""Turns of companies that share a budget of requests."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cli.calling import edit
from postgres import Server
from runtime.fleet import served
from runtime.living import until
from syncline.connectors.wire import Limits
from syncline.project import Project
from syncline.runtime.announcements import News
from syncline.runtime.fleet.budgets import Budgets, SharedPace, budgets
from syncline.runtime.fleet.companies import Companies
from syncline.runtime.fleet.connections import Connections
from syncline.runtime.fleet.queue import looking, pool
from syncline.runtime.fleet.standing import Standing
from syncline.runtime.fleet.turns import Turns
from syncline.runtime.paces import Paces
from syncline.runtime.staying import Passed, Told
from syncline.runtime.telling import Tell
from syncline.store import Store
from syncline.store.sessions import Pools


class _Listeners:
    """``went_well`` are the companies whose turns did, in their order."""

    def __init__(self) -> None:
        self.went_well: list[str] = []

    def tell(self, company: str) -> Tell:
        def tell(event: str, sentence: str, **_: object) -> None:
            raise AssertionError(f"{company}: {event}: {sentence}")

        return tell

    def told(self, company: str, project: Project, store: Store) -> Sequence[Told]:
        return [_Of(company, self.went_well)]


class _Of:
    def __init__(self, company: str, went_well: list[str]) -> None:
        self._company = company
        self._went_well = went_well

    def passed(self, passed: Passed) -> None:
        self._went_well.append(self._company)

    def failed(self, error: Exception, pause: float) -> None:
        raise error

    def works_again(self) -> None: ...


class _Seen:
    """What paces is that of ``budgets``, and is remembered."""

    def __init__(self, of: Budgets) -> None:
        self._budgets = of
        self.paces: list[SharedPace] = []

    def __call__(self, name: str) -> Callable[[Limits], SharedPace | None]:
        def paced(limits: Limits) -> SharedPace | None:
            pace = self._budgets(name)(limits)
            assert pace is not None
            self.paces.append(pace)
            return pace

        return paced

    async def is_waited_for(self) -> bool:
        return any(pace.pause() for pace in self.paces)


async def test_no_turn_begins_while_its_budget_is_waited_for(tmp_path: Path, server: Server) -> None:
    """It would do nothing, in a place that others can use. The twin signs in to the same systems, which take a request
    a minute.
    """
    async with served(tmp_path, server, "acme") as fleet:
        config = tmp_path / "acme" / "syncline.yaml"
        config.write_text(config.read_text().replace("    url:", "    limits: {requestsPerSecond: 0.02}\n    url:"))
        shutil.copytree(config.parent, tmp_path / "twin")
        edit(tmp_path / "twin" / "syncline.yaml", "schema=", "schema=twin_")
        listeners, companies, pools = _Listeners(), Companies(tmp_path), Pools()
        async with looking(fleet.queue):
            with pool(fleet.queue) as sessions:
                seen = _Seen(budgets(sessions))
                connections = Connections(companies.environment, seen)
                turns = Turns(companies, connections, pools, Paces(every=5, sweep=60), listeners, lambda: False)
                first = asyncio.create_task(turns.turn("acme", Standing()))
                try:
                    await until(seen.is_waited_for)
                    began = time.time()
                    standing, due = await turns.turn("twin", Standing(polled=1.0))
                    again = await turns.look("twin", News())
                    assert standing == Standing(polled=1.0)
                    assert due > began
                    assert again is not None
                    assert again.everywhere
                    assert again.at > began
                    assert not first.done()
                    assert listeners.went_well == []
                finally:
                    first.cancel()
                    with suppress(asyncio.CancelledError):
                        await first
                    await connections.close()
                    pools.close()
