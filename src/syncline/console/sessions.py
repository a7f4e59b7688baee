"""Who is signed in: a random token in a cookie, its hash with the name and the role in the store."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from syncline.console.desk import Desk
from syncline.store import Role, Session

LASTS = timedelta(hours=12)


def of(desk: Desk, request: Request) -> Session | None:
    """The session of whoever asks."""
    token = request.cookies.get(cookie_name(request))
    return desk.store.session(_hash(token), desk.now()) if token else None


def begin(desk: Desk, request: Request, response: Response, user: str, role: Role) -> None:
    """Somebody has signed in."""
    token, now = secrets.token_urlsafe(32), desk.now()
    desk.store.begin_session(Session(token=_hash(token), user=user, role=role, expires=now + LASTS), now)
    set_cookie(request, response, cookie_name(request), token, int(LASTS.total_seconds()))


def end(desk: Desk, request: Request, response: Response) -> None:
    if token := request.cookies.get(cookie_name(request)):
        desk.store.end_session(_hash(token))
    response.delete_cookie(cookie_name(request))


def cookie_name(request: Request) -> str:
    """Cookies do not know of ports, so that two consoles of one machine would take each other's."""
    return f"syncline-{request.url.port or request.url.scheme}"


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )


# --- forms are ours


def form_token(secret: str) -> str:
    """What a form must bring along that was made for whoever holds this cookie: no other site can read it."""
    return hashlib.sha256(f"form:{secret}".encode()).hexdigest()


def is_ours(request: Request, secret: str | None, told: object) -> bool:
    """Whether a form was sent from our own page."""
    if not secret or not isinstance(told, str) or not hmac.compare_digest(told.encode(), form_token(secret).encode()):
        return False
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    return request.headers.get("origin") in (None, f"{request.url.scheme}://{request.headers.get('host', '')}")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
