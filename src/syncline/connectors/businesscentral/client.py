"""Asking one company: pages of an entity, and batches of operations. What fails a read is raised, in its own words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import stamina
from msgspec import Struct
from yarl import URL

from syncline.connectors.base import ConnectorError, SignInRefused
from syncline.connectors.businesscentral.answers import SKIPPED, Fate, Reply, reason
from syncline.connectors.businesscentral.http import Http
from syncline.connectors.businesscentral.query import Options, address
from syncline.connectors.wire import Answer, NoAnswer, Unanswered
from syncline.meanwhile import together

MOST_OPERATIONS = 100
_KEEP_ON = {"Prefer": "odata.continue-on-error"}
_ABSENT = 404
_LINK_LOST = (400, 404, 410)
_PASSING = (401, 408, 429, SKIPPED, 500, 502, 503, 504)
_TRIES = 4


class Operation(Struct, frozen=True, kw_only=True):
    """One operation. ``url`` is below the company; ``needs`` an earlier one of the same sequence that must succeed."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: Any = None
    needs: int | None = None


class Listed(Struct, frozen=True, kw_only=True):
    """A page as it was told. ``at`` is the server's clock when it answered."""

    values: Sequence[Mapping[str, Any]]
    next: str | None
    total: int | None
    at: datetime | None


class Company(Struct, frozen=True):
    id: str
    name: str


class LinkLost(Exception):
    """The link to a next page is no longer good."""


class _Passing(Exception):
    """Some operations of a batch failed for what may pass."""


def listing(entity: str, *options: Options) -> Operation:
    """The first page of an entity, as one operation."""
    merged = {name: value for each in options for name, value in each.items()}
    return Operation(method="GET", url=address(entity, merged))


