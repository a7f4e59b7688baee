"""A backfill: all customers of Customerp into an empty Business Central, against other ways to do it.

- *the leanest loop* makes the same writes with the same connectors and batches: each customer is created, and what
  Business Central adds (its number first of all) is handed back. Nothing is remembered, merged or checked.
- *one way* is that loop without handing anything back.
- *the usual script* takes one customer after another: is it there by its organisation number? Then it is changed
  whatever it has become (``If-Match: *``), else created. A sample is measured, and told as if all were done.
- *dlt* moves the same records one way: a resource that lists Customerp, a destination that posts batches.

Each runs in a process of its own against fresh servers. Bounds (exit code 1 otherwise): all is linked, nothing is
parked, the process stays under 300 MB, and the time is at most so many times that of the leanest loop; the goal is 1.5.
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
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from shown import bar, options, show
from syncline.demo.systems import CENTRAL_ROOT, Central, Customerp, server
from syncline.engine.knowing import Knowing
from syncline.engine.setup import view
from syncline.engine.sync import sync
from syncline.mapping.translate import fields, row
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.records import Create, Done, Record, Row, Update

_ERP, _CENTRAL = "customerp", "businesscentral"
_GOAL = 1.5
_MOST = 5.0
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
        began = time.perf_counter()
        result = await sync(setup)
        seconds = time.perf_counter() - began
        counts, tally = setup.store.counts()["customers"], result.flows["customers"]
        parked = sum(counts.parked.values()) + counts.waiting
        writes = tally.created.total() + tally.updated.total()
        return {"seconds": seconds, "moved": tally.created[_CENTRAL], "writes": writes, "parked": parked}


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


async def _measure(way: str, filled: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        folder = Path(name)
        shutil.copy(filled, folder)
        async with server(_ERP, folder) as erp_at, server(_CENTRAL, folder) as central_at:
            scaffold(folder / "project", businesscentral=central_at, customerp=erp_at, company=None)
            command = [sys.executable, __file__, "--only", way, str(folder / "project"), erp_at, central_at]
            process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            told, _ = await process.communicate()
            assert process.returncode == 0, f"{way} failed"
            found: dict[str, Any] = json.loads(told.splitlines()[-1])
            return found


async def _all(count: int) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        filled = await _filled(Path(name), count)
        return {way: await _measure(way, filled) for way in _WAYS}


def _shown(
    count: int, measured: dict[str, dict[str, Any]], each: dict[str, float], ratio: float
) -> Iterator[RenderableType]:
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
    yield table
    yield f"Syncline takes {ratio:.2f} times the leanest loop: at most {_MOST} now, the goal is {_GOAL}."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
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
    measured = asyncio.run(_all(count))
    each = {way: told["seconds"] / told["moved"] for way, told in measured.items()}
    ratio = each["syncline"] / each["loop"]
    held = (
        all(told["moved"] == count for way, told in measured.items() if way != "script")
        and measured["syncline"]["parked"] == 0
        and measured["syncline"]["megabytes"] < _MOST_MB
        and ratio <= _MOST
    )
    if asked.json:
        print(json.dumps({"ways": measured, "ratio": ratio, "most": _MOST, "goal": _GOAL, "held": held}, indent=2))
    else:
        show("A backfill", _shown(count, measured, each, ratio), asked.picture)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
