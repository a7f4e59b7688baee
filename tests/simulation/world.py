"""A world of model systems, with Syncline's real engine over its real store, on virtual time, from one seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from simulation import course
from simulation.agreement import AGREEMENT, BC, ENTITIES, flows
from simulation.connector import HIDDEN, LAG, LATE, Connector
from simulation.course import SAVE, Course, Events, Life, Remembering
from simulation.people import Drawing, Habits, People
from simulation.systems import Style, System
from syncline.engine.report import Result, Verification
from syncline.engine.setup import Setup
from syncline.engine.sync import look, sync
from syncline.engine.verify import verify
from syncline.mapping.model import Deletion
from syncline.records import Delete, Done, Outcome, Ref, Write

FAULTS: Mapping[str, tuple[str, ...]] = {
    "ask": ("busy", "stale", "died", "repeated", "forgotten", "swapped"),
    "answer": ("cut", "died"),
    "send": ("busy", "cut", "late", "hidden", "died"),
    "save": SAVE,
    "line": ("died",),
    "between": (),
}
"""What can go wrong, by the kind of place."""
_LONGEST: Mapping[str, float] = {"busy": 90, "stale": LAG, "late": LATE, "hidden": HIDDEN}
_LOOKED = 0.7
"""The share of looks among the passes, where there are some."""
_SENDS = ("batch", "create", "update", "delete")


class Config(course.Config, frozen=True, kw_only=True):
    """``looks``: most passes before the end look only at some sides of some flows, as ``run`` does when something is
    announced, and are told of deletions, some of which are true.
    """

    styles: Mapping[str, Style]
    looks: bool = False

    def world(self, folder: Path, events: Events | None, *, telling: bool) -> World:
        return World(self, folder, events, telling=telling)


def configure(seed: int, *, three: bool = False, looks: bool = False, lags: bool = False) -> Config:
    """Drawn at random, and each world has only some of the faults: together they would hide each other.

    ``three``: it surely has a third system, which few have otherwise. ``looks``: see `Config`. ``lags``: a fifth or
    more of all reads are answered by replicas that lag, many records are deleted, and little else goes wrong.
    """
    chance = Random(seed)
    drawn = chance.random()
    sides = ("erp", BC, "crm") if three or _THREE[0] <= drawn < _THREE[1] else ("erp", BC)
    names = sorted({name for told in FAULTS.values() for name in told})
    verbs = ["edit", "edit", "edit", "edit", *chance.sample(("blank", "delete", "twin", "forbidden"), 2)]
    config = Config(
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
        looks=looks,
    )
    if not lags:
        return config
    return replace(
        config,
        habits=replace(config.habits, verbs=["edit", "edit", "edit", "edit", "delete"]),
        faults=["stale", *chance.sample(("died", "hidden", "repeated"), chance.choice((0, 1)))],
        fault_rate=chance.choice((0.2, 0.4)),
        act_rate=0.1,
    )


_THREE = (0.02, 0.1)
"""Which of the worlds have a third system, by the first number that each draws. Those below keep two: the rarest of the
deliberate faults shows in one of them.
"""


class World(Course):
    agreement = AGREEMENT
    systems: Mapping[str, System]

    def __init__(
        self,
        config: Config,
        folder: Path,
        events: Events | None = None,
        *,
        telling: bool = False,
    ) -> None:
        super().__init__(config, folder, events, telling=telling)
        self._looks = config.looks
        self.systems = {side: System(side, style, self.loop.now) for side, style in config.styles.items()}
        self.people = People(self.systems, self.agreement, self.tell, self.is_linked)
        self.drawing = Drawing(self.systems, self.agreement, self.people, config.habits, self.chance)
        self.flows = flows(tuple(config.styles), config.delete)

    def possible(self, side: str, operation: str) -> Sequence[str]:
        return FAULTS[_kind(operation)]

    def longest(self, fault: str) -> float:
        return _LONGEST.get(fault, 0)

    async def one_pass(self, life: Life, *, scanning: bool) -> Result:
        chance = Random(f"{self.config.seed} {self.number}")
        if self._looks and self.number <= self.config.passes and chance.random() < _LOOKED:
            setup = self._setup(life)
            flow_sides = [each for each in setup.flow_sides if chance.random() < 0.5]
            return await look(setup, flow_sides, self._rumours(chance), until=bool)  # it is never enough
        return await sync(self._setup(life), scanning=scanning, allow_deletions=True)

    def _rumours(self, chance: Random) -> list[Ref]:
        """Records that are said to be deleted: some are, and of some nobody ever heard."""
        heard = [
            Ref(flow.name, side, id_)
            for flow in self.flows.values()
            for side in flow.sides
            for id_ in [*sorted(self.systems[side].history[flow.sides[side].entity]), "never heard of"]
        ]
        return [each for each in heard if chance.random() < 0.2]

    async def verify(self) -> Verification:
        return await verify(self._setup(Life(self)))

    def is_cause(self, message: str) -> bool:
        return "refer to it" in message or "there is no customer" in message

    def _setup(self, life: Life) -> Setup:
        store: Any = Remembering(self.store, life)
        systems: dict[str, Any] = {side: Connector(system, life, self) for side, system in self.systems.items()}
        return Setup(flows=self.flows, systems=systems, store=store, now=self.loop.now)

    def identity(self, side: str, *, swapped: bool) -> str:
        if not swapped or self.store.fact(f"identity of {side}") is None:
            return f"company of {side}"
        self.is_swapped = True
        return f"another company on {side}"

    def wrote(self, side: str, entity: str, asked: Write, outcome: Outcome) -> None:
        """Syncline has asked for this, and this came of it."""
        if isinstance(outcome, Done):
            self.written += 1
            if isinstance(asked, Delete):
                self.deleted.append((side, entity, asked.id))
        if self.telling:
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


def _kind(operation: str) -> str:
    if operation in ("save", "line", "between"):
        return operation
    if operation.endswith(", answer"):
        return "answer"
    return "send" if operation.split(maxsplit=1)[0] in _SENDS else "ask"
