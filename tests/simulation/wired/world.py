"""A world of the real sandboxes, with the real connectors between them and the real engine, and nothing but memory.

aiohttp's client and uvicorn's protocol speak HTTP to each other over `simulation.wired.network`; what goes wrong, goes
wrong on that wire and in the sandboxes. The agreement is the one that is shipped.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, ClassVar, TypeVar
from unittest.mock import patch

import aiohttp.client
from msgspec.structs import replace
from stamina import instrumentation

from simulation import course, desk
from simulation.course import SAVE, Course, Died, Events, Life, Remembering
from simulation.people import Drawing, Habits, People
from simulation.wired.gate import Gate, Operation
from simulation.wired.network import DELAY, Network, Server
from simulation.wired.sandboxes import CLIENT, ROOT, SECRET, TOKEN, Sandbox
from simulation.wired.spelling import AGREEMENT, BC, ENTITIES, ERP, SIDES
from syncline.connectors.base import Connector
from syncline.connectors.businesscentral.connector import BusinessCentral
from syncline.connectors.businesscentral.signin import auth_from
from syncline.connectors.rest.connector import Rest
from syncline.connectors.rest.declaration import Declaration
from syncline.connectors.rest.declaration import load as load_declaration
from syncline.engine.report import Result, Verification
from syncline.engine.setup import Setup
from syncline.engine.sync import sync
from syncline.engine.verify import verify
from syncline.mapping.model import Conflict, Deletion, Flow, Policy
from syncline.project import load
from syncline.project.scaffold import scaffold

T = TypeVar("T")
FAULTS: Mapping[str, tuple[str, ...]] = {
    "connect": ("refused", "silent", "died"),
    "read": ("unheard", "busy", "failed", "unsigned", "partial", "died"),
    "write": ("unheard", "busy", "failed", "unsigned", "partial", "stale", "late", "hidden", "died"),
    "answer": ("lost", "torn", "failed", "slow", "died"),
    "save": SAVE,
    "between": (),
}
"""What can go wrong, by the kind of place."""
_LATE = 8.0
_HIDDEN = 50.0
_LONGEST: Mapping[str, float] = {"busy": 90, "silent": 30, "late": _LATE, "hidden": _HIDDEN, "slow": 700}
_POINTED_TO = ("still in use", "is in no record of the related table", "does not exist", "has the id", "cannot delete")
"""What a sandbox says of a record that others refer to, or that is not there to be referred to."""


class Style(desk.Style, frozen=True, kw_only=True):
    """``signed``: who asks must sign in. ``page``: records a page. ``ahead``: the hours its clock is off."""

    signed: bool
    page: int
    ahead: float

    PLAIN: ClassVar[Mapping[str, Any]] = {"signed": False, "page": 500, "ahead": 0}


class Config(course.Config, frozen=True, kw_only=True):
    """``asked``: whether a person is to say which website stays."""

    styles: Mapping[str, Style]
    asked: bool

    def world(self, folder: Path, events: Events | None, *, telling: bool) -> Wired:
        return Wired(self, folder, events, telling=telling)


def configure(seed: int) -> Config:
    """Drawn at random, and each world has only some of the faults."""
    chance = Random(f"wired {seed}")
    names = sorted({name for told in FAULTS.values() for name in told})
    verbs = ["edit", "edit", "edit", "edit", *chance.sample(("blank", "delete", "twin"), 2)]
    return Config(
        seed=seed,
        styles={
            side: Style(
                signed=chance.random() < 0.5,
                page=chance.choice((1, 2, 500)),
                ahead=chance.choice((0, 0, 0, -7, 5, 0.01)),
            )
            for side in SIDES
        },
        asked=chance.random() < 0.3,
        delete={entity: chance.choice(tuple(Deletion)) for entity in ENTITIES},
        passes=chance.randint(2, 5),
        habits=Habits(
            most={
                "products": chance.randint(0, 2),
                "customers": chance.randint(1, 2),
                "contacts": chance.randint(0, 2),
                "orders": chance.randint(0, 2),
            },
            verbs=verbs,
            hidden=chance.choice((0.0, _HIDDEN)),
        ),
        faults=chance.sample(names, chance.choice((1, 2, 3, 4, 6))),
        fault_rate=chance.choice((0.01, 0.03, 0.06, 0.1)),
        act_rate=chance.choice((0.005, 0.01, 0.03)),
    )


class Wired(Course):
    agreement = AGREEMENT

    def __init__(self, config: Config, folder: Path, events: Events | None = None, *, telling: bool = False) -> None:
        super().__init__(config, folder, events, telling=telling)
        self._styles = config.styles
        self.flows = _agreed(config)
        self._living = Life(self)
        self._death = asyncio.Event()

    # --- what goes wrong where

    def possible(self, side: str, operation: str) -> tuple[str, ...]:
        if operation.endswith(", answer"):
            return FAULTS["answer"]
        return FAULTS[operation.partition(" ")[0]]

    def longest(self, fault: str) -> float:
        return _LONGEST.get(fault, 0)

    def weight(self, operation: str) -> float:
        """Most of what is asked is read; what matters is written."""
        return 5 if operation.startswith("write") else 1

    def is_cause(self, message: str) -> bool:
        return any(words in message for words in _POINTED_TO)

    def meet(self, side: str, operation: str) -> tuple[str, Mapping[str, float]]:
        """A request, or its answer, is at a sandbox. The process that sent it may die of it."""
        place, events = self.reach(side, operation)
        faults = self.happen(events)
        if "died" in faults and not self._living.is_dead:
            self._living.is_dead = True
            self.bury()
        return place, faults

    def bury(self) -> None:
        self._network.sever()
        self._death.set()

    def _knock(self, host: str) -> float | None:
        self._living.check()
        _, events = self.reach(host, "connect")
        faults = self._living.befall(events)
        return None if "refused" in faults else faults.get("silent", DELAY)

    def wrote(self, sandbox: Sandbox, asked: Operation, status: int, body: Any) -> None:
        """Syncline has asked for this, and this came of it."""
        if status < 300:
            self.written += 1
            if asked.method == "DELETE" and asked.name in {told[sandbox.side] for told in ENTITIES.values()}:
                self.deleted.append((sandbox.side, asked.entity, asked.id))
        if self.telling:
            path = asked.path.partition("?")[0].rpartition("/api/")[2].rpartition("/companies(")[2].partition(")/")
            what = f"{asked.method} {path[2] or path[0]} {asked.body[1] or ''}".rstrip()
            self.tell("syncline", f"{sandbox.side}: {sandbox.readable(what)} -> {status}{_told(status, body)}")

    # --- the course of it

    async def _run(self) -> None:
        config = self.config
        sandboxes = {
            side: Sandbox(side, self.loop, signed=style.signed, hours=style.ahead)
            for side, style in self._styles.items()
        }
        self.systems = sandboxes
        self.people = People(self.systems, self.agreement, self.tell, self.is_linked)
        self.drawing = Drawing(self.systems, self.agreement, self.people, config.habits, self.chance)
        hosts = {side: Server(Gate(self, sandbox)) for side, sandbox in sandboxes.items()}
        self._network = Network(hosts, self._knock)
        async with AsyncExitStack() as stack:
            stack.enter_context(patch.object(aiohttp.client, "TCPConnector", self._network.connector))
            stack.enter_context(_untold_retries())
            for sandbox in sandboxes.values():
                await stack.enter_async_context(sandbox.app.router.lifespan_context(sandbox.app))
            await super()._run()
            for host, sandbox in zip(hosts.values(), sandboxes.values(), strict=True):
                await host.finish()
                sandbox.look()

    async def one_pass(self, life: Life, *, scanning: bool) -> Result:
        return await self._live(life, lambda setup: sync(setup, scanning=scanning, allow_deletions=True))

    async def verify(self) -> Verification:
        return await self._live(Life(self), verify)

    async def _live(self, life: Life, work: Callable[[Setup], Awaitable[T]]) -> T:
        """Until it is done, or the process dies: then nobody in it ever hears anything again. Raises `Died`."""
        self._living, self._death = life, asyncio.Event()
        working = asyncio.ensure_future(self._work(life, work))
        dying = asyncio.ensure_future(self._death.wait())
        await asyncio.wait({working, dying}, return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
            raise Died
        if life.is_dead:
            self._network.sever()
        return working.result()

    async def _work(self, life: Life, work: Callable[[Setup], Awaitable[T]]) -> T:
        async with self._setup(life) as setup:
            return await work(setup)

    @asynccontextmanager
    async def _setup(self, life: Life) -> AsyncIterator[Setup]:
        store: Any = Remembering(self.store, life)
        async with AsyncExitStack() as stack:
            systems: dict[str, Connector] = {
                ERP: await stack.enter_async_context(_erp(self._styles[ERP])),
                BC: await stack.enter_async_context(_central(self._styles[BC])),
            }
            yield Setup(flows=self.flows, systems=systems, store=store, now=self.loop.now)


@contextmanager
def _untold_retries() -> Iterator[None]:
    before = instrumentation.get_on_retry_hooks()
    instrumentation.set_on_retry_hooks(())
    try:
        yield
    finally:
        instrumentation.set_on_retry_hooks(before)


def _erp(style: Style) -> Rest:
    secrets = {"token": TOKEN} if style.signed else {}
    return Rest(ERP, _declaration(style.page), f"http://{ERP}", secrets)


def _central(style: Style) -> BusinessCentral:
    url = f"http://{BC}{ROOT}/"
    secrets = {"clientId": CLIENT, "clientSecret": SECRET} if style.signed else {}
    return BusinessCentral(BC, url, None, auth_from(BC, url, secrets), page_size=style.page)


@lru_cache
def _project() -> tuple[Mapping[str, Flow], Declaration]:
    """As ``syncline init`` makes it."""
    with tempfile.TemporaryDirectory(prefix="syncline-simulation-") as name:
        folder = Path(name) / "project"
        scaffold(folder, businesscentral=f"http://127.0.0.1{ROOT}/", customerp="http://127.0.0.1", company=None)
        return load(folder).flows, load_declaration(folder / "connectors" / "customerp.yaml")


@lru_cache
def _declaration(page: int) -> Declaration:
    declared = _project()[1]
    listed = declared.requests.list
    assert listed
    assert listed.size
    smaller = replace(listed, size=replace(listed.size, value=page))
    return replace(declared, requests=replace(declared.requests, list=smaller))


def _agreed(config: Config) -> dict[str, Flow]:
    flows = {name: replace(flow, delete=config.delete[name]) for name, flow in _project()[0].items()}
    if config.asked:
        properties = dict(flows["customers"].properties)
        properties["website"] = replace(properties["website"], conflict=Conflict(Policy.ASK, None))
        flows["customers"] = replace(flows["customers"], properties=properties)
    return flows


def _told(status: int, body: Any) -> str:
    if status < 300 or not isinstance(body, dict):
        return ""
    error = body.get("error")
    return f" ({error['message'] if isinstance(error, dict) else body.get('detail', '')})"
