"""Which records are the same one, by the keys of the agreement, strongest first; never by a guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from syncline.mapping.model import Flow, MatchKey
from syncline.records import Ref, Values


class Matched(Struct, frozen=True, kw_only=True):
    """Exactly one record on either side has this value."""

    key: str
    other: Ref


class Ambiguous(Struct, frozen=True, kw_only=True):
    """Several records share the value: a person must say which belong together."""

    key: str
    candidates: tuple[Ref, ...]


class Suggested(Struct, frozen=True, kw_only=True):
    """It looks like the same record, by a key that is only good enough for a suggestion."""

    key: str
    candidates: tuple[Ref, ...]


def name_of(key: MatchKey) -> str:
    return "+".join(key.properties)


def keys_of(flow: Flow, values: Values) -> dict[str, str]:
    """The record's value of every match key that is filled, in the order of the agreement.

    Letter case and blanks at the ends are no difference: systems that keep codes in upper case would never match.
    """
    keys: dict[str, str] = {}
    for key in flow.match:
        parts = [values.get(name) for name in key.properties]
        if all(part is not None for part in parts):
            keys[name_of(key)] = "\x1f".join(str(part).strip().casefold() for part in parts)
    return keys


def match(key: MatchKey, subject: Ref, same: Mapping[str, Sequence[Ref]]) -> Matched | Ambiguous | Suggested | None:
    """What one key says of a record without a link. ``same`` are all records without a link that share its value, by side.

    Flows join one record per side, so with more than two sides every side must have exactly one.
    """
    others = [ref for side, refs in same.items() if side != subject.side for ref in refs]
    if not others:
        return None
    if key.suggest:
        return Suggested(key=name_of(key), candidates=tuple(sorted(others)))
    if len(same.get(subject.side, ())) > 1 or any(len(refs) > 1 for refs in same.values()):
        twins = [ref for ref in same.get(subject.side, ()) if ref != subject]
        return Ambiguous(key=name_of(key), candidates=tuple(sorted(others + twins)))
    return Matched(key=name_of(key), other=others[0])
