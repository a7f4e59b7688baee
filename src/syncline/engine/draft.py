"""What a step has come to, gathered until it is remembered all at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from syncline.engine.report import Result
from syncline.records import Answer, Link, Ref, Shadow, Values
from syncline.store import Arrival, Cause, Delay, Entry, Intent, Memory, Parked, Store


class Draft:
    """Filled while a step goes on; `save` makes one memory of it and starts anew."""

    def __init__(self, store: Store, result: Result) -> None:
        self._store = store
        self._result = result
        self._clear()

    def _clear(self) -> None:
        self.arrivals: dict[Ref, Arrival] = {}
        self.done: list[tuple[Ref, datetime]] = []
        self.links: dict[str, Link] = {}
        self.unlinks: list[str] = []
        self.shadows: dict[tuple[str, str], Shadow] = {}
        self.keys: dict[Ref, Values] = {}
        self.released: list[Ref] = []
        self.woken: list[Ref] = []
        self.opened: list[Intent] = []
        self.closed: list[str] = []
        self.answered: list[Answer] = []
        self.journal: list[Entry] = []
        self.apart: list[frozenset[Ref]] = []
        self.together: list[frozenset[Ref]] = []
        self.fulfilled: list[int] = []
        self._delays: dict[tuple[str, datetime], Delay] = {}
        self._parked: dict[Ref, Parked] = {}

    def finish(self, arrivals: Iterable[Arrival]) -> None:
        """These are worked off."""
        for arrival in arrivals:
            self.done.append((arrival.ref, arrival.seen))
            self.released.append(arrival.ref)

    def again(self, arrivals: Iterable[Arrival], due: datetime | None) -> None:
        """These are to be worked on again at a time, or when something wakes them."""
        for arrival in arrivals:
            self.arrivals[arrival.ref] = replace(arrival, due=due, attempts=arrival.attempts + 1)

    def leave(self, link: Link, sides: Collection[str]) -> None:
        """The records of these sides are no members of the link any more, nor found by their keys."""
        members = {side: id_ for side, id_ in link.members.items() if side not in sides}
        self.links[link.id] = replace(link, members=members)
        self.keys |= {ref: {} for ref in link.refs if ref.side in sides}

    def written(self, flow: str, seen: datetime, now: datetime) -> None:
        """What was seen then is written now."""
        hour, took = now.replace(minute=0, second=0, microsecond=0), max(now - seen, timedelta(0))
        known = self._delays.get((flow, hour)) or Delay(
            flow=flow, hour=hour, writes=0, total=timedelta(0), longest=timedelta(0)
        )
        self._delays[flow, hour] = replace(
            known, writes=known.writes + 1, total=known.total + took, longest=max(known.longest, took)
        )

    def park(
        self,
        ref: Ref,
        cause: Cause,
        message: str,
        mend: str = "",
        *,
        at: datetime,
        waits: Iterable[Ref] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self._parked[ref] = Parked(
            ref=ref, cause=cause, message=message, mend=mend, since=at, waits=tuple(waits), details=details or {}
        )

    def save(self) -> None:
        """Remember it. What was parked before for the same reason has been parked since then."""
        before = self._store.parked_refs(self._parked) if self._parked else {}
        parked: list[Parked] = []
        for ref, now in self._parked.items():
            then = before.get(ref)
            if then is not None and (then.cause, then.message) == (now.cause, now.message):
                parked.append(replace(now, since=then.since))
                continue
            parked.append(now)
            self._result.flows[ref.flow].parked[now.cause] += 1
            self.journal.append(
                Entry(at=now.since, flow=ref.flow, link=now.link, ref=ref, action="parked", note=now.message)
            )
        self._store.save(
            Memory(
                arrivals=list(self.arrivals.values()),
                done=self.done,
                links=list(self.links.values()),
                unlinks=self.unlinks,
                shadows=self.shadows,
                keys=self.keys,
                parked=parked,
                released=[ref for ref in self.released if ref not in self._parked],
                woken=self.woken,
                opened=self.opened,
                closed=self.closed,
                answered=self.answered,
                journal=self.journal,
                apart=self.apart,
                together=self.together,
                fulfilled=self.fulfilled,
                delays=list(self._delays.values()),
            )
        )
        self._clear()
