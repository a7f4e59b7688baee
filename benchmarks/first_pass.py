"""The first pass between two companies of 10,000 customers each, half of them the same: requests, memory, time.

Bounds that must hold (exit code 1 otherwise): everything linked, nothing parked, requests to Business Central at most
(writes / 100 + pages) x 1.2, memory of the process that syncs under 300 MB. The pages are those of two looks: at the
customers that are there, then at all customers and at the contacts that Business Central made of them, as all of that
was modified a moment ago. Time is told as a ratio to the leanest loop that can do the same writes with the same
connectors: list both sides, create what is missing in batches of 100.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from shown import options, show
from syncline.connectors.base import Connector
from syncline.connectors.businesscentral.connector import PAGE_SIZE
from syncline.demo.systems import CENTRAL_ROOT, Central, Customerp, server
from syncline.engine.setup import Setup, view
from syncline.engine.sync import sync
from syncline.mapping.known import Known
from syncline.mapping.translate import fields, row
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.records import Create, Done

_MOST_MB = 300
_ROOM = 1.2


def _customer(n: int) -> dict[str, Any]:
    return {"name": f"Customer {n}", "organisationNumber": f"ORG{n:06}", "email": f"post@c{n}.example"}


async def _fill(erp: Customerp, central: Central, root: str, count: int) -> None:
    """Customers 0 to count on the left, count/2 to count*3/2 on the right."""
    for at in range(0, count, 50):
        await asyncio.gather(*(erp.create("customers", _customer(n)) for n in range(at, min(at + 50, count))))
    company = (await central.ask("GET", f"{root}companies"))["value"][0]["id"]
    for at in range(count // 2, count + count // 2, 100):
        requests = [
            {
                "id": str(n),
                "method": "POST",
                "url": f"companies({company})/customers",
                "headers": {"Content-Type": "application/json"},
                "body": {
                    "type": "Company",
                    "displayName": _customer(n)["name"],
                    "taxRegistrationNumber": _customer(n)["organisationNumber"],
                    "email": _customer(n)["email"],
                },
            }
            for n in range(at, min(at + 100, count + count // 2))
        ]
        answer = await central.ask("POST", f"{root}$batch", {"requests": requests})
        assert all(reply["status"] == 201 for reply in answer["responses"]), answer["responses"][0]


# --- what is measured, each in a process of its own


async def _pass(folder: Path) -> dict[str, Any]:
    async with load(folder).open("benchmark") as setup:
        began = time.perf_counter()
        result = await sync(setup)
        first = time.perf_counter() - began
        asked = _asked(setup)
        began = time.perf_counter()
        again = await sync(setup)
        counts = setup.store.counts()["customers"]
        return {
            "seconds": first,
            "requests": asked,
            "writes": result.flows["customers"].created["businesscentral"]
            + result.flows["customers"].updated["businesscentral"],
            "linked": counts.linked,
            "parked": sum(counts.parked.values()) + counts.waiting,
            "idle": {
                "writes": again.writes,
                "requests": _asked(setup) - asked,
                "seconds": time.perf_counter() - began,
            },
        }


def _asked(setup: Setup) -> int:
    counts: Mapping[str, int] = setup.systems["businesscentral"].requests  # type: ignore[attr-defined]
    return sum(counts.values())


async def _floor(folder: Path) -> dict[str, Any]:
    """Nothing is remembered, merged or checked: read both sides, create what the other lacks."""
    async with load(folder).open("benchmark") as setup:
        began = time.perf_counter()
        flow = setup.flows["customers"]
        held: dict[str, dict[str, Mapping[str, Any]]] = {side: {} for side in flow.sides}
        for side in flow.sides:
            async for page in setup.systems[side].changes(view(flow, side), None):
                for record in page.records:
                    values = row(flow, side, record, Known()).values
                    held[side][str(values["organisationNumber"])] = values
        left, right = flow.sides
        for source, target in ((left, right), (right, left)):
            lacking = [values for key, values in held[source].items() if key not in held[target]]
            for at in range(0, len(lacking), 100):
                writes = [
                    Create(key=uuid.uuid4().hex, fields=fields(flow, target, values, Known(), creating=True).fields)
                    for values in ({**v, "paymentTerms": None} for v in lacking[at : at + 100])
                ]
                await _create(setup.systems[target], setup, target, writes)
        return {"seconds": time.perf_counter() - began, "requests": _asked(setup)}


async def _create(system: Connector, setup: Setup, side: str, writes: Sequence[Create]) -> None:
    outcomes = await system.write(view(setup.flows["customers"], side), writes)
    refused = [outcome for outcome in outcomes if not isinstance(outcome, Done)]
    assert not refused, refused[0]


def _in_a_process(what: str, folder: Path) -> dict[str, Any]:
    told = subprocess.run([sys.executable, __file__, "--only", what, str(folder)], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


async def _measure(what: str, count: int) -> dict[str, Any]:
    """With two fresh companies."""
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        folder = Path(name)
        async with server("customerp", folder) as erp_at, server("businesscentral", folder) as central_at:
            async with Customerp(erp_at) as erp, Central(central_at) as central:
                await _fill(erp, central, central_at + CENTRAL_ROOT, count)
            scaffold(folder / "project", businesscentral=central_at, customerp=erp_at, company=None)
            return await asyncio.to_thread(_in_a_process, what, folder / "project")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000, help="on each side")
    options(parser)
    parser.add_argument("--only", nargs=2, metavar=("WHAT", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        what, folder = asked.only
        found = asyncio.run(_pass(Path(folder)) if what == "pass" else _floor(Path(folder)))
        found["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(found))
        return 0
    count: int = asked.customers
    passed, floor = asyncio.run(_measure("pass", count)), asyncio.run(_measure("floor", count))
    first, again = math.ceil(count / PAGE_SIZE), 2 * math.ceil(count * 1.5 / PAGE_SIZE)
    pages = first + again + 2 * 4 + 2  # both looks at a flow, and the look-ups
    bound = (passed["writes"] / 100 + pages) * _ROOM
    rows = [
        ("customers on each side", count, ""),
        ("linked, once each", passed["linked"], count + count // 2),
        ("parked", passed["parked"], 0),
        ("writes to Business Central", passed["writes"], ""),
        ("requests to Business Central", passed["requests"], f"at most {bound:.0f}"),
        ("memory, MB", round(passed["megabytes"]), f"under {_MOST_MB}"),
        ("time against the leanest loop", f"{passed['seconds'] / floor['seconds']:.2f} x", ""),
        ("memory against the leanest loop", f"{passed['megabytes'] / floor['megabytes']:.2f} x", ""),
        ("requests of an idle pass", passed["idle"]["requests"], ""),
        ("writes of an idle pass", passed["idle"]["writes"], 0),
    ]
    held = (
        passed["linked"] == count + count // 2
        and passed["parked"] == 0
        and passed["idle"]["writes"] == 0
        and passed["requests"] <= bound
        and passed["megabytes"] < _MOST_MB
    )
    if asked.json:
        print(json.dumps({"pass": passed, "floor": floor, "bound": bound, "held": held}, indent=2))
    else:
        table = Table("what", "measured", "bound", title="The first pass")
        for cells in rows:
            table.add_row(*map(str, cells))
        show("The first pass", [table], asked.picture)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
