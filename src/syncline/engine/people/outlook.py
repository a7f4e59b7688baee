"""What happens next with a record, and why nothing does, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from syncline.engine.chains import chains
from syncline.engine.people.names import Names
from syncline.engine.people.words import shown, when
from syncline.mapping.model import Flow
from syncline.records import LinkState, Ref
from syncline.store import Pair, Store


def outlook(
    store: Store, flows: Mapping[str, Flow], names: Names, pair: Pair | None, refs: Sequence[Ref], now: datetime
) -> Iterator[str]:
    """Of a link with its records, or of a record that has none. At least one sentence."""
    arrivals, parked = store.arrivals(refs), store.parked_refs(refs)
    told = False
    for wish in store.wishes():
        if set(wish.refs) & set(refs):
            told = True
            does = {"link": "links them", "unlink": "ends their link", "delete": f"deletes it in {wish.side}"}[
                wish.kind
            ]
            yield f"The next pass {does}" + (f", as {wish.by} said." if wish.by else ", as a person said.")
    for answer in store.answers([pair.link.id] if pair is not None else []):
        told = True
        value = shown(names.value(pair.link.flow if pair else "", answer.property, answer.value))
        place = names.place(answer.link, answer.line, answer.property)
        yield f"{place} will be {value}" + (f", as {answer.by} said." if answer.by else ", as a person said.")
    waiting = chains(store, flows, parked.values())
    for ref, each in parked.items():
        told = True
        chain = waiting.get(ref)
        words = f"{ref} is parked as {each.cause}: {each.message}" + (f" {each.mend}" if each.mend else "")
        yield str(chain) if chain is not None else words
    for ref, arrival in arrivals.items():
        if arrival.due is None:
            continue
        told = True
        what = "was deleted there" if arrival.record is None else "is due"
        later = "" if arrival.due <= now else f", to be tried again at {when(arrival.due)}"
        tries = f", after {arrival.attempts} tries" if arrival.attempts else ""
        yield f"{ref} {what}{later}{tries}: the next pass works on it."
    if pair is not None and pair.link.state is not LinkState.ACTIVE:
        told = True
        yield {
            LinkState.RESTING: "The link rests: a record takes no part any more, and nothing is written.",
            LinkState.COMPLETED: "One side has closed it for good: nothing is written any more.",
        }[pair.link.state]
    if not told:
        yield "Nothing is to be done: an edit on either side will be taken up by the next pass."