class Client:
    """``chosen`` is the company's name or id; ``None`` for the only one there is. ``page_size`` is in records."""

    def __init__(self, name: str, http: Http, chosen: str | None, page_size: int) -> None:
        self.name = name
        self._http = http
        self._chosen = chosen
        self._paging = {"Prefer": f"odata.maxpagesize={page_size}"}
        self._company: Company | None = None
        self._choosing = asyncio.Lock()

    async def company(self) -> Company:
        """Asked once. Raises `ConnectorError` naming the choices."""
        async with self._choosing:
            if self._company is None:
                told = listed(await self._read("companies")).values
                self._company = self._choice([Company(str(each["id"]), str(each["name"])) for each in told])
            return self._company

    async def page(self, operation: Operation) -> Listed:
        """The first page of a listing, asked by itself."""
        company = await self.company()
        return listed(await self._read(f"companies({company.id})/{operation.url}"))

    async def follow(self, link: str) -> Listed:
        """The page a link leads to, asked of the host that is configured: the server may know itself by another name.

        Raises `LinkLost`.
        """
        path = URL(link, encoded=True).raw_path_qs.lstrip("/")  # two slashes would begin the name of a host
        answer = await self._ask(f"/{path}")
        if answer.status in _LINK_LOST:
            raise LinkLost
        return listed(self._good(link, answer))

    async def pages(self, first: Listed) -> AsyncIterator[Listed]:
        """The first page and those behind it. Raises `LinkLost`."""
        page = first
        while True:
            yield page
            if page.next is None:
                return
            page = await self.follow(page.next)

    async def all(self, first: Listed) -> list[Mapping[str, Any]]:
        """The values of the first page and of those behind it."""
        try:
            return [value async for page in self.pages(first) for value in page.values]
        except LinkLost as error:
            raise ConnectorError(self.name, "A next page was gone before it was read.", "Try again.") from error

    async def read(self, operations: Sequence[Operation]) -> list[Reply]:
        """Read operations in as few batches as may be, repeated while what fails them may pass.

        An operation may be answered 404; any other failure is raised as a `ConnectorError`.
        """
        parts = [operations[at : at + MOST_OPERATIONS] for at in range(0, len(operations), MOST_OPERATIONS)]
        done = await together(self._read_part(part) for part in parts)
        return [reply for part in done for reply in part]

    async def send(self, operations: Sequence[Operation]) -> list[Fate]:
        """Write operations, at most a hundred, sent once. Never raises: what became of each is its fate."""
        try:
            return list(await self._batch(operations, idempotent=False))
        except (NoAnswer, ConnectorError) as error:
            return [error] * len(operations)

    async def subscriptions(self) -> tuple[list[Mapping[str, Any]], datetime | None]:
        """All there are, of every company and receiver, and the server's clock when it told them."""
        first = listed(await self._read("subscriptions"))
        return await self.all(first), first.at

    async def subscribe(self, body: Any) -> None:
        await self._subscription("POST", "subscriptions", {}, body)

    async def renew(self, id_: str, etag: str, body: Any) -> None:
        await self._subscription("PATCH", f"subscriptions('{quote(id_)}')", {"If-Match": etag}, body)

    async def unsubscribe(self, id_: str, etag: str) -> None:
        await self._subscription("DELETE", f"subscriptions('{quote(id_)}')", {"If-Match": etag}, None)

    async def _subscription(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> None:
        """Sent once: one that was made although its answer was lost is seen the next time."""
        try:
            answer = await self._http.request(method, url, headers=headers, json=body, idempotent=False)
        except NoAnswer as error:
            raise ConnectorError(self.name, f"It gives no answer: {error}.") from error
        if answer.status >= 300:
            raise self._failed("subscriptions", _told(answer))

    async def _read_part(self, operations: Sequence[Operation]) -> list[Reply]:
        replies: dict[int, Reply] = {}
        try:
            async for attempt in stamina.retry_context(on=_Passing, attempts=_TRIES):
                with attempt:
                    waiting = [at for at in range(len(operations)) if _passing(replies.get(at))]
                    told = await self._batch([operations[at] for at in waiting], idempotent=True)
                    replies.update(zip(waiting, told, strict=True))
                    if any(_passing(reply) for reply in told):
                        raise _Passing
        except NoAnswer as error:
            raise ConnectorError(self.name, f"It gives no answer: {error}.") from error
        except _Passing:
            pass  # the failure that remains is told below
        for at, operation in enumerate(operations):
            if not (replies[at].good or replies[at].status == _ABSENT):
                raise self._failed(operation.url, replies[at])
        return [replies[at] for at in range(len(operations))]

    async def _batch(self, operations: Sequence[Operation], *, idempotent: bool) -> list[Reply]:
        """Raises `NoAnswer`, `SignInRefused`, and `ConnectorError` where the company cannot be told."""
        company = await self.company()
        requests = [
            _request(at, company.id, operation, self._paging if operation.method == "GET" else {})
            for at, operation in enumerate(operations)
        ]
        answer = await self._http.request(
            "POST", "$batch", headers=_KEEP_ON, json={"requests": requests}, idempotent=idempotent
        )
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.status >= 300:
            return [Reply(status=answer.status, headers=answer.headers, body=body)] * len(operations)
        told = {str(each.get("id")): each for each in (body or {}).get("responses", ())}
        if len(told) != len(operations):
            raise Unanswered(f"{len(told)} of {len(operations)} operations are answered")
        asked_at = {"Date": answer.headers.get("Date", "")}
        return [_reply(told[str(at)], asked_at) for at in range(len(operations))]

    async def _read(self, url: str) -> Answer:
        return self._good(url, await self._ask(url))

    async def _ask(self, url: str) -> Answer:
        try:
            return await self._http.request("GET", url, headers=self._paging, idempotent=True)
        except NoAnswer as error:
            raise ConnectorError(self.name, f"It gives no answer: {error}.") from error

    def _good(self, url: str, answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        raise self._failed(url, _told(answer))

    def _failed(self, url: str, reply: Reply) -> ConnectorError:
        code, message = reason(reply)
        failed = ConnectorError(
            self.name, f"{url.partition('?')[0]} was answered with {reply.status} {code}: {message}"
        )
        if reply.status in {401, 403}:
            return SignInRefused(self.name, failed.message, "Look at this system's sign-in and its permissions.")
        return failed

    def _choice(self, companies: Sequence[Company]) -> Company:
        wanted = self._chosen
        found = [each for each in companies if wanted is None or wanted in {each.id, each.name}]
        if len(found) == 1:
            return found[0]
        names = ", ".join(sorted(each.name for each in companies)) or "none"
        problem = "there is more than one company" if wanted is None else f"there is no company {wanted}"
        raise ConnectorError(self.name, f"{problem}.", f"Name one in syncline.yaml: {names}.")


def _passing(reply: Reply | None) -> bool:
    return reply is None or reply.status in _PASSING


def _request(at: int, company: str, operation: Operation, paging: Mapping[str, str]) -> dict[str, Any]:
    typed = {} if operation.body is None else {"Content-Type": "application/json"}
    request: dict[str, Any] = {
        "id": str(at),
        "method": operation.method,
        "url": f"companies({company})/{operation.url}",
        "headers": {**paging, **typed, **operation.headers},
    }
    if operation.body is not None:
        request["body"] = operation.body
    if operation.needs is not None:
        request["dependsOn"] = [str(operation.needs)]
    return request


def _reply(told: Mapping[str, Any], general: Mapping[str, str]) -> Reply:
    return Reply(status=int(told["status"]), headers={**general, **(told.get("headers") or {})}, body=told.get("body"))


def _told(answer: Answer) -> Reply:
    """An answer as one of a batch is told."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    return Reply(status=answer.status, headers=answer.headers, body=body)


def listed(told: Reply | Answer) -> Listed:
    """The page that an answer holds, alone or as one of a batch."""
    body: Mapping[str, Any] = (told.body if isinstance(told, Reply) else told.json()) or {}
    return Listed(
        values=body.get("value", ()),
        next=body.get("@odata.nextLink"),
        total=body.get("@odata.count"),
        at=_clock(told.headers),
    )


def _clock(headers: Mapping[str, str]) -> datetime | None:
    """The server's own time, to the second."""
    try:
        return parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError):
        return None
