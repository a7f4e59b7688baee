"""Deliberate faults in the engine: the proof that the simulation can fail. They exist here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from msgspec import Struct
from msgspec.structs import replace

from simulation import connector, world
from syncline.engine import journal, observe, sync, turn
from syncline.engine.delivery import answered, deliver, jobs, recover
from syncline.engine.delivery.retry import put_off
from syncline.engine.delivery.writes import Job, build
from syncline.engine.draft import Draft
from syncline.engine.setup import EngineError, Setup, check_identities, view
from syncline.reconcile import settle
from syncline.reconcile.merge import Decision, Merge, merge
from syncline.records import Done, LineChange, LineRemove, Outcome, Row, Shadow, Stale, Unavailable, Unknown, Update
from syncline.store import Memory, Store

Patches = Iterable[tuple[Any, str, Any]]


class Mutant(Struct, frozen=True):
    """``what`` is the mistake in words; ``patches`` are (where, name, what stands there instead)."""

    name: str
    what: str
    patches: Callable[[], Patches]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with ExitStack() as stack:
            for where, name, instead in self.patches():
                stack.enter_context(patch.object(where, name, instead))
            yield


MUTANTS: dict[str, Mutant] = {}


def mutant(what: str) -> Callable[[Callable[[], Patches]], Callable[[], Patches]]:
    def add(patches: Callable[[], Patches]) -> Callable[[], Patches]:
        name = patches.__name__.replace("_", " ")
        MUTANTS[name] = Mutant(name, what, patches)
        return patches

    return add


# --- what is remembered, and when


def _saving(before: Callable[[Draft], None]) -> Patches:
    save = Draft.save

    def saves(draft: Draft) -> None:
        before(draft)
        save(draft)

    return [(Draft, "save", saves)]


@mutant("no intent is stored before a write is sent")
def no_intent() -> Patches:
    return _saving(lambda draft: draft.opened.clear())


@mutant("nobody is woken when what they wait for is linked")
def no_waking() -> Patches:
    return _saving(lambda draft: draft.woken.clear())


@mutant("a page's cursor is stored before its records")
def cursor_before_page() -> Patches:
    take = observe._Looking.take

    async def takes(looking: Any, page: Any) -> None:
        store: Store = looking._setup.store
        store.save(Memory(cursors={(looking._flow.name, looking._side): page.cursor}))
        await take(looking, page)

    return [(observe._Looking, "take", takes)]


@mutant("what a feed tells of deletions is not read")
def deaf_to_deletions() -> Patches:
    take = observe._Looking.take

    async def takes(looking: Any, page: Any) -> None:
        await take(looking, replace(page, gone=()))

    return [(observe._Looking, "take", takes)]


@mutant("a poll by time begins where the last one ended")
def no_overlap() -> Patches:
    return [(connector, "OVERLAP", timedelta(0))]


@mutant("another company is taken for the one that is remembered")
def no_canary() -> Patches:
    async def believes(setup: Setup) -> list[str]:
        try:
            return await check_identities(setup)
        except EngineError:
            return []

    return [(sync, "check_identities", believes)]


# --- the decision


@mutant("a side has changed what differs from the other side, whatever it held before")
def sides_instead_of_shadows() -> Patches:
    def merges(flow: Any, rows: Mapping[str, Row], shadows: Mapping[str, Shadow], *more: Any) -> Merge:
        known = {**{side: shadow.values for side, shadow in shadows.items()}, **{s: r.values for s, r in rows.items()}}
        first = known[next(side for side in flow.sides if side in known)]
        return merge(flow, rows, {side: replace(shadow, values=first) for side, shadow in shadows.items()}, *more)

    return [(turn, "merge", merges)]


@mutant("a value that gave way is not told to the journal")
def losers_not_told() -> Patches:
    return [(journal, "_lost", lambda *_: iter(()))]


# --- the write and what came of it


@mutant("writes carry no version")
def no_version() -> Patches:
    def builds(*args: Any, **more: Any) -> Job:
        job = build(*args, **more)
        if not isinstance(job.write, Update):
            return job
        edits = tuple(
            replace(edit, version=None) if isinstance(edit, LineChange | LineRemove) else edit
            for edit in job.write.lines
        )
        return replace(job, write=replace(job.write, version=None, lines=edits))

    return [(jobs, "build", builds)]


def _hearing(what: type[Outcome] | Any, instead: Callable[[Any], Outcome], *, updates_only: bool) -> Patches:
    write = deliver._write

    async def writes(*args: Any) -> list[Any]:
        sent = await write(*args)
        return [
            replace(each, outcome=instead(each.outcome))
            if isinstance(each.outcome, what) and (isinstance(each.job.write, Update) or not updates_only)
            else each
            for each in sent
        ]

    return [(deliver, "_write", writes)]


@mutant("a write without an answer is sent again")
def unknown_is_sent_again() -> Patches:
    return _hearing(Unknown, lambda outcome: Unavailable(message=outcome.message), updates_only=False)


@mutant("an update without an answer is taken to stand")
def unknown_is_done() -> Patches:
    return _hearing(Unknown, lambda _: Done(answer=None), updates_only=True)


@mutant("an update that was refused for its version is taken to stand")
def stale_is_done() -> Patches:
    return _hearing(Stale, lambda _: Done(answer=None), updates_only=True)


@mutant("what a busy system did not take is not tried again")
def busy_is_forgotten() -> Patches:
    def forgets(worker: Any, case: Any, arrivals: Any, failed: Mapping[str, Outcome]) -> None:
        put_off(worker, case, arrivals, failed)
        if all(isinstance(outcome, Unavailable) for outcome in failed.values()):
            for arrival in arrivals:
                worker.draft.arrivals.pop(arrival.ref)
            worker.draft.finish(case.arrivals.values())

    return [(module, "put_off", forgets) for module in (answered, jobs)]


# --- what is known afterwards


_Change = Callable[[dict[str, Any], Iterable[Decision], str, Mapping[str, Any], frozenset[str]], None]


def _settled(change: _Change) -> Patches:
    settles = settle._settle_values

    def instead(
        properties: Any, decisions: Any, side: str, old: Any, answer: Mapping[str, Any], delivered: Any
    ) -> dict[str, Any]:
        values = settles(properties, decisions, side, old, answer, delivered)
        change(values, decisions, side, answer, frozenset(delivered))
        return values

    return [(settle, "_settle_values", instead)]


@mutant("all that a write is answered with counts as known, also what was not written")
def answer_is_known() -> Patches:
    return _settled(lambda values, _, __, answer, ___: values.update(answer))


@mutant("what was sent counts as known, not what the system made of it")
def sent_is_known() -> Patches:
    def change(values: dict[str, Any], decisions: Any, side: str, _: Any, done: frozenset[str]) -> None:
        values.update({d.property: d.value for d in decisions if side in d.writes & done})

    return _settled(change)


@mutant("an edit counts as known before it has arrived everywhere")
def known_too_soon() -> Patches:
    def change(values: dict[str, Any], decisions: Any, side: str, _: Any, __: frozenset[str]) -> None:
        values.update({d.property: d.now[side] for d in decisions if side not in d.writes and side in d.now})

    return _settled(change)


# --- recovery


@mutant("a create whose answer was lost is sent again instead of looked for")
def resent_instead_of_looked_for() -> Patches:
    async def resends(worker: Any, flow: Any, side: str, intent: Any, link: Any, found: Any) -> None:
        (outcome,) = await worker.setup.systems[side].write(view(flow, side), [intent.write])
        if isinstance(outcome, Done) and outcome.answer is not None:
            await recover._adopt(worker, flow, side, intent, link, outcome.answer)
        else:
            recover._never_was(worker, intent, link)

    return [(recover, "_judge", resends)]


@mutant("a create is repeated with another key")
def another_key() -> Patches:
    repeat = recover._repeat

    async def repeats(worker: Any, flow: Any, side: str, intents: Sequence[Any]) -> Any:
        anew = [replace(intent, write=replace(intent.write, key=f"{intent.write.key}!")) for intent in intents]
        return await repeat(worker, flow, side, anew)

    return [(recover, "_repeat", repeats)]


@mutant("what is not found at once is taken never to have been")
def no_settling() -> Patches:
    return [(world, "Setup", partial(Setup, settling=timedelta(0)))]
