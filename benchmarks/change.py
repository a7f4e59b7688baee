"""What a pass costs while nothing changed, and what a change costs, among however many records are remembered.

The store remembers ``--links`` linked customers, made without any system, and ``--records`` of those that both systems
really hold; so many of these are then edited in Customerp, 1 at first, then ten times as many, and brought in step by a
small pass. Bounds (exit code 1 otherwise): idle, one request a side and flow, under 100 ms of CPU and 200 MB; the
requests to Business Central for each change never rise, and its time at the largest is no more than at ten.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from remembered import fill
from shown import bar, options, show, verdicts
from syncline.demo.systems import Customerp, server
from syncline.engine.knowing import KeptCodes
from syncline.engine.setup import Setup
from syncline.engine.sync import look, sync
from syncline.project import load
from syncline.project.scaffold import scaffold

_CPU = 0.100
_MB = 200
_FLOWS = 4
_AT_ONCE = 20


async def _measured(links: int, records: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        folder = Path(name)
        async with (
            server("customerp", folder) as erp_at,
            server("businesscentral", folder) as central_at,
            Customerp(erp_at) as erp,
        ):
            await _together(records, lambda n: erp.create("customers", _customer(n)))
            made = await erp.all("customers")
            scaffold(folder / "project", businesscentral=central_at, customerp=erp_at, company=None)
            project = load(folder / "project")
            async with project.open("benchmark") as setup:
                await sync(setup)
            fill(folder / "project" / "syncline.db", links - records, parking=False)
            # Later than the overlap in which Business Central tells again what it told.
            await erp.ask("POST", f"{central_at}/sandbox/clock", {"advanceSeconds": 300})
            async with project.open("benchmark") as setup:
                return {"links": links, "idle": await _idle(setup), "changes": await _changes(setup, erp, made)}


def _customer(n: int) -> dict[str, Any]:
    return {"name": f"Customer {n}", "organisationNumber": f"REAL{n:06}", "address": {"city": "Turku"}}


async def _together(count: int, do: Any) -> None:
    for at in range(0, count, _AT_ONCE):
        await asyncio.gather(*(do(n) for n in range(at, min(at + _AT_ONCE, count))))


async def _idle(setup: Setup) -> dict[str, Any]:
    """The last of some passes that find nothing: what a process reads once is read, and no poll overlaps any more."""
    for _ in range(4):
        await sync(setup)
    asked, began = _asked(setup), time.process_time()
    result = await sync(setup)
    cpu = time.process_time() - began
    now = _asked(setup)
    return {
        "writes": result.writes,
        "requests": {side: now[side] - asked[side] for side in now},
        "cpu_ms": cpu * 1_000,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
    }


async def _changes(setup: Setup, erp: Customerp, made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """After one that is not told: what a process reads once is read."""
    found = []
    codes: KeptCodes = {}
    await sync(setup, codes=codes)
    powers = range(int(math.log10(len(made))) + 1)
    for number, power in enumerate([0, *powers]):
        count = 10**power
        await _together(
            count, lambda n, at=number: erp.change("customers", made[n]["id"], {"address": {"city": f"Town {at} {n}"}})
        )
        before, began, cpu = _asked(setup), time.perf_counter(), time.process_time()
        result = await look(setup, [("customers", "customerp")], codes=codes)
        took, used, now = time.perf_counter() - began, time.process_time() - cpu, _asked(setup)
        assert result.writes == count, (result.writes, count)
        spent = {side: (now[side] - before[side]) / count for side in now}
        found.append({"changed": count, "ms": took * 1_000 / count, "cpu_ms": used * 1_000 / count, "requests": spent})
    return found[1:]


def _asked(setup: Setup) -> dict[str, int]:
    counts: Mapping[str, Any] = setup.systems
    return {
        "businesscentral": sum(counts["businesscentral"].requests.values()),
        "customerp": counts["customerp"].spent.requests,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=100_000, help="remembered")
    parser.add_argument("--records", type=int, default=1_000, help="of these, that both systems hold")
    options(parser)
    asked = parser.parse_args()
    found = asyncio.run(_measured(asked.links, asked.records))
    idle, changes = found["idle"], found["changes"]
    holds = {
        f"idle: {_FLOWS} requests a side": all(count <= _FLOWS for count in idle["requests"].values()),
        "idle: nothing written": idle["writes"] == 0,
        f"idle: under {_CPU * 1_000:.0f} ms of CPU": idle["cpu_ms"] < _CPU * 1_000,
        f"under {_MB} MB": idle["mb"] < _MB,
        "requests a change never rise": all(
            later["requests"]["businesscentral"] <= earlier["requests"]["businesscentral"]
            for earlier, later in pairwise(changes)
        ),
        "time a change is no more at the largest": len(changes) < 3 or changes[-1]["ms"] <= changes[1]["ms"],
    }
    if asked.json:
        print(json.dumps(found | {"holds": holds}))
    else:
        show("The cost of a change", [*_shown(found), *verdicts(holds)], asked.picture)
    return 0 if all(holds.values()) else 1


def _shown(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    idle, changes = found["idle"], found["changes"]
    asked = " and ".join(f"{count} to {side}" for side, count in idle["requests"].items())
    yield f"{found['links']:,} records remembered, nothing changed: requests {asked}, {idle['cpu_ms']:.0f} ms of CPU."
    yield f"The process takes {idle['mb']:.0f} MB at most. Of these records so many are changed at once:"
    table = Table("changed", "ms each", "CPU ms each", "requests each", "time")
    for each in changes:
        table.add_row(
            f"{each['changed']:,}",
            f"{each['ms']:.2f}",
            f"{each['cpu_ms']:.2f}",
            f"{sum(each['requests'].values()):.4f}",
            bar(each["ms"], max(change["ms"] for change in changes)),
        )
    yield table


if __name__ == "__main__":
    sys.exit(main())
