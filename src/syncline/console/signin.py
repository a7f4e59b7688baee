"""Signing in, with a name and a password or by the one-time link, and out."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from syncline.console import passwords, sessions
from syncline.console.desk import Desk
from syncline.console.visits import Visit, act, show

_AT_ONCE = 2
"""Passwords that are tried at once: each takes a processor and 64 MB for a moment."""


def routes() -> list[Route]:
    hashing = CapacityLimiter(_AT_ONCE)

    async def sign_in(request: Request) -> Response:
        return await _sign_in(request, hashing)

    return [
        Route("/sign-in", _ask, methods=["GET"]),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-in/{token}", _by_link, methods=["GET"]),
        act("/sign-out", _sign_out, "see"),
    ]


async def _ask(request: Request) -> Response:
    return _form(request, next_=request.query_params.get("next", "/"))


def _form(request: Request, status: int = 200, *, why: str = "", name: str = "", next_: str = "/") -> Response:
    desk: Desk = request.app.state.desk
    secret = request.cookies.get(_cookie(request)) or secrets.token_urlsafe(16)
    is_new = not desk.store.users()
    token = sessions.form_token(secret)
    response = show(
        desk, request, "signin.html", status, why=why, name=name, next=next_, is_new=is_new, form_token=token
    )
    sessions.set_cookie(request, response, _cookie(request), secret, 3_600)
    return response


def _cookie(request: Request) -> str:
    return sessions.cookie_name(request) + "-form"


async def _sign_in(request: Request, hashing: CapacityLimiter) -> Response:
    desk: Desk = request.app.state.desk
    form = await request.form(max_files=0, max_fields=10)
    told = {key: value if isinstance(value := form.get(key), str) else "" for key in ("name", "password", "next")}
    if not sessions.is_ours(request, request.cookies.get(_cookie(request)), form.get("token")):
        return _form(request, 403, why="The form was too old, or not sent from this page. Try again.")
    user = await run_in_threadpool(desk.store.user, told["name"])
    known = user.name if user is not None else None
    if not desk.attempts.may(known):
        why = "Too many sign-ins have failed. Try again in some minutes."
        response = _form(request, 429, why=why, name=told["name"], next_=told["next"])
        response.headers["Retry-After"] = str(int(desk.attempts.seconds))
        return response
    hashed = user.password if user is not None else None
    good = await to_thread.run_sync(passwords.matches, told["password"], hashed, limiter=hashing)
    if not good or user is None:
        await desk.attempts.failed(known)
        why = "There is no user of this name and password."
        return _form(request, 401, why=why, name=told["name"], next_=told["next"])
    response = RedirectResponse(_ours(told["next"]), 303)
    await run_in_threadpool(sessions.begin, desk, request, response, user.name, user.role)
    return response


async def _by_link(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    link = desk.link
    if request.method != "GET" or link is None or not link.use(request.path_params["token"], desk.now()):
        why = "This link was used already, or is too old. Start syncline console again for a new one."
        return _form(request, 403, why=why)
    response = RedirectResponse("/", 303)
    await run_in_threadpool(sessions.begin, desk, request, response, link.name, "administer")
    return response


def _sign_out(visit: Visit) -> Response:
    response = RedirectResponse("/sign-in", 303)
    sessions.end(visit.desk, visit.request, response)
    return response


def _ours(address: str) -> str:
    """A page of this console, and of no other site."""
    parts = urlsplit(address)
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if plain and not parts.scheme and not parts.netloc else "/"
