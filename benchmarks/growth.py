"""What a record of a backfill costs, however many there are: all customers of Customerp into an empty Business Central.

Syncline runs in a process of its own, against fresh servers for each size. Its processor time for each record is held
against the other sizes', since what others do on the machine does not change it; the time that passes is told as well.
Customerp's records are made by the sandbox's own code without HTTP, so that a million take minutes.

Bounds (exit code 1 otherwise): a record costs at most 1.2 times what it costs at any other size; all is moved once and
nothing is parked; the process takes less than 300 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import RenderableType
from rich.table import Table

from shown import bar, options, show, verdicts
from syncline.demo.systems import server
from syncline.engine.sync import sync
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.sandbox.customerp.database import Database
from syncline.sandbox.customerp.entities import ENTITIES
from syncline.sandbox.customerp.writing import create

_ERP, _CENTRAL = "customerp", "businesscentral"
_APART = 1.2
_MOST_MB = 300


class Backfill(Struct):
    """``cpu`` are seconds of Syncline's own process, ``store`` megabytes of the file that it leaves."""

    count: int
    moved: int
    parked: int
    seconds: float
    cpu: float
    megabytes: float
    store: float

    @property
    def cost(self) -> float:
        """Milliseconds of the processor for each record."""
        return self.cpu * 1_000 / self.count


def _fill(data: Path, customers: int) -> None:
    with closing(Database(data)) as database:
        database.execute("PRAGMA synchronous = OFF")
        for n in range(customers):
            fields = {"name": f"Customer {n}", "organisationNumber": f"ORG{n:07}", "email": f"post@c{n}.example"}
            create(database, ENTITIES["customers"], fields)


async def _backfill(folder: Path) -> dict[str, Any]:
    """The pass alone: in a process of its own."""
    project = load(folder)
    async with project.open("benchmark") as setup:
        began, cpu = time.perf_counter(), time.process_time()
        result = await sync(setup)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        counts = setup.store.counts()["customers"]
        moved, parked = result.flows["customers"].created[_CENTRAL], sum(counts.parked.values()) + counts.waiting
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    store = (folder / "syncline.db").stat().st_size / 1e6
    return {
        "moved": moved,
        "parked": parked,
        "seconds": seconds,
        "cpu": cpu,
        "megabytes": megabytes,
        "store": store,
    }


async def _measured(count: int) -> Backfill:
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        folder = Path(name)
        await asyncio.to_thread(_fill, folder / f"{_ERP}.db", count)
        async with server(_ERP, folder) as erp_at, server(_CENTRAL, folder) as central_at:
            scaffold(folder / "project", businesscentral=central_at, customerp=erp_at, company=None)
            command = [sys.executable, __file__, "--only", str(folder / "project")]
            process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            told, _ = await process.communicate()
            assert process.returncode == 0, f"a backfill of {count:,} failed"
            return Backfill(count=count, **json.loads(told))


def _shown(found: Sequence[Backfill]) -> Iterator[RenderableType]:
    table = Table("records", "CPU ms each", "", "against the least", "ms each", "MB", "store, kB each", title="Growth")
    least, most = (pick(each.cost for each in found) for pick in (min, max))
    for each in found:
        table.add_row(
            f"{each.count:,}",
            f"{each.cost:.2f}",
            bar(each.cost, most),
            f"{each.cost / least:.2f} x",
            f"{each.seconds * 1_000 / each.count:.2f}",
            f"{each.megabytes:.0f}",
            f"{each.store * 1_000 / each.count:.1f}",
        )
    yield table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[1_000, 10_000], metavar="N")
    parser.add_argument("--only", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options(parser)
    asked = parser.parse_args()
    if asked.only:
        print(json.dumps(asyncio.run(_backfill(asked.only))))
        return 0
    found = [asyncio.run(_measured(records)) for records in asked.records]
    costs = [each.cost for each in found]
    holds = {
        f"a record costs at most {_APART:g} times what it costs at any other size": max(costs) <= _APART * min(costs),
        "all is moved once, nothing is parked": all(each.moved == each.count and not each.parked for each in found),
        f"under {_MOST_MB} MB": max(each.megabytes for each in found) < _MOST_MB,
    }
    if asked.json:
        print(msgspec.json.encode({"backfills": found, "holds": holds}).decode())
    else:
        show("Growth", [*_shown(found), *verdicts(holds)], asked.picture)
    return 0 if all(holds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
