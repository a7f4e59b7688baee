"""What each flow mapped when it was last looked at. One that maps more is looked at anew, all of it.

To the merge, a property that nobody remembers is one at first sight: an empty side is filled from the other, and where
they differ the property's policy says which gives way, as when the records were linked.
"""

from __future__ import annotations

import msgspec

from syncline.engine.setup import Setup
from syncline.mapping.model import Flow
from syncline.store import Memory


def look_anew(setup: Setup) -> tuple[Memory, list[str]]:
    """What is to be remembered so that the flows are listed again that map more than before; a sentence for each."""
    facts = {name: _fact(name) for name in setup.flows}
    known = setup.store.facts(facts.values())
    told: list[str] = []
    cursors: dict[tuple[str, str], None] = {}
    news: dict[str, str] = {}
    for name, flow in setup.flows.items():
        mapped, before = _mapped(flow), known.get(facts[name])
        now = msgspec.json.encode(mapped).decode()
        if before == now:
            continue
        news[facts[name]] = now
        if before is not None and (more := sorted(set(mapped) - set(msgspec.json.decode(before, type=list[str])))):
            cursors |= dict.fromkeys((name, side) for side in flow.sides)
            told.append(f"{name} maps {', '.join(more)} now: all its records are looked at once more.")
    return Memory(facts=news, cursors=cursors), told


def _mapped(flow: Flow) -> list[str]:
    """Each property with the sides that have it: one that another side gets, too, is new there."""
    lines = flow.lines.properties if flow.lines else {}
    places = [(name, p.columns) for name, p in flow.properties.items()]
    places += [(f"lines.{name}", p.columns) for name, p in lines.items()]
    return sorted(f"{name} in {' and '.join(columns)}" for name, columns in places)


def _fact(flow: str) -> str:
    return f"what {flow} maps"
