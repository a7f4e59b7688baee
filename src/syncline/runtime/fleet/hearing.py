"""Webhooks of all companies: an address ends with the company and the side, and what is heard goes into the queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from msgspec import Struct

from syncline.connectors.base import Connector, Heard, Hook
from syncline.project import Project, ProjectError
from syncline.runtime.announcements import News, news
from syncline.runtime.fleet.companies import Companies
from syncline.runtime.fleet.queue import AWAY
from syncline.runtime.hearing import announcing
from syncline.runtime.receiver import Ear, NotNow
from syncline.spans import Origin


class _Known(Struct, frozen=True, eq=False):
    project: Project
    hooks: Mapping[str, Hook]
    systems: Mapping[str, Connector]
    """Not open: they only tell what a call says."""


class Calls:
    """``heard`` and ``refused`` count the calls of each side."""

    def __init__(self, companies: Companies, announce: Callable[[str, News], Awaitable[None]]) -> None:
        self._companies = companies
        self._announce = announce
        self._known: dict[str, _Known] = {}
        self.heard: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def find(self, path: str) -> Ear | None:
        """Who is called at a path, as `syncline.runtime.receiver.create_app` wants it."""
        *_, company, side = ["", "", *path.split("/")]
        known = self._of(company) if company in self._companies else None
        if known is None or side not in known.hooks:
            return None
        return Ear(
            hook=known.hooks[side],
            system=announcing(known.systems[side]),
            hear=partial(self._hear, company, known.project, side),
            refuse=partial(self._refuse, side),
        )

    def _of(self, company: str) -> _Known | None:
        try:
            project = self._companies.project(company)
            known = self._known.get(company)
            if known is None or known.project is not project:
                environment = self._companies.environment
                known = _Known(project, project.hooks(environment), project.connectors(environment))
                self._known[company] = known
        except ProjectError:
            return None  # told by its turns
        return known

    async def _hear(self, company: str, project: Project, side: str, heard: Heard, origin: Origin | None) -> None:
        self.heard[side] += 1
        told = news(project.flows.values(), side, heard, origin)
        if told.flow_sides or told.gone:
            try:
                await self._announce(company, told)
            except AWAY as error:
                raise NotNow from error

    def _refuse(self, side: str) -> None:
        self.refused[side] += 1
