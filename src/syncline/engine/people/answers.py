"""What people said of values (`syncline.records.Answer`): taken up by a turn, and dropped once it is done or void."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from syncline.engine.case import Case
from syncline.engine.delivery import recover
from syncline.engine.worker import Worker
from syncline.reconcile.merge import Decision, Reason
from syncline.records import Answer, LinkState, Ref
from syncline.store import Entry


async def take_up(worker: Worker) -> None:
    """Read the records of links that were answered and wait for nothing else. Raises `ConnectorError`.

    A link of which something arrived is decided with that: at once, when it is due, or once it is released.
    """
    store = worker.setup.store
    answered = store.answered_links()
    if not answered:
        return
    links = store.links(answered).values()
    held = store.arrivals([ref for link in links for ref in link.refs])
    busy = {arrival.link for arrival in held.values()}
    asked: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for link in links:
        if link.state is not LinkState.ACTIVE:
            _drop(worker, link.refs[0], store.answers([link.id]), f"it is {link.state.value}")
        elif link.id not in busy:
            for side, id_ in link.members.items():
                asked[link.flow][side].add(id_)
    worker.draft.save()
    for name, ids in asked.items():
        if name in worker.setup.flows:
            await recover.look_again(worker, worker.setup.flows[name], ids)


def settle(worker: Worker, case: Case, delivered: Collection[str]) -> None:
    """Drop the answers of a case that are done now that these sides were written, and those that are void."""
    if not case.answers:
        return
    decided: dict[tuple[str | None, str], Decision] = {
        (None, d.property): d for d in case.merge.decisions if d.reason is Reason.RESOLVED
    }
    decided |= {
        (line.line, d.property): d
        for line in case.merge.lines or ()
        for d in line.decisions
        if d.reason is Reason.RESOLVED
    }
    void: list[Answer] = []
    for answer in case.answers:
        decision = decided.get((answer.line, answer.property))
        if decision is None:
            void.append(answer)
        elif decision.writes <= frozenset(delivered):
            worker.draft.answered.append(answer)
    if void:
        _drop(worker, case.refs[0], void, "it was changed since")


def _drop(worker: Worker, ref: Ref, void: Iterable[Answer], why: str) -> None:
    for answer in void:
        worker.draft.answered.append(answer)
        worker.draft.journal.append(
            Entry(
                at=worker.setup.now(),
                flow=ref.flow,
                link=answer.link,
                ref=ref,
                action="void",
                property=answer.property,
                line=answer.line,
                new=answer.value,
                note=f"{answer.note}: {why}",
                by=answer.by,
            )
        )
        worker.result.void.append(f"{ref}: {answer.property} was not {answer.note}: {why}")
