"""The body of a request, read as far as its limit: whoever sends more fills no memory with it."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

LARGEST = 10 * 1024 * 1024


async def read(request: Request, most: int = LARGEST) -> bytes:
    """At most so many bytes. Raises `HTTPException` 413 as soon as there are more."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, f"A request's body has at most {most} bytes.")
    return bytes(body)
