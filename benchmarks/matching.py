"""What it costs to match a record, however many there are: two companies that have the same customers already.

All have been listed and wait in the inbox, as after the first look at both sides; measured is the step that joins them
by their keys. Nothing is read or written elsewhere, so the records are put into the inbox as a look would have done,
and both sandboxes are asked for their code tables only. Time is the processor's own.

Bounds (exit code 1 otherwise): every customer is linked and nothing is parked; a customer costs at most twice what
it costs at any other size; the process stays under 300 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import RenderableType
from rich.progress import track
from rich.table import Table

from shown import bar, options, show, verdicts
from syncline.demo.systems import server
from syncline.engine.gate import Open
from syncline.engine.knowing import Knowing
from syncline.engine.linking.link import link
from syncline.engine.report import Result
from syncline.engine.worker import Worker
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.records import Record, Ref
from syncline.sandbox.businesscentral.ids import system_ids
from syncline.store import Arrival, Memory, Store

_FLOW, _ERP, _CENTRAL = "customers", "customerp", "businesscentral"
_NUMBER = {_ERP: "organisationNumber", _CENTRAL: "taxRegistrationNumber"}
_NAME = {_ERP: "name", _CENTRAL: "displayName"}
_PAGE = 1_000
_APART = 2.0
_MOST_MB = 300


class Matching(Struct):
    """``cpu`` are seconds of the step alone."""

    count: int
    linked: int
    parked: int
    cpu: float
    megabytes: float

    @property
    def cost(self) -> float:
        """Milliseconds of the processor for each customer."""
        return self.cpu * 1_000 / self.count


def _fill(store: Store, count: int) -> None:
    """All customers on both sides, the one side's in another order than the other's, with ids as each hands them out:
    a later record's sorts later.
    """
    seen = datetime.now(UTC)
    began = int(seen.timestamp() * 1_000_000_000)
    as_handed_out = {
        _ERP: (f"{began + n:016x}{n * 7919 % 1_000_003:08x}" for n in itertools.count()),
        _CENTRAL: system_ids(),
    }
    pages = [(side, first) for side in (_ERP, _CENTRAL) for first in range(0, count, _PAGE)]
    for side, first in track(pages, "Filling the inbox", transient=True, disable=not sys.stderr.isatty()):
        ids = as_handed_out[side]
        numbers = (n if side == _ERP else count - 1 - n for n in range(first, min(first + _PAGE, count)))
        records = [
            Record(
                id=next(ids),
                version="1",
                modified=seen,
                fields={_NAME[side]: f"Customer {n}", _NUMBER[side]: f"ORG{n:07}", "email": f"post@c{n}.example"},
            )
            for n in numbers
        ]
        arrivals = [Arrival(ref=Ref(_FLOW, side, r.id), record=r, seen=seen, due=seen, edit=False) for r in records]
        store.save(Memory(arrivals=arrivals))


async def _match(folder: Path, count: int) -> dict[str, Any]:
    """The step alone: in a process of its own."""
    async with load(folder).open("benchmark") as setup:
        await asyncio.to_thread(_fill, setup.store, count)
        worker = Worker(setup, Knowing(setup), Open(), Result())
        cpu = time.process_time()
        await link(worker, setup.flows[_FLOW])
        cpu = time.process_time() - cpu
        counts = setup.store.counts()[_FLOW]
        linked, parked = worker.result.flows[_FLOW].linked, sum(counts.parked.values()) + counts.waiting
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    return {"linked": linked, "parked": parked, "cpu": cpu, "megabytes": megabytes}


async def _measured(count: int) -> Matching:
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        folder = Path(name)
        async with server(_ERP, folder) as erp_at, server(_CENTRAL, folder) as central_at:
            scaffold(folder / "project", businesscentral=central_at, customerp=erp_at, company=None)
            command = [sys.executable, __file__, "--only", str(folder / "project"), "--customers", str(count)]
            process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            told, _ = await process.communicate()
            assert process.returncode == 0, f"matching {count:,} failed"
            return Matching(count=count, **json.loads(told))


def _shown(found: Sequence[Matching]) -> Iterator[RenderableType]:
    table = Table("on both sides", "linked", "CPU ms each", "", "against the least", "MB", title="Matching")
    least, most = (pick(each.cost for each in found) for pick in (min, max))
    for each in found:
        table.add_row(
            f"{each.count:,}",
            f"{each.linked:,}",
            f"{each.cost:.2f}",
            bar(each.cost, most),
            f"{each.cost / least:.2f} x",
            f"{each.megabytes:.0f}",
        )
    yield table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=[5_000, 40_000], metavar="N")
    parser.add_argument("--only", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options(parser)
    asked = parser.parse_args()
    if asked.only:
        print(json.dumps(asyncio.run(_match(asked.only, asked.customers[0]))))
        return 0
    found = [asyncio.run(_measured(count)) for count in asked.customers]
    costs = [each.cost for each in found]
    holds = {
        f"a customer costs at most {_APART:g} times what it costs at any other size": max(costs) <= _APART * min(costs),
        "all are linked, nothing is parked": all(each.linked == each.count and not each.parked for each in found),
        f"under {_MOST_MB} MB": max(each.megabytes for each in found) < _MOST_MB,
    }
    if asked.json:
        print(msgspec.json.encode({"matchings": found, "holds": holds}).decode())
    else:
        show("Matching", [*_shown(found), *verdicts(holds)], asked.picture)
    return 0 if all(holds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
