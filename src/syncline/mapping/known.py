"""What must be known of other records to translate one, and what one asks to be known.

The engine asks first (`mentions`, `mentions_values`), fills a `Known` from the store and the code tables, and then
translates.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from syncline.mapping.types import CodeTable
from syncline.records import Ref, Value


class Known(Struct, frozen=True, kw_only=True):
    """What references and codes are known.

    ``links`` is the link of a record; ``by_key`` that of the record of (flow, side) whose property has a value;
    ``members`` the record id of (link, side); ``keys`` the value of a property in the record of (link, side);
    ``codes`` the code table of (side, table).
    """

    links: Mapping[Ref, str] = {}
    by_key: Mapping[tuple[str, str, str, Value], str] = {}
    members: Mapping[tuple[str, str], str] = {}
    keys: Mapping[tuple[str, str, str], Value] = {}
    codes: Mapping[tuple[str, str], CodeTable] = {}


class Mentions(Struct, frozen=True, kw_only=True):
    """What a record points to: records, and (flow, side, property, value) of records known by a value."""

    refs: frozenset[Ref] = frozenset()
    keys: frozenset[tuple[str, str, str, Value]] = frozenset()


class LinkMentions(Struct, frozen=True, kw_only=True):
    """What shared values point to: the links, and (link, side, property) of those known there by a value."""

    links: frozenset[str] = frozenset()
    keys: frozenset[tuple[str, str, str]] = frozenset()


def key_ref(flow: str, side: str, name: str, value: Value) -> Ref:
    """How a record that is known only by the value of a property is waited for: its id is ``property=value``."""
    return Ref(flow=flow, side=side, id=f"{name}={value}")
