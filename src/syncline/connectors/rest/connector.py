"""A JSON API as a system, asked as its declaration says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from yarl import URL

from syncline.connectors.base import Call, Capabilities, ConnectorError, Heard, Hook, NotTheirs, Page, Spent, View
from syncline.connectors.rest import reading, webhooks, writing
from syncline.connectors.rest.answers import content
from syncline.connectors.rest.asking import Client
from syncline.connectors.rest.content import at
from syncline.connectors.rest.declaration import Declaration, Entity, FeedChanges, ListRequest, words
from syncline.connectors.rest.signin import auth_from
from syncline.connectors.wire import Limits, Paced, Wire
from syncline.mapping.types import Code, EntityType
from syncline.meanwhile import together
from syncline.records import Outcome, Record, Write

_WRITES_AT_ONCE = 100
"""A turn's writes are handed over in parts of this size, so that what is sent and not yet answered stays bounded."""


class Rest:
    """A system reached by its declaration."""

    def __init__(
        self,
        name: str,
        declaration: Declaration,
        url: str,
        secrets: Mapping[str, str],
        *,
        paced: Paced | None = None,
    ) -> None:
        """``secrets`` by the names of `signin.secrets_needed`; none at all where the system asks for no sign-in.
        ``paced`` is for those who share the limits with others.

        Raises `ConnectorError` for one that is missing.
        """
        self._name = name
        self._declaration = declaration
        self._entities = {entity: declaration.entity(entity) for entity in declaration.entities}
        base = URL(f"{url.rstrip('/')}/{declaration.base.strip('/')}".rstrip("/") + "/")
        auth = auth_from(name, base, declaration.sign_in, secrets)
        limits = Limits(concurrency=declaration.limits.concurrency)
        if (per_second := declaration.limits.requests_per_second) is not None:
            limits = limits.paced(per_second)
        template = partial(_template, words(declaration, base.raw_path))
        wire = Wire(name, auth, limits, declaration.headers, template, paced)
        self._client = Client(name, base, wire, declaration.errors)

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What holds for every declared entity."""
        entities = self._entities.values()
        return Capabilities(
            versions=True,
            idempotent_creates=all(e.create is not None and bool(e.create.idempotency_key) for e in entities),
            deletions=all(isinstance(entity.changes, FeedChanges) for entity in entities),
            batch=_WRITES_AT_ONCE,
        )

    @property
    def spent(self) -> Spent:
        return self._client.wire.spent

    @property
    def answered(self) -> Mapping[int, int]:
        return self._client.wire.answered

    async def __aenter__(self) -> Self:
        await self._client.wire.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.wire.close()

    def entity_type(self, entity: str) -> EntityType:
        """What the system says of an entity's properties. Raises `ConnectorError` where it is not declared."""
        return self._entity(entity).type

    async def identity(self) -> str:
        """What the declared request tells; the address, without its scheme, where none is declared."""
        asked = self._declaration.identity
        if asked is None:
            base = self._client.base
            return f"{base.host}:{base.port}{base.path}".rstrip("/")
        with self._client.trusted():
            value = at(content(await self._client.ask(asked.path, {})), asked.value)
        if not isinstance(value, str | int):
            raise ConnectorError(
                self._name, f"{asked.path} tells no {asked.value}.", "Correct identity in the declaration."
            )
        return str(value)

    async def company_name(self) -> str | None:
        """Nothing that a declaration names tells it."""
        return None

    async def changes(self, view: View, cursor: str | None) -> AsyncIterator[Page]:
        entity, position = self._entity(view.entity), reading.Position.of(self._name, cursor)
        with self._client.trusted():
            async for page in reading.changes(self._client, entity, view, position):
                yield page

    async def ids(self, view: View) -> AsyncIterator[tuple[str, ...]]:
        with self._client.trusted():
            async for page in reading.ids(self._client, self._entity(view.entity)):
                yield page

    async def get(self, view: View, ids: Sequence[str]) -> Mapping[str, Record]:
        with self._client.trusted():
            return await reading.get(self._client, self._entity(view.entity), tuple(dict.fromkeys(ids)))

    async def find(self, view: View, path: str, values: Collection[str]) -> tuple[Record, ...]:
        """Asks the filter that is declared for the property; without one, everything is listed and looked through."""
        with self._client.trusted():
            return await reading.find(self._client, self._entity(view.entity), path, frozenset(values))

    async def write(self, view: View, writes: Sequence[Write]) -> tuple[Outcome, ...]:
        """One request a record, as many at once as the declaration allows."""
        entity = self._entity(view.entity)
        return tuple(await together(writing.write(self._client, entity, asked) for asked in writes))

    async def codes(self, tables: Collection[str]) -> Mapping[str, tuple[Code, ...]]:
        declared = self._declaration.codes
        for table in tables:
            if table not in declared:
                mend = f"Declare it under codes; declared are: {', '.join(sorted(declared)) or 'none'}."
                raise ConnectorError(self._name, f"{table} is not declared as a code table.", mend)
        listed = self._declaration.requests.list or ListRequest()
        with self._client.trusted():
            return {table: await reading.codes(self._client, listed, declared[table]) for table in tables}

    @property
    def announced_after(self) -> float:
        """At once, as far as anybody says."""
        return 0.0

    def announced(self, entities: Collection[str]) -> frozenset[str]:
        """All of them, where webhooks are declared."""
        return frozenset(entities) if self._declaration.webhooks else frozenset()

    async def subscribe(self, hook: Hook, entities: Collection[str]) -> bool:
        declared = self._declaration.webhooks
        if declared is None:
            return False
        paths = sorted({self._entity(name).path for name in entities})
        return await webhooks.subscribe(self._client, declared, hook, paths)

    def heard(self, hook: Hook, call: Call) -> Heard:
        if self._declaration.webhooks is None:
            raise NotTheirs
        return webhooks.heard(self._declaration.webhooks, self._entities.values(), hook, call)

    def _entity(self, name: str) -> Entity:
        try:
            return self._entities[name]
        except KeyError:
            mend = f"Declared are: {', '.join(sorted(self._entities))}."
            raise ConnectorError(self._name, f"{name} is not declared as an entity.", mend) from None


def _template(known: frozenset[str], path: str) -> str:
    """The path with what nobody declared, such as an id, made unreadable."""
    return "/".join(part if part in known else "*" for part in path.split("/"))
