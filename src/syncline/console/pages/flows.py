"""The agreement, flow by flow, as tables."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from syncline.console.agreement import agreement
from syncline.console.visits import Visit, page


def routes() -> list[Route]:
    return [page("/flows", _flows), page("/flows/{flow}", _flow)]


def _flows(visit: Visit) -> Response:
    return RedirectResponse(f"/flows/{next(iter(visit.desk.flows))}", 303)


def _flow(visit: Visit) -> Response:
    flow = visit.desk.flows.get(visit.request.path_params["flow"])
    if flow is None:
        return visit.show("refused.html", 404, why="There is no such flow.")
    return visit.show("flow.html", agreed=agreement(flow))
