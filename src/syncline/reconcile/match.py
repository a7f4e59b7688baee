"""Which records are the same one, by the keys of the agreement, strongest first; never by a guess."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from msgspec import Struct

from syncline.mapping.model import Flow, MatchKey
from syncline.records import Ref, Values


class Matched(Struct, frozen=True):
    """Exactly one record a side has this value. ``members`` is the record id by side."""

    members: Mapping[str, str]


class Ambiguous(Struct, frozen=True):
    """Several records of one side share the value: a person must say which belong together."""


class Suggested(Struct, frozen=True):
    """They look like the same record, by a key that is only good enough for a suggestion."""


def name_of(key: MatchKey) -> str:
    return "+".join(key.properties)


def keys_of(flow: Flow, values: Values) -> dict[str, str]:
    """The record's value of every match key that is filled, by the key's name, in the order of the agreement.

    Letter case and blanks at the ends are no difference: systems that keep codes in upper case would never match.
    """
    keys: dict[str, str] = {}
    for key in flow.match:
        parts = [values.get(name) for name in key.properties]
        if all(part is not None for part in parts):
            keys[name_of(key)] = "\x1f".join(str(part).strip().casefold() for part in parts)
    return keys


def match(key: MatchKey, alike: Collection[Ref]) -> Matched | Ambiguous | Suggested | None:
    """What one key says of ``alike``: all records without a link that share its value, on one side or several."""
    sides = Counter(ref.side for ref in alike)
    if len(sides) < 2:
        return None
    if key.suggest:
        return Suggested()
    if max(sides.values()) > 1:
        return Ambiguous()
    return Matched({ref.side: ref.id for ref in alike})
