"""The store: everything that is remembered, behind one door.

Synchronous, and safe to call from several threads. Every read is one consistent look; `Store.save` is one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import Connection

from syncline.records import Answer, Link, Ref, Shadow, Value
from syncline.store import accounts, looking, moving, opening, people, reading, saving, words
from syncline.store.address import parse
from syncline.store.aside import groups, set_aside
from syncline.store.census import Census
from syncline.store.copying import Content, Watcher
from syncline.store.database import Database
from syncline.store.memory import (
    Arrival,
    Cause,
    Counts,
    Delay,
    Delayed,
    Entry,
    Found,
    Groups,
    Hold,
    Intent,
    Memory,
    Overdue,
    Pair,
    Parked,
    Remembered,
    Session,
    Sought,
    Standing,
    User,
    Wish,
)
from syncline.store.opening import Upgraded

if TYPE_CHECKING:
    from syncline.store.sessions import Pools


class Store:
    """Made by `Store.open`. To be closed, or used as a context manager."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, pools: Pools | None = None) -> Store:
        """``sqlite:///path``, whose file and folder are made, or ``postgresql://user@host/database?schema=name``, whose
        schema is made. One that is empty is given its tables. Who opens many of PostgreSQL over and over says the
        ``pools`` to take connections from.

        Raises `StoreError` when the database is another program's, of another Syncline, or cannot be used. Later on,
        every method may raise `StoreLost`.
        """
        return cls(opening.opened(parse(url), pools))

    @staticmethod
    def upgrade(url: str) -> Upgraded | None:
        """Bring a store of an earlier Syncline to date; ``None`` where it is. A file is copied first, to beside itself.

        Raises `StoreError`, and `StoreLocked` while somebody works on it.
        """
        return opening.upgrade(parse(url))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def lock(self, owner: str) -> AbstractContextManager[None]:
        """To be held by whoever works on what is due (``owner``: the command, for the message to others).

        Entering raises `StoreLocked` if another holds it. Small changes by people need no lock: each save is whole.
        """
        return self._database.lock(owner)

    def keep_lock(self) -> None:
        """Take the lock again where it was lost, as it is with a server that was started anew: between passes only,
        since somebody else may have worked on the store meanwhile. Until then whatever is saved raises `StoreLost`.

        Raises `StoreLocked` where somebody does.
        """
        self._database.keep_lock()

    @contextmanager
    def scratch(self) -> Iterator[Store]:
        """A throw-away copy of the store as it is now. What is done to it does not touch the original."""
        with self._database.scratch() as copy:
            yield Store(copy)

    def move_to(self, url: str, watched: Watcher) -> dict[str, Content]:
        """Copy everything to an empty store elsewhere and compare both; the rows and the digest of each table.

        Raises `StoreError`, after which the other is as empty as before, and `StoreLocked` while somebody works on it.
        """
        return moving.move(self._database, parse(url), watched)

    def save(self, memory: Memory) -> None:
        """Remember all of it or, on any error, nothing. It is on the disk when this returns.

        Raises ``sqlalchemy.exc.IntegrityError`` when a record would be in two links, or a shadow in none.
        """
        if not memory.is_empty:
            with self._database.write() as connection:
                saving.save(connection, memory)

    def _look(self) -> AbstractContextManager[Connection]:
        return self._database.look()

    # --- observation

    def cursor(self, flow: str, side: str) -> str | None:
        """Where the next look at this side goes on from."""
        with self._look() as c:
            return reading.cursor(c, flow, side)

    def listed(self, flow: str, side: str) -> bool:
        """Whether this side was once listed to the end."""
        with self._look() as c:
            return reading.listed(c, flow, side)

    def unlisted(self, flow_sides: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of these flows' sides that were never listed to the end."""
        with self._look() as c:
            return set(flow_sides) - reading.all_listed(c)

    def fact(self, name: str) -> str | None:
        with self._look() as c:
            return reading.facts(c, [name]).get(name)

    def facts(self, names: Collection[str]) -> dict[str, str]:
        """Those of these that are known."""
        with self._look() as c:
            return reading.facts(c, names)

    @contextmanager
    def census(self, flow: str, side: str) -> Iterator[Census]:
        """To find the linked records that a listing lacks, however many there are."""
        with self._database.look_apart() as c:
            yield Census(c, flow, side)

    # --- links, shadows, keys. What is not remembered is absent from the answer.

    def links_of(self, refs: Collection[Ref]) -> dict[Ref, str]:
        """Link ids; the flow of each ref is its own."""
        with self._look() as c:
            return reading.links_of(c, refs)

    def remembered(self, refs: Collection[Ref]) -> dict[Ref, Remembered]:
        """Of those that are linked."""
        with self._look() as c:
            return reading.remembered(c, refs)

    def links(self, ids: Collection[str]) -> dict[str, Link]:
        with self._look() as c:
            return reading.links(c, ids)

    def members(self, ids: Collection[str]) -> dict[tuple[str, str], str]:
        """Record ids by (link, side)."""
        with self._look() as c:
            return reading.members(c, ids)

    def shadows(self, ids: Collection[str]) -> dict[tuple[str, str], Shadow]:
        """By (link, side)."""
        with self._look() as c:
            return reading.shadows(c, ids)

    def keys_of(self, ids: Collection[str], names: Collection[str]) -> dict[tuple[str, str, str], Value]:
        """The values of these keys of linked records, by (link, side, name)."""
        with self._look() as c:
            return reading.keys_of(c, ids, names)

    def told_keys(self, refs: Collection[Ref], names: Collection[str]) -> dict[Ref, dict[str, Value]]:
        """The values of these keys that records have, linked or not, by record and name."""
        with self._look() as c:
            return reading.told_keys(c, refs, names)

    def by_key(self, flow: str, side: str, name: str, values: Collection[Value]) -> dict[Value, tuple[Ref, ...]]:
        """The records that have one of these values, linked or not, by value."""
        with self._look() as c:
            return reading.by_key(c, flow, side, name, values)

    def alike(self, flow: str, name: str, limit: int = 1_000) -> Iterator[Groups]:
        """The values of a key that arrivals without a link share across sides, up to ``limit`` at a time: as it is now,
        whatever is saved meanwhile. Without those of records that are gone.
        """
        with self._look() as c:
            found = set_aside(reading.alike(c, flow, name))
        return groups(found, flow, limit)

    def contested(self, flow: str, sides: Collection[str], name: str, limit: int = 1_000) -> Iterator[Groups]:
        """As `alike`, the values that an arrival without a link shares with another one or with a linked record, each
        with those arrivals.
        """
        with self._look() as c:
            found = set_aside(reading.contested(c, flow, sides, name))
        return groups(found, flow, limit)

    # --- the inbox

    def due(self, flow: str, now: datetime, limit: int, *, edits: bool = False) -> tuple[Arrival, ...]:
        """What is to be worked on, longest due first; with ``edits`` only those of linked records.

        For each of up to ``limit`` arrivals that are due, every arrival of the same link stands next to it, due or not:
        a link is decided with all that is known of it.
        """
        with self._look() as c:
            return reading.due(c, flow, now, limit, edits=edits)

    def latest(self) -> datetime | None:
        """The latest time at which anything was seen or journaled; ``None`` before."""
        with self._look() as c:
            return reading.latest(c)

    def has_work(self) -> bool:
        """Whether anything waits: in the inbox, also what is parked, of what was sent, or of what people said."""
        with self._look() as c:
            return reading.has_work(c)

    def occupied(self, flows: Collection[str]) -> set[str]:
        """Those of these flows of which anything is in the inbox, due or not."""
        with self._look() as c:
            return reading.occupied(c, flows)

    def pending(self, flow: str, now: datetime) -> int:
        """How many arrivals are due."""
        with self._look() as c:
            return reading.pending(c, flow, now)

    def gone(self, flow: str, side: str) -> int:
        """How many linked records are said to be deleted, and are to be worked on."""
        with self._look() as c:
            return reading.gone(c, flow, side)

    def gone_since(self, flow: str, side: str, since: datetime) -> tuple[int, int]:
        """How many linked records were parked as deleted on this side since then, and how many were let go of."""
        with self._look() as c:
            return reading.gone_since(c, flow, side, since)

    def recent(self, flow: str, side: str, limit: int) -> tuple[Ref, ...]:
        """The records of a side of which the journal told last, the latest first: at most so many."""
        with self._look() as c:
            return reading.recent(c, flow, side, limit)

    def returned(self, flow: str, side: str, others: Collection[str]) -> tuple[tuple[Ref, str, str], ...]:
        """A side's due arrivals without a link that share a key with a linked record of one of the others, where that
        link has another record of the side: each with the link's id and the key's name.
        """
        with self._look() as c:
            return reading.returned(c, flow, side, others)

    def linked(self, flow: str, side: str) -> int:
        """How many records have a link."""
        with self._look() as c:
            return reading.linked(c, flow, side)

    def edited(self, flow: str, side: str) -> int:
        """How many records of a side that were linked when they were seen are due."""
        with self._look() as c:
            return reading.edited(c, flow, side)

    def edited_arrivals(self, flow: str, side: str, after: str | None, limit: int) -> tuple[Arrival, ...]:
        """The next of these, in the order of their record ids."""
        with self._look() as c:
            return reading.edited_arrivals(c, flow, side, after, limit)

    def next_due(self, flow: str) -> datetime | None:
        """When the first arrival is due that is not parked."""
        with self._look() as c:
            return reading.next_due(c, flow)

    def arrivals(self, refs: Collection[Ref]) -> dict[Ref, Arrival]:
        with self._look() as c:
            return reading.arrivals(c, refs)

    def unlinked(self, flow: str, side: str, after: str | None, limit: int) -> tuple[Arrival, ...]:
        """The next arrivals without a link, due or not, in the order of their record ids."""
        with self._look() as c:
            return reading.unlinked(c, flow, side, after, limit)

    def open_intents(self) -> tuple[Intent, ...]:
        """Writes whose outcome is not known, oldest first."""
        with self._look() as c:
            return reading.open_intents(c)

    def parked(self, flow: str | None = None, cause: Cause | None = None) -> tuple[Parked, ...]:
        """By flow, longest parked first."""
        with self._look() as c:
            return reading.parked(c, flow, cause)

    def parked_refs(self, refs: Collection[Ref]) -> dict[Ref, Parked]:
        with self._look() as c:
            return reading.parked_refs(c, refs)

    # --- what people said

    def apart(self, refs: Collection[Ref]) -> set[frozenset[Ref]]:
        """The pairs, one of which is among these, that a person said are not the same."""
        with self._look() as c:
            return reading.apart(c, refs)

    def answers(self, links: Collection[str]) -> tuple[Answer, ...]:
        """What is still to be done of what a person said of these links."""
        with self._look() as c:
            return reading.answers(c, links)

    def answered_links(self) -> dict[str, str]:
        """The links of which a person said something that is still to be done, with their flows."""
        with self._look() as c:
            return reading.answered_links(c)

    def wishes(self) -> tuple[Wish, ...]:
        """What people said of links that is still to be done, in the order in which they said it."""
        with self._look() as c:
            return reading.wishes(c)

    def holds(self) -> tuple[Hold, ...]:
        """The properties whose edits on a side do not count for now."""
        with self._look() as c:
            return reading.holds(c)

    # --- for people

    def history(self, subject: Ref | str) -> tuple[Entry, ...]:
        """What the journal tells of a record and every link it ever had, or of a link (its id); oldest first."""
        with self._look() as c:
            return people.history(c, subject)

    def sent(self, links: Collection[str], last: int) -> tuple[Entry, ...]:
        """The last values of each property of these links that a side was sent of another's, oldest first.

        Without those that a person chose.
        """
        with self._look() as c:
            return people.sent(c, links, last)

    def deleted_since(self, refs: Collection[Ref], moment: datetime) -> set[Ref]:
        """Those of these records that were deleted, or seen to be, from a moment on."""
        with self._look() as c:
            return people.deleted_since(c, refs, moment)

    def journal(self, after: int = 0, limit: int = 1_000) -> tuple[Entry, ...]:
        """The next entries after this place in the journal, oldest first."""
        with self._look() as c:
            return people.journal(c, after, limit)

    def journal_since(
        self, moment: datetime, flow: str | None = None, after: int = 0, limit: int = 1_000
    ) -> tuple[Entry, ...]:
        """As `journal`, of what was done from a moment on."""
        with self._look() as c:
            return people.journal_since(c, moment, flow, after, limit)

    def entry(self, seq: int) -> Entry | None:
        """The entry of this place in the journal."""
        found = self.journal(seq - 1, 1)
        return found[0] if found and found[0].seq == seq else None

    def counts(self) -> dict[str, Counts]:
        """How every flow stands of which anything is remembered."""
        with self._look() as c:
            return people.counts(c)

    def find_links(self, text: str, flow: str | None = None, limit: int = 50) -> tuple[Pair, ...]:
        """Links with a record of this id, then those with a key, then those with any value that contains the text.

        Letter case is no difference.
        """
        with self._look() as c:
            return people.find_links(c, text, flow, limit)

    # --- for the console and for monitoring: each costs the same however much is remembered

    def search(self, text: str, flow: str | None = None, limit: int = 50) -> tuple[Pair, ...]:
        """Links with a record of this id, then those that have all these words; of one word, or where there are none,
        also those with words of which the last begins so.

        Letter case, accents and punctuation are no difference.
        """
        with self._look() as c:
            named = [ref for ref in looking.by_id(c, text.strip()) if flow in (None, ref.flow)]
            found = dict.fromkeys(reading.links_of(c, named).values()) | dict.fromkeys(
                words.search(c, text, flow, limit)
            )
            return people.pairs_of(c, list(found)[:limit])

    def by_any_key(self, places: Collection[tuple[str, str, str]], value: str) -> list[Ref]:
        """Records, linked or not, of which one of these keys is just this; a key is (flow, side, name)."""
        with self._look() as c:
            return looking.by_any_key(c, places, value)

    def standing(self, flow: str, now: datetime, most: int = 10_001) -> Standing:
        """How a flow stands; ``due`` is counted up to ``most``."""
        with self._look() as c:
            return looking.standing(c, flow, now, most)

    def delays(self, since: datetime) -> tuple[Delay, ...]:
        """How long edits took from being seen to being written, by flow and hour."""
        with self._look() as c:
            return looking.delays(c, since)

    def overdue(self, flow: str, now: datetime, most: int = 10_001) -> dict[str, Overdue]:
        """What is due by now, by side, as far as it is among the ``most`` longest due ones of the flow."""
        with self._look() as c:
            return looking.overdue(c, flow, now, most)

    def delayed(self) -> dict[str, Delayed]:
        """How long edits took from being seen to being written, by flow, since there is a store."""
        with self._look() as c:
            return looking.delayed(c)

    def newest(self) -> int:
        """The last place in the journal; 0 where it is empty."""
        with self._look() as c:
            return looking.newest(c)

    def sought(self, asked: Sought, limit: int = 50) -> Found:
        """Entries of the journal, newest first."""
        with self._look() as c:
            return looking.sought(c, asked, limit)

    def causes(self) -> dict[tuple[str, str], int]:
        """How many records are parked, by (cause, flow)."""
        with self._look() as c:
            return looking.causes(c)

    def parked_page(
        self,
        causes: Collection[str],
        flow: str | None = None,
        after: tuple[str, datetime, Ref] | None = None,
        limit: int = 50,
    ) -> tuple[Parked, ...]:
        """The next records that are parked for one of these; ``after`` is the last one's cause, since and name."""
        with self._look() as c:
            return looking.parked_page(c, causes, flow, after, limit)

    def worker(self) -> tuple[int, str] | None:
        """The process that works on the store, and its command, as far as its lock tells."""
        return self._database.worker()

    # --- the console's users

    def users(self) -> tuple[User, ...]:
        """By name."""
        with self._look() as c:
            return accounts.users(c)

    def user(self, name: str) -> User | None:
        with self._look() as c:
            return accounts.user(c, name)

    def add_user(self, user: User) -> None:
        """Raises ``sqlalchemy.exc.IntegrityError`` where there is one of the name."""
        with self._database.write() as c:
            accounts.add_user(c, user)

    def remove_user(self, name: str) -> bool:
        """Whether there was one. Wherever they are signed in, that ends."""
        with self._database.write() as c:
            return accounts.remove_user(c, name)

    def session(self, token: str, now: datetime) -> Session | None:
        """By the hash of its token, unless it has expired."""
        with self._look() as c:
            return accounts.session(c, token, now)

    def begin_session(self, session: Session, now: datetime) -> None:
        with self._database.write() as c:
            accounts.begin_session(c, session, now)

    def end_session(self, token: str) -> None:
        with self._database.write() as c:
            accounts.end_session(c, token)

    def pairs_of(self, links: Collection[str]) -> tuple[Pair, ...]:
        """These links with their shadows, as far as they are remembered."""
        with self._look() as c:
            return people.pairs_of(c, links)

    def pairs(self, flow: str, after: str | None, limit: int) -> tuple[Pair, ...]:
        """The next links of a flow, in the order of their ids, with their shadows."""
        with self._look() as c:
            return people.pairs(c, flow, after, limit)
