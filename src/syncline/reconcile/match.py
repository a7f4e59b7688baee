"""Which records are the same one, by the keys of the agreement, strongest first; never by a guess."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from syncline.mapping.model import Flow, MatchKey
from syncline.records import Ref, Value, Values

Apart: TypeAlias = Collection[frozenset[Ref]]
"""Pairs of records that a person said are not the same."""


class Matched(Struct, frozen=True):
    """Exactly one record a side has this value. ``members`` is the record id by side."""

    members: Mapping[str, str]


class Ambiguous(Struct, frozen=True):
    """Several records of one side share the value: a person must say which belong together."""

    refs: tuple[Ref, ...]


class Suggested(Struct, frozen=True):
    """They look like the same record, by a key that is only good enough for a suggestion.

    Such a key is also one that they share though they differ in the stronger key ``though``.
    """

    refs: tuple[Ref, ...]
    though: str | None = None


Verdict: TypeAlias = Matched | Ambiguous | Suggested


def name_of(key: MatchKey) -> str:
    return "+".join(key.properties)


def keys_of(flow: Flow, values: Values) -> dict[str, str]:
    """The record's value of every match key that is filled, by the key's name, in the order of the agreement.

    Letter case and blanks at the ends are no difference: systems that keep codes in upper case would never match. In a
    key that only suggests, accents, blanks and punctuation are none either.
    """
    keys: dict[str, str] = {}
    for key in flow.match:
        parts = [values.get(name) for name in key.properties]
        if all(part is not None for part in parts):
            fold = _letters if key.suggest else _text
            keys[name_of(key)] = "\x1f".join(fold(str(part)) for part in parts)
    return keys


def _text(value: str) -> str:
    return value.strip().casefold()


def _letters(value: str) -> str:
    """Letters and digits alone; all of it, where there are none."""
    plain = unicodedata.normalize("NFKD", value.casefold())
    return "".join(c for c in plain if c.isalnum()) or _text(value)


def stronger(flow: Flow, key: MatchKey) -> list[str]:
    """The names of the keys before this one that tell records apart. A number that each side gives itself does not."""
    return [
        name_of(each)
        for each in flow.match[: flow.match.index(key)]
        if not each.suggest and not any(flow.properties[name].when_create for name in each.properties)
    ]


def match(
    key: MatchKey, alike: Iterable[Ref], apart: Apart = (), told: Mapping[Ref, Mapping[str, Value]] | None = None
) -> tuple[Verdict, ...]:
    """What one key says of ``alike``: all records without a link that share its value.

    Pairs that are ``apart`` count as different: what is left falls into groups of their own, and who is in none of
    them is like nobody. ``told`` is what each record has of `stronger` keys, by their names, strongest first.
    """
    groups = (group for group in _groups(alike, apart) if len({ref.side for ref in group}) > 1)
    return tuple(_verdict(key, group, apart, told or {}) for group in groups)


def _verdict(key: MatchKey, group: tuple[Ref, ...], apart: Apart, told: Mapping[Ref, Mapping[str, Value]]) -> Verdict:
    if key.suggest:
        return Suggested(group)
    one_a_side = max(Counter(ref.side for ref in group).values()) == 1
    if not one_a_side or any(frozenset((a, b)) in apart for a in group for b in group):
        return Ambiguous(group)
    if though := differing(told.get(ref, {}) for ref in group):
        return Suggested(group, though)
    return Matched({ref.side: ref.id for ref in group})


def differing(told: Iterable[Mapping[str, Value]]) -> str | None:
    """The first key of which two of these records have different values; what is empty differs from nothing."""
    found: dict[str, Value] = {}
    for each in told:
        for name, value in each.items():
            if found.setdefault(name, value) != value:
                return name
    return None


def candidates(ref: Ref, group: Iterable[Ref], apart: Apart) -> Iterator[Ref]:
    """Those of a group that the record may be the same as: on other sides, and not kept apart from it."""
    return (other for other in group if other.side != ref.side and frozenset((ref, other)) not in apart)


def _groups(alike: Iterable[Ref], apart: Apart) -> Iterator[tuple[Ref, ...]]:
    """The records that hang together by pairs that may be the same, each group in order."""
    left = sorted(alike)
    if not apart:
        yield tuple(left)
        return
    while left:
        group = [left.pop(0)]
        for ref in group:
            near = set(candidates(ref, left, apart))
            group += sorted(near)
            left = [other for other in left if other not in near]
        yield tuple(sorted(group))


def doubles(alike: Iterable[Ref], apart: Apart) -> dict[Ref, Ref]:
    """The records of one side that share a value with one before them, which is not kept apart from it; with that one.

    The first goes on; whether the others are new records or the same again is for a person to say.
    """
    first: defaultdict[str, list[Ref]] = defaultdict(list)
    found: dict[Ref, Ref] = {}
    for ref in alike:
        same = next((other for other in first[ref.side] if frozenset((ref, other)) not in apart), None)
        if same is None:
            first[ref.side].append(ref)
        else:
            found[ref] = same
    return found
