"""What kills, lost answers and outages cost, and that they lose and double nothing: in worlds of ``tests/simulation``.

Each world (a seed) is played with all that goes wrong in it, and judged; then what its people did is played once more
with nothing going wrong. *wired* are worlds of the real connectors and sandboxes, *model* those of model systems, in
which more dies. What is told are requests for each thing that people did, looks that found nothing among them, and of
these the writes.

Then Business Central is away for ten minutes of virtual time, from the first write of a pass on, while a round trip
takes 50 ms: how long after its return ``run --every 5`` asks again, and how long it then takes until all is in step,
against a pass that brings the same edits in step without trouble.

Bounds (exit code 1 otherwise): nothing twice or missing, no edit lost, nothing else wrong; at most twice the requests;
the pass after the outage takes at most twice as long as one without. Needs ``PYTHONPATH=tests``.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from msgspec import Struct, field, structs
from rich.table import Table

from shown import bar, options, show, verdicts
from simulation import world
from simulation.course import Config, Events, Life, memory_folder
from simulation.oracle import judge
from simulation.script import Act, Fault
from simulation.wired import network
from simulation.wired import world as wired
from simulation.wired.spelling import BC, ERP, SIDES
from syncline.engine.setup import Setup
from syncline.engine.sync import sync
from syncline.runtime.announcements import Announcements
from syncline.runtime.course import Course
from syncline.runtime.paces import Paces
from syncline.runtime.staying import Passed, Staying

_KINDS: Mapping[str, Callable[[int], Config]] = {"wired": wired.configure, "model": world.configure}
_TWICE, _LOST = "b", "c"
"""The checks of the judge (`simulation.oracle`)."""
_DEATHS = ("died", "died after", "aborted", "aborted after")
_NO_REQUESTS = ("answer", "connect", "line")
_WRITES = ("write", "batch", "create", "update", "delete")
"""Places in the worlds, by what is at them."""
_TIMES_THE_REQUESTS = 2.0
_TIMES_THE_PASS = 2.0
_AWAY = 600.0
_EVERY = 5.0
_EDITS = 100
_ONE_WAY = 0.025


class Spent(Struct, frozen=True):
    """Requests, and those among them that write, for so many things that people did."""

    requests: int = 0
    writes: int = 0
    acts: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.requests + other.requests, self.writes + other.writes, self.acts + other.acts)

    def against(self, other: Spent) -> tuple[float, float]:
        """How many times as many requests, and writes, each thing took."""
        return (
            self.requests / self.acts / (other.requests / other.acts),
            self.writes / self.acts / (other.writes / other.acts),
        )


class Played(Struct):
    """What came of worlds. ``wrong`` by the letter of the check that found it."""

    worlds: int = 0
    kills: int = 0
    faults: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    disturbed: Spent = Spent()
    calm: Spent = Spent()

    def add(self, other: Played) -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def troubles(self) -> int:
        return self.kills + self.faults


def _play(kind: str, seed: int) -> Played:
    config = _KINDS[kind](seed)
    events, wrong, disturbed = _run(config, None)
    happened = [each for several in events.values() for each in several]
    faults = Counter(each.name in _DEATHS for each in happened if isinstance(each, Fault))
    played = Played(worlds=1, kills=faults[True], faults=faults[False], wrong=wrong)
    if not faults:
        return played
    acts = {place: [each for each in several if isinstance(each, Act)] for place, several in events.items()}
    _, wrong_too, calm = _run(config, acts)
    return structs.replace(played, wrong=wrong + wrong_too, disturbed=disturbed, calm=calm)


def _run(config: Config, events: Events | None) -> tuple[Events, Counter[str], Spent]:
    """What happened, what is wrong, and what it took."""
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-", dir=memory_folder()) as folder:
        played = config.world(Path(folder), events, telling=False)
        reach, reached = played.reach, Counter[str]()

        def counted(side: str, operation: str) -> Any:
            if side in config.styles and operation.rpartition(", ")[2] not in _NO_REQUESTS:
                reached["writes" if operation.split(maxsplit=1)[0] in _WRITES else "reads"] += 1
            return reach(side, operation)

        try:
            with patch.object(played, "reach", counted):
                played.run()
            wrong = Counter(each.check for each in judge(played))
        finally:
            played.close()
        return played.script.events, wrong, Spent(reached.total(), reached["writes"], played.people.acted)


def _worlds(kind: str, troubles: int) -> Played:
    """Seed after seed, until so much has gone wrong."""
    whole, workers = Played(), os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for seed in count(step=2 * workers):
            for each in pool.imap_unordered(partial(_play, kind), range(seed, seed + 2 * workers)):
                whole.add(each)
            if whole.troubles >= troubles:
                return whole
    raise AssertionError


# --- a system that is away


class Outage(Struct):
    """Seconds of virtual time: of the pass without trouble; from the return until Business Central was asked again, and
    from then on until all was in step.
    """

    calm: float
    waited: float
    worked: float


class _Away(wired.Wired):
    """Nobody is there but one who edits, and Business Central goes away at the first write of a pass."""

    outage: Outage

    def __init__(self, config: wired.Config, folder: Path) -> None:
        super().__init__(config, folder)
        self._goes, self._passes = asyncio.Event(), asyncio.Event()
        self._is_armed = self._is_away = False
        self._asked_again: float | None = None

    # --- what happens on the wire

    def meet(self, side: str, operation: str) -> tuple[str, Mapping[str, float]]:
        if side == BC and self._is_armed and operation.startswith("write"):
            self._is_armed, self._is_away = False, True
            self._goes.set()
        if side == BC and self._is_away:
            return operation, {"unheard": 0}
        if side == BC and self._goes.is_set() and self._asked_again is None:
            self._asked_again = self.loop.time()
        return super().meet(side, operation)

    def _knock(self, host: str) -> float | None:
        return None if self._is_away and host == BC else super()._knock(host)

    # --- the course of it

    async def _quieten(self) -> None:
        """In place of what a world does in the end."""
        for n in range(_EDITS):
            self.systems[ERP].create("customers", {"trace": f"T{n}", "name": f"Customer {n}"}, hidden=0)
        await self._live(Life(self), sync)
        self._edit("before")
        began = self.loop.time()
        await self._live(Life(self), sync)
        calm = self.loop.time() - began
        assert self._is_in_step()
        self.outage = await self._live(Life(self), lambda setup: self._stay(setup, calm))

    async def _stay(self, setup: Setup, calm: float) -> Outage:
        """As ``syncline run`` does, without webhooks."""
        stop, paces = asyncio.Event(), Paces(every=_EVERY, sweep=_EVERY)
        announcements = Announcements(self.flows.values())
        staying = Staying(setup, paces, announcements, frozenset, Course(self.loop.now), [self])
        running = asyncio.ensure_future(staying.run(stop))
        await self._passes.wait()
        self._edit("during")
        self._is_armed = True
        await self._goes.wait()
        await asyncio.sleep(_AWAY)
        self._is_away, back = False, self.loop.time()
        while not self._is_in_step():
            self._passes.clear()
            await self._passes.wait()
        end = self.loop.time()
        stop.set()
        await running
        assert self._asked_again is not None
        return Outage(calm, self._asked_again - back, end - self._asked_again)

    def _edit(self, street: str) -> None:
        """Each otherwise: a mass change would be held."""
        for n, id_ in enumerate(self.systems[ERP].held["customers"]):
            self.systems[ERP].update("customers", id_, {"street": f"{street} {n}"}, hidden=0)

    def _is_in_step(self) -> bool:
        ours, theirs = ([r.fields["street"] for r in self.systems[side].held["customers"].values()] for side in SIDES)
        return sorted(ours) == sorted(theirs)

    # --- what the loop tells

    def passed(self, passed: Passed) -> None:
        self._passes.set()

    def failed(self, error: Exception, pause: float) -> None:
        """It tries again by itself."""

    def works_again(self) -> None:
        """It was told that a pass went well."""


def _outage(seed: int) -> Outage:
    config = structs.replace(
        wired.configure(seed),
        styles={side: wired.Style(signed=False, page=500, ahead=0) for side in SIDES},
        passes=0,
        faults=(),
        act_rate=0,
        asked=False,
    )
    with (
        tempfile.TemporaryDirectory(prefix="syncline-benchmark-", dir=memory_folder()) as folder,
        patch.object(network, "DELAY", _ONE_WAY),
    ):
        world = _Away(config, Path(folder))
        try:
            world.run()
            return world.outage
        finally:
            world.close()


# --- telling


def _chaos(kinds: Mapping[str, Played]) -> Table:
    columns = ("worlds", "", "kills", "other faults", "twice or missing", "lost edits", "requests", "writes", "")
    table = Table(*columns, title="Killed and disturbed: per 10,000 troubles, and against the same without")
    most = max(max(each.disturbed.against(each.calm)) for each in kinds.values())
    for kind, each in kinds.items():
        requests, writes = each.disturbed.against(each.calm)
        table.add_row(
            kind,
            f"{each.worlds:,}",
            f"{each.kills:,}",
            f"{each.faults:,}",
            *(f"{each.wrong[check] * 10_000 / each.troubles:g}" for check in (_TWICE, _LOST)),
            f"{requests:.2f} x",
            f"{writes:.2f} x",
            bar(writes, most),
        )
    return table


def _outages(found: Sequence[Outage]) -> Table:
    table = Table("seconds", "median", "longest", "against a pass without", "", title="Away for ten minutes")
    calm = statistics.median(each.calm for each in found)
    rows = {
        f"a pass of {_EDITS} edits without": [each.calm for each in found],
        "the pass after it": [each.worked for each in found],
        "until it begins": [each.waited for each in found],
    }
    most = max(statistics.median(seconds) for seconds in rows.values())
    for what, seconds in rows.items():
        median = statistics.median(seconds)
        table.add_row(what, f"{median:.1f}", f"{max(seconds):.1f}", f"{median / calm:.1f} x", bar(median, most))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--troubles", type=int, default=100, help="kills and faults of each kind of world")
    parser.add_argument("--outages", type=int, default=5)
    options(parser)
    asked = parser.parse_args()
    kinds = {kind: _worlds(kind, asked.troubles) for kind in _KINDS}
    outages = [_outage(seed) for seed in range(asked.outages)]
    pass_ratio = statistics.median(each.worked / each.calm for each in outages)
    holds = {
        "nothing twice, nothing missing": not any(each.wrong[_TWICE] for each in kinds.values()),
        "no edit lost": not any(each.wrong[_LOST] for each in kinds.values()),
        "nothing else wrong": not any(each.wrong.total() for each in kinds.values()),
        f"at most {_TIMES_THE_REQUESTS:g} times the requests": all(
            max(each.disturbed.against(each.calm)) <= _TIMES_THE_REQUESTS for each in kinds.values()
        ),
        f"the pass after an outage takes at most {_TIMES_THE_PASS:g} times one without": pass_ratio <= _TIMES_THE_PASS,
    }
    if asked.json:
        found = {"worlds": kinds, "outages": outages, "holds": holds}
        print(msgspec.json.encode(found).decode())
    else:
        show("Under chaos", [_chaos(kinds), _outages(outages), *verdicts(holds)], asked.picture)
    return 0 if all(holds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
