"""A backfill: all customers of Customerp into an empty Business Central, against other ways to do it.

- *the leanest loop* makes the same writes with the same connectors and batches: each customer is created, and what
  Business Central adds (its number first of all) is handed back. Nothing is remembered, merged or checked.
- *one way* is that loop without handing anything back.
- *the usual script* takes one customer after another: is it there by its organisation number? Then it is changed
  whatever it has become (``If-Match: *``), else created. A sample is measured, and told as if all were done.
- *dlt* moves the same records one way: a resource that lists Customerp, a destination that posts batches.

Each runs in a process of its own against fresh servers. The sandboxes let the time of a round trip pass before each
answer: Business Central is a service on the internet, 100 ms away, Customerp stands in the same house, 5 ms away. With
``--beside`` they answer at once, as nothing but a test's systems do: that is the processor's time of each way.

Bounds (exit code 1 otherwise): all is linked, nothing is parked, the process stays under 300 MB, the time is at most
1.5 times that of the leanest loop and a twentieth of that of the usual script, and all stand in Business Central sooner
than with dlt; beside the systems, the time is at most so many times that of the leanest loop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from shown import bar, options, show, verdicts
from syncline.demo.systems import CENTRAL_ROOT, Central, Customerp, System, server
from syncline.engine.knowing import Knowing
from syncline.engine.setup import view
from syncline.engine.sync import sync
from syncline.mapping.translate import fields, row
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.records import Create, Done, Record, Row, Update

_ERP, _CENTRAL = "customerp", "businesscentral"
_AWAY = {_ERP: 0.005, _CENTRAL: 0.1}
"""Seconds of a round trip."""
_MOST = 1.5
_MOST_BESIDE = 4.0
_LEAST_SCRIPTS = 20
_MOST_MB = 300
_BATCH = 100
_SAMPLE = 500
_WAYS = {
    "syncline": "Syncline",
    "loop": "leanest loop",
    "one-way": "… one way",
    "dlt": "dlt, one way",
    "script": "usual script, one way",
}


def _customer(n: int) -> dict[str, Any]:
    return {"name": f"Customer {n}", "organisationNumber": f"ORG{n:06}", "email": f"post@c{n}.example"}


def _spelled(customer: dict[str, Any]) -> dict[str, Any]:
    """As whoever writes a script by hand would send it."""
    return {
        "type": "Company",
        "displayName": customer["name"],
        "taxRegistrationNumber": customer["organisationNumber"],
        "email": customer["email"],
    }


# --- what is measured, each in a process of its own; the customers that were moved, and the seconds they took


async def _syncline(folder: Path) -> dict[str, Any]:
    async with load(folder).open("benchmark") as setup:
        began, since = time.perf_counter(), datetime.now(UTC)
        result = await sync(setup)
        seconds = time.perf_counter() - began
        central, there = setup.systems[_CENTRAL], view(setup.flows["customers"], _CENTRAL)
        last = max([r.modified async for page in central.changes(there, None) for r in page.records if r.modified])
        counts, tally = setup.store.counts()["customers"], result.flows["customers"]
        parked = sum(counts.parked.values()) + counts.waiting
        writes = tally.created.total() + tally.updated.total()
        told = {"moved": tally.created[_CENTRAL], "writes": writes, "parked": parked}
        return {"seconds": seconds, "there": (last - since).total_seconds(), **told}


async def _loop(folder: Path, *, hands_back: bool) -> dict[str, Any]:
    async with load(folder).open("benchmark") as setup:
        flow, moved, writes = setup.flows["customers"], 0, 0
        erp, central = setup.systems[_ERP], setup.systems[_CENTRAL]
        began = time.perf_counter()
        known = await Knowing(setup).to_read(flow, ())

        def back(record: Record, here: Row, there: Row) -> Update:
            told = {n: v for n, v in there.values.items() if _ERP in flow.properties[n].targets}
            new = {n: v for n, v in told.items() if v is not None and v != here.values.get(n)}
            sending = fields(flow, _ERP, new, known, creating=False)
            return Update(id=record.id, version=record.version, fields=sending.fields)

        # All of it is listed first: what is handed back while pages are turned would be told again.
        listed = [record async for page in erp.changes(view(flow, _ERP), None) for record in page.records]
        for at in range(0, len(listed), _BATCH):
            records = listed[at : at + _BATCH]
            rows = [row(flow, _ERP, record, known) for record in records]
            sent = [fields(flow, _CENTRAL, each.values, known, creating=True).fields for each in rows]
            creates = [Create(key=uuid.uuid4().hex, fields=each) for each in sent]
            outcomes = await central.write(view(flow, _CENTRAL), creates)
            answers = [each.answer for each in outcomes if isinstance(each, Done) and each.answer]
            moved += len(answers)
            writes += len(answers)
            if hands_back:
                there = [row(flow, _CENTRAL, answer, known) for answer in answers]
                updates = [back(*each) for each in zip(records, rows, there, strict=True)]
                done = await erp.write(view(flow, _ERP), updates)
                writes += sum(isinstance(each, Done) for each in done)
        return {"seconds": time.perf_counter() - began, "moved": moved, "writes": writes}


async def _script(erp_at: str, central_at: str) -> dict[str, Any]:
    async with Customerp(erp_at) as erp, Central(central_at) as central:
        began = time.perf_counter()
        customers = (await erp.ask("GET", f"customers?limit={_SAMPLE}"))["items"]
        for customer in customers:
            number = customer["organisationNumber"]
            found = (await central.ask("GET", f"customers?$filter=taxRegistrationNumber eq '{number}'"))["value"]
            if found:
                await central.ask("PATCH", f"customers({found[0]['id']})", _spelled(customer), {"If-Match": "*"})
            else:
                await central.create("customers", _spelled(customer))
        return {"seconds": time.perf_counter() - began, "moved": len(customers), "writes": len(customers)}


def _dlt(erp_at: str, central_at: str, folder: Path, company: str) -> dict[str, Any]:
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR", "DLT_DATA_DIR": str(folder)}
    import dlt
    from dlt.sources.helpers import requests

    moved = 0

    @dlt.resource(name="customers")
    def customers() -> Iterator[list[dict[str, Any]]]:
        cursor: dict[str, str] = {}
        while True:
            page = requests.get(f"{erp_at}/api/customers", params={"limit": "500", **cursor}).json()
            yield [_spelled(customer) for customer in page["items"]]
            if not page.get("nextCursor"):
                return
            cursor = {"cursor": page["nextCursor"]}

    @dlt.destination(name="central", batch_size=_BATCH, naming_convention="direct", skip_dlt_columns_and_tables=True)
    def central(items: Any, _: Any, /) -> None:
        nonlocal moved
        creates: list[Any] = [
            {
                "id": str(at),
                "method": "POST",
                "url": f"companies({company})/customers",
                "headers": {"Content-Type": "application/json"},
                "body": item,
            }
            for at, item in enumerate(items)
        ]
        answer = requests.post(f"{central_at}{CENTRAL_ROOT}$batch", json={"requests": creates}).json()
        moved += sum(each["status"] == 201 for each in answer["responses"])

    began = time.perf_counter()
    dlt.pipeline("backfill", destination=central, pipelines_dir=str(folder / "dlt")).run(customers())
    return {"seconds": time.perf_counter() - began, "moved": moved, "writes": moved}


async def _company(central_at: str) -> str:
    async with Central(central_at) as central:
        told = await central.ask("GET", f"{central_at}{CENTRAL_ROOT}companies")
        return str(told["value"][0]["id"])


def _alone(way: str, folder: Path, erp_at: str, central_at: str) -> dict[str, Any]:
    match way:
        case "syncline":
            return asyncio.run(_syncline(folder))
        case "loop" | "one-way":
            return asyncio.run(_loop(folder, hands_back=way == "loop"))
        case "dlt":
            return _dlt(erp_at, central_at, folder, asyncio.run(_company(central_at)))
        case _:
            return asyncio.run(_script(erp_at, central_at))


# --- measuring


async def _filled(folder: Path, count: int) -> Path:
    """What Customerp keeps once it has so many customers."""
    async with server(_ERP, folder) as at, Customerp(at) as erp:
        for first in range(0, count, 50):
            several = range(first, min(first + 50, count))
            await asyncio.gather(*(erp.create("customers", _customer(n)) for n in several))
    return folder / f"{_ERP}.db"


async def _move_away(side: str, at: str) -> None:
    """From now on each of its answers comes a round trip later: that of a batch once."""
    late = {"kind": "latency", "seconds": _AWAY[side], "rate": 1}
    async with System(at) as system:
        await system.ask("POST", f"{at}/sandbox/faults", {"next": [], "random": {"faults": [late]}})


async def _measure(way: str, filled: Path, *, beside: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        folder = Path(name)
        shutil.copy(filled, folder)
        async with server(_ERP, folder) as erp_at, server(_CENTRAL, folder) as central_at:
            scaffold(folder / "project", businesscentral=central_at, customerp=erp_at, company=None)
            for side, at in () if beside else ((_ERP, erp_at), (_CENTRAL, central_at)):
                await _move_away(side, at)
            command = [sys.executable, __file__, "--only", way, str(folder / "project"), erp_at, central_at]
            process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            told, _ = await process.communicate()
            assert process.returncode == 0, f"{way} failed"
            found: dict[str, Any] = json.loads(told.splitlines()[-1])
            return found


async def _all(count: int, *, beside: bool) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        filled = await _filled(Path(name), count)
        return {way: await _measure(way, filled, beside=beside) for way in _WAYS}


def _verdicts(
    count: int, measured: dict[str, dict[str, Any]], ratios: dict[str, float], *, beside: bool
) -> dict[str, bool]:
    syncline = measured["syncline"]
    most = _MOST_BESIDE if beside else _MOST
    told = {
        f"all {count:,} are moved": all(told["moved"] == count for way, told in measured.items() if way != "script"),
        "nothing is parked": syncline["parked"] == 0,
        f"{syncline['megabytes']:.0f} MB, under {_MOST_MB}": syncline["megabytes"] < _MOST_MB,
        f"{ratios['loop']:.2f} times the leanest loop, at most {most}": ratios["loop"] <= most,
    }
    if beside:
        return told
    times, there, dlt = 1 / ratios["script"], syncline["there"], measured["dlt"]["seconds"]
    return told | {
        f"{times:.0f} times as fast as the usual script, at least {_LEAST_SCRIPTS}": times >= _LEAST_SCRIPTS,
        f"all stand in Business Central after {there:.1f} s, with dlt after {dlt:.1f} s": there < dlt,
    }


def _table(count: int, measured: dict[str, dict[str, Any]], each: dict[str, float]) -> RenderableType:
    table = Table("way", "moved", "writes", "customers/s", "MB", "time", "", title=f"A backfill of {count:,} customers")
    slowest = max(each.values())
    for way, words in _WAYS.items():
        told = measured[way]
        of = ", a sample" if way == "script" else ""
        table.add_row(
            words + of,
            f"{told['moved']:,}",
            f"{told['writes']:,}",
            f"{1 / each[way]:,.0f}",
            f"{told['megabytes']:.0f}",
            f"{each[way] / each['loop']:.2f} x",
            bar(each[way], slowest),
        )
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--beside", action="store_true", help="the systems answer at once")
    options(parser)
    parser.add_argument("--only", nargs=4, metavar=("WAY", "FOLDER", "ERP", "CENTRAL"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        way, folder, erp_at, central_at = asked.only
        found = _alone(way, Path(folder), erp_at, central_at)
        found["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(found))
        return 0
    count: int = asked.customers
    measured = asyncio.run(_all(count, beside=asked.beside))
    each = {way: told["seconds"] / told["moved"] for way, told in measured.items()}
    ratios = {way: each["syncline"] / of for way, of in each.items()}
    held = _verdicts(count, measured, ratios, beside=asked.beside)
    if asked.json:
        print(json.dumps({"ways": measured, "ratios": ratios, "held": held}, indent=2))
    else:
        show("A backfill", [_table(count, measured, each), *verdicts(held)], asked.picture)
    return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
