"""What ``syncline run`` needs goes away while people work, and comes back: a system, the disk, the database, itself.

Afterwards both systems are compared by plain HTTP: nothing is lost, and nothing is there twice.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest

from cli.calling import Systems, edit, free_port, started, told, with_webhooks
from engine.pair import Pair
from outages.company import Company
from postgres import Server
from runtime.fleet import served
from sandbox_businesscentral import central as businesscentral
from sandbox_customerp import erp as customerp
from syncline.demo.systems import Central, Customerp

SECRET = {"HOOKS": "a secret that only these tests know"}


@contextmanager
def running(project: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Until it is told to stop, which it has to obey."""
    process = started(project, "run", "--every", "0.2", "--sweep", "0.5", *options, environment=SECRET)
    try:
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.fixture
def company(both: Pair) -> Company:
    return Company(both.erp, both.central)


async def test_a_disk_that_is_full_stops_it_clearly_and_it_goes_on(both: Pair, company: Company) -> None:
    """The process may write no file beyond 4 kB for a while: to SQLite that is a disk that takes no more."""
    with running(both.folder) as process:
        await company.work(2)
        await company.in_step()
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4_096, resource.RLIM_INFINITY))
        await company.work(2)
        await told(process, "cannot be used just now")
        await company.work(2)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await told(process, "It works again.")
        await company.in_step()


async def test_a_postgresql_that_is_restarted_in_the_middle(both: Pair, company: Company, server: Server) -> None:
    edit(both.folder / "syncline.yaml", "store: sqlite:///syncline.db", f"store: {server.address()}")
    with running(both.folder) as process:
        await company.work(2)
        await company.in_step()
        for _ in range(3):
            working = asyncio.create_task(company.work(6))
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.stop)
            await told(process, "cannot be used just now")
            await asyncio.to_thread(server.start)
            await working
        await company.in_step()


async def test_a_run_that_was_stopped_while_it_was_called(both: Pair, company: Company) -> None:
    """Nobody hears the webhooks for a while: what they would have said is seen all the same."""
    with_webhooks(both.folder)
    await both.central.ask(
        "POST", f"{both.addresses['businesscentral']}/sandbox/notifications", {"windowSeconds": 0.05}
    )
    with running(both.folder) as process:
        await told(process, "businesscentral announces")
        await company.work(2)
        await company.in_step()
    await company.work(3)
    await asyncio.sleep(0.5)
    deliveries = await both.central.ask("GET", f"{both.addresses['businesscentral']}/sandbox/notifications")
    assert deliveries["deliveries"][-1]["outcome"] != "delivered"
    with running(both.folder) as process:
        await told(process, "businesscentral announces")
        await company.in_step()
        await company.work(2)
        await company.in_step()


async def test_a_business_central_that_is_away_and_comes_back_busy(tmp_path: Path) -> None:
    """For some seconds there is no connection, then many batches are refused as too many requests."""
    kept = ("--open", "--empty", "--data", str(tmp_path / "central.db"), "--port", str(free_port()))
    refused = {"kind": "429", "match": "$batch", "rate": 0.4, "retryAfter": 1}
    async with AsyncExitStack() as stack:
        erp = stack.enter_context(customerp.running(tmp_path, "--open", "--empty"))
        with businesscentral.running(tmp_path, *kept) as first:
            ours = await stack.enter_async_context(Customerp(erp.address))
            company = Company(ours, await stack.enter_async_context(Central(first.address)))
            process = stack.enter_context(running(Systems(first, erp).project(tmp_path / "project")))
            await company.work(2)
            await company.in_step()
        await company.work(4, "erp")
        await told(process, "The next try is in")
        await asyncio.sleep(6)
        with businesscentral.running(tmp_path, *kept) as second:
            busy = {"next": [], "random": {"seed": 1, "faults": [refused]}}
            assert second.post("/sandbox/faults", busy).status < 300
            await told(process, "It works again.")
            await company.work(2)
            await company.in_step()
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.communicate)
            assert process.returncode == 0


async def test_workers_that_are_killed_fifty_times_while_people_edit(tmp_path: Path, server: Server) -> None:
    """Two serve two companies; one after the other is killed once it is at work, and another one is started."""
    async with served(tmp_path, server, "acme", "beta") as fleet:
        chance, hit = Random(7), 0
        workers = [fleet.start(), fleet.start()]
        try:
            for number in range(50):
                victim = workers[number % 2]
                await told(victim, "Serving")
                working = [asyncio.create_task(each.work(2)) for each in fleet.companies.values()]
                await asyncio.sleep(chance.uniform(0.05, 0.5))
                victim.kill()
                hit += fleet.turns_under_way(server) > 0
                await asyncio.to_thread(victim.communicate)
                workers[number % 2] = fleet.start()
                await asyncio.gather(*working)
            for company in fleet.companies.values():
                await company.in_step(patience=120)
        finally:
            for worker in workers:
                worker.kill()
                await asyncio.to_thread(worker.communicate)
        assert hit > 25, "most of them were killed in a turn"


async def test_a_postgresql_that_is_restarted_under_workers(tmp_path: Path, server: Server) -> None:
    async with served(tmp_path, server, "acme", "beta") as fleet:
        with fleet.worker(), fleet.worker():
            for _ in range(3):
                working = [asyncio.create_task(each.work(6)) for each in fleet.companies.values()]
                await asyncio.sleep(0.5)
                await asyncio.to_thread(server.stop)
                await asyncio.sleep(1)
                await asyncio.to_thread(server.start)
                await asyncio.gather(*working)
            for company in fleet.companies.values():
                await company.in_step()
