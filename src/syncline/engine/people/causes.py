"""Where a value came from: what the journal tells of one property, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from syncline.engine.people.names import Names
from syncline.engine.people.words import shown
from syncline.store import Entry

_REASONS: Mapping[str, str] = {
    "edited": "since it was changed there",
    "filled": "since it was empty here",
    "latest": "since both sides had changed it, and this was changed last",
    "preferred": "since both sides had changed it, and the agreement prefers this one",
    "owned": "since the agreement says that it is owned there",
    "resolved": "since a person chose it",
    "undone": "since a person took a change back",
}


class Event(Struct, frozen=True, kw_only=True):
    """``seq`` is its place in the journal."""

    seq: int
    at: datetime
    words: str


def events(entries: Sequence[Entry], names: Names, name: str, line: str | None = None) -> list[Event]:
    """What happened to a property of a record, or of a line of it, the last first."""
    told = [(entry, _words(entry, names, name, line)) for entry in reversed(entries)]
    return [Event(seq=entry.seq, at=entry.at, words=words) for entry, words in told if words]


def _words(entry: Entry, names: Names, name: str, line: str | None) -> str:
    """Nothing for what is not about it."""
    side = entry.ref.side if entry.ref is not None else ""
    by = f" by {entry.by}" if entry.by else ""
    if entry.whole is not None and (entry.line is None or entry.line == line):
        known = entry.whole.values if line is None else {}
        known = next((each.values for each in entry.whole.lines if each.line == line), known)
        if name not in known:
            return ""
        value = shown(names.value(entry.flow, name, known[name]))
        origin = f", from {entry.origin}" if entry.origin else ""
        return {
            "created": f"{value} was in {side} when it was created there{origin}{by}",
            "agreed": f"{value} was in {side} when the records were first brought in step",
            "deleted": f"{value} was in {side} when it was deleted there{origin}{by}",
        }.get(entry.action, "")
    if entry.property != name or entry.line != line:
        return ""
    old, new = (shown(names.value(entry.flow, name, value)) for value in (entry.old, entry.new))
    reason = f", {_REASONS[entry.note]}" if entry.note in _REASONS else f" ({entry.note})" if entry.note else ""
    match entry.action:
        case "edited":
            return f"{old} was changed to {new} in {side}"
        case "updated":
            origin = f" from {entry.origin}" if entry.origin else ""
            return f"{new} was written to {side}{origin} in place of {old}{by}{reason}"
        case "agreed":
            return f"{new} was found in {side} when the records were first brought in step"
        case "lost":
            return f"{old} of {side} gave way to {new}" + (f" of {entry.origin}" if entry.origin else "") + by + reason
        case _:
            return f"{entry.action}: {shown(names.value(entry.flow, name, entry.new or entry.old))}{by}{reason}"
