"""What one core does a second on the way of one record: map, merge, plan. No system and no store has a part in it.

A *new* record is read as Customerp tells it, merged with nothing, and written as Business Central is to be sent it. An
*edited* one is read, too, and merged with what is known of both sides, which differs in one property; then it is
written. Every property of the shipped flow of customers is filled. Time is the processor's own, the
best of several runs.

Bounds (exit code 1 otherwise) leave about half of what was measured as room for a slower machine; the goal is 20,000 a
second.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.table import Table

from shown import bar, options, show
from syncline.engine.case import Case, link_id
from syncline.engine.delivery.writes import build
from syncline.mapping.known import Known
from syncline.mapping.model import Flow
from syncline.mapping.translate import row
from syncline.mapping.types import Code, CodeTable
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.reconcile.merge import merge
from syncline.records import Link, Record, Ref, Row, Shadow
from syncline.store import Arrival

_GOAL = 20_000
_LEAST = {"new": 7_000, "edited": 9_000}
_RUNS = 5
_NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
_ERP, _CENTRAL = "customerp", "businesscentral"
_CODES = {"paymentTerms": "30DAYS", "paymentMethods": "BANK", "shipmentMethods": "EXW", "taxAreas": "DOMESTIC"}


def _record(n: int) -> Record:
    fields: dict[str, Any] = {
        "id": f"{n:032x}",
        "customerNo": f"C{n:06}",
        "name": f"Customer {n}",
        "address": {
            "street": f"High Street {n}",
            "street2": "Floor 2",
            "city": "Bergen",
            "region": "Vestland",
            "postalCode": f"{n % 10_000:04}",
            "country": "NO",
        },
        "phone": f"+47 55 {n % 100:02} {n // 100 % 100:02} 00",
        "email": f"post@c{n}.example",
        "website": f"https://c{n}.example",
        "organisationNumber": f"ORG{n:06}",
        "currency": "EUR",
        "paymentTerms": _CODES["paymentTerms"],
        "paymentMethod": _CODES["paymentMethods"],
        "deliveryTerms": _CODES["shipmentMethods"],
        "salesperson": "KARI",
        "creditLimit": Decimal("10000.50"),
        "taxable": True,
        "taxArea": _CODES["taxAreas"],
        "hold": "none",
        "balanceDue": Decimal("0.00"),
        "overdue": Decimal("0.00"),
    }
    return Record(id=fields["id"], version=f'"{n}"', modified=_NOON, fields=fields)


def _known() -> Known:
    codes = {
        (side, table): CodeTable.of([Code(id=f"{table}-id", code=code, within=None)])
        for side in (_ERP, _CENTRAL)
        for table, code in _CODES.items()
    }
    return Known(codes=codes)


def _flow(folder: Path) -> Flow:
    nowhere = "http://127.0.0.1:1"
    scaffold(folder / "project", businesscentral=nowhere, customerp=nowhere, company=None)
    return next(flow for flow in load(folder / "project").flows.values() if flow.name == "customers")


class _Path:
    """The records of one kind, and what each step does with all of them."""

    def __init__(self, flow: Flow, kind: str, count: int) -> None:
        self._flow = flow
        self._codes = _known()
        self._is_new = kind == "new"
        self._records = [_record(n) for n in range(count)]
        self._shadows: list[dict[str, Shadow]] = [self._remembered(record) for record in self._records]
        self._links = [self._link(record) for record in self._records]
        self._rows: list[Row] = []
        self._cases: list[Case] = []

    def steps(self) -> dict[str, Callable[[], None]]:
        """In their order; each needs what the one before has left."""
        return {"map": self._map, "merge": self._merge, "plan": self._plan}

    def _remembered(self, record: Record) -> dict[str, Shadow]:
        if self._is_new:
            return {}
        values = {**row(self._flow, _ERP, record, self._codes).values, "city": "Oslo"}
        return {side: Shadow(version="1", modified=_NOON, values=values) for side in (_ERP, _CENTRAL)}

    def _link(self, record: Record) -> Link:
        members = {_ERP: record.id} if self._is_new else {_ERP: record.id, _CENTRAL: record.id}
        return Link(id=link_id(self._flow, members), flow=self._flow.name, members=members)

    def _map(self) -> None:
        self._rows = [row(self._flow, _ERP, record, self._codes) for record in self._records]

    def _merge(self) -> None:
        given = zip(self._records, self._links, self._rows, self._shadows, strict=True)
        self._cases = [self._case(*each) for each in given]

    def _case(self, record: Record, link: Link, told: Row, shadows: dict[str, Shadow]) -> Case:
        arrival = Arrival(ref=Ref(self._flow.name, _ERP, record.id), record=record, seen=_NOON, due=_NOON)
        rows, times = {_ERP: told}, {_ERP: record.modified}
        return Case(
            flow=self._flow,
            link=link,
            fresh=self._is_new,
            arrivals={_ERP: arrival},
            rows=rows,
            shadows=shadows,
            merge=merge(self._flow, rows, shadows, times),
        )

    def _plan(self) -> None:
        jobs = [build(case, side, self._codes) for case in self._cases for side in case.merge.writes]
        assert len(jobs) == len(self._records)


def _seconds(path: _Path) -> dict[str, float]:
    best: dict[str, float] = {}
    for _ in range(_RUNS):
        for name, step in path.steps().items():
            began = time.process_time()
            step()
            best[name] = min(time.process_time() - began, best.get(name, float("inf")))
    return best


def _measure(count: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        flow = _flow(Path(name))
    return {kind: _seconds(_Path(flow, kind, count)) for kind in _LEAST}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=5_000)
    options(parser)
    asked = parser.parse_args()
    count: int = asked.records
    measured = _measure(count)
    rates = {kind: count / sum(seconds.values()) for kind, seconds in measured.items()}
    held = all(rates[kind] >= least for kind, least in _LEAST.items())
    if asked.json:
        steps: dict[str, Any] = {k: {n: count / s for n, s in told.items()} for k, told in measured.items()}
        print(json.dumps({"steps": steps, "together": rates, "least": _LEAST, "goal": _GOAL, "held": held}, indent=2))
        return 0 if held else 1
    table = Table("record", "step", "records/s a core", "share", "", "bound", title="One record, one core")
    for kind, seconds in measured.items():
        whole = sum(seconds.values())
        for name, took in seconds.items():
            share = took / whole
            table.add_row(kind, name, f"{count / took:,.0f}", f"{share:.0%}", bar(share, 1))
        bound = f"at least {_LEAST[kind]:,} (goal {_GOAL:,})"
        table.add_row(kind, "together", f"{rates[kind]:,.0f}", "", "", bound, end_section=True)
    show("One record, one core", [table], asked.picture)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
