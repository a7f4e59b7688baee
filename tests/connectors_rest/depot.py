"""A small JSON API of another shape than Customerp: run as ``python depot.py PORT``.

Offset paging with a total, an envelope ``data``, times in epoch milliseconds, ``updated_after``, PUT of whole records,
no versions but a revision in the record, DELETE, an API key in a header. ``/faults`` makes the next requests fail.
"""

from __future__ import annotations

import itertools
import sys
import time
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "open-sesame"
PARTS: dict[str, dict[str, Any]] = {}
FAULTS: list[int] = []
ASKED: list[str] = []
numbers = itertools.count(1)
AN_HOUR = 3_600_000


def stamp(part: dict[str, Any], uid: str, age: int = 0) -> dict[str, Any]:
    rows = [{**row, "row": row.get("row") or next(numbers)} for row in part.get("bins", [])]
    old = PARTS.get(uid, {})
    return part | {"uid": uid, "bins": rows, "rev": old.get("rev", 0) + 1, "changed": int(time.time() * 1000) - age}


def refusal(part: dict[str, Any]) -> JSONResponse | None:
    if len(part.get("code", "")) > 20:
        fault = {"fault": {"text": "Code is longer than 20", "field": "code", "no": "E17"}}
        return JSONResponse(fault, status_code=422)
    return None


async def parts(request: Request) -> Response:
    if request.method == "POST":
        part = (await request.json())["part"]
        if refused := refusal(part):
            return refused
        uid = f"P-{next(numbers)}"
        PARTS[uid] = stamp(part, uid)
        location = {"Location": f"/v1/parts/{uid}"}
        return JSONResponse({"data": {"created": True}}, status_code=201, headers=location)
    query = request.query_params
    after, code = int(query.get("updated_after", "-1")), query.get("code")
    found = [p for p in PARTS.values() if p["changed"] > after and (code is None or p["code"] == code)]
    skip, top = int(query.get("skip", "0")), min(int(query.get("top", "10")), 10)
    return JSONResponse({"data": found[skip : skip + top], "meta": {"count": len(found)}})


async def part(request: Request) -> Response:
    uid = request.path_params["uid"]
    if uid not in PARTS:
        return JSONResponse({"fault": {"text": f"No part {uid}"}}, status_code=404)
    if request.method == "GET":
        return JSONResponse({"data": PARTS[uid]})
    if request.method == "DELETE":
        del PARTS[uid]
        return Response(status_code=204)
    told = (await request.json())["part"]
    if refused := refusal(told):
        return refused
    PARTS[uid] = stamp(told, uid)
    return Response(status_code=204)


async def zones(request: Request) -> Response:
    rows = [{"key": f"z{n}", "short": f"ZONE-{n}", "site": "s1" if n < 12 else None} for n in range(1, 14)]
    skip = int(request.query_params.get("skip", "0"))
    return JSONResponse({"data": rows[skip : skip + 10], "meta": {"count": len(rows)}})


async def turned(request: Request) -> Response:
    """Five records, two to a page, the next page told in the way that the path names."""
    style, number = request.path_params["style"], int(request.query_params.get("page", "1"))
    rows = [{"uid": f"{style}{n}"} for n in range(5)][2 * number - 2 : 2 * number]
    if request.query_params.get("pages") == "told":
        return JSONResponse({"data": rows, "meta": {"pages": 3}})
    if style == "page" or number == 3:
        return JSONResponse({"data": rows})
    following = f"/v1/turned/{style}?page={number + 1}&kind=a,b"
    if style == "elsewhere":
        following = "http://localhost:1/v1/turned"
    link = f'<{request.url.path}>; rel="first", <{following}>; title="a"; rel="next"'
    return JSONResponse({"data": rows, "links": {"next": following}}, headers={"Link": link} if style == "link" else {})


async def tagged(request: Request) -> Response:
    uid = request.path_params.get("uid")
    if uid is None:
        return JSONResponse({"data": [{"uid": "a"}, {"uid": "b"}]})
    return JSONResponse({"data": {"uid": uid}}, headers={"ETag": f'"{uid}-7"'})


async def company(request: Request) -> Response:
    return JSONResponse({"data": {"guid": "depot-7"}})


async def seed(request: Request) -> Response:
    """Parts that were last changed an hour ago."""
    for told in await request.json():
        PARTS[told["uid"]] = stamp(told, told["uid"], AN_HOUR)
    return Response(status_code=204)


async def faults(request: Request) -> Response:
    """The statuses that answer the next requests, one each; what was asked so far is forgotten."""
    FAULTS.extend(await request.json())
    ASKED.clear()
    return Response(status_code=204)


async def asked(request: Request) -> Response:
    return JSONResponse(ASKED)


async def guard(request: Request, go_on: RequestResponseEndpoint) -> Response:
    if request.url.path in {"/seed", "/faults", "/asked"}:
        return await go_on(request)
    ASKED.append(f"{request.method} {request.url.path}")
    if request.headers.get("X-Key") != KEY:
        return JSONResponse({"fault": {"text": "Who are you?"}}, status_code=401)
    if FAULTS:
        return JSONResponse(
            {"fault": {"text": "out of order"}}, status_code=FAULTS.pop(0), headers={"Retry-After": "7"}
        )
    return await go_on(request)


app = Starlette(
    routes=[
        Route("/v1/parts", parts, methods=["GET", "POST"]),
        Route("/v1/parts/{uid}", part, methods=["GET", "PUT", "DELETE"]),
        Route("/v1/zones", zones),
        Route("/v1/turned/{style}", turned),
        Route("/v1/tagged", tagged),
        Route("/v1/tagged/{uid}", tagged),
        Route("/v1/company", company),
        Route("/seed", seed, methods=["POST"]),
        Route("/faults", faults, methods=["POST"]),
        Route("/asked", asked),
    ],
    middleware=[Middleware(BaseHTTPMiddleware, dispatch=guard)],
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
