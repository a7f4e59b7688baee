"""What people call records, and which records they mean by what they call them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from syncline.engine.case import name_of
from syncline.engine.people.resolving import CannotResolve, Question
from syncline.engine.people.words import count, shown
from syncline.mapping.known import Known
from syncline.mapping.model import Flow, LensError, Property
from syncline.mapping.translate import row
from syncline.mapping.typed import parse
from syncline.records import Ref, Shadow, Value, Values
from syncline.store import Arrival, Entry, Pair, Parked, Store

_LOOK = 1_000
"""How many links are looked through for the one that is called so: a number may be part of many others."""
_CHOICES = 20
_FEW = 3


class NotFound(Exception):
    """What a person named is none of the records, or may be several of them."""


class Subject(Struct, frozen=True, kw_only=True):
    """What a person meant: a link with its records, or a record that has no link (any more)."""

    name: str
    refs: tuple[Ref, ...]
    pair: Pair | None = None


class Names:
    """Looks names up in the store, each once. Sides stand in the order of their flow."""

    def __init__(self, store: Store, flows: Mapping[str, Flow]) -> None:
        self._store = store
        self._flows = flows
        self._links: dict[str, str] = {}
        self._parked: dict[Ref, Values] = {}

    def in_order(self, flow: str, sides: Collection[str]) -> list[str]:
        """The sides as their flow has them; those that it has no longer stand last."""
        agreed = self._flows.get(flow)
        order = [side for side in agreed.sides if side in sides] if agreed else []
        return [*order, *(side for side in sides if side not in order)]

    def sides(self, pair: Pair) -> list[str]:
        return self.in_order(pair.link.flow, pair.link.members)

    def values_of(self, pair: Pair) -> Values:
        """What is known of any side; the first one counts where they differ."""
        known: dict[str, Value] = {}
        for side in reversed(self.sides(pair)):
            known |= pair.shadows[side].values if side in pair.shadows else {}
        return known

    def key_of(self, pair: Pair) -> str:
        """The record's number, or else its strongest key."""
        flow, values = self._flows.get(pair.link.flow), self.values_of(pair)
        keys = [key.properties[0] for key in flow.match if len(key.properties) == 1 and not key.suggest] if flow else []
        ordered = sorted(keys, key=lambda name: name != "number")
        return str(next((values[name] for name in ordered if values.get(name) is not None), ""))

    def of_pair(self, pair: Pair) -> str:
        ids = (pair.link.members[side] for side in self.sides(pair))
        return self._name(pair.link.flow, self.values_of(pair), next(ids, pair.link.id))

    def know(self, pairs: Iterable[Pair]) -> None:
        """What these are called need not be looked up."""
        self._links |= {pair.link.id: self.of_pair(pair) for pair in pairs}

    def is_reference(self, entry: Entry) -> bool:
        """Whether its values are links."""
        agreed = self._flows.get(entry.flow)
        p = _property(agreed, entry.property) if agreed and entry.property else None
        return p is not None and p.reference is not None

    def of_link(self, link: str) -> str:
        """A reference in words; the link's id where it is no longer remembered."""
        if link not in self._links:
            self._links[link] = next(map(self.of_pair, self._store.pairs_of([link])), link)
        return self._links[link]

    def of_parked(self, parked: Parked) -> str:
        return self._name(parked.ref.flow, self._values_of(parked), parked.ref.id)

    def of_deleted(self, ref: Ref, whole: Shadow) -> str:
        return self._name(ref.flow, whole.values, ref.id)

    def know_parked(self, parked: Collection[Parked]) -> None:
        """What is known of these is looked up at once."""
        arrivals = self._store.arrivals([each.ref for each in parked])
        shadows: defaultdict[str, list[Shadow]] = defaultdict(list)
        for (link, _), shadow in self._store.shadows([each.link for each in parked if each.link]).items():
            shadows[link].append(shadow)
        for each in parked:
            self._parked[each.ref] = self._known(each.ref, shadows[each.link or ""], arrivals.get(each.ref))

    def _values_of(self, parked: Parked) -> Values:
        """What is known of the record: as it arrived, else as it was last known."""
        if parked.ref not in self._parked:
            self.know_parked([parked])
        return self._parked[parked.ref]

    def _known(self, ref: Ref, shadows: Iterable[Shadow], arrival: Arrival | None) -> Values:
        flow = self._flows.get(ref.flow)
        known: dict[str, Value] = {}
        for shadow in shadows:
            known |= shadow.values
        if flow is not None and ref.side in flow.sides and arrival is not None and arrival.record is not None:
            known |= row(flow, ref.side, arrival.record, Known()).values
        return known

    def parked_called(self, parked: Parked) -> set[str]:
        """What people may call a parked record by: its id as it is, its name and keys in small letters."""
        return {parked.ref.id, str(parked.ref)} | called(self._flows.get(parked.ref.flow), self._values_of(parked))

    def candidates(self, parked: Parked) -> list[Ref]:
        """The records that it may be the same as, the most alike first."""
        told = (str(candidate["record"]) for candidate in parked.details.get("candidates", ()))
        return [ref for text in told if (ref := ref_of(self._flows, text)) is not None]

    def meant(self, text: str, flow: str | None, *, linked: bool = False) -> list[Ref]:
        """The records without a link that are called so, or else those of the link that is. Raises `NotFound`.

        ``side/flow/id`` may be a record that nothing is known of yet.
        """
        ref = ref_of(self._flows, text)
        if ref is not None:
            return [ref]
        words = {text, text.casefold()}
        parked = [each for each in self._store.parked(flow) if not linked and each.link is None]
        if refs := [each.ref for each in parked if self.parked_called(each) & words]:
            return refs
        return list(the_one(self._store, self._flows, text, flow).refs)

    def value(self, flow: str, name: str | None, value: Value) -> Value:
        """A property's value for people: a reference by the name of what it points to."""
        agreed = self._flows.get(flow)
        p = _property(agreed, name) if agreed and name else None
        return self.of_link(str(value)) if p is not None and p.reference is not None and value is not None else value

    def place(self, link: str, line: str | None, name: str) -> str:
        """A property as people point to it: with the number of its line, where it is one of a line's."""
        return f"line {self.number(link, line)} {name}" if line is not None else name

    def number(self, link: str, line: str) -> str:
        """A line as people count it; its name where it is gone."""
        return line_number(next(iter(self._store.pairs_of([link])), None), line)

    def question(self, asked: Question) -> str:
        """What a person is to choose: the property, what each side holds and held, and makes of it."""
        flow = asked.parked.ref.flow
        held = {side: shown(self.value(flow, asked.property, asked.values[side])) for side in asked.values}
        told = " or ".join(f"{held[side]} ({side})" for side in self.in_order(flow, held))
        before = dict.fromkeys(shown(self.value(flow, asked.property, value)) for value in asked.before.values())
        place = self.place(asked.link, asked.line, asked.property)
        if asked.rules:
            rules = "; ".join(f"{side}'s {rule}" for side, rule in asked.rules.items())
            return f"{place} is rewritten by both systems time and again: {told} ({rules})"
        return f"{place}: {told}" + (f", before {' or '.join(before)}" if before else "")

    def _name(self, flow: str, values: Values, id_: str) -> str:
        agreed = self._flows.get(flow)
        return name_of(agreed, values, id_) if agreed else str(values.get("name") or id_)


