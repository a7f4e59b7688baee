"""The course of any world: passes, deaths, restarts, quiet at the end. Which systems it has is its own."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, TypeAlias
from unittest.mock import patch
from zlib import crc32

import aiohttp.connector
from msgspec import Struct
from sqlalchemy.exc import OperationalError
from stamina.instrumentation import get_on_retry_hooks

from simulation.agreement import Agreement
from simulation.clock import VirtualLoop
from simulation.desk import Desk, Style
from simulation.people import Drawing, Habits, People
from simulation.script import Act, Event, Fault, Script
from syncline.connectors.base import ConnectorError
from syncline.engine.report import Result, Verification
from syncline.engine.setup import EngineError
from syncline.mapping.model import Deletion, Flow
from syncline.records import Ref
from syncline.store import Memory, Store
from syncline.store.errors import StoreLocked

Events: TypeAlias = Mapping[str, Sequence[Event]]
SAVE = ("aborted", "aborted after", "died", "died after")
"""What can go wrong where the store is saved."""
_MOST_PASSES = 40
get_on_retry_hooks()  # what the first retry of a process would import draws numbers, which are to be the world's alone


class Died(BaseException):
    """The process is killed: nobody catches it."""


class Config(Struct, frozen=True, kw_only=True):
    """What a world is like. ``styles`` by side."""

    seed: int
    styles: Mapping[str, Style]
    delete: Mapping[str, Deletion]
    passes: int
    habits: Habits
    faults: Sequence[str]
    fault_rate: float
    act_rate: float

    def world(self, folder: Path, events: Events | None, *, telling: bool) -> Course:
        """``events``: a script to be followed; ``None``: what happens is drawn from the seed."""
        raise NotImplementedError


SCRIPTED: Mapping[str, Any] = {
    "seed": 1,
    "habits": Habits(most={}, verbs=(), hidden=0),
    "faults": (),
    "fault_rate": 0,
    "act_rate": 0,
}
"""A world in which nothing happens but what its script says."""


class Life:
    """One process. When it dies, nothing it does reaches a system or the store any more."""

    def __init__(self, world: Course) -> None:
        self.world = world
        self.is_dead = False

    def check(self) -> None:
        if self.is_dead:
            raise Died

    async def gate(self, side: str, operation: str) -> Mapping[str, float]:
        """Something the engine waits for. What goes wrong there, with the seconds it takes."""
        self.check()
        place, events = self.world.reach(side, operation)
        await asyncio.sleep((1 + crc32(place.encode()) % 400) / 1_000)
        self.check()
        return self.befall(events)

    def befall(self, events: Sequence[Event]) -> Mapping[str, float]:
        faults = self.world.happen(events)
        if "died" in faults:
            self.die()
        return faults

    def die(self) -> None:
        self.is_dead = True
        self.world.bury()
        raise Died


class Remembering:
    """The store: each save is a place where the process can die, and the transaction fail."""

    def __init__(self, store: Store, life: Life) -> None:
        self._store = store
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def save(self, memory: Memory) -> None:
        self._life.check()
        _, events = self._life.world.reach("store", "save")
        faults = self._life.befall(events)
        if "aborted" in faults:
            raise OperationalError("COMMIT", {}, Exception("disk I/O error"))
        self._store.save(memory)
        if "aborted after" in faults:
            raise OperationalError("COMMIT", {}, Exception("disk I/O error"))
        if "died after" in faults:
            self._life.die()


class Course:
    """A kind of world has its ``systems``, ``agreement``, ``flows``, ``people`` and ``drawing``, and says how a pass is
    made, and what can go wrong where. ``events`` is a script to be followed.
    """

    agreement: Agreement
    flows: Mapping[str, Flow]
    systems: Mapping[str, Desk]
    people: People
    drawing: Drawing

    def __init__(
        self,
        config: Config,
        folder: Path,
        events: Events | None = None,
        *,
        telling: bool = False,
    ) -> None:
        self.config = config
        self.loop = VirtualLoop()
        self.story: list[str] = []
        self.telling = telling
        self.chance = Random(config.seed + 1)
        self.script = Script(events, None if events is not None else self._draw)
        self.number = 0
        self.written = 0
        self.deleted: list[tuple[str, str, str]] = []
        self.is_swapped = False
        self.failures: list[str] = []
        self._place = self.place(folder)
        self.store = Store.open(self._place)
        self.verification: Verification | None = None

    @staticmethod
    def place(folder: Path) -> str:
        """Where the world's store is, an empty one of the newest schema."""
        path = folder / "store.db"
        shutil.copyfile(_template(), path)
        return f"sqlite:///{path}"

    # --- what each kind of world says

    def possible(self, side: str, operation: str) -> Sequence[str]:
        """What can go wrong there."""
        raise NotImplementedError

    def longest(self, fault: str) -> float:
        """How many seconds it lasts at most."""
        raise NotImplementedError

    def weight(self, operation: str) -> float:
        """How much oftener than elsewhere something happens there."""
        return 1

    async def one_pass(self, life: Life, *, scanning: bool) -> Result:
        raise NotImplementedError

    async def verify(self) -> Verification:
        raise NotImplementedError

    def bury(self) -> None:
        """The process has just died."""

    def is_cause(self, message: str) -> bool:
        """Whether a system may refuse something in these words though nothing is wrong with Syncline."""
        raise NotImplementedError

    # --- what happens

    def reach(self, side: str, operation: str) -> tuple[str, Sequence[Event]]:
        place, events = self.script.at(self.number, side, operation)
        if self.telling:
            for event in events:
                if isinstance(event, Fault):
                    seconds = f" ({event.seconds:g} s)" if event.seconds else ""
                    self.tell("fault", f"{side}, {operation}: {event.name}{seconds}")
        return place, events

    def happen(self, events: Sequence[Event]) -> dict[str, float]:
        """People act. What goes wrong, by name, with its seconds."""
        faults: dict[str, float] = {}
        for event in events:
            if isinstance(event, Act):
                self.people.do(event)
            else:
                faults[event.name] = event.seconds
        return faults

    def tell(self, who: str, what: str) -> None:
        if self.telling:
            self.story.append(f"{self.loop.now():%d %H:%M:%S.%f}"[:-3] + f"  {who:8} {what}")

    def _draw(self, side: str, operation: str) -> Sequence[Event]:
        chance, config, weight = self.chance, self.config, self.weight(operation)
        events: list[Event] = []
        if chance.random() < (0.7 if side == "people" else config.act_rate * weight):
            act = self.drawing.draw()
            if act is not None:
                events.append(act)
        if config.faults and chance.random() < config.fault_rate * weight:
            possible = [name for name in self.possible(side, operation) if name in config.faults]
            if possible:
                name = chance.choice(possible)
                events.append(Fault(name=name, seconds=round(chance.uniform(0.1, self.longest(name)), 1)))
        return events

    def is_linked(self, entity: str, side: str, id_: str) -> bool:
        ref = Ref(entity, side, id_)
        return ref in self.store.links_of([ref])

    # --- the course of it

    def run(self) -> None:
        """Until all is quiet."""
        with _known_chance(self.config.seed + 2), _known_time(self.loop):
            self.loop.run(self._run())

    async def _run(self) -> None:
        for _ in range(self.config.passes):
            self.number += 1
            for _ in range(4):
                self.happen(self.reach("people", "between")[1])
            await asyncio.sleep(_pause(self.config.seed, self.number))
            await self.work()
        await self._quieten()

    async def work(self, *, scanning: bool | None = None) -> Result | None:
        """A process starts, makes a pass, and ends, one way or another."""
        life = Life(self)
        before, result, self.is_swapped = self.written, None, False
        self.tell("syncline", f"pass {self.number} begins")
        if scanning is None:
            scanning = crc32(f"{self.config.seed} {self.number}".encode()) % 3 == 0
        try:
            with self.store.lock("pass"):
                self._second_worker()
                result = await self.one_pass(life, scanning=scanning)
        except Died:
            self.tell("fault", "the process is dead")
            self._reopen()
        except OperationalError:
            self.tell("fault", "a transaction was aborted, and with it the process")
            life.is_dead = True
            self._reopen()
        except ConnectorError as error:
            self.tell("syncline", f"gives up: {error}")
        except EngineError as error:
            self.tell("syncline", f"refuses: {error}")
        if self.is_swapped and self.written != before:
            self.failures.append("another company was written")
        life.is_dead = True
        self.tell("syncline", f"pass {self.number} ends")
        return result

    def _second_worker(self) -> None:
        try:
            with self.store.lock("another"):
                self.failures.append("two workers were let in")
        except StoreLocked:
            pass

    def _reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self._place)

    async def _quieten(self) -> None:
        """No more faults, nobody there: until nothing is written and nothing is due."""
        self.script.quiet()
        await asyncio.sleep(120)
        self.tell("world", "all is quiet from here on")
        for _ in range(_MOST_PASSES):
            self.number += 1
            before = self.written
            result = await self.work(scanning=True)
            if result is None:
                self.failures.append("a pass failed though nothing was wrong")
                return
            due = [due for flow in self.flows if (due := self.store.next_due(flow)) is not None]
            if self.written == before and not due:
                break
            if due:
                await asyncio.sleep(max((min(due) - self.loop.now()).total_seconds(), 0))
        else:
            self.failures.append(f"after {_MOST_PASSES} passes there is still something to do")
            return
        before = self.written
        await asyncio.sleep(2 * 3600)
        await self.work(scanning=True)
        if self.written != before:
            self.failures.append(f"another pass wrote {self.written - before} more")
        self.verification = await self.verify()

    def close(self) -> None:
        self.store.close()


