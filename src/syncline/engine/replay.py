"""What the journal alone says of every link: the proof that it tells everything, and the way back."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field
from msgspec.structs import replace

from syncline.records import LineShadow, LinkState, Shadow, Value
from syncline.store import Entry


class Standing(Struct, kw_only=True):
    """A link as the journal tells it: record ids, and what each side was last known to hold, by side."""

    members: dict[str, str] = field(default_factory=dict)
    state: LinkState = LinkState.ACTIVE
    values: dict[str, dict[str, Value]] = field(default_factory=dict)
    lines: dict[str, dict[str, LineShadow]] = field(default_factory=dict)
    """By side, and by the line's name."""

    def shadow(self, side: str) -> Shadow:
        return Shadow(version=None, values=self.values[side], lines=tuple(self.lines[side].values()))

    def drop(self, side: str) -> None:
        self.members.pop(side, None)
        self.values.pop(side, None)
        self.lines.pop(side, None)


def replay(entries: Iterable[Entry]) -> dict[str, Standing]:
    """The links there are after these entries, in the order in which they were made, by link id."""
    found: dict[str, Standing] = {}
    for entry in entries:
        if entry.link is None or entry.action in ("lost", "void", "parked", "retried", "apart"):
            continue
        standing = found.setdefault(entry.link, Standing())
        _take(standing, entry)
        if not standing.members:
            del found[entry.link]
    return found


def _take(standing: Standing, entry: Entry) -> None:
    if entry.ref is None:
        standing.members.clear()
        return
    side = entry.ref.side
    match entry.action:
        case "resting" | "completed":
            standing.state = LinkState(entry.action)
        case "deleted" | "unlinked" if entry.line is None:
            standing.drop(side)
        case "deleted":
            standing.lines.get(side, {}).pop(str(entry.line), None)
        case _:
            standing.members[side] = entry.ref.id
            if entry.action == "linked":
                standing.state = LinkState.ACTIVE
            _learn(standing, side, entry)


def _learn(standing: Standing, side: str, entry: Entry) -> None:
    values, lines = standing.values.setdefault(side, {}), standing.lines.setdefault(side, {})
    if entry.whole is not None:
        values.update(entry.whole.values)
        for line in entry.whole.lines:
            known = lines.get(line.line) if entry.action == "agreed" else None
            lines[line.line] = replace(known, values={**known.values, **line.values}) if known else line
    if entry.property is not None and entry.line is None:
        values[entry.property] = entry.new
    elif entry.property is not None and entry.line in lines:
        known = lines[entry.line]
        lines[entry.line] = replace(known, values={**known.values, entry.property: entry.new})


def as_told(shadow: Shadow) -> tuple[dict[str, Value], dict[str, LineShadow]]:
    """The part of a shadow that the journal tells: not the versions, nor what is still on its way."""
    return dict(shadow.values), {line.line: replace(line, version=None, behind=frozenset()) for line in shadow.lines}
