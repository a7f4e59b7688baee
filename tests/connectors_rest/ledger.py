"""A JSON API with cursors, a change feed, etags, idempotency keys and OAuth: run as ``python ledger.py PORT``.

It speaks as the shipped declaration of Customerp expects, holds anything it is given, and fails when it is told to.
"""

from __future__ import annotations

import itertools
import sys
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

RECORDS: dict[str, dict[str, dict[str, Any]]] = {}
FEED: list[dict[str, Any]] = []
KEPT: dict[str, tuple[int, dict[str, Any]]] = {}
TOKENS: set[str] = set()
FAULTS: list[str] = []
ASKED: list[str] = []
numbers = itertools.count(1)


def problem(status: int, title: str, **more: Any) -> JSONResponse:
    return JSONResponse({"status": status, "title": title, **more}, status_code=status)


def merge(old: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    kept = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = merge(kept.get(name), value)
    return kept


def keep(entity: str, record: dict[str, Any], change: str) -> dict[str, Any]:
    lines = [{**line, "id": line.get("id") or f"l{next(numbers)}"} for line in record.get("lines", [])]
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = record | {"updatedAt": moment, "etag": f'"{next(numbers)}"'} | ({"lines": lines} if lines else {})
    RECORDS.setdefault(entity, {})[told["id"]] = told
    FEED.append({"entity": entity, "id": told["id"], "change": change})
    return told


def wrong(record: dict[str, Any]) -> JSONResponse | None:
    if len(record.get("name", "")) > 100:
        errors = [{"property": "name", "message": "At most 100 characters."}]
        return problem(422, "Unprocessable", detail="1 property is wrong.", errors=errors)
    return None


async def many(request: Request) -> Response:
    entity = request.path_params["entity"]
    kept = RECORDS.setdefault(entity, {})
    if request.method == "POST":
        key = request.headers.get("Idempotency-Key", "")
        if key in KEPT:
            return JSONResponse(KEPT[key][1], status_code=KEPT[key][0])
        fields = await request.json()
        if refused := wrong(fields):
            return refused
        told = keep(entity, fields | {"id": f"r{next(numbers)}"}, "created")
        KEPT[key] = (201, told)
        return JSONResponse(told, status_code=201)
    query = request.query_params
    found = [kept[i] for i in query["ids"].split(",") if i in kept] if "ids" in query else list(kept.values())
    start, limit = int(query.get("cursor", "0")), min(int(query.get("limit", "100")), 50)
    page = found[start : start + limit]
    if query.get("fields") == "id":
        page = [{"id": record["id"]} for record in page]
    following = str(start + limit) if start + limit < len(found) else None
    return JSONResponse({"items": page, "nextCursor": following})


async def one(request: Request) -> Response:
    entity, name = request.path_params["entity"], request.path_params["name"]
    old = RECORDS.get(entity, {}).get(name)
    if old is None:
        return problem(404, "Not found", detail=f"There is no {name}.")
    if request.method == "GET":
        return JSONResponse(old)
    if "If-Match" not in request.headers:
        return problem(428, "If-Match is missing")
    if request.headers["If-Match"] != old["etag"]:
        return problem(412, "It has moved")
    if request.method == "DELETE":
        del RECORDS[entity][name]
        FEED.append({"entity": entity, "id": name, "change": "deleted"})
        return Response(status_code=204)
    assert request.headers["Content-Type"] == "application/merge-patch+json"
    fields = merge(old, await request.json())
    return wrong(fields) or JSONResponse(keep(entity, fields, "updated"))


async def changes(request: Request) -> Response:
    query = request.query_params
    if query["since"] == "lost":
        return problem(410, "That is too long ago")
    start = len(FEED) if query["since"] == "latest" else int(query["since"])
    seen = FEED[start : start + 50]
    items = [
        change | {"record": RECORDS.get(change["entity"], {}).get(change["id"])}
        for change in seen
        if change["entity"] == query["entity"]
    ]
    more = start + len(seen) < len(FEED)
    return JSONResponse({"items": items, "nextSince": str(start + len(seen)), "hasMore": more})


async def token(request: Request) -> Response:
    form = (await request.body()).decode()
    if "client_secret=hush" not in form:
        return JSONResponse({"error": "invalid_client"}, status_code=401)
    TOKENS.add(f"t{next(numbers)}")
    return JSONResponse({"access_token": max(TOKENS), "expires_in": 3600})


async def tell(request: Request) -> Response:
    """What to do wrong with the next requests, by word, one each; what was asked so far is forgotten."""
    told = await request.json()
    FAULTS[:] = told.get("faults", [])
    if told.get("expire"):
        TOKENS.clear()
    ASKED.clear()
    return Response(status_code=204)


async def asked(request: Request) -> Response:
    return JSONResponse(ASKED)


routes = Starlette(
    routes=[
        Route("/tell", tell, methods=["POST"]),
        Route("/asked", asked),
        Route("/token", token, methods=["POST"]),
        Route("/api/changes", changes),
        Route("/api/{entity}", many, methods=["GET", "POST"]),
        Route("/api/{entity}/{name}", one, methods=["GET", "PATCH", "DELETE"]),
    ]
)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The faults: ``500``, ``429``; ``lose`` does what is asked and answers 500; ``empty`` answers with half a body."""
    if scope["type"] != "http" or not scope["path"].startswith("/api/"):
        return await routes(scope, receive, send)
    ASKED.append(f"{scope['method']} {scope['path']}")
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    shown = headers.get("authorization", "")
    fault = FAULTS.pop(0) if FAULTS else None
    if shown.startswith("Bearer t") and shown.removeprefix("Bearer ") not in TOKENS:
        return await problem(401, "The token has ended")(scope, receive, send)
    if fault is None:
        return await routes(scope, receive, send)
    if fault == "lose":
        await routes(scope, receive, _nowhere)
        return await problem(500, "Lost")(scope, receive, send)
    if fault == "cut":
        await routes(scope, receive, _nowhere)
        length = [(b"content-length", b"1000"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ConnectionError("cut")
    status, _, seconds = fault.partition(" for ")
    answer = problem(int(status), "Out of order")
    if seconds:
        answer.headers["Retry-After"] = seconds
    return await answer(scope, receive, send)


async def _nowhere(message: Message) -> None:
    pass


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