def find(store: Store, flows: Mapping[str, Flow], text: str, flow: str | None) -> list[Subject]:
    """Which records a person may mean: by ``side/flow/id``, by an id or a key, else by a value that has the text."""
    names = Names(store, flows)
    ref = ref_of(flows, text)
    if ref is not None:
        link = store.links_of([ref]).get(ref)
        found = [link] if link else []
        return [_subject(names, pair) for pair in store.pairs_of(found)] or _alone(names, store, [ref])
    pairs = store.find_links(text, flow, limit=_LOOK)
    meant = [pair for pair in pairs if _is_called(pair, flows.get(pair.link.flow), text)]
    if meant or pairs:
        return [_subject(names, pair) for pair in meant or pairs]
    parked = [each.ref for each in store.parked(flow) if names.parked_called(each) & {text, text.casefold()}]
    anywhere = [Ref(f.name, side, text) for f in flows.values() for side in f.sides if flow in (None, f.name)]
    return _alone(names, store, parked or anywhere)


def the_one(store: Store, flows: Mapping[str, Flow], text: str, flow: str | None) -> Subject:
    """The one that a person means. Raises `NotFound` where it is none, or may be several."""
    found = find(store, flows, text, flow)
    if not found:
        message = f"Nothing is remembered of {text}. syncline links TEXT finds records by their values."
        raise NotFound(message)
    if len(found) > 1:
        choices = "\n".join(f"  {subject.refs[0]}  {shown(subject.name)}" for subject in found[:_CHOICES])
        more = f"\n  … and {len(found) - _CHOICES} more" if len(found) > _CHOICES else ""
        raise NotFound(f"{text} may be any of these. Name one:\n{choices}{more}")
    return found[0]


