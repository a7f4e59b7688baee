"""A company of which people edit both sides, and how one sees that nothing is lost and nothing is there twice."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from runtime.living import until
from syncline.demo.compare import compare
from syncline.demo.systems import Central, Customerp


class Company:
    """Two systems and the people in them: they make customers, and rename those of either side."""

    def __init__(self, erp: Customerp, central: Central) -> None:
        self.erp = erp
        self.central = central
        self.chance = Random(1)
        self.made = 0

    async def work(self, times: int, *sides: str) -> None:
        for _ in range(times):
            for side in sides or ("erp", "central"):
                await self._make(side)
                await self._rename(side)
                await asyncio.sleep(0.02)

    async def _make(self, side: str) -> None:
        self.made += 1
        key = f"ORG{self.made:04}"
        if side == "erp":
            await self.erp.create("customers", {"name": f"Name {key}", "organisationNumber": key})
        else:
            fields = {"type": "Company", "displayName": f"Name {key}", "taxRegistrationNumber": key}
            await self.central.create("customers", fields)

    async def _rename(self, side: str) -> None:
        system: Any = self.erp if side == "erp" else self.central
        records = await system.all("customers")
        chosen = self.chance.choice(records)
        name, text = ("name" if side == "erp" else "displayName"), f"Name {self.chance.random():.12f}"
        await system.change("customers", chosen["id"], {name: text})

    async def in_step(self, patience: float = 60.0) -> None:
        """Until both hold the same: everything once."""

        async def alike() -> bool:
            ours, theirs = await self.erp.all("customers"), await self.central.all("customers")
            return len(ours) == len(theirs) == self.made and not (await compare(self.erp, self.central)).differences

        await until(alike, patience)
