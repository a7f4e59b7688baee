"""A world: systems, people, and Syncline's real engine over its real store, on virtual time, from one seed."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from zlib import crc32

from msgspec import Struct
from sqlalchemy.exc import OperationalError

from simulation.agreement import BC, ENTITIES, flows
from simulation.clock import VirtualLoop
from simulation.connector import HIDDEN, LAG, LATE, Connector
from simulation.people import Drawing, Habits, People
from simulation.script import Act, Event, Fault, Script
from simulation.systems import Style, System
from syncline.connectors.base import ConnectorError
from syncline.engine.delivery import deliver, writes
from syncline.engine.report import Result, Verification
from syncline.engine.setup import EngineError, Setup
from syncline.engine.sync import sync
from syncline.engine.verify import verify
from syncline.mapping.model import Deletion
from syncline.records import Delete, Done, Outcome, Ref, Write
from syncline.store import Memory, Store
from syncline.store.lock import StoreLocked

FAULTS: Mapping[str, tuple[str, ...]] = {
    "ask": ("busy", "stale", "died", "repeated", "forgotten", "swapped"),
    "answer": ("cut", "died"),
    "send": ("busy", "cut", "late", "hidden", "died"),
    "save": ("aborted", "aborted after", "died", "died after"),
    "line": ("died",),
    "between": (),
}
"""What can go wrong, by the kind of place."""
_LONGEST: Mapping[str, float] = {"busy": 90, "stale": LAG, "late": LATE, "hidden": HIDDEN}
_MOST_PASSES = 40
_SENDS = ("batch", "create", "update", "delete")


class Died(BaseException):
    """The process is killed: nobody catches it."""


class Config(Struct, frozen=True, kw_only=True):
    """What a world is like."""

    seed: int
    styles: Mapping[str, Style]
    delete: Mapping[str, Deletion]
    passes: int
    habits: Habits
    faults: Sequence[str]
    fault_rate: float
    act_rate: float


def configure(seed: int) -> Config:
    """Drawn at random, and each world has only some of the faults: together they would hide each other."""
    chance = Random(seed)
    sides = ("erp", BC, "crm") if chance.random() < THREE else ("erp", BC)
    names = sorted({name for told in FAULTS.values() for name in told})
    verbs = ["edit", "edit", "edit", "edit", *chance.sample(("blank", "delete", "twin", "forbidden"), 2)]
    return Config(
        seed=seed,
        styles={
            side: Style(
                feed=chance.random() < 0.5,
                keys=side != BC and chance.random() < 0.6,
                whole=side != BC,
                ahead=chance.choice((0, 0, -7, 5, 0.01)),
                page=chance.choice((1, 2, 50)),
                batch=chance.choice((1, 2, 100)),
                unique=chance.random() < 0.5,
            )
            for side in sides
        },
        delete={entity: chance.choice(tuple(Deletion)) for entity in ENTITIES},
        passes=chance.randint(2, 5),
        habits=Habits(
            most={"products": chance.randint(0, 2), "customers": chance.randint(1, 3), "orders": chance.randint(0, 2)},
            verbs=verbs,
            hidden=chance.choice((0.0, HIDDEN)),
        ),
        faults=chance.sample(names, chance.choice((0, 1, 2, 3, 6))),
        fault_rate=chance.choice((0.05, 0.1, 0.2, 0.3)),
        act_rate=chance.choice((0.02, 0.05, 0.1)),
    )


THREE = 0.1
"""So many worlds have a third system."""


class Life:
    """One process. When it dies, nothing it does reaches a system or the store any more."""

    def __init__(self, world: World) -> None:
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
        faults: dict[str, float] = {}
        for event in events:
            if isinstance(event, Act):
                self.world.people.do(event)
            else:
                faults[event.name] = event.seconds
        if "died" in faults:
            self.die()
        return faults

    def die(self) -> None:
        self.is_dead = True
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


class World:
    """``events``: a script to be followed; ``None``: what happens is drawn from the seed."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        events: Mapping[str, Sequence[Event]] | None = None,
        *,
        telling: bool = False,
    ) -> None:
        self.config = config
        self.loop = VirtualLoop()
        self.systems = {side: System(side, style, self.loop.now) for side, style in config.styles.items()}
        self.story: list[str] = []
        self._telling = telling
        self.people = People(self.systems, self.tell, self._is_linked)
        self._chance = Random(config.seed + 1)
        self._drawing = Drawing(self.systems, self.people, config.habits, self._chance)
        self.script = Script(events, None if events is not None else self._draw)
        self.number = 0
        self.written = 0
        self.deleted: list[tuple[str, str, str]] = []
        self._is_swapped = False
        self.failures: list[str] = []
        self._path = folder / "store.db"
        shutil.copyfile(_template(), self._path)
        self.flows = flows(tuple(config.styles), config.delete)
        self.store = Store.open(f"sqlite:///{self._path}")
        self.verification: Verification | None = None

    # --- what happens

    def reach(self, side: str, operation: str) -> tuple[str, Sequence[Event]]:
        place, events = self.script.at(self.number, side, operation)
        if self._telling:
            for event in events:
                if isinstance(event, Fault):
                    seconds = f" ({event.seconds:g} s)" if event.seconds else ""
                    self.tell("fault", f"{side}, {operation}: {event.name}{seconds}")
        return place, events

    def tell(self, who: str, what: str) -> None:
        if self._telling:
            self.story.append(f"{self.loop.now():%d %H:%M:%S.%f}"[:-3] + f"  {who:8} {what}")

    def _draw(self, side: str, operation: str) -> Sequence[Event]:
        chance, config = self._chance, self.config
        events: list[Event] = []
        kind = _kind(operation)
        if chance.random() < (0.7 if kind == "between" else config.act_rate):
            act = self._drawing.draw()
            if act is not None:
                events.append(act)
        if config.faults and chance.random() < config.fault_rate:
            possible = [name for name in FAULTS[kind] if name in config.faults]
            if possible:
                name = chance.choice(possible)
                events.append(Fault(name=name, seconds=round(chance.uniform(0.1, _LONGEST.get(name, 0)), 1)))
        return events

    def identity(self, side: str, *, swapped: bool) -> str:
        if not swapped or self.store.fact(f"identity of {side}") is None:
            return f"company of {side}"
        self._is_swapped = True
        return f"another company on {side}"

    def _is_linked(self, entity: str, side: str, id_: str) -> bool:
        ref = Ref(entity, side, id_)
        return ref in self.store.links_of([ref])

    def wrote(self, side: str, entity: str, asked: Write, outcome: Outcome) -> None:
        """Syncline has asked for this, and this came of it."""
        if isinstance(outcome, Done):
            self.written += 1
            if isinstance(asked, Delete):
                self.deleted.append((side, entity, asked.id))
        if self._telling:
            what = f"{type(asked).__name__.lower()} {entity} {getattr(asked, 'id', '')}".rstrip()
            fields = getattr(asked, "fields", {})
            told = ", ".join(f"{name}={value}" for name, value in fields.items())
            lines = getattr(asked, "lines", ())
            told += f" lines: {lines}" if lines else ""
            became = type(outcome).__name__.lower()
            if isinstance(outcome, Done) and outcome.answer is not None and not getattr(asked, "id", None):
                became += f" as {outcome.answer.id}"
            if message := getattr(outcome, "message", ""):
                became += f" ({message})"
            self.tell("syncline", f"{side}: {what} {told} -> {became}")

    # --- the course of it

    def run(self) -> None:
        """Until all is quiet."""
        with _known_chance(Random(self.config.seed + 2)):
            self.loop.run(self._run())

    async def _run(self) -> None:
        for _ in range(self.config.passes):
            self.number += 1
            for _ in range(4):
                self._between()
            await asyncio.sleep(_pause(self.config.seed, self.number))
            await self.work()
        await self._quieten()

    def _between(self) -> None:
        _, events = self.reach("people", "between")
        for event in events:
            if isinstance(event, Act):
                self.people.do(event)

    async def work(self, *, scanning: bool | None = None) -> Result | None:
        """A process starts, makes a pass, and ends, one way or another."""
        life = Life(self)
        before, result, self._is_swapped = self.written, None, False
        self.tell("syncline", f"pass {self.number} begins")
        if scanning is None:
            scanning = crc32(f"{self.config.seed} {self.number}".encode()) % 3 == 0
        try:
            with self.store.lock("pass"):
                self._second_worker()
                result = await sync(self._setup(life), scanning=scanning, allow_deletions=True)
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
        if self._is_swapped and self.written != before:
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

    def _setup(self, life: Life) -> Setup:
        store: Any = Remembering(self.store, life)
        systems: dict[str, Any] = {side: Connector(system, life) for side, system in self.systems.items()}
        return Setup(flows=self.flows, systems=systems, store=store, now=self.loop.now)

    def _reopen(self) -> None:
        self.store.close()
        self.store = Store.open(f"sqlite:///{self._path}")

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
        self.verification = await verify(self._setup(Life(self)))

    def close(self) -> None:
        self.store.close()


def _kind(operation: str) -> str:
    if operation in ("save", "line", "between"):
        return operation
    if operation.endswith(", answer"):
        return "answer"
    return "send" if operation.split(maxsplit=1)[0] in _SENDS else "ask"


def _pause(seed: int, number: int) -> float:
    """Between two passes: seconds, or hours."""
    drawn = crc32(f"pause {seed} {number}".encode())
    return (1, 5, 20, 120, 3_700)[drawn % 5]


@contextmanager
def _known_chance(chance: Random) -> Iterator[None]:
    """The engine's own names (of intents, which are its keys too) come from the seed as well."""
    source = SimpleNamespace(uuid4=lambda: uuid.UUID(int=chance.getrandbits(128), version=4))
    modules: tuple[Any, ...] = (deliver, writes)
    for module in modules:
        module.uuid = source
    try:
        yield
    finally:
        for module in modules:
            module.uuid = uuid


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
