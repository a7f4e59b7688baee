"""What must be known of other records and of codes to translate a batch: asked of the store and the systems once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.engine.setup import Setup
from syncline.mapping.known import Known
from syncline.mapping.model import Flow
from syncline.mapping.translate import key_ref, mentions, mentions_values, row
from syncline.mapping.types import CodeTable
from syncline.reconcile.match import keys_of
from syncline.records import Answer, Record, Ref, Row, Shadow, Value, Values

_MATCH = "match:"
"""Keys by which records match are kept apart from those by which others refer to them: they are folded."""


def match_name(key: str) -> str:
    """The name under which a match key is remembered."""
    return _MATCH + key


KeptCodes: TypeAlias = dict[tuple[str, str], CodeTable]
"""Code tables as they were read, by side and table: kept by who makes small passes between whole ones."""


class Knowing:
    """Answers for one pass: code tables are read when first needed, unless they were kept."""

    def __init__(self, setup: Setup, kept: KeptCodes | None = None) -> None:
        self._setup = setup
        self._codes: KeptCodes = {} if kept is None else kept
        self._referred = _referred(setup.flows.values())

    async def to_read(self, flow: Flow, records: Iterable[tuple[str, Record]]) -> Known:
        """For records of a flow, each with its side."""
        store = self._setup.store
        refs: set[Ref] = set()
        keys: defaultdict[tuple[str, str, str], set[Value]] = defaultdict(set)
        for side, record in records:
            mentioned = mentions(flow, side, record)
            refs |= mentioned.refs
            for other, at, name, value in mentioned.keys:
                keys[other, at, name].add(value)
        by_key: dict[tuple[str, str, str, Value], Ref] = {}
        for (other, at, name), values in keys.items():
            for value, found in store.by_key(other, at, name, values).items():
                if len(found) == 1:
                    by_key[other, at, name, value] = found[0]
        links = store.links_of(refs | set(by_key.values())) if refs or by_key else {}
        return Known(
            links=links,
            by_key={key: links[ref] for key, ref in by_key.items() if ref in links},
            codes=await self._tables(flow),
        )

    async def match_keys(self, flow: Flow, refs: Sequence[Ref]) -> dict[Ref, dict[str, str]]:
        """By what these arrivals can be matched, the strongest key first."""
        arrived = self._setup.store.arrivals(refs).values()
        records = {arrival.ref: arrival.record for arrival in arrived if arrival.record is not None}
        known = await self.to_read(flow, ((ref.side, record) for ref, record in records.items()))
        return {ref: keys_of(flow, row(flow, ref.side, record, known).values) for ref, record in records.items()}

    async def inform(self, flow: Flow, cases: Sequence[Case]) -> list[Case]:
        """The cases with what their records say, what each side was last known to hold, and what people said."""
        known = await self.to_read(flow, [told for case in cases for told in case.records.items()])
        shadows: defaultdict[str, dict[str, Shadow]] = defaultdict(dict)
        answers: defaultdict[str, list[Answer]] = defaultdict(list)
        links = [case.link.id for case in cases if not case.fresh]
        for (link, side), shadow in self._setup.store.shadows(links).items():
            shadows[link][side] = shadow
        for answer in self._setup.store.answers(links):
            answers[answer.link].append(answer)
        return [
            replace(
                case,
                rows={side: row(flow, side, record, known) for side, record in case.records.items()},
                shadows=shadows[case.link.id],
                answers=tuple(answers[case.link.id]),
            )
            for case in cases
        ]

    async def to_write(self, flow: Flow, values: Iterable[tuple[Values, Iterable[Values]]]) -> Known:
        """For shared values of a flow, each with those of its lines."""
        store = self._setup.store
        asked = [mentions_values(flow, header, lines) for header, lines in values]
        links = frozenset[str]().union(*(each.links for each in asked))
        names = frozenset(name for each in asked for _, _, name in each.keys)
        return Known(
            members=store.members(links) if links else {},
            keys=store.keys_of([link for each in asked for link, _, _ in each.keys], names) if names else {},
            codes=await self._tables(flow),
        )

    async def reload(self, side: str, tables: Iterable[str]) -> None:
        """Read these code tables again: codes were added."""
        wanted = sorted(set(tables))
        for table, codes in (await self._setup.systems[side].codes(wanted)).items():
            self._codes[side, table] = CodeTable.of(codes)

    def keys(self, flow: Flow, side: str, told: Row) -> dict[str, Value]:
        """What a record can be found by, as it is remembered."""
        found: dict[str, Value] = {match_name(name): value for name, value in keys_of(flow, told.values).items()}
        for name in self.referred(flow, side):
            if (value := told.values.get(name)) is not None:
                found[name] = value
        return found

    def key_refs(self, flow: Flow, side: str, told: Row) -> list[Ref]:
        """The names under which others may wait for this record, which they know only by a value."""
        values = ((name, told.values.get(name)) for name in self.referred(flow, side))
        return [key_ref(flow.name, side, name, value) for name, value in values if value is not None]

    def referred(self, flow: Flow, side: str) -> frozenset[str]:
        """The properties of a flow by whose value records of other flows refer to it on a side."""
        return self._referred.get((flow.name, side), frozenset())

    async def _tables(self, flow: Flow) -> dict[tuple[str, str], CodeTable]:
        """The code tables of a flow. The first that is needed of a side brings all of that side's in one go."""
        wanted = {(side, table) for side in flow.sides for table in flow.tables(side)}
        for side in {side for side, _ in wanted - self._codes.keys()}:
            flows = (each for each in self._setup.flows.values() if side in each.sides)
            await self.reload(side, {table for each in flows for table in each.tables(side)})
        return {key: self._codes[key] for key in wanted}


def _referred(flows: Iterable[Flow]) -> dict[tuple[str, str], frozenset[str]]:
    named: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for flow in flows:
        for p in flow.rows:
            if p.reference is not None:
                for side, name in p.reference.by.items():
                    named[p.reference.flow, side].add(name)
    return {key: frozenset(names) for key, names in named.items()}
