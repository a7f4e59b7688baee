"""Two sandboxes, filled and read over plain HTTP, and Syncline's engine between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from engine.serving import served
from engine.telling import untold
from syncline.demo.systems import Central, Customerp
from syncline.engine.report import Result, Verification
from syncline.engine.setup import Setup
from syncline.engine.sync import sync
from syncline.engine.verify import verify
from syncline.project import Project, load
from syncline.project.scaffold import scaffold
from syncline.store import Parked


class Pair(Struct, frozen=True, eq=False):
    """Both systems as their own users see them, and the project that joins them."""

    folder: Path
    erp: Customerp
    central: Central
    addresses: Mapping[str, str]

    def change_flow(self, name: str, old: str, new: str) -> None:
        """Edit the project's agreement, as its owner would."""
        path = self.folder / "flows" / f"{name}.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    @asynccontextmanager
    async def setup(self) -> AsyncIterator[Setup]:
        """Answers are lost by a sandbox that has done its work: there is nothing to wait for."""
        async with _project(self.folder).open("a test") as setup:
            yield structs.replace(setup, settling=timedelta(0))

    async def sync(self) -> Result:
        async with self.setup() as setup:
            return await sync(setup)

    async def verify(self) -> Verification:
        async with self.setup() as setup:
            return await verify(setup)

    def parked(self) -> list[Parked]:
        with _project(self.folder).open_store() as store:
            return list(store.parked())

    def check_journal(self) -> None:
        """The journal alone gives what is remembered."""
        with _project(self.folder).open_store() as store:
            if not store.open_intents():
                assert not list(untold(store, [each.ref for each in store.parked(cause="unknown")]))

    async def fail(self, side: str, *faults: Mapping[str, Any]) -> None:
        """What is to go wrong with the next requests to one side."""
        await self._order(side, {"next": faults})

    async def fail_by_chance(self, side: str, seed: int, faults: Sequence[Mapping[str, Any]]) -> None:
        """What is to go wrong with the share of the requests that each says, until something else is said."""
        await self._order(side, {"next": [], "random": {"seed": seed, "faults": faults}})

    async def _order(self, side: str, faults: Mapping[str, Any]) -> None:
        system = self.erp if side == "customerp" else self.central
        await system.ask("POST", f"{self.addresses[side]}/sandbox/faults", faults)


_MOMENT = 0.0011
"""Seconds in which a system's clock, which tells milliseconds, goes on: of two edits the later one is known."""


class _Erp(Customerp):
    async def change(self, entity: str, id_: str, fields: Mapping[str, Any]) -> None:
        await super().change(entity, id_, fields)
        await asyncio.sleep(_MOMENT)


class _Central(Central):
    async def change(self, entity: str, id_: str, fields: Mapping[str, Any]) -> None:
        await super().change(entity, id_, fields)
        await asyncio.sleep(_MOMENT)


def _project(folder: Path) -> Project:
    """Read again only where its files say something else."""
    return _read(folder, tuple(path.read_text() for path in sorted(folder.rglob("*.yaml"))))


@lru_cache(maxsize=4)
def _read(folder: Path, _: tuple[str, ...]) -> Project:
    return load(folder)


@asynccontextmanager
async def pair(folder: Path, store: str = "sqlite:///syncline.db", name: str = "project") -> AsyncIterator[Pair]:
    async with (
        served("customerp") as erp_at,
        served("businesscentral") as central_at,
        _Erp(erp_at) as erp,
        _Central(central_at) as central,
    ):
        project = folder / name
        scaffold(project, businesscentral=central_at, customerp=erp_at, company=None)
        config = project / "syncline.yaml"
        config.write_text(config.read_text().replace("sqlite:///syncline.db", store))
        yield Pair(project, erp, central, {"customerp": erp_at, "businesscentral": central_at})
