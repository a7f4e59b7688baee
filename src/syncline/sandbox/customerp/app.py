"""The sandbox as an ASGI application: sign-in, faults, and what each address does."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from syncline.sandbox import body, notifications
from syncline.sandbox.clock import Clock, DateMiddleware
from syncline.sandbox.customerp import demo, openapi, reading, writing
from syncline.sandbox.customerp.database import Database, Stored, etag
from syncline.sandbox.customerp.entities import ENTITIES
from syncline.sandbox.customerp.model import Entity
from syncline.sandbox.customerp.problems import Problem
from syncline.sandbox.customerp.snapshots import Snapshots
from syncline.sandbox.customerp.webhooks.control import NOTIFY, Webhooks
from syncline.sandbox.customerp.webhooks.notifier import Notifier
from syncline.sandbox.customerp.webhooks.registering import Registering
from syncline.sandbox.faults import Fault, FaultMiddleware, Faults
from syncline.sandbox.notifications import Notify
from syncline.sandbox.requests import Asked, CountingMiddleware, Requests, looking

_API = "/api/"


def create_app(
    data: Path | Literal[":memory:"],
    *,
    token: str | None,
    empty: bool,
    clock: Clock | None = None,
    notify: Notify = NOTIFY,
) -> Starlette:
    """The sandbox over this data; new data gets invented records unless ``empty``.

    Who asks must show ``token``; with ``None`` nobody need sign in. ``clock`` is the machine's unless another is given;
    its answers tell ``Date`` by it.
    Raises `database.Unusable`, and `ValueError` where the token is empty.
    """
    if token == "":
        raise ValueError("an empty token would let anybody in")
    database = Database(data, clock)
    if database.fresh and not empty:
        demo.fill(database)
    described = msgspec.json.encode(openapi.document(sign_in=token is not None))
    changes, webhooks = _Changes(database), Webhooks(database, notify)
    registered, notifier = _Registered(webhooks.registered), webhooks.notifier
    faults, requests = Faults(), Requests()
    routes: list[BaseRoute] = [
        database.clock.route(),
        faults.route(),
        *requests.routes(),
        *Snapshots(database, restored=notifier.look).routes(),
        *notifications.routes(notifier),
        Route("/openapi.json", _json(described), methods=["GET"]),
        Route("/api/changes", changes.list, methods=["GET"]),
        Route("/api/webhooks", registered.list, methods=["GET"]),
        Route("/api/webhooks", registered.create, methods=["POST"]),
        Route("/api/webhooks/{id}", registered.get, methods=["GET"]),
        Route("/api/webhooks/{id}", registered.update, methods=["PATCH"]),
        Route("/api/webhooks/{id}", registered.delete, methods=["DELETE"]),
    ]
    for entity in ENTITIES.values():
        records = _Records(database, entity)
        routes += [
            Route(f"/api/{entity.name}", records.list, methods=["GET"]),
            Route(f"/api/{entity.name}", records.create, methods=["POST"]),
            Route(f"/api/{entity.name}/{{id}}", records.get, methods=["GET"]),
            Route(f"/api/{entity.name}/{{id}}", records.update, methods=["PATCH"]),
            Route(f"/api/{entity.name}/{{id}}", records.delete, methods=["DELETE"]),
        ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(DateMiddleware, clock=database.clock),
            Middleware(_Looking, notifier=notifier),
            Middleware(CountingMiddleware, requests=requests, look=_look),
            Middleware(FaultMiddleware, faults=faults, look=_look, refuse=_refusal),
            Middleware(_SignIn, token=token),
        ],
        lifespan=_lifespan(database, notifier),
        exception_handlers={Problem: _problem, HTTPException: _http_problem, Exception: _failure},
    )


def _lifespan(database: Database, notifier: Notifier) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with notifier.running():
            yield
        database.close()

    return lifespan


class _Changes:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, request: Request) -> Response:
        return _json(reading.changes(self._database, _query(request)))


class _Records:
    """One entity's addresses."""

    def __init__(self, database: Database, entity: Entity) -> None:
        self._database = database
        self._entity = entity

    async def list(self, request: Request) -> Response:
        return _json(reading.page(self._database, self._entity, _query(request)))

    async def create(self, request: Request) -> Response:
        body = await _body(request, "application/json")
        created = writing.create(self._database, self._entity, body, request.headers.get("idempotency-key"))
        headers = {"location": f"{_API}{self._entity.name}/{created.record.id}"}
        if created.replayed:
            headers["idempotent-replay"] = "true"
        return _record(created.record, 201, headers)

    async def get(self, request: Request) -> Response:
        return _record(writing.existing(self._database, self._entity, request.path_params["id"]))

    async def update(self, request: Request) -> Response:
        patch = await _body(request, writing.MERGE_PATCH, "application/json")
        name, if_match = request.path_params["id"], request.headers.get("if-match")
        return _record(writing.update(self._database, self._entity, name, patch, if_match))

    async def delete(self, request: Request) -> Response:
        name, if_match = request.path_params["id"], request.headers.get("if-match")
        writing.delete(self._database, self._entity, name, if_match)
        return Response(status_code=204)


