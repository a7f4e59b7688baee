"""Business Central, through its API v2.0."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from yarl import URL

from syncline.connectors.base import Call, Capabilities, ConnectorError, Heard, Hook, Page, Spent, View
from syncline.connectors.businesscentral import changes, reading, steps, webhooks, writing
from syncline.connectors.businesscentral.client import MOST_OPERATIONS, Client
from syncline.connectors.businesscentral.http import Http
from syncline.connectors.businesscentral.query import Shape, shape
from syncline.connectors.businesscentral.schema import entity_type
from syncline.connectors.businesscentral.traits import traits_of
from syncline.connectors.signin import Anonymous, Auth
from syncline.connectors.wire import Limits, Paced
from syncline.mapping.types import Code, EntityType
from syncline.records import Outcome, Record, Write

LIMITS = Limits(requests=5_700, seconds=300, burst=500, concurrency=5, timeout=620)
"""Below the product's own: 6,000 requests in five minutes, five at once. It gives up on a request after ten minutes:
to wait a little longer is to be told so instead of having to guess.
"""
OVERLAP = timedelta(seconds=60)
PAGE_SIZE = 2_000
_MOMENT = timedelta(milliseconds=1)
"""How exact times are: a page may end between two records of the same one, so the least overlap there can be."""


class BusinessCentral:
    """One company of a Business Central."""

    def __init__(
        self,
        name: str,
        url: str,
        company: str | None = None,
        auth: Auth | None = None,
        *,
        limits: Limits = LIMITS,
        overlap: timedelta = OVERLAP,
        page_size: int = PAGE_SIZE,
        paced: Paced | None = None,
    ) -> None:
        """``url`` is the API's root (``…/api/v2.0/``), ``company`` a name or id; ``None`` is the only one there is.

        ``overlap`` is how long after its time of modification a change may become visible. ``page_size`` is the most
        records that are held at once of a listing. ``paced`` is for those who share the limits with others.
        """
        self._name = name
        self._url = URL(url)
        self._overlap = max(overlap, _MOMENT)
        self._http = Http(name, url, auth or Anonymous(), limits, paced=paced)
        self._client = Client(name, self._http, company, page_size)

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(versions=True, idempotent_creates=False, deletions=False, batch=MOST_OPERATIONS)

    @property
    def requests(self) -> Mapping[str, int]:
        """The requests sent so far, by kind."""
        return self._http.counts

    @property
    def spent(self) -> Spent:
        return self._http.spent

    @property
    def answered(self) -> Mapping[int, int]:
        return self._http.answered

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def identity(self) -> str:
        """``v2.0/TENANT/ENVIRONMENT/COMPANY``: a copied environment keeps its companies' ids, so those alone would do
        for two. Neither host nor the company's name, which may change, is part of it.
        """
        place = self._url.path.partition("/api/")[0].strip("/")
        return f"{place}/{(await self._client.company()).id}"

    async def company_name(self) -> str:
        return (await self._client.company()).name

    def changes(self, view: View, cursor: str | None) -> AsyncIterator[Page]:
        """By the time of modification. Deletions are not told: Business Central does not tell them."""
        return changes.changes(self._client, self._shape(view), cursor, self._overlap)

    def ids(self, view: View) -> AsyncIterator[tuple[str, ...]]:
        return reading.ids(self._client, self._shape(view))

    async def get(self, view: View, ids: Sequence[str]) -> Mapping[str, Record]:
        return await reading.get(self._client, self._shape(view), list(dict.fromkeys(ids)))

    async def find(self, view: View, path: str, values: Collection[str]) -> tuple[Record, ...]:
        wanted = self._shape(view)
        if path not in wanted.entity_set.properties:
            raise ConnectorError(self._name, f"{view.entity} cannot be searched by {path}.", "Match by another.")
        return await reading.find(self._client, wanted, path, values)

    async def write(self, view: View, writes: Sequence[Write]) -> tuple[Outcome, ...]:
        return await steps.write(self._client, self._shape(view), writes)

    async def complete(self, view: View, id_: str) -> Outcome:
        """An order is shipped and invoiced. Raises `ConnectorError` for an entity that nothing uses up."""
        afterlife = traits_of(view.entity).afterlife
        if afterlife is None:
            raise ConnectorError(self._name, f"nothing completes records of {view.entity}.")
        return await writing.act(self._client, f"{view.entity}({id_})/{afterlife.action}")

    async def codes(self, tables: Collection[str]) -> Mapping[str, tuple[Code, ...]]:
        return await reading.codes(self._client, tables)

    @property
    def announced_after(self) -> float:
        return webhooks.AFTER

    def announced(self, entities: Collection[str]) -> frozenset[str]:
        return webhooks.announced(entities)

    async def subscribe(self, hook: Hook, entities: Collection[str]) -> bool:
        await webhooks.subscribe(self._client, hook, entities)
        return True

    def heard(self, hook: Hook, call: Call) -> Heard:
        return webhooks.heard(hook, call)

    def entity_type(self, entity: str) -> EntityType:
        """Raises `KeyError` for one that there is not."""
        return entity_type(entity)

    def _shape(self, view: View) -> Shape:
        try:
            return shape(view)
        except KeyError as error:
            mend = "Look at the flow's entity and paths."
            raise ConnectorError(self._name, f"{view.entity} has no {error.args[0]}.", mend) from None
