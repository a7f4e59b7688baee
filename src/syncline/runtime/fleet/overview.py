"""How every company stands: as its store tells, and as its next turn does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from syncline.project import ProjectError
from syncline.runtime.fleet.companies import Companies
from syncline.runtime.fleet.standing import Standing
from syncline.runtime.fleet.turns import refused
from syncline.store import StoreError


class CompanyStanding(Struct, frozen=True, kw_only=True):
    """``parked`` are for a person; ``behind`` is since when the longest due record is due; ``looked`` when its systems
    were last looked at. ``trouble`` keeps it from being served, or empty.
    """

    company: str
    linked: int = 0
    due: int = 0
    behind: datetime | None = None
    parked: int = 0
    held: int = 0
    looked: datetime | None = None
    trouble: str = ""


def overview(companies: Companies, turns: Mapping[str, Standing]) -> Iterator[CompanyStanding]:
    """In the order of their names, as they are read."""
    for name in companies.names():
        yield _of(companies, name, turns.get(name))


def _of(companies: Companies, name: str, turn: Standing | None) -> CompanyStanding:
    now = datetime.now(UTC)
    try:
        project = companies.project(name)
        with project.open_store() as store:
            flows = [store.standing(flow, now) for flow in project.flows]
            parked = sum(n for flow in flows for cause, n in flow.parked.items() if cause != "waiting")
            return CompanyStanding(
                company=name,
                linked=sum(flow.linked for flow in flows),
                due=sum(flow.due for flow in flows),
                behind=min((flow.behind for flow in flows if flow.behind is not None), default=None),
                parked=parked,
                held=sum(hold.state == "held" for hold in store.holds()),
                looked=_looked(turn),
                trouble=refused(store) or _trouble(turn),
            )
    except (ProjectError, StoreError) as error:
        return CompanyStanding(company=name, looked=_looked(turn), trouble=str(error))


def _looked(turn: Standing | None) -> datetime | None:
    latest = max(turn.swept, turn.polled) if turn is not None else 0.0
    return datetime.fromtimestamp(latest, UTC) if latest else None


def _trouble(turn: Standing | None) -> str:
    if turn is None:
        return "no turn of it waits: no worker serves it yet"
    return f"the last {turn.failures} turns failed" if turn.failures > 1 else "the last turn failed" * turn.failures
