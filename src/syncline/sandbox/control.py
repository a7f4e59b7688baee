"""Addresses below ``/sandbox/`` by which a test tells a sandbox what to do: GET tells what holds, POST replaces it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncline.sandbox import body

T = TypeVar("T")


class Refused(ValueError):
    """What was posted is well formed but cannot be done: the words for the one who asked."""


def control(path: str, posted: type[T], take: Callable[[T], None], tell: Callable[[], object]) -> Route:
    """Both methods answer what ``tell`` says, POST once ``take`` was given what was posted.

    It may raise `Refused`, and what msgspec raises.
    """

    async def answer(request: Request) -> Response:
        if request.method == "POST":
            try:
                take(msgspec.json.decode(await body.read(request), type=posted))
            except (msgspec.MsgspecError, UnicodeDecodeError, Refused) as error:
                return told({"error": {"code": "BadRequest", "message": f"That cannot be done: {error}."}}, 400)
        return told(tell())

    return Route(path, answer, methods=["GET", "POST"])


def told(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
