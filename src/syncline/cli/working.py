"""``plan``, ``apply``, ``sync`` and ``verify``: one look at both systems, and what is done about it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from syncline.cli.app import App, json_option, pass_app
from syncline.cli.failing import Exit
from syncline.cli.output import emit, say, table, tell
from syncline.engine.people.words import EMPTY, count, shown

if TYPE_CHECKING:
    from syncline.engine.guards.restored import Wanted
    from syncline.engine.people.names import Names
    from syncline.engine.report import Change, Difference, Plan, PlanRow, Progress, Refusal, Result, Verification
    from syncline.engine.setup import Setup
    from syncline.project import Project
    from syncline.store import Counts

T = TypeVar("T")

_ROWS = 3
"""How many rows of each step of a flow a plan shows unless all are asked for. A new record is many lines long."""
_DIFFERENCES = 10
"""How many differences of a flow are shown."""

all_option = click.option("--all", "everything", is_flag=True, help="Show all, not only the first of each flow.")


def work(app: App, owner: str | None, what: Callable[[Setup, Progress], Awaitable[T]]) -> T:
    """Open the project and do it; ``owner`` is the command in whose name the store is locked."""
    from syncline.cli import bars, logs

    logs.tell_retries(verbose=app.verbose)
    project = app.project()

    async def opened() -> T:
        async with project.open(owner) as setup:
            with bars.watched() as progress:
                return await what(setup, progress)

    return asyncio.run(opened())


# --- plan


@click.command("plan")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the plan to this file, to be applied."
)
@all_option
@json_option
@pass_app
def plan_command(app: App, out: Path | None, everything: bool, as_json: bool) -> None:
    """What sync would do now. Nothing is written, neither to a system nor to the store."""
    from syncline.cli import planfile
    from syncline.engine.plan import plan

    made = work(app, None, plan)
    if out is not None:
        planfile.write(made, out)
    if as_json:
        emit(made)
    else:
        _show_plan(made, everything)
    tell("\nNothing was written." + (f" syncline apply {out} does just this." if out else " syncline sync does it."))


def _show_plan(plan: Plan, everything: bool) -> None:
    steps: dict[str, Counter[str]] = {}
    for row in plan.rows:
        steps.setdefault(row.flow, Counter())[row.step] += 1
    names = ["link", "create", "update", "conflict", "park"]
    names += ["delete"] if any(tally["delete"] for tally in steps.values()) else []
    if not steps:
        say("There is nothing to do.")
        return
    table(("flow", *names), ((flow, *(tally[name] for name in names)) for flow, tally in steps.items()), right=names)
    hidden = 0
    for flow in steps:
        say(f"\n{flow}")
        told: Counter[str] = Counter()
        for row in (row for row in plan.rows if row.flow == flow):
            told[row.step] += 1
            if everything or told[row.step] <= _ROWS:
                _show_row(row)
            else:
                hidden += 1
    if hidden:
        tell(f"\n{count(hidden, 'row')} more: --all shows them, --json tells everything.")


def _show_row(row: PlanRow) -> None:
    where = f" in {row.target}" if row.target else f" by {row.key}" if row.key else ""
    message = f": {shown(row.message)}" if row.message else ""
    say(f"{row.step} {shown(row.name)}{where}{message}", indent=2)
    for change in row.changes:
        say(_change(row, change), indent=6)


def _change(row: PlanRow, change: Change) -> str:
    line = f"line {change.number} " if change.number else ""
    origin = f" (from {change.origin})" if change.origin else ""
    before = "" if row.step == "create" else f"{shown(change.old)} → "
    return f"{line}{change.property}: {before}{shown(change.new)}{origin}"


# --- apply


@click.command("apply")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
@pass_app
@click.pass_context
def apply_command(ctx: click.Context, app: App, file: Path, as_json: bool) -> None:
    """Do what the plan in FILE says, and nothing else.

    A row whose records have moved since the plan was made is refused.
    """
    from syncline.cli import planfile
    from syncline.engine.chains import counts
    from syncline.engine.plan import apply

    reviewed = planfile.read(file)
    project = app.project()

    async def apply_it(setup: Setup, progress: Progress) -> tuple[Result, tuple[Refusal, ...], Mapping[str, Counts]]:
        result, refused = await apply(setup, reviewed, progress)
        return result, refused, counts(setup.store, setup.flows)

    result, refused, now = work(app, "syncline apply", apply_it)
    if as_json:
        emit(result_told(result, project, now) | {"refused": refused})
    else:
        show_result(result, project, now)
        for refusal in refused:
            row = refusal.row
            target = f" in {row.target}" if row.target else ""
            say(f"refused: {row.step} {shown(row.name)}{target} ({row.flow}): {shown(refusal.why)}")
    _end(ctx, result, differs=bool(refused))


# --- sync


@click.command("sync")
@click.option("--scan", "scanning", is_flag=True, help="Look for deleted records now, not only once an hour.")
@click.option("--allow-deletions", is_flag=True, help="Go on even if much of a side was deleted.")
@click.option(
    "--repair",
    metavar="SYSTEM",
    multiple=True,
    help="It was brought back from a backup: put back there what it has forgotten.",
)
@click.option(
    "--follow",
    metavar="SYSTEM",
    multiple=True,
    help="It was brought back from a backup: that is the truth now.",
)
@json_option
@pass_app
@click.pass_context
def sync_command(
    ctx: click.Context,
    app: App,
    scanning: bool,
    allow_deletions: bool,
    repair: tuple[str, ...],
    follow: tuple[str, ...],
    as_json: bool,
) -> None:
    """Bring both sides in step: link, create, update, and repeat until nothing is due."""
    from syncline.engine.chains import counts
    from syncline.engine.sync import sync

    if both := set(repair) & set(follow):
        raise click.UsageError(f"{min(both)} cannot be both repaired and followed.")
    restored: dict[str, Wanted] = {**dict.fromkeys(repair, "repair"), **dict.fromkeys(follow, "follow")}

    async def sync_it(setup: Setup, progress: Progress) -> tuple[Result, Mapping[str, Counts]]:
        result = await sync(setup, progress, scanning=scanning, allow_deletions=allow_deletions, restored=restored)
        return result, counts(setup.store, setup.flows)

    project = app.project()
    result, now = work(app, "syncline sync", sync_it)
    if as_json:
        emit(result_told(result, project, now))
    else:
        show_result(result, project, now)
    _end(ctx, result)


def result_told(result: Result, project: Project, counts: Mapping[str, Counts]) -> dict[str, Any]:
    """What a pass did by flow, with how each flow stands now, as JSON tells it."""
    from syncline.engine.report import Tally
    from syncline.store import Counts

    flows = {}
    for flow in project.flows:
        done, now = result.flows.get(flow, Tally()), counts.get(flow, Counts())
        flows[flow] = {
            "linked": done.linked,
            "created": {side: done.created[side] for side in project.flows[flow].sides},
            "updated": {side: done.updated[side] for side in project.flows[flow].sides},
            "deleted": {side: done.deleted[side] for side in project.flows[flow].sides},
            "parked": dict(done.parked),
            "now": now,
        }
    told = {"unfinished": result.unfinished, "void": result.void, "held": result.held}
    return {"flows": flows, "writes": result.writes} | told


def show_result(result: Result, project: Project, counts: Mapping[str, Counts]) -> None:
    """One row for each side of a flow; what holds for the whole flow stands in its first."""
    from syncline.engine.report import Tally
    from syncline.store import Counts

    numbers = ["linked", "created", "updated", "parked", "waiting"]
    deleted = any(tally.deleted.total() for tally in result.flows.values())
    numbers[3:3] = ["deleted"] if deleted else []
    rows: list[tuple[object, ...]] = []
    for flow, agreed in project.flows.items():
        done, now = result.flows.get(flow, Tally()), counts.get(flow, Counts())
        for at, side in enumerate(agreed.sides):
            whole = (
                (done.linked, done.parked.total() - done.parked["waiting"], now.waiting) if at == 0 else ("", "", "")
            )
            gone = [done.deleted[side]] if deleted else []
            rows.append((flow, side, whole[0], done.created[side], done.updated[side], *gone, *whole[1:]))
    table(("flow", "system", *numbers), rows, right=numbers)
    parked = sum(tally.parked.total() - tally.parked["waiting"] for tally in result.flows.values())
    if parked:
        tell(f"\n{count(parked, 'record')} parked for a person by this pass: syncline parked tells why.")


def _end(ctx: click.Context, result: Result, *, differs: bool = False) -> None:
    for sentence in result.void:
        tell(f"Void: {sentence}.")
    for sentence in result.told:
        tell(sentence)
    for sentence in result.unfinished:
        tell(f"Not finished: {sentence}")
    for sentence in result.held:
        tell(f"Held: {sentence}. These edits do not count until a person says so: syncline holds.")
    if result.unfinished or result.held or differs:
        ctx.exit(Exit.DIFFERS)


# --- verify


@click.command("verify")
@all_option
@json_option
@pass_app
@click.pass_context
def verify_command(ctx: click.Context, app: App, everything: bool, as_json: bool) -> None:
    """Read both sides afresh and prove that they agree, or list every difference with its cause."""
    from syncline.engine.people.names import Names
    from syncline.engine.verify import verify

    found = work(app, None, verify)
    project = app.project()
    with project.open_store() as store:
        names = Names(store, project.flows)
        if as_json:
            emit(_verification_told(found, names))
        else:
            _show_verification(found, names, everything)
    if found.differences:
        ctx.exit(Exit.DIFFERS)


def _verification_told(found: Verification, names: Names) -> dict[str, Any]:
    from msgspec import structs

    told = [structs.asdict(each) | {"values": _values(each, names)} for each in found.differences]
    return {"compared": found.compared, "properties": found.properties, "differences": told}


def _values(difference: Difference, names: Names) -> dict[str, Any]:
    sides = names.in_order(difference.flow, difference.values)
    return {side: names.value(difference.flow, difference.property, difference.values[side]) for side in sides}


def _show_verification(found: Verification, names: Names, everything: bool) -> None:
    differing = Counter(difference.flow for difference in found.differences)
    flows = [*found.compared, *(flow for flow in differing if flow not in found.compared)]
    numbers = ("compared", "differences")
    table(("flow", *numbers), ((flow, found.compared.get(flow, 0), differing[flow]) for flow in flows), right=numbers)
    if not found.differences:
        say(f"\nBoth sides agree in {count(found.properties, 'value')}.")
        return
    hidden = 0
    for flow in differing:
        differences = [difference for difference in found.differences if difference.flow == flow]
        told = differences if everything else differences[:_DIFFERENCES]
        hidden += len(differences) - len(told)
        say(f"\n{flow}")
        for difference in told:
            _show_difference(difference, names)
    if hidden:
        tell(f"\n{count(hidden, 'difference')} more: --all shows them, --json tells everything.")


def _show_difference(difference: Difference, names: Names) -> None:
    line = f"line {difference.number}" if difference.number else ""
    what = " ".join(part for part in (line, difference.property) if part)
    values = _values(difference, names)
    held = ", ".join(f"{shown(value)} ({side})" for side, value in values.items())
    if not what and not held:
        held = f"only in {', '.join(difference.members)}" if len(difference.members) == 1 else EMPTY
    say(shown(difference.name) + (f": {what}" if what else "") + (f": {held}" if held else ""), indent=2)
    if difference.cause:
        say(shown(difference.cause), indent=6)
