"""What Syncline asks of a system: one async protocol, and nothing else is known of any system above this line."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from msgspec import Struct

from syncline.mapping.types import Code
from syncline.records import Outcome, Record, Write


class View(Struct, frozen=True, kw_only=True):
    """The part of an entity that a flow reads.

    ``paths`` are the properties the flow maps (``address.street``; ``navigation.property`` where the system has
    navigation); ``lines`` the property that holds the keyed collection, with the paths inside a line; ``where`` the
    values that make a record part of the flow: a connector may use it to read less on the first listing only, since
    later a record that leaves it must be seen.
    """

    entity: str
    paths: tuple[str, ...]
    lines: str | None = None
    line_paths: tuple[str, ...] = ()
    where: Mapping[str, Any] = {}


class Page(Struct, frozen=True, kw_only=True):
    """Some of what changed. ``cursor`` is to be remembered once the page is safe: the next call goes on from it.

    ``gone`` are ids that the system says are deleted.
    ``total`` is how many records the listing has in all, where the system tells. ``rewound`` says that what the cursor
    rested on is no longer told: it was deleted, or the system was brought back from a backup.
    """

    records: tuple[Record, ...]
    gone: tuple[str, ...] = ()
    cursor: str | None
    total: int | None = None
    rewound: bool = False


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a system can do, so that the engine need not know which system it is."""

    versions: bool
    """Writes can carry a version and are refused when it is stale."""
    idempotent_creates: bool
    """A create repeated with the same key is answered with the first one's record."""
    deletions: bool
    """``changes`` tells deletions; without it only the ids show them."""
    batch: int
    """How many writes are worth handing over at once."""


class Connector(Protocol):
    """One system. Used as an async context manager. Every method may raise `ConnectorError`."""

    @property
    def name(self) -> str:
        """The side's name in the configuration."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def identity(self) -> str:
        """Which company this is, in a form that never changes while it is the same one (the canary of the store)."""

    async def company_name(self) -> str | None:
        """What people call this company, where the system tells. It may change: only `identity` says which it is."""

    def changes(self, view: View, cursor: str | None) -> AsyncIterator[Page]:
        """What changed since the cursor; everything when it is ``None``. At least one page.

        A record may be told again, and the same cursor may be used again.
        """

    def ids(self, view: View) -> AsyncIterator[tuple[str, ...]]:
        """The ids of all records there are, by pages."""

    async def get(self, view: View, ids: Sequence[str]) -> Mapping[str, Record]:
        """These records as they are now. One that does not exist is absent."""

    async def find(self, view: View, path: str, values: Collection[str]) -> tuple[Record, ...]:
        """The records whose property is one of these values: how a create whose answer was lost is found again."""

    async def write(self, view: View, writes: Sequence[Write]) -> tuple[Outcome, ...]:
        """Do these, each independent of the others. The outcomes stand in the same order.

        Never raises for what became of a write: that is its outcome.
        """

    async def codes(self, tables: Collection[str]) -> Mapping[str, tuple[Code, ...]]:
        """Whole code tables by the name of their entity, read afresh."""


@runtime_checkable
class Completes(Protocol):
    """A system that can be told to close a record for good, as its own people do (an order is shipped and invoiced)."""

    async def complete(self, view: View, id_: str) -> Outcome:
        """Cannot be taken back. Raises `ConnectorError` where nothing closes records of this entity."""


class Spent(Struct, frozen=True, kw_only=True):
    """What a system was asked in the last ``seconds``: ``requests``, of ``limit`` that may be (``None``: as many as one
    likes), and how many of them it ``refused`` because it was busy.
    """

    requests: int
    limit: int | None
    seconds: float
    refused: int


@runtime_checkable
class Spends(Protocol):
    """A system whose requests are counted."""

    @property
    def spent(self) -> Spent: ...

    @property
    def answered(self) -> Mapping[int, int]:
        """How many requests were answered since it was opened, by HTTP status; 0 are those that got no answer."""


PROOF = "X-Syncline-Proof"
"""The header in which the address of a hook, when it is only looked at (GET), tells its `Hook.proof`."""


class Hook(Struct, frozen=True, kw_only=True):
    """An address of ours that a system calls when something has changed there, and the secret by which it is known."""

    url: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Hook({self.url!r}, ***)"

    @property
    def proof(self) -> str:
        """What only who has the secret can tell, and which tells nothing of it."""
        return hmac.new(self.secret, b"proof", hashlib.sha256).hexdigest()


class Call(Struct, frozen=True, kw_only=True):
    """A call to such an address. ``headers`` are in small letters."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Heard(Struct, frozen=True, kw_only=True):
    """What a call says: where to look, and no more than that.

    ``entities`` have changed; ``None``: any may have. ``gone`` are ids that are said to be deleted, by entity.
    ``reply`` is the text that the caller waits for.
    """

    entities: frozenset[str] | None = frozenset()
    gone: Mapping[str, tuple[str, ...]] = {}
    reply: str = ""


class NotTheirs(Exception):
    """A call that does not show that it comes from the system."""


@runtime_checkable
class Announces(Protocol):
    """A system that calls an address of ours when something has changed."""

    @property
    def announced_after(self) -> float:
        """Seconds between a change and its announcement."""

    def announced(self, entities: Collection[str]) -> frozenset[str]:
        """Those of these entities whose changes it announces."""

    async def subscribe(self, hook: Hook, entities: Collection[str]) -> bool:
        """See to it that changes of these are announced there for at least a day: what is missing is made, what ends
        soon is renewed. To be called again and again. ``False`` where a person has to tell the system the address.

        Raises `ConnectorError`.
        """

    def heard(self, hook: Hook, call: Call) -> Heard:
        """Raises `NotTheirs`."""


class ConnectorError(Exception):
    """The system could not be asked: what it said, and what would mend it."""

    def __init__(self, system: str, message: str, mend: str = "") -> None:
        super().__init__(f"{system}: {message}" + (f" {mend}" if mend else ""))
        self.system = system
        self.message = message
        self.mend = mend


class SignInRefused(ConnectorError):
    """The system does not accept the credentials."""


class CursorLost(ConnectorError):
    """The system no longer knows the cursor: list everything again."""
