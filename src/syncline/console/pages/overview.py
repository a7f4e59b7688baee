"""The overview: how every flow stands, and the last edits as they come."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from syncline.console import standing
from syncline.console.told import told
from syncline.console.visits import Visit, page
from syncline.store import Sought

_ENTRIES = 20


def routes() -> list[Route]:
    return [page("/", _overview)]


def _overview(visit: Visit) -> Response:
    desk = visit.desk
    found = desk.store.sought(Sought(), _ENTRIES)
    entries = told(desk.store, visit.names, found.entries)
    return visit.show("overview.html", overview=standing.overview(desk), entries=entries)
