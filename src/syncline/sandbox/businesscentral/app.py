"""The sandbox as an ASGI application: sign-in, faults, batches, and the API behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import structs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from syncline.sandbox.businesscentral import batch, controls, demo, setup
from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.errors import ApiError
from syncline.sandbox.businesscentral.faults import Faults, Requests, refusal
from syncline.sandbox.businesscentral.query import preferences
from syncline.sandbox.businesscentral.service import Answer, Call, Service
from syncline.sandbox.businesscentral.signin import Credentials, SignIn
from syncline.sandbox.businesscentral.values import decode
from syncline.sandbox.businesscentral.writing import Options
from syncline.sandbox.serve import cut_connection

API = "/v2.0/{tenant}/{environment}/api/v2.0"
LARGEST_BODY = 350 * 1024 * 1024
_CONTENT = ("application/octet-stream", "image/")
_JSON = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8"


def create_app(
    data: Path | Literal[":memory:"],
    *,
    open: bool,  # noqa: A002 - the word of the command line
    empty: bool,
    credentials: Credentials | None = None,
    options: Options | None = None,
) -> Starlette:
    """The sandbox over this data; a new file gets a company, with invented records unless ``empty``.

    ``open`` asks nobody to sign in, otherwise ``credentials`` say who may. Raises `company.Unusable`, and
    `ValueError` where nobody could sign in.
    """
    credentials = Credentials() if open else credentials
    if credentials is None or not (open or credentials.clients or credentials.users):
        raise ValueError("nobody could sign in: name a user or a client, or open the sandbox")
    database = Database(data)
    if database.fresh:
        with database.transaction():
            company = setup.add_company(database, setup.EMPTY_NAME if empty else demo.NAME)
            if not empty:
                demo.fill(company)
    api = _Api(database, SignIn(credentials), options or Options())
    return Starlette(
        routes=[
            Route("/{tenant}/oauth2/v2.0/token", api.token, methods=["POST"]),
            Route("/sandbox/faults", api.faults, methods=["GET", "POST"]),
            Route("/sandbox/setup", api.set_up, methods=["POST"]),
            Route("/sandbox/requests", api.requests, methods=["GET"]),
            Route("/sandbox/requests/reset", api.reset_requests, methods=["POST"]),
            Route(API + "{path:path}", api),
        ]
    )


class _Api:
    """The API as an ASGI application: only at this level can a connection be cut."""

    def __init__(self, database: Database, sign_in: SignIn, options: Options) -> None:
        self._database = database
        self._sign_in = sign_in
        self._options = options
        self._faults = Faults()
        self._requests = Requests()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = request.path_params["path"].lstrip("/")
        self._requests.count(request.method, path)
        fault = self._faults.meet(request.method, path)
        if fault and fault.kind == "drop-before":
            await cut_connection(scope, receive)
            return
        if fault and fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        answer = refusal(fault) if fault and fault.kind.isdecimal() else await self._answer(request, path)
        if fault and fault.kind == "drop-after":
            await cut_connection(scope, receive)
            return
        await _response(answer)(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Answer:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            self._sign_in.check(headers.get("authorization", ""))
            body = await request.body()
            if len(body) > LARGEST_BODY:
                raise ApiError(413, "BadRequest", "The request body is larger than 350 MB.")
            root = str(request.base_url).rstrip("/") + request.url.path.removesuffix(request.path_params["path"])
            service = Service(self._database, root, self._options)
            call = Call(
                method=request.method,
                path=path,
                query=request.url.query,
                headers=headers,
                body=_body(body, headers),
            )
            if path == "$batch":
                return self._batch(service, call, root)
            return service.answer(call)
        except ApiError as error:
            return Answer(status=error.status, body=error.body())

    def _batch(self, service: Service, call: Call, root: str) -> Answer:
        if call.method != "POST":
            raise ApiError(405, "BadRequest_MethodNotAllowed", "A batch is sent with POST.")

        def do(operation: Call) -> Answer:
            relative = structs.replace(operation, path=batch.root_relative(operation.path, root))
            self._requests.count_operation(relative.method, relative.path)
            fault = self._faults.meet(relative.method, relative.path, inside_batch=True)
            return refusal(fault) if fault else service.answer(relative)

        keep_on = preferences(call.headers.get("prefer", "")).get("odata.continue-on-error") == "true"
        return batch.run(self._database, do, call.body, call.headers, keep_on=keep_on)

    async def token(self, request: Request) -> Response:
        self._requests.count_sign_in()
        return _response(self._sign_in.token(await request.body()))

    async def faults(self, request: Request) -> Response:
        try:
            if request.method == "POST":
                self._faults.order(decode(await request.body()))
        except ApiError as error:
            return _response(Answer(status=error.status, body=error.body()))
        return _response(Answer(status=200, body=msgspec.json.encode({"next": self._faults.waiting()})))

    async def set_up(self, request: Request) -> Response:
        try:
            controls.set_up(self._database, decode(await request.body()))
        except ApiError as error:
            return _response(Answer(status=error.status, body=error.body()))
        return Response(status_code=204)

    async def requests(self, _: Request) -> Response:
        return _response(Answer(status=200, body=msgspec.json.encode(self._requests.told())))

    async def reset_requests(self, _: Request) -> Response:
        self._requests.reset()
        return Response(status_code=204)


def _body(body: bytes, headers: Mapping[str, str]) -> Any:
    """JSON, or the content of a stream as it is."""
    if headers.get("content-type", "").startswith(_CONTENT):
        return body
    return decode(body) if body else None


def _response(answer: Answer) -> Response:
    headers = {**answer.headers, "odata-version": "4.0"}
    media_type = answer.media_type or _JSON
    return Response(answer.body, answer.status, headers, media_type=media_type if answer.body else None)
