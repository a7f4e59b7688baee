"""What holds for every answer and every request, whatever page it is: headers, names, sizes."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LARGEST = 1_000_000
"""Bytes of a request: a form with all that is selected."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with none at all, browsers would not say where a form comes from
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guarded:
    """The application with what holds for all of it. ``hosts`` are the names that may be asked for, ``None`` for any.

    Another site may have its name changed to this machine's address (DNS rebinding): the name it is asked for shows it.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    told[name] = value
                told.setdefault("Cache-Control", "no-store")
                if scope["scheme"] == "https":
                    told["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        refused = self._refused(headers)
        await (refused or self._app)(scope, receive, guarded)

    def _refused(self, headers: Headers) -> PlainTextResponse | None:
        if self._hosts is not None and _without_port(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("This console is asked for by another name than its own.", 421)
        size = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not size.isdigit() or int(size) > _LARGEST:
            return PlainTextResponse("This is more than a form of the console holds.", 413)
        return None


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
