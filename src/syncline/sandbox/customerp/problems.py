"""What the API refuses, told as RFC 9457 has it: problem details as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from msgspec import Struct
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Mistake(Struct, frozen=True):
    """One property of a body that cannot be taken, by its path (``lines[2].productId``)."""

    property: str
    message: str


class Problem(Exception):
    """A request that is refused: its status, and why in plain words."""

    def __init__(
        self, status: int, detail: str, errors: Sequence[Mistake] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        body = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status}
        told = msgspec.json.encode({**body, "detail": self.detail, "errors": self.errors})
        return Response(told, self.status, self.headers, media_type=MEDIA_TYPE)


def invalid(errors: Sequence[Mistake]) -> Problem:
    """A body with these mistakes in it."""
    first = f"{errors[0].property}: {errors[0].message}"
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return Problem(422, first + more, errors)
