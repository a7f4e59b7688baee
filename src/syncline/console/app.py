"""The application: made from what its pages work with, and from nothing else."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from syncline.console import live, signin, visits
from syncline.console.desk import Desk
from syncline.console.pages import flows, history, matches, overview, parked, records, undo
from syncline.console.security import Guarded
from syncline.store import StoreLost


class _Kept(StaticFiles):
    """Browsers may keep these: their addresses change with what they say."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def create_app(desk: Desk) -> Starlette:
    with as_file(files("syncline.console") / "static") as folder:
        static = Mount("/static", _Kept(directory=Path(folder)))
    pages = (overview, records, parked, matches, flows, history, undo)
    routes: list[BaseRoute] = [static, *signin.routes(), *live.routes(), *(r for p in pages for r in p.routes())]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guarded, hosts=desk.hosts)],
        exception_handlers={404: _not_there, 405: _not_there, StoreLost: _no_store},
    )
    app.state.desk = desk
    return app


async def _not_there(request: Request, _: Exception) -> Response:
    return visits.show(request.app.state.desk, request, "refused.html", 404, why="There is no such page.")


async def _no_store(_: Request, __: Exception) -> Response:
    """Without a page, which would ask the store who is there; and without its words, which anyone may read."""
    why = "What Syncline remembers cannot be reached just now. Try again in a moment."
    return PlainTextResponse(why, 503, headers={"Retry-After": "5"})
