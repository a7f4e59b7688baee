"""Two model systems in which nothing goes wrong unless it is said, and Syncline's engine and real store between them.

They are those of the simulation, on its virtual time: for what takes many records, or hours.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from simulation.agreement import BC, ENTITIES
from simulation.clock import EPOCH
from simulation.connector import Connector
from simulation.course import SCRIPTED, Life
from simulation.script import Act, Event
from simulation.systems import Style, System
from simulation.world import Config, World
from syncline.connectors.base import View
from syncline.engine.report import Result
from syncline.engine.setup import Setup
from syncline.engine.sync import sync
from syncline.mapping.model import Deletion
from syncline.records import Create, Link, Outcome, Ref, Write
from syncline.store import Action, Arrival, Entry, Memory, Parked, Store

SIDES = ("erp", BC)
_STYLE = Style(feed=False, keys=False, whole=True, ahead=0, page=50, batch=100, unique=True)

T = TypeVar("T")


class Models:
    def __init__(
        self, folder: Path, events: Mapping[str, Sequence[Event]], style: Style, sides: Sequence[str] = SIDES
    ) -> None:
        self._world = World(
            Config(
                styles=dict.fromkeys(sides, style),
                delete=dict.fromkeys(ENTITIES, Deletion.PROPAGATE),
                passes=0,
                **SCRIPTED,
            ),
            folder,
            events,
        )
        life = Life(self._world)
        systems: dict[str, Any] = {
            side: Connector(system, life, self._world) for side, system in self._world.systems.items()
        }
        self.setup = Setup(flows=self._world.flows, systems=systems, store=self._world.store, now=self._world.loop.now)

    @property
    def store(self) -> Store:
        return self.setup.store

    @property
    def journal(self) -> list[Entry]:
        return list(self.store.journal(limit=100_000))

    def system(self, side: str) -> System:
        return self._world.systems[side]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._world.loop.run_until_complete(work)

    def sync(self, **how: Any) -> Result:
        """A pass; the places of the first one begin with 1."""
        self._world.number += 1
        return self.run(sync(self.setup, **how))

    def wait(self, **time: float) -> None:
        self._world.loop.skip(timedelta(**time).total_seconds())

    def agree(self, flow: str, sides: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any) -> None:
        """From now on this is otherwise in the agreement; ``sides`` is what is otherwise of each."""
        before = self.setup.flows[flow]
        at = {name: replace(side, **(sides or {}).get(name, {})) for name, side in before.sides.items()}
        self.setup = replace(self.setup, flows={**self.setup.flows, flow: replace(before, sides=at, **changes)})

    # --- what is remembered

    def parked(self) -> dict[Ref, Parked]:
        return {each.ref: each for each in self.store.parked()}

    def link(self, ref: Ref) -> Link:
        (link,) = self.store.links(self.store.links_of([ref]).values()).values()
        return link

    def arrival(self, ref: Ref) -> Arrival | None:
        """What is still to be worked on of it, or is held back."""
        return self.store.arrivals([ref]).get(ref)

    def entries(self, *actions: Action) -> list[Entry]:
        """What the journal tells of these, whenever that was."""
        return [replace(e, at=EPOCH, seq=0) for e in self.journal if e.action in actions]

    # --- what people do

    def create(self, side: str, trace: str, **fields: Any) -> Ref:
        """A customer who has a name of their own and no number that both sides know."""
        made = self.system(side).create("customers", {"trace": trace, "name": trace} | fields, ())
        return Ref("customers", side, made.id)

    def ref(self, side: str, trace: str) -> Ref:
        (id_,) = self.system(side).named("customers", trace)
        return Ref("customers", side, id_)

    def customers(self, count: int, **fields: Any) -> None:
        """As many new ones in the first system, named c0 and on."""
        for n in range(count):
            told = {"trace": f"c{n}", "number": f"N{n}", "name": f"c{n}", "phone": f"p{n}", "terms": f"t{n}"}
            self.system("erp").create("customers", told | fields, ())

    def change(self, side: str, trace: str, **fields: Any) -> None:
        self.system(side).update("customers", self.ref(side, trace).id, fields)

    def delete(self, side: str, *traces: str) -> None:
        for trace in traces:
            self.system(side).delete("customers", self.ref(side, trace).id)

    def tell(self, ref: Ref, fields: Mapping[str, Any] | None = None, **otherwise: Any) -> None:
        """A record arrives as it is there now, but for what is told otherwise."""
        record, now = self.system(ref.side).now(ref.flow, ref.id), self.setup.now()
        assert record is not None
        record = replace(record, fields={**record.fields, **(fields or {})}, **otherwise)
        self.store.save(Memory(arrivals=[Arrival(ref=ref, record=record, seen=now, due=now)]))

    def tell_gone(self, ref: Ref) -> None:
        """A record is said to be gone, whether that is true or not."""
        now = self.setup.now()
        self.store.save(Memory(arrivals=[Arrival(ref=ref, record=None, seen=now, due=now)]))

    def do(self, verb: str, side: str, entity: str, trace: str, line: str | None = None, **values: Any) -> None:
        """With any record; what it points to is named by its trace. See `simulation.people` for the verbs."""
        act = Act(verb=verb, side=side, entity=entity, trace=trace, line=line, values=values)
        acted = self._world.people.acted
        self._world.people.do(act)
        assert self._world.people.acted == acted + 1, f"{act} came to nothing"

    def order(self, **customer: Any) -> None:
        """A new one of two lines, in the first system, with its customer and product."""
        self.do("create", "erp", "customers", "c1", code="k1", **customer)
        self.do("create", "erp", "products", "p1", code="q1")
        self.do("create", "erp", "orders", "o1", customer="c1", text="t")
        self.do("add line", "erp", "orders", "o1", "l1", product="p1", quantity=Decimal("2.5"), text="lt")
        self.do("add line", "erp", "orders", "o1", "l2", product="p1", quantity=Decimal(3))

    def held(self, side: str, name: str) -> dict[str, Any]:
        """What a side has of a property, by customer."""
        return {str(f["trace"]): f[name] or None for _, f, _ in self.system(side).records("customers")}

    # --- what came of it

    def told(self, after: int = 0) -> list[str]:
        """The journal as it reads, without the first ``after`` entries."""
        return [told(entry) for entry in self.journal[after:]]

    def watch(self) -> dict[str, Watched]:
        """What every system is asked to write from now on."""
        watched: dict[str, Any] = {side: Watched(system, self.setup.now) for side, system in self.setup.systems.items()}
        self.setup = replace(self.setup, systems=watched)
        return watched

    def close(self) -> None:
        self._world.close()
        self._world.loop.close()

    # --- what happens to a system

    @contextmanager
    def backup(self, side: str) -> Iterator[None]:
        """It is brought back afterwards to what it was before."""
        system = self.system(side)
        kept = deepcopy((system.held, system.history, system.log))
        yield
        system.held, system.history, system.log = kept


def told(entry: Entry) -> str:
    line = f"{entry.line} " if entry.line else ""
    change = f"{entry.property}: {entry.old} -> {entry.new} " if entry.property else ""
    why = f"by {entry.origin}, {entry.note}" if entry.origin else entry.note
    return f"{entry.ref} {entry.action} {line}{change}({why}){' whole' if entry.whole else ''}"


class Watched:
    """A connector, and when it was asked to write what. The key of a create is another each time: it is left out."""

    def __init__(self, connector: Any, now: Callable[[], datetime]) -> None:
        self._connector = connector
        self._now = now
        self.times: list[datetime] = []
        self.asked: list[tuple[str, list[Write]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    async def write(self, view: View, writes: Sequence[Write]) -> tuple[Outcome, ...]:
        self.times.append(self._now())
        plain = [replace(asked, key="") if isinstance(asked, Create) else asked for asked in writes]
        self.asked.append((view.entity, plain))
        outcomes: tuple[Outcome, ...] = await self._connector.write(view, writes)
        return outcomes


@contextmanager
def between_models(
    folder: Path,
    events: Mapping[str, Sequence[Event]] | None = None,
    *,
    sides: Sequence[str] = SIDES,
    **style: Any,
) -> Iterator[Models]:
    """``events`` are what goes wrong, by its place; ``style`` is what is peculiar about the systems, two or more."""
    models = Models(folder, events or {}, replace(_STYLE, **style), sides)
    try:
        yield models
    finally:
        models.close()
