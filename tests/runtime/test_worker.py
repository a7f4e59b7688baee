"""Workers: many companies, each in step, whatever becomes of one of them or of a worker."""

from __future__ import annotations

from pathlib import Path

from postgres import Server
from runtime.fleet import served


async def test_companies_are_kept_in_step_each_by_itself(tmp_path: Path, server: Server) -> None:
    async with served(tmp_path, server, "acme", "beta") as fleet:
        with fleet.worker():
            for company in fleet.companies.values():
                await company.work(3)
            for company in fleet.companies.values():
                await company.in_step()
