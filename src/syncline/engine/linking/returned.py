"""Records that were deleted and created again in their own system: they take the place of the deleted one.

A new record that shares a key with a linked one, whose counterpart is gone, is most likely that counterpart. The link
is then taken apart, and matching joins the two as any others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from syncline.engine.case import Case
from syncline.engine.deletions import take_apart
from syncline.engine.knowing import match_name
from syncline.engine.setup import view
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow
from syncline.reconcile.match import keys_of
from syncline.reconcile.match import name_of as key_name
from syncline.reconcile.restored import made_again
from syncline.records import Link, Ref
from syncline.store import Arrival


async def release(worker: Worker, flow: Flow) -> None:
    """Take such links apart. To be called when the keys of what arrived are remembered, before it is matched."""
    strong = {match_name(key_name(key)) for key in flow.match if not key.suggest}
    found = {
        (ref, link)
        for side in flow.sides
        for ref, link, name in worker.setup.store.returned(flow.name, side, flow.sides.keys() - {side})
        if name in strong
    }
    if not found:
        return
    links = worker.setup.store.links({link for _, link in found})
    alike = await _alike(worker, flow, found)
    missing = await _missing(worker, flow, [(ref, links[link]) for ref, link in alike])
    if not missing:
        return
    cases = [_gone(worker, flow, link, side) for link, side in missing]
    informed = await worker.knowing.inform(flow, cases)
    await take_apart(worker, flow, [(case, f"created again in {', '.join(case.gone)}") for case in informed])


async def _alike(worker: Worker, flow: Flow, found: Iterable[tuple[Ref, str]]) -> list[tuple[Ref, str]]:
    """Those that are most likely the same."""
    pairs = sorted(found)
    store = worker.setup.store
    keys = await worker.knowing.match_keys(flow, [ref for ref, _ in pairs])
    shadows = store.shadows({link for _, link in pairs})
    theirs = {key: keys_of(flow, shadow.values) for key, shadow in shadows.items()}
    others = {(ref, link): [theirs.get((link, s), {}) for s in flow.sides if s != ref.side] for ref, link in pairs}
    return [pair for pair in pairs if all(made_again(flow, keys[pair[0]], other) for other in others[pair])]


async def _missing(worker: Worker, flow: Flow, pairs: Sequence[tuple[Ref, Link]]) -> list[tuple[Link, str]]:
    """The links whose record on the new one's side is gone, as its system says now."""
    asked: defaultdict[str, dict[str, Link]] = defaultdict(dict)
    for ref, link in pairs:
        asked[ref.side][link.id] = link
    missing: list[tuple[Link, str]] = []
    for side, links in asked.items():
        ids = sorted({link.members[side] for link in links.values()})
        there = await worker.setup.systems[side].get(view(flow, side), ids)
        missing += [(link, side) for link in links.values() if link.members[side] not in there]
    return missing


def _gone(worker: Worker, flow: Flow, link: Link, side: str) -> Case:
    """The link with everything that is due of it, and its record on this side gone."""
    now = worker.setup.now()
    arrivals = {ref.side: arrival for ref, arrival in worker.setup.store.arrivals(link.refs).items()}
    ref = Ref(flow.name, side, link.members[side])
    seen = arrivals[side].seen if side in arrivals else now
    gone = Arrival(ref=ref, record=None, seen=seen, due=now, link=link.id)
    return Case(flow=flow, link=link, fresh=False, arrivals={**arrivals, side: gone})