def ref_of(flows: Mapping[str, Flow], text: str) -> Ref | None:
    """``side/flow/id``, where there is such a side and flow."""
    side, _, rest = text.partition("/")
    flow, _, id_ = rest.partition("/")
    return Ref(flow, side, id_) if flow in flows and side in flows[flow].sides and id_ else None


def history(store: Store, subject: Subject) -> list[Entry]:
    """The journal of every record of a subject, oldest first."""
    told = {entry.seq: entry for ref in subject.refs for entry in store.history(ref)}
    return [told[seq] for seq in sorted(told)]


def sentence(entry: Entry, pair: Pair | None, names: Names) -> str:
    """What the journal tells, in a line; by whom, where a person did it."""
    return _told(entry, pair, names) + (f" by {entry.by}" if entry.by else "")


def _told(entry: Entry, pair: Pair | None, names: Names) -> str:
    line = f"line {line_number(pair, entry.line)}" if entry.line else ""
    what = " ".join(part for part in (line, entry.property) if part)
    old, new = (shown(names.value(entry.flow, entry.property, value)) for value in (entry.old, entry.new))
    origin = f" (from {entry.origin})" if entry.origin else ""
    whence = origin or (f" ({entry.note})" if entry.note else "")
    if entry.action == "updated":
        return f"{what}: {old} → {new}{whence}"
    if entry.action == "edited":
        return f"{what}: {old} → {new} (edited there)"
    if entry.action == "lost":
        return f"{what}: {old} gave way to {new}{whence}"
    if entry.action == "agreed" and entry.whole is not None:
        return " ".join(part for part in ("agreed", _contents(entry, entry.whole, names)) if part)
    value = next((f"{shown(v)}" for v in (entry.new, entry.old) if v is not None), "")
    detail = f"{what}: {value}" if what and value else what or value
    note = f": {entry.note}" if entry.note else ""
    return " ".join(part for part in (entry.action, detail) if part) + origin + note


def _contents(entry: Entry, whole: Shadow, names: Names) -> str:
    """The first few values that are there."""
    told = {name: value for name, value in whole.values.items() if value is not None}
    first = [f"{name}: {shown(names.value(entry.flow, name, told[name]))}" for name in islice(told, _FEW)]
    more = [f"{len(told) - _FEW} more"] if len(told) > _FEW else []
    return ", ".join(first + more + ([count(len(whole.lines), "line")] if whole.lines else []))


def line_number(pair: Pair | None, line: str) -> str:
    """A line as people count it; its name where it is gone."""
    shadows = pair.shadows.values() if pair else ()
    places = (at for shadow in shadows for at, each in enumerate(shadow.lines, start=1) if each.line == line)
    return str(next(places, line))


def called(flow: Flow | None, values: Values) -> set[str]:
    """What people may call a record of these values by, in small letters: its name and its keys."""
    keys = {name for key in flow.match if not key.suggest for name in key.properties} if flow else set()
    return {str(values[name]).casefold() for name in keys | {"name"} if values.get(name) is not None}


def _is_called(pair: Pair, flow: Flow | None, text: str) -> bool:
    if text in (pair.link.id, *pair.link.members.values()):
        return True
    return any(text.casefold() in called(flow, shadow.values) for shadow in pair.shadows.values())


def _subject(names: Names, pair: Pair) -> Subject:
    refs = tuple(Ref(pair.link.flow, side, pair.link.members[side]) for side in names.sides(pair))
    return Subject(name=names.of_pair(pair), refs=refs, pair=pair)


def _alone(names: Names, store: Store, refs: Sequence[Ref]) -> list[Subject]:
    """Records without a link of which the journal tells."""
    parked = store.parked_refs(refs)
    called = {
        ref: names.of_parked(parked[ref]) if ref in parked else ref.id
        for ref in refs
        if ref in parked or store.history(ref)
    }
    return [Subject(name=name, refs=(ref,)) for ref, name in called.items()]


def _property(flow: Flow, name: str) -> Property | None:
    return flow.properties.get(name) or (flow.lines.properties.get(name) if flow.lines else None)


def typed_value(store: Store, flows: Mapping[str, Flow], p: Property, text: str) -> Value:
    """What a person typed, as a value of the property. Raises `CannotResolve`, and `NotFound` for a reference."""
    if p.reference is None:
        try:
            return parse(p.kind, text)
        except LensError as error:
            raise CannotResolve(f"{p.name}: {error}.") from error
    if not text.strip():
        return None
    pair = the_one(store, flows, text, p.reference.flow).pair
    if pair is None:
        raise CannotResolve(f"{p.name}: {text} is not linked.")
    return pair.link.id
