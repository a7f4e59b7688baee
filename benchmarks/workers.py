"""What workers cost: one and two of them on a backfill, and two that serve many companies whose people edit.

*Backfill*: some companies, each with customers that only Customerp has, are brought in step by one worker, then, begun
anew, by two. Told is the processor's time of the workers alone for 1,000 records, and the time that it took.

*Edits*: every company has webhooks and an edit a minute in Customerp; two workers serve all. Told is the time from the
edit to its standing in Business Central, by the systems' own stamps, and the processor's time of both workers, after a
first edit in each company. What takes long is the beginning: every company is made, and looked at for the first time.

All systems are sandboxes in one process, the stores and the queue in one PostgreSQL, all on this machine. Bounds (exit
code 1 otherwise): two workers cost at most 1.5 times the processor's time of one; every edit arrives, and 99 of 100
within five seconds. Needs ``PYTHONPATH=tests``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from rich.table import Table
from starlette.types import ASGIApp, Receive, Scope, Send

from postgres import Server, serving
from shown import bar, options, show, verdicts
from syncline.project.scaffold import scaffold
from syncline.sandbox.businesscentral.app import create_app as create_central
from syncline.sandbox.businesscentral.contents.provide import Contents
from syncline.sandbox.customerp.app import create_app as create_erp
from syncline.sandbox.notifications import Notify
from syncline.sandbox.serve import LOOPBACK, configured, listen
from syncline.store import Store
from syncline.store.sessions import Pools

_ROOT = "/v2.0/local/sandbox/api/v2.0/"
_LISTEN = "127.0.0.1:8471"
_SECRET = "SYNCLINE_BENCHMARK_WEBHOOKS"
_MORE = 1.5
_IN_TENANT = 25
"""Companies of one Business Central: they share its budget of requests, as everywhere, and many take long to make."""
_LATE = 5.0
_OLD = "Old Town"
_RESTING = 0.1
"""Seconds of the processor in one, at most, of workers that wait."""
_ENVIRONMENT = {**os.environ, _SECRET: "only this benchmark knows it"}
_RUN = [sys.executable, "-c", "from syncline.cli import main; main()"]


# --- the systems of all companies, in a process of their own


async def _serve(companies: int) -> None:
    names = tuple(_name(n) for n in range(companies))
    notify = Notify(after=0.0)
    tenants = [names[at : at + _IN_TENANT] for at in range(0, companies, _IN_TENANT)]
    centrals = [
        create_central(":memory:", open=True, contents=Contents(companies=tenant, empty=True), notify=notify)
        for tenant in tenants
    ]
    erps = {name: create_erp(":memory:", token=None, empty=True, notify=notify) for name in names}

    async def told_apart(scope: Scope, receive: Receive, send: Send) -> None:
        """A server for each would be busy with looking whether it is to stop."""
        if scope["type"] == "lifespan":
            return
        _, name, path = scope["path"].split("/", 2)
        await erps[name]({**scope, "path": f"/{path}"}, receive, send)

    async with AsyncExitStack() as stack:
        for erp in erps.values():
            await stack.enter_async_context(erp.router.lifespan_context(erp))
        apps: list[ASGIApp] = [told_apart, *centrals]
        servers = [uvicorn.Server(configured(app)) for app in apps]
        listeners = [listen(0) for _ in servers]
        async with asyncio.TaskGroup() as serving:
            for server, listener in zip(servers, listeners, strict=True):
                serving.create_task(server.serve(sockets=[listener]))
            while not all(server.started for server in servers):
                await asyncio.sleep(0.05)
            print(json.dumps([f"http://{LOOPBACK}:{each.getsockname()[1]}" for each in listeners]), flush=True)


@contextmanager
def _served(companies: int) -> Iterator[tuple[list[str], list[str]]]:
    """The addresses of each company's Business Central, and of its Customerp."""
    process = subprocess.Popen([sys.executable, __file__, "--serve", str(companies)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        erps, *centrals = json.loads(process.stdout.readline())
        yield [centrals[n // _IN_TENANT] for n in range(companies)], [f"{erps}/{_name(n)}" for n in range(companies)]
    finally:
        process.kill()
        process.wait()


def _name(number: int) -> str:
    return f"company{number:04}"


# --- the folder of companies, and the workers


def _projects(folder: Path, postgres: Server, centrals: Sequence[str], erps: Sequence[str]) -> None:
    for number, (central, erp) in enumerate(zip(centrals, erps, strict=True)):
        name = _name(number)
        scaffold(folder / name, businesscentral=central, customerp=erp, company=name)
        config = folder / name / "syncline.yaml"
        said = config.read_text().replace("sqlite:///syncline.db", _store(folder, postgres, number))
        assert "postgresql" in said
        config.write_text(f"{said}\nwebhooks: {{url: 'http://{_LISTEN}/{name}', secret: {_SECRET}}}\n")


class Workers:
    def __init__(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def megabytes(self) -> list[float]:
        """Of memory, of each."""
        pages = [int(Path(f"/proc/{each.pid}/statm").read_text().split()[1]) for each in self._processes]
        return [n * os.sysconf("SC_PAGE_SIZE") / 2**20 for n in pages]

    def seconds(self) -> float:
        """Of the processor, until now."""
        ticks = 0
        for process in self._processes:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def _working(folder: Path, postgres: Server, number: int) -> Iterator[Workers]:
    arguments = ("worker", "--queue", postgres.address(f"{folder.name}_queue"), "--every", "3600", "--sweep", "3600")
    processes = []
    try:
        for n in range(number):
            hears = ("--webhooks", _LISTEN) if n == 0 else ()
            process = subprocess.Popen(
                [*_RUN, "-C", str(folder), *arguments, *hears],
                env=_ENVIRONMENT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            processes.append(process)
        yield Workers(processes)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=60)


def _store(folder: Path, postgres: Server, number: int) -> str:
    return postgres.address(f"{folder.name}_{_name(number)}")


async def _linked(stores: Sequence[str], wanted: int) -> None:
    """Until every company has so many links and nothing due."""
    pools = Pools()
    for store in stores:
        while not _stands(store, pools, wanted):
            await asyncio.sleep(0.5)
    pools.close()


def _stands(address: str, pools: Pools, wanted: int) -> bool:
    with Store.open(address, pools) as store:
        standing = store.standing("customers", datetime.now(UTC))
        return standing.linked >= wanted and not standing.due


async def _rested(working: Workers) -> None:
    """Until they have hardly anything to do."""
    before = float("-inf")
    while (now := working.seconds()) > before + _RESTING:
        before = now
        await asyncio.sleep(1)


# --- what is measured


async def _backfill(postgres: Server, workers: int, companies: int, customers: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="workers") as name, _served(companies) as (centrals, erps):
        folder = Path(name)
        _projects(folder, postgres, centrals, erps)
        async with aiohttp.ClientSession() as session:
            for erp in erps:
                for n in range(customers):
                    await _asked(session, "POST", f"{erp}/api/customers", {"name": f"Customer {n}"})
        began = time.perf_counter()
        with _working(folder, postgres, workers) as working:
            await _linked([_store(folder, postgres, n) for n in range(companies)], customers)
            took, cpu = time.perf_counter() - began, working.seconds()
    records = companies * customers
    return {"seconds": took, "cpu": cpu, "cpu_per_1000": cpu / records * 1_000}


async def _edits(postgres: Server, companies: int, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="workers") as name, _served(companies) as (centrals, erps):
        folder = Path(name)
        _projects(folder, postgres, centrals, erps)
        async with aiohttp.ClientSession() as session:
            made = [await _asked(session, "POST", f"{erp}/api/customers", {"name": "Any"}) for erp in erps]
            with _working(folder, postgres, 2) as working:
                began = time.perf_counter()
                await _linked([_store(folder, postgres, n) for n in range(companies)], 1)
                for at, erp in enumerate(erps):
                    await _changed(session, erp, made[at]["id"], {"address": {"city": _OLD}})
                await _rested(working)
                prepared = time.perf_counter() - began
                before, began, edits = working.seconds(), time.perf_counter(), 0
                while (now := time.perf_counter() - began) < seconds:
                    if now >= edits * 60 / companies:
                        at = edits % companies
                        changed = {"address": {"city": f"Town {edits}"}}
                        await _changed(session, erps[at], made[at]["id"], changed)
                        edits += 1
                    else:
                        await asyncio.sleep(0.005)
                await asyncio.sleep(_LATE + 1)
                cpu, memory = working.seconds() - before, max(working.megabytes())
            late = [each async for each in _late(session, centrals, erps)]
    return {
        "companies": companies,
        "prepared": prepared,
        "edits": edits,
        "arrived": sum(each is not None for each in late),
        "median": statistics.median(each for each in late if each is not None),
        "p99": statistics.quantiles([each for each in late if each is not None], n=100)[98],
        "cpu_per_edit": cpu / edits,
        "share_of_a_core": cpu / (seconds + _LATE + 1),
        "megabytes": memory,
    }


async def _late(
    session: aiohttp.ClientSession, centrals: Sequence[str], erps: Sequence[str]
) -> AsyncIterator[float | None]:
    """Of each company's last edit: seconds until it stood in Business Central; ``None`` where it does not."""
    ids: dict[str, str] = {}
    for central in dict.fromkeys(centrals):
        found = await _asked(session, "GET", f"{central}{_ROOT}companies")
        ids |= {each["name"]: each["id"] for each in found["value"]}
    for number, (central, erp) in enumerate(zip(centrals, erps, strict=True)):
        (ours,) = (await _asked(session, "GET", f"{erp}/api/customers"))["items"]
        url = f"{central}{_ROOT}companies({ids[_name(number)]})/customers"
        (theirs,) = (await _asked(session, "GET", url))["value"]
        if ours["address"]["city"] == _OLD:
            continue  # not edited in the time
        same = theirs["city"] == ours["address"]["city"]
        stood, edited = (datetime.fromisoformat(t) for t in (theirs["lastModifiedDateTime"], ours["updatedAt"]))
        yield (stood - edited).total_seconds() if same else None


async def _changed(session: aiohttp.ClientSession, erp: str, id_: str, fields: dict[str, Any]) -> None:
    async with session.get(f"{erp}/api/customers/{id_}") as found:
        etag = found.headers["ETag"]
    headers = {"If-Match": etag, "Content-Type": "application/merge-patch+json"}
    async with session.patch(f"{erp}/api/customers/{id_}", data=json.dumps(fields), headers=headers) as answer:
        assert answer.status < 300, await answer.text()


async def _asked(session: aiohttp.ClientSession, method: str, url: str, body: Any = None) -> Any:
    async with session.request(method, url, json=body) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json()


def _backfilled(one: dict[str, float], two: dict[str, float]) -> Table:
    table = Table("workers", "seconds", "processor / 1,000 records", "", title="backfill")
    most = max(one["cpu_per_1000"], two["cpu_per_1000"])
    for number, each in ((1, one), (2, two)):
        cost = each["cpu_per_1000"]
        table.add_row(str(number), f"{each['seconds']:.1f}", f"{cost:.2f} s", bar(cost, most))
    return table


def _edited(edits: dict[str, Any]) -> Table:
    columns = ("companies", "edits", "median", "99 %", "processor / edit", "of a core", "memory of each")
    served = Table(*columns, title="an edit a minute each")
    served.add_row(
        str(edits["companies"]),
        str(edits["edits"]),
        f"{edits['median']:.2f} s",
        f"{edits['p99']:.2f} s",
        f"{edits['cpu_per_edit'] * 1_000:.0f} ms",
        f"{edits['share_of_a_core']:.2f}",
        f"{edits['megabytes']:.0f} MB",
    )
    return served


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=50, help="that are edited")
    parser.add_argument("--seconds", type=float, default=60.0, help="of editing")
    parser.add_argument(
        "--customers", type=int, default=1_000, help="of each of four companies, in the backfill; 0: none"
    )
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options(parser)
    asked = parser.parse_args()
    if asked.serve:
        asyncio.run(_serve(asked.serve))
        return 0
    told: dict[str, Any] = {}
    tables: list[Table] = []
    holds: dict[str, bool] = {}
    with serving() as postgres:
        if asked.customers:
            one, two = (asyncio.run(_backfill(postgres, number, 4, asked.customers)) for number in (1, 2))
            ratio = two["cpu_per_1000"] / one["cpu_per_1000"]
            told |= {"one": one, "two": two}
            tables.append(_backfilled(one, two))
            holds[f"two workers cost at most {_MORE:g} times the processor's time of one: {ratio:.2f}"] = ratio <= _MORE
        edits = asyncio.run(_edits(postgres, asked.companies, asked.seconds))
    holds |= {
        "every edit arrives": edits["arrived"] == min(edits["edits"], edits["companies"]),
        f"99 of 100 arrive within {_LATE:g} s": edits["p99"] <= _LATE,
    }
    if asked.json:
        print(json.dumps({**told, "edits": edits, "holds": holds}))
    else:
        show("Workers", [*tables, _edited(edits), *verdicts(holds)], asked.picture)
    return 0 if all(holds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