def _pause(seed: int, number: int) -> float:
    """Between two passes: seconds, or hours."""
    drawn = crc32(f"pause {seed} {number}".encode())
    return (1, 5, 20, 120, 3_700)[drawn % 5]


@contextmanager
def _known_chance(seed: int) -> Iterator[None]:
    """Names that the engine and the systems invent, and how long retries wait, come from the seed as well."""
    chance = Random(seed)
    before = random.getstate()
    random.seed(seed)
    try:
        with (
            patch.object(os, "urandom", chance.randbytes),
            patch.object(random, "_urandom", chance.randbytes),
        ):
            yield
    finally:
        random.setstate(before)


@contextmanager
def _known_time(loop: VirtualLoop) -> Iterator[None]:
    """What measures time without asking the loop measures the loop's."""
    with (
        patch.object(time, "monotonic", loop.time),
        patch.object(time, "time_ns", lambda: int(loop.now().timestamp()) * 1_000_000_000),
        patch.object(aiohttp.connector, "monotonic", loop.time),
    ):
        yield


def memory_folder() -> Path:
    """Where files cost nothing, if there is such a place."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else Path(tempfile.gettempdir())


@lru_cache
def _template() -> Path:
    """An empty store of the newest schema, to be copied: making one takes longer than most worlds last."""
    folder = Path(tempfile.mkdtemp(prefix="syncline-simulation-", dir=memory_folder()))
    path = folder / "empty.db"
    Store.open(f"sqlite:///{path}").close()
    return path
