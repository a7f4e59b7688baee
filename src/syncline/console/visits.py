"""A visit: somebody who is signed in asks for a page, or sends a form."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, urlencode

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from syncline.console import sessions, views
from syncline.console.desk import Desk
from syncline.engine.people.names import Names
from syncline.store import Role, Session

ROLES: Mapping[Role, int] = {"see": 0, "resolve": 1, "administer": 2}
_TOLD = "syncline-told"
_MOST_FIELDS = 5_000


class Visit(Struct, frozen=True, kw_only=True, eq=False):
    """``form`` is empty where a page is asked for; ``names`` are looked up once a visit."""

    desk: Desk
    request: Request
    session: Session
    form: FormData
    names: Names

    def may(self, role: Role) -> bool:
        return ROLES[self.session.role] >= ROLES[role]

    def asked(self, name: str) -> str | None:
        """A word of the address; ``None`` where it is not there or empty."""
        return self.request.query_params.get(name, "").strip() or None

    def told(self, name: str) -> str | None:
        """A word of the form."""
        value = self.form.get(name)
        return value.strip() or None if isinstance(value, str) else None

    def flow(self) -> str | None:
        """The flow that is asked for, if there is such a one."""
        name = self.asked("flow")
        return name if name in self.desk.flows else None

    def show(self, template: str, status: int = 200, **told: Any) -> Response:
        """A page in the frame."""
        return show(self.desk, self.request, template, status, visit=self, session=self.session, **told)

    def back(self, address: str, sentence: str, *, wrong: bool = False) -> Response:
        """To a page that then tells what was done, or why not."""
        response = RedirectResponse(address, 303)
        sessions.set_cookie(self.request, response, _TOLD, quote(("!" if wrong else "") + sentence[:1_000]), 60)
        return response


Handler: TypeAlias = Callable[[Visit], Response | Awaitable[Response]]


def show(desk: Desk, request: Request, template: str, status: int = 200, **told: Any) -> Response:
    """``told`` may lack who asks: the sign-in page has nobody yet."""
    sentence = unquote(request.cookies.get(_TOLD, ""))
    secret = request.cookies.get(sessions.cookie_name(request), "")
    frame = {
        "visit": None,
        "session": None,
        "form_token": sessions.form_token(secret),
        "told": sentence.removeprefix("!"),
        "told_wrong": sentence.startswith("!"),
        "flows": desk.flows,
        "here": request.url.path,
        "address": address,
    }
    response = HTMLResponse(views.templates().get_template(template).render(frame | told), status)
    if sentence:
        response.delete_cookie(_TOLD)
    return response


def address(path: str, **words: object) -> str:
    """An address with those of the words that say something."""
    query = urlencode({name: str(value) for name, value in words.items() if value not in (None, "")})
    return f"{path}?{query}" if query else path


def page(path: str, handler: Handler) -> Route:
    """Something to see, for everybody who is signed in."""
    return Route(path, _endpoint(handler, "see"), methods=["GET"])


def act(path: str, handler: Handler, role: Role) -> Route:
    """Something that is done: by a form of ours, for those who may."""
    return Route(path, _endpoint(handler, role), methods=["POST"])


def _endpoint(handler: Handler, role: Role) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        session = await run_in_threadpool(sessions.of, desk, request)
        if session is None:
            return _to_sign_in(request)
        form = FormData()
        if request.method == "POST":
            form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
            if not sessions.is_ours(request, request.cookies.get(sessions.cookie_name(request)), form.get("token")):
                why = "The form was not sent from a page of this console, or you have signed in again since."
                return show(desk, request, "refused.html", 403, session=session, why=why)
        names = Names(desk.store, desk.flows)
        visit = Visit(desk=desk, request=request, session=session, form=form, names=names)
        if not visit.may(role):
            why = f"That takes the role {role}; yours is {session.role}."
            return visit.show("refused.html", 403, why=why)
        if inspect.iscoroutinefunction(handler):
            done: Response = await handler(visit)
            return done
        return await run_in_threadpool(_now, handler, visit)

    return endpoint


def _now(handler: Handler, visit: Visit) -> Response:
    response = handler(visit)
    assert isinstance(response, Response)
    return response


def _to_sign_in(request: Request) -> Response:
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    wanted = request.url.path if request.method == "GET" else "/"
    query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
    return RedirectResponse(address("/sign-in", next=wanted + query if wanted != "/" else None), 303)
