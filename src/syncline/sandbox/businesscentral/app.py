"""The sandbox as an ASGI application: sign-in, faults, batches, and the API behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from msgspec import structs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from syncline.sandbox import body
from syncline.sandbox.businesscentral.batches import jsonform, multipart, running
from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.conditions.faults import SPECIAL, Counts, kind, longest_lag, look, refusal
from syncline.sandbox.businesscentral.conditions.gate import Gate, GateMiddleware
from syncline.sandbox.businesscentral.conditions.limits import LENIENT, Limits
from syncline.sandbox.businesscentral.conditions.replica import Replica
from syncline.sandbox.businesscentral.contents import controls
from syncline.sandbox.businesscentral.contents.provide import Contents, provide
from syncline.sandbox.businesscentral.contents.snapshots import Snapshots
from syncline.sandbox.businesscentral.errors import ApiError
from syncline.sandbox.businesscentral.odata.query import preferences
from syncline.sandbox.businesscentral.service import Answer, Call, Service
from syncline.sandbox.businesscentral.signin import Credentials, SignIn
from syncline.sandbox.businesscentral.values import decode
from syncline.sandbox.businesscentral.webhooks.control import NOTIFY, Webhooks
from syncline.sandbox.businesscentral.writing import Options
from syncline.sandbox.clock import Clock, DateMiddleware
from syncline.sandbox.faults import Fault, FaultMiddleware, Faults, Order, met
from syncline.sandbox.notifications import Notify
from syncline.sandbox.requests import Asked, CountingMiddleware

API = "/v2.0/{tenant}/{environment}/api/v2.0"
_CONTENT = ("application/octet-stream", "image/")
_JSON = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8"


def create_app(
    data: Path | Literal[":memory:"],
    *,
    open: bool,  # noqa: A002 - the word of the command line
    contents: Contents,
    credentials: Credentials | None = None,
    options: Options | None = None,
    order: Order | None = None,
    clock: Clock | None = None,
    limits: Limits = LENIENT,
    notify: Notify = NOTIFY,
) -> Starlette:
    """The sandbox over this data, which gets the ``contents`` that it does not hold yet.

    ``open`` asks nobody to sign in, otherwise ``credentials`` say who may; ``order`` says what goes wrong from the
    beginning. Its answers tell ``Date`` by its own clock. Raises `company.Unusable`, and `ValueError` where nobody
    could sign in or no such fault is known here.
    """
    credentials = Credentials() if open else credentials
    if credentials is None or not (open or credentials.clients or credentials.users):
        raise ValueError("nobody could sign in: name a user or a client, or open the sandbox")
    clock = clock or Clock()
    database = Database(data, clock)
    provide(database, contents)
    replica, gate, sign_in = Replica(database), Gate(clock, limits), SignIn(credentials, clock)
    faults, requests = Faults(SPECIAL, lambda order: replica.follow(longest_lag(order))), Counts()
    faults.replace(order or Order())
    webhooks = Webhooks(database, notify, most=lambda: gate.limits.subscriptions)
    snapshots = Snapshots(database, data, restored=[replica.forget, webhooks.reload])
    api = _Api(
        database=database,
        sign_in=sign_in,
        options=options or Options(),
        faults=faults,
        requests=requests,
        replica=replica,
        gate=gate,
        webhooks=webhooks,
    )
    return Starlette(
        routes=[
            Route("/{tenant}/oauth2/v2.0/token", api.token, methods=["POST"]),
            clock.route(),
            faults.route(),
            *gate.routes(),
            *requests.routes(),
            *webhooks.routes(),
            *snapshots.routes(),
            Route("/sandbox/setup", api.set_up, methods=["POST"]),
            Route(API + "{path:path}", api),
        ],
        middleware=[
            Middleware(DateMiddleware, clock=clock),
            Middleware(CountingMiddleware, requests=requests, look=look),
            Middleware(GateMiddleware, gate=gate, clock=clock, look=look, who=sign_in.who),
            Middleware(FaultMiddleware, faults=faults, look=look, refuse=_refused, sleep=clock.sleep),
        ],
        lifespan=_lifespan(database, webhooks),
        exception_handlers={HTTPException: _unrouted, Exception: _failed},
    )


def _lifespan(database: Database, webhooks: Webhooks) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Subscribers are told meanwhile; at the end everything is in the data file itself, so that it can be copied."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with webhooks.notifier.running():
            yield
        database.close()

    return lifespan


@dataclass(frozen=True, kw_only=True)
class _Api:
    """The API as an ASGI application."""

    database: Database
    sign_in: SignIn
    options: Options
    faults: Faults
    requests: Counts
    replica: Replica
    gate: Gate
    webhooks: Webhooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = await self._answer(request, request.path_params["path"].lstrip("/"))
        await _response(answer)(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Answer:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            self.sign_in.check(headers.get("authorization", ""))
            sent = await body.read(request, self.gate.limits.body_bytes)
            root = str(request.base_url).rstrip("/") + request.url.path.removesuffix(request.path_params["path"])
            service = Service(self.database, root, structs.replace(self.options, page=self.gate.limits.page))
            if path == "$batch":
                with self._meeting(met(request.scope)):
                    return self._batch(service, root, request.method, headers, sent)
            call = Call(
                method=request.method,
                path=path,
                query=request.url.query,
                headers=headers,
                body=_decoded(sent, headers),
            )
            if self.webhooks.subscriptions.named(path):
                return await self.webhooks.subscriptions.answer(call, root)
            with self._meeting(met(request.scope)):
                return service.answer(call)
        except ApiError as error:
            return Answer(status=error.status, body=error.body())
        finally:
            if request.method != "GET":
                self.webhooks.notifier.look()

    def _meeting(self, fault: Fault | None) -> AbstractContextManager[None]:
        """The database as a fault of a special kind shows it."""
        self.replica.keep_up()
        if fault and fault.kind == "lag":
            return self.replica.behind(fault.seconds)
        if fault and fault.kind == "late-commit":
            return self.database.committing_late(fault.seconds)
        return nullcontext()

    def _batch(self, service: Service, root: str, method: str, headers: Mapping[str, str], sent: bytes) -> Answer:
        if method != "POST":
            raise ApiError(405, "BadRequest_MethodNotAllowed", "A batch is sent with POST.")

        def do(call: Call) -> Answer:
            asked = Asked(method=call.method, path=call.path, kind=kind(call.path), query=call.query)
            self.requests.count_operation(asked)
            fault = self.faults.meet(asked, statuses=True)
            if fault:
                return refusal(fault)
            if self.webhooks.subscriptions.named(call.path):
                return self.webhooks.subscriptions.answer_in_batch(call, root)
            return service.answer(call)

        content_type = headers.get("content-type", _JSON)
        in_parts = content_type.strip().lower().startswith("multipart/mixed")
        read, write = (multipart.read, multipart.write) if in_parts else (jsonform.read, jsonform.write)
        units = read(sent, content_type)
        running.check(units, self.gate.limits.batch)
        preferred = preferences(headers.get("prefer", ""))
        outcomes = running.run(
            self.database,
            do,
            units,
            root=root,
            snapshot="snapshot" in (headers.get("isolation", "").lower(), headers.get("odata-isolation", "").lower()),
            keep_on="true" in (preferred.get("odata.continue-on-error"), preferred.get("continue-on-error")),
        )
        return write(outcomes)

    async def token(self, request: Request) -> Response:
        self.requests.count_sign_in()
        return _response(self.sign_in.token(await body.read(request)))

    async def set_up(self, request: Request) -> Response:
        try:
            controls.set_up(self.database, decode(await body.read(request)))
        except ApiError as error:
            return _response(Answer(status=error.status, body=error.body()))
        return Response(status_code=204)


def _refused(fault: Fault) -> ASGIApp:
    return _response(refusal(fault))


def _unrouted(_: Request, error: Exception) -> Response:
    """What is refused before the API looks: an address outside of it, a line break in one, a body that is too large."""
    assert isinstance(error, HTTPException)
    codes = {405: "BadRequest_MethodNotAllowed", 413: "BadRequest"}
    code = codes.get(error.status_code, "BadRequest_ResourceNotFound")
    message = error.detail if error.status_code == 413 else "There is nothing at this address."
    return _response(Answer(status=error.status_code, body=ApiError(error.status_code, code, message).body()))


def _failed(_: Request, __: Exception) -> Response:
    """A mistake of the sandbox's own, which is told on its standard error as well."""
    return _response(Answer(status=500, body=ApiError(500, "Internal_ServerError", "The sandbox failed.").body()))


def _decoded(body: bytes, headers: Mapping[str, str]) -> Any:
    """JSON, or the content of a picture as it is; ``None`` for nothing, whatever it is said to be."""
    if not body:
        return None
    return body if headers.get("content-type", "").startswith(_CONTENT) else decode(body)


def _response(answer: Answer) -> Response:
    headers = {**({"content-type": _JSON} if answer.body else {}), **answer.headers, "odata-version": "4.0"}
    return Response(answer.body, answer.status, headers)
