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
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from remembered import fill
from syncline.demo.systems import Customerp, server
from syncline.engine.knowing import KeptCodes
from syncline.engine.setup import Setup
from syncline.engine.sync import look, sync
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.store import Store

_CPU = 0.100
_MB = 200
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
            with Store.open(project.store) as store:
                fill(store, links - records, parking=False)
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
    found = []
    codes: KeptCodes = {}
    await sync(setup, codes=codes)
    for power in range(int(math.log10(len(made))) + 1):
        count = 10**power
        await _together(
            count, lambda n, p=power: erp.change("customers", made[n]["id"], {"address": {"city": f"Town {p} {n}"}})
        )
        before, began = _asked(setup), time.perf_counter()
        result = await look(setup, [("customers", "customerp")], codes=codes)
        took, now = time.perf_counter() - began, _asked(setup)
        assert result.writes == count, (result.writes, count)
        spent = {side: (now[side] - before[side]) / count for side in now}
        found.append({"changed": count, "ms": took * 1_000 / count, "requests": spent})
    return found


def _asked(setup: Setup) -> dict[str, int]:
    counts: Mapping[str, Any] = setup.systems
    return {
        "businesscentral": sum(counts["businesscentral"].requests.values()),
        "customerp": counts["customerp"].spent.requests,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=100_000, help="remembered; 1,000,000 takes some minutes to make")
    parser.add_argument("--records", type=int, default=1_000, help="of these, that both systems hold")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = asyncio.run(_measured(asked.links, asked.records))
    idle, changes = found["idle"], found["changes"]
    flows = 4
    holds = {
        f"idle: {flows} requests a side": all(count <= flows for count in idle["requests"].values()),
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
        _show(found, holds)
    return 0 if all(holds.values()) else 1


def _show(found: Mapping[str, Any], holds: Mapping[str, bool]) -> None:
    idle = found["idle"]
    asked = ", ".join(f"{count} to {side}" for side, count in idle["requests"].items())
    print(f"{found['links']:,} records remembered. Nothing changed: {asked} requests, {idle['cpu_ms']:.0f} ms of CPU,")
    print(f"{idle['mb']:.0f} MB at most\n")
    print(f"{'changed':>8} {'ms each':>9} {'requests each':>14}")
    most = max(each["ms"] for each in found["changes"])
    for each in found["changes"]:
        bar = "#" * max(1, round(40 * each["ms"] / most))
        print(f"{each['changed']:>8,} {each['ms']:>9.2f} {sum(each['requests'].values()):>14.3f}  {bar}")
    for what, does in holds.items():
        print(f"{'holds ' if does else 'BROKEN'} {what}")


if __name__ == "__main__":
    sys.exit(main())
