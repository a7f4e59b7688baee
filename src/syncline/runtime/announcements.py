"""What the systems announced and nobody has looked at yet. To lose it loses no edit: the next sweep sees it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from syncline.connectors.base import Heard
from syncline.engine.setup import FlowSide
from syncline.mapping.model import Flow
from syncline.records import Ref
from syncline.spans import Origin

_MOST = 10_000
"""Deletions that are kept until the next look: of more, a scan of ids tells."""

_LINKED = 100
"""Calls that a pass is traced to, at most."""


class News(Struct, frozen=True, kw_only=True):
    """Where to look, and which records are said to be gone. ``origins`` are the calls that said so, where traced."""

    flow_sides: frozenset[FlowSide] = frozenset()
    gone: frozenset[Ref] = frozenset()
    origins: tuple[Origin, ...] = ()


def news(flows: Iterable[Flow], side: str, heard: Heard, origin: Origin | None) -> News:
    """What a side's call says of these flows."""
    theirs = [flow for flow in flows if side in flow.sides]
    places = {
        (flow.name, side) for flow in theirs if heard.entities is None or flow.sides[side].entity in heard.entities
    }
    gone = {Ref(flow.name, side, id_) for flow in theirs for id_ in heard.gone.get(flow.sides[side].entity, ())}
    origins = (origin,) if origin is not None and (places or gone) else ()
    return News(flow_sides=frozenset(places), gone=frozenset(gone), origins=origins)


class Announcements:
    """``any`` is set while there are some. ``heard`` and ``refused`` count the calls of each side."""

    def __init__(self, flows: Iterable[Flow]) -> None:
        self._flows = tuple(flows)
        self._flow_sides: set[FlowSide] = set()
        self._gone: set[Ref] = set()
        self._origins: list[Origin] = []
        self.any = asyncio.Event()
        self.heard: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def hear(self, side: str, heard: Heard, origin: Origin | None = None) -> None:
        """What a side's call said."""
        self.heard[side] += 1
        self.put(news(self._flows, side, heard, origin))

    def refuse(self, side: str) -> None:
        """A call that did not show that it comes from there."""
        self.refused[side] += 1

    def put(self, news: News) -> None:
        self._flow_sides |= news.flow_sides
        if len(self._gone) < _MOST:
            self._gone |= news.gone
        self._origins += news.origins[: _LINKED - len(self._origins)]
        if self._flow_sides or self._gone:
            self.any.set()

    def take(self) -> News:
        """All there are: they are somebody's now."""
        news = News(flow_sides=frozenset(self._flow_sides), gone=frozenset(self._gone), origins=tuple(self._origins))
        self._flow_sides.clear()
        self._gone.clear()
        self._origins.clear()
        self.any.clear()
        return news
