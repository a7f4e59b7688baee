"""Whether the journal tells everything: replayed from nothing, it gives what is remembered."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from syncline.engine.replay import as_told, replay
from syncline.records import Ref
from syncline.store import Entry, Store


def journal(store: Store) -> Iterator[Entry]:
    """All of it, oldest first."""
    after = 0
    while page := store.journal(after):
        yield from page
        after = page[-1].seq


def untold(store: Store, unsure: Collection[Ref] = ()) -> Iterator[str]:
    """What of the links, their members, state, values and lines is not as the journal tells it. It tells nothing yet of
    links that have only records of which is ``unsure`` whether they were made elsewhere.
    """
    told = replay(journal(store))
    pairs = {pair.link.id: pair for flow in store.counts() for pair in store.pairs(flow, None, 100_000)}
    for id_ in sorted(told.keys() - pairs.keys()):
        yield f"the journal tells of a link of {told[id_].members} that is not remembered"
    for id_, pair in pairs.items():
        standing = told.get(id_)
        if standing is None and set(pair.link.refs) <= set(unsure):
            continue
        if standing is None or (standing.members, standing.state) != (dict(pair.link.members), pair.link.state):
            yield f"a link is {pair.link}, and the journal tells {standing}"
            continue
        for side in pair.link.members:
            known = as_told(pair.shadows[side]) if side in pair.shadows else None
            says = as_told(standing.shadow(side)) if side in standing.values else None
            if known != says and not (says in (({}, {}), None) and known is None):
                yield f"{side} of {pair.link.members} is known to hold {known}, and the journal tells {says}"
