"""An edit in Customerp, announced by its webhook, until it stands in Business Central: median and 99th percentile.

Told as multiples of the round trips that it needs at least: the changed record is read, and the other is written (one
request each, by a client that does nothing else). Both systems answer every request only after ``--round-trip``
milliseconds, as over a network. They stamp their own records by this machine's clock, so the time between them is
measured by nobody else. Bounds (exit code 1 otherwise): the median is at most 1.5 times those round trips.
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
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from rich.table import Table

from shown import bar, options, show, verdicts
from syncline.demo.systems import CENTRAL_ROOT, Central, Customerp, server
from syncline.engine.sync import sync
from syncline.project import load
from syncline.project.scaffold import scaffold

_MOST = 1.5
_SHARES = (0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
_LISTEN = "127.0.0.1:8471"
_SECRET = "SYNCLINE_BENCHMARK_WEBHOOKS"
_RUN = [sys.executable, "-c", "from syncline.cli import main; main()"]
_BETWEEN = 0.1
"""Seconds between edits: each is alone."""


async def _measured(count: int, round_trip: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        folder = Path(name)
        async with (
            server("customerp", folder, "--open", "--notify-after", "0") as erp_at,
            server("businesscentral", folder) as central_at,
            Customerp(erp_at) as erp,
            Central(central_at) as central,
        ):
            made = [await erp.create("customers", {"name": f"Customer {n}"}) for n in range(count)]
            project = folder / "project"
            scaffold(project, businesscentral=central_at, customerp=erp_at, company=None)
            config = project / "syncline.yaml"
            webhooks = f"webhooks: {{url: 'http://{_LISTEN}', listen: '{_LISTEN}', secret: {_SECRET}}}"
            config.write_text(f"{config.read_text()}\n{webhooks}\n")
            async with load(project).open("benchmark") as setup:
                await sync(setup)
            slow = {"kind": "latency", "rate": 1, "seconds": round_trip}
            for at in (erp_at, central_at):
                await erp.ask("POST", f"{at}/sandbox/faults", {"next": [], "random": {"seed": 1, "faults": [slow]}})
            floor = await _floor(erp_at, central_at, central, count)
            return {"floor": floor, "latency": await _edited(project, erp, central, made, round_trip)}


async def _floor(erp_at: str, central_at: str, central: Central, count: int) -> list[float]:
    """Seconds of reading one change and writing one record, one after the other."""
    root = central_at + CENTRAL_ROOT
    company = (await central.ask("GET", f"{root}companies"))["value"][0]["id"]
    found: list[float] = []
    async with aiohttp.ClientSession() as session:

        async def ask(method: str, url: str, body: Any = None) -> Any:
            async with session.request(method, url, json=body) as answer:
                return await answer.json()

        since = (await ask("GET", f"{erp_at}/api/changes?since=latest"))["nextSince"]
        for n, record in enumerate((await central.all("customers"))[:count]):
            feed = f"{erp_at}/api/changes?since={since}&entity=customers&expand=record"
            request = {
                "id": "0",
                "method": "PATCH",
                "url": f"companies({company})/customers({record['id']})",
                "headers": {"Content-Type": "application/json", "If-Match": "*"},
                "body": {"city": f"Floor {n}"},
            }
            began = time.perf_counter()
            await ask("GET", feed)
            await ask("POST", f"{root}$batch", {"requests": [request]})
            found.append(time.perf_counter() - began)
    return found


async def _edited(
    project: Path, erp: Customerp, central: Central, made: list[dict[str, Any]], round_trip: float
) -> list[float]:
    """Seconds from each edit in the one system to its standing in the other: a system stamps what it does once its time
    for a request has passed.
    """
    running = subprocess.Popen(
        [*_RUN, "-C", str(project), "run", "--every", "3600", "--sweep", "3600"],
        env={**os.environ, _SECRET: "only this benchmark knows it"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stderr is not None
        assert running.stdout is not None
        await asyncio.to_thread(_until, running.stderr, "customerp announces")
        await asyncio.to_thread(_until, running.stdout, "updated in customerp")  # the floor's edits
        await asyncio.sleep(1)
        for record in made:
            await erp.change("customers", record["id"], {"address": {"city": f"Town {record['customerNo']}"}})
            await asyncio.sleep(_BETWEEN + 3 * round_trip)
        await asyncio.sleep(1)
    finally:
        running.terminate()
        await asyncio.to_thread(running.communicate)
    ours = {each["customerNo"]: each for each in await erp.all("customers")}
    theirs = {each["number"]: each for each in await central.all("customers")}
    assert all(theirs[number]["city"] == f"Town {number}" for number in ours), "an edit has not arrived"
    return [
        (_moment(theirs[number]["lastModifiedDateTime"]) - _moment(each["updatedAt"])).total_seconds()
        for number, each in ours.items()
    ]


def _until(stream: Any, text: str) -> None:
    for line in stream:
        if text in line:
            return
    raise AssertionError(f"it ended without telling {text!r}")


def _moment(told: str) -> datetime:
    return datetime.fromisoformat(told)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--round-trip", type=float, default=50.0, help="milliseconds")
    options(parser)
    asked = parser.parse_args()
    found = asyncio.run(_measured(asked.edits, asked.round_trip / 1_000))
    floor = statistics.median(found["floor"])
    ratios = sorted(each / floor for each in found["latency"])
    quantiles = {share: ratios[min(len(ratios) - 1, int(len(ratios) * share))] for share in _SHARES}
    is_held = quantiles[0.5] <= _MOST
    if asked.json:
        told = {"edits": len(ratios), "floor_ms": floor * 1_000, "quantiles": quantiles}
        print(json.dumps(told))
        return 0 if is_held else 1
    title = f"{len(ratios)} edits against the round trips that one needs, {floor * 1_000:.0f} ms"
    table = Table("of the edits", "took at most", "", title=title)
    for share, ratio in quantiles.items():
        table.add_row(f"{share:.0%}", f"{ratio:.2f} x", bar(ratio, ratios[-1]))
    show(
        "From one system to the other", [table, *verdicts({f"the median is at most {_MOST} x": is_held})], asked.picture
    )
    return 0 if is_held else 1


if __name__ == "__main__":
    sys.exit(main())