class _Registered:
    """The addresses of the webhooks."""

    def __init__(self, registered: Registering) -> None:
        self._registered = registered

    async def list(self, request: Request) -> Response:
        reading.check_names(_query(request), ())
        return _json(self._registered.list())

    async def create(self, request: Request) -> Response:
        name, told = self._registered.create(await _body(request, "application/json"))
        return _json(told, 201, {"location": f"{_API}webhooks/{name}"})

    async def get(self, request: Request) -> Response:
        return _json(self._registered.get(request.path_params["id"]))

    async def update(self, request: Request) -> Response:
        patch = await _body(request, writing.MERGE_PATCH, "application/json")
        return _json(self._registered.update(request.path_params["id"], patch))

    async def delete(self, request: Request) -> Response:
        self._registered.delete(request.path_params["id"])
        return Response(status_code=204)


class _Looking:
    """Has the notifier look after every request that may have changed something."""

    def __init__(self, app: ASGIApp, *, notifier: Notifier) -> None:
        self._app = app
        self._notifier = notifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            if scope["type"] == "http" and scope["method"] != "GET":
                self._notifier.look()


class _SignIn:
    """Lets those pass that show the token; what is not the API is for everybody."""

    def __init__(self, app: ASGIApp, *, token: str | None) -> None:
        self._app = app
        self._expected = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._expected is None or scope["type"] != "http" or not scope["path"].startswith(_API):
            await self._app(scope, receive, send)
            return
        scheme, _, given = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer" and secrets.compare_digest(given.strip(), self._expected):
            await self._app(scope, receive, send)
            return
        refusal = Problem(401, "Sign in: send Authorization: Bearer TOKEN.", headers={"WWW-Authenticate": "Bearer"})
        await refusal.response()(scope, receive, send)


async def _body(request: Request, *types: str) -> Any:
    """The JSON of a request. Raises `Problem`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in types:
        raise Problem(415, f"Send the body with Content-Type: {types[0]}.")
    return writing.decode(await body.read(request))


def _query(request: Request) -> Mapping[str, str]:
    given = request.query_params.multi_items()
    if twice := [name for name, _ in given if len(request.query_params.getlist(name)) > 1]:
        raise Problem(400, f"{twice[0]}: given more than once.")
    return dict(given)


def _record(record: Stored, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return _json(record.document, status, {**(headers or {}), "etag": etag(record.seq)})


def _json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, headers, media_type="application/json")


async def _problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem.response()


async def _http_problem(request: Request, error: Exception) -> Response:
    """What the router itself refuses."""
    assert isinstance(error, HTTPException)
    words = {
        404: f"There is nothing at {request.url.path}: /openapi.json tells what there is.",
        405: f"{request.method} is not for {request.url.path}: /openapi.json tells what is.",
    }
    return Problem(error.status_code, words.get(error.status_code, error.detail), headers=error.headers).response()


async def _failure(_: Request, __: Exception) -> Response:
    return Problem(500, "The sandbox failed; its log says more.").response()


def _refusal(fault: Fault) -> ASGIApp:
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    return Problem(fault.answers() or 500, "The sandbox was told to refuse this request.", headers=headers).response()


def _look(scope: Scope) -> Asked | None:
    """A path's kind is the path without its id: ``customers/9c…`` is ``customers/{id}``."""
    if scope["type"] != "http" or not scope["path"].startswith(_API):
        return None
    path = scope["path"].removeprefix(_API)
    entity, slash, _ = path.partition("/")
    return looking(scope, path, entity + ("/{id}" if slash else ""))
