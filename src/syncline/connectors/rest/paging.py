"""A list, page by page, however the API turns its pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

from msgspec import Struct

from syncline.connectors.rest.answers import Told, content
from syncline.connectors.rest.content import at
from syncline.connectors.rest.declaration import (
    CursorPages,
    LinkPages,
    ListRequest,
    NumberPages,
    OffsetPages,
    Paging,
    UrlPages,
)
from syncline.connectors.wire import Answer

_LINK = re.compile(r"<([^>]+)>([^<]*)")

Ask: TypeAlias = Callable[[str, Mapping[str, str]], Awaitable[Answer]]
"""GET a path below the base, or a whole address, with these parameters: answered with success, else it raises."""


class ListPage(Struct, frozen=True, kw_only=True):
    """``turn`` is what asks for the next page, ``None`` at the end. ``clock`` is the system's own time."""

    items: tuple[Any, ...]
    turn: str | None
    total: int | None
    clock: datetime


async def pages(
    ask: Ask, path: str, request: ListRequest, query: Mapping[str, str], turn: str | None = None
) -> AsyncIterator[ListPage]:
    """The pages of a list, from the first or from where an earlier `ListPage` ended. Raises `Told`."""
    size = {request.size.parameter: str(request.size.value)} if request.size else {}
    asked = {**request.query, **size, **query}
    while True:
        page = await _page(ask, path, request, asked, turn)
        yield page
        if page.turn is None:
            return
        turn = page.turn


async def _page(ask: Ask, path: str, request: ListRequest, query: Mapping[str, str], turn: str | None) -> ListPage:
    if turn is not None and isinstance(request.paging, LinkPages | UrlPages):
        answer = await ask(turn, {})
    else:
        answer = await ask(path, {**query, **_parameter(request.paging, turn)})
    told = content(answer)
    items = at(told, request.items)
    if not isinstance(items, list):
        raise Told(f"the answer to {path} has no list at {request.items or 'its top'}")
    following = _following(request, answer, told, len(items), turn)
    return ListPage(items=tuple(items), turn=following, total=_total(request, told), clock=_clock(answer))


def _parameter(paging: Paging, turn: str | None) -> dict[str, str]:
    match paging:
        case NumberPages():
            return {paging.parameter: turn or str(paging.first)}
        case CursorPages() | OffsetPages() if turn is not None:
            return {paging.parameter: turn}
        case _:
            return {}


def _total(request: ListRequest, told: Any) -> int | None:
    total = at(told, request.total) if request.total else None
    return None if total is None else int(total)


def _following(request: ListRequest, answer: Answer, told: Any, count: int, turn: str | None) -> str | None:
    """What asks for the next page. A short page ends nothing: an API may cap what it was asked for."""
    paging = request.paging
    match paging:
        case CursorPages() | UrlPages():
            following = at(told, paging.next)
            return str(following) if following not in {None, ""} else None
        case LinkPages():
            return _linked(answer)
        case OffsetPages():
            seen, total = int(turn or 0) + count, _total(request, told)
            return None if count == 0 or (total is not None and seen >= total) else str(seen)
        case NumberPages():
            number = int(turn or paging.first)
            last = at(told, paging.last) if paging.last else None
            return None if count == 0 or (last is not None and number >= int(last)) else str(number + 1)
        case _:
            return None


def _linked(answer: Answer) -> str | None:
    for address, attributes in _LINK.findall(answer.headers.get("Link", "")):
        if "rel=next" in attributes.replace('"', "").replace(" ", "").lower():
            return str(address)
    return None


def _clock(answer: Answer) -> datetime:
    """The system's own time, to the second below; ours where the system does not tell."""
    told = answer.headers.get("Date")
    return parsedate_to_datetime(told) if told else datetime.now(UTC)
