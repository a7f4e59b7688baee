"""``undo``: what was changed, created and deleted is taken back, previewed first."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from syncline.cli.app import App, check_flow, flow_option, json_option, pass_app, who
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import emit, say, table, tell
from syncline.engine.people.words import count, moment, shown

if TYPE_CHECKING:
    from syncline.engine.people.names import Names
    from syncline.engine.people.reverting import Back, Kept
    from syncline.engine.people.undoing import Undo
    from syncline.engine.report import Progress
    from syncline.engine.setup import Setup
    from syncline.project import Project
    from syncline.store import Entry, Store

_REASONS = 30
"""How many of the reasons why something is not undone are shown."""
_WHOLE = "(record)"


class _Moment(click.ParamType[datetime]):
    """A time, or how long ago it was."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return moment(value, datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("undo")
@click.argument("record", required=False)
@click.option("--change", type=click.IntRange(1), metavar="SEQ", help="One change, by its number in the history.")
@click.option("--since", "moment", type=_Moment(), metavar="TIME", help="Everything from then on: a time, or 10m, 2h.")
@flow_option
@click.option("--over-later", is_flag=True, help="Also what was changed again since, which is lost by that.")
@click.option("--yes", is_flag=True, help="Do it, without asking.")
@json_option
@pass_app
@click.pass_context
def undo_command(
    ctx: click.Context,
    app: App,
    record: str | None,
    change: int | None,
    moment: datetime | None,
    flow: str | None,
    over_later: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Take back what Syncline did: one change, all that was done to RECORD since a time, or all since a time.

    Shows first what would be done. The next pass puts values back and deletes what was created; what was deleted is
    created again at once. RECORD is an id, a number, a name, or side/flow/id.
    """
    from syncline.engine.people.names import Names

    if (change is None) == (moment is None) or (record is not None and moment is None):
        raise click.UsageError("Say --change SEQ, or --since TIME, with or without a record.")
    project = app.project()
    check_flow(project, flow)
    with project.open_store() as store:
        names = Names(store, project.flows)
        made = _meant(project, store, record, change, moment, flow, over_later=over_later)
        if not as_json:
            _show(made, names)
        sure = bool(made) and (yes or (not as_json and _asked_and_sure()))
        told = _told(made, names) if as_json else None
        restored = _do(app, store, made) if sure else {}
    if told is not None:
        created = [each | restored.get(each["seq"], {}) for each in told["created"]]
        emit({"done": sure} | told | {"created": created})
    else:
        _tell_done(made, restored, sure=sure)
    if any(each["why"] for each in restored.values()):
        ctx.exit(Exit.DIFFERS)


def _asked_and_sure() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and click.confirm("\nTake these back?", err=True)


def _meant(
    project: Project,
    store: Store,
    record: str | None,
    change: int | None,
    moment: datetime | None,
    flow: str | None,
    *,
    over_later: bool,
) -> Undo:
    """Raises `Failure`."""
    from syncline.engine.people.names import the_one
    from syncline.engine.people.reverting import CannotUndo
    from syncline.engine.people.undoing import of_change, since

    if moment is not None:
        refs = None if record is None else the_one(store, project.flows, record, flow).refs
        return since(store, project.flows, moment, flow=flow, refs=refs, over_later=over_later)
    try:
        return of_change(store, project.flows, change or 0, over_later=over_later)
    except CannotUndo as error:
        raise Failure(str(error), Exit.MISTAKE) from error


def _do(app: App, store: Store, made: Undo) -> dict[int, dict[str, str | None]]:
    """What became of each record that was to be created again, by the entry that tells of its deletion."""
    from syncline.cli.working import work
    from syncline.engine.people.undoing import take_back, undo

    if not made.restored:
        undo(store, made, datetime.now(UTC), who())
        return {}

    async def do(setup: Setup, _: Progress) -> dict[int, dict[str, str | None]]:
        done = await take_back(setup, made, who())
        return {seq: {"record": str(r.ref) if r.ref else None, "why": r.why} for seq, r in done.items()}

    return work(app, "syncline undo", do)


# --- what is told


def _show(made: Undo, names: Names) -> None:
    if made:
        table(("flow", "record", "property", "now", "back to"), _rows(made, names))
    else:
        say("There is nothing to be taken back.")
    if made.kept:
        tell("\nNot undone:")
        told = Counter(_kept(each, names) for each in made.kept)
        for sentence, times in list(told.items())[:_REASONS]:
            tell(f"  {sentence}" + (f" ({times} times)" if times > 1 else ""))
        if len(told) > _REASONS:
            tell(f"  and {len(told) - _REASONS} more: --json tells all.")


def _rows(made: Undo, names: Names) -> Iterator[tuple[str, ...]]:
    for each in made.back:
        place, now = names.place(each.link, each.line, each.property), _now(each, names)
        value = shown(names.value(each.flow, each.property, each.value))
        yield each.flow, names.of_link(each.link), place, now, value
    for gone in made.withdrawn:
        name, side = names.of_link(gone.link.id), gone.ref.side
        yield gone.link.flow, name, _WHOLE, f"created in {side}", f"deleted; {', '.join(map(str, gone.stays))} stays"
    for entry in made.restored:
        name, side = _name_of_deleted(entry, names), entry.ref.side if entry.ref else ""
        yield entry.flow, name, _WHOLE, f"deleted in {side}", f"created again, with {_size(entry)}"


def _name_of_deleted(entry: Entry, names: Names) -> str:
    return names.of_deleted(entry.ref, entry.whole) if entry.ref and entry.whole else ""


def _size(entry: Entry) -> str:
    whole = entry.whole
    held = count(sum(value is not None for value in whole.values.values()), "value") if whole else ""
    return held + (f" and {count(len(whole.lines), 'line')}" if whole and whole.lines else "")


def _tell_done(made: Undo, restored: Mapping[int, Mapping[str, str | None]], *, sure: bool) -> None:
    if made and not sure:
        tell("\nNothing was changed. --yes does it.")
        return
    parts = [f"{count(len(made.back), 'value')} put back"] if made.back else []
    parts += [f"{count(len(made.withdrawn), 'record')} deleted"] if made.withdrawn else []
    if parts:
        tell(f"\nThe next pass does it: {', '.join(parts)}.")
    for each in restored.values():
        if each["why"] is not None:
            tell(f"\n{each['why']}")
        elif each["record"] is None:
            tell("\nThe next pass creates it from its counterpart, or finds it.")
        else:
            tell(f"\n{each['record']} was created. The next pass finds its counterpart, or creates it.")


def _now(each: Back, names: Names) -> str:
    held = {side: shown(names.value(each.flow, each.property, each.now[side])) for side in each.now}
    if len(set(held.values())) == 1:
        return next(iter(held.values()))
    return ", ".join(f"{held[side]} ({side})" for side in names.in_order(each.flow, held))


def _kept(each: Kept, names: Names) -> str:
    e = each.entry
    name = shown(names.of_link(e.link)) if e.link else str(e.ref)
    line = f"line {names.number(e.link, e.line)}" if e.link and e.line else ""
    what = " ".join(part for part in (line, e.property or e.action) if part)
    side = f" in {e.ref.side}" if e.ref else ""
    return f"{e.flow}  {name}  {what}{side}: {each.why}"


def _told(made: Undo, names: Names) -> dict[str, Any]:
    return {
        "back": [
            {
                "flow": each.flow,
                "link": each.link,
                "name": names.of_link(each.link),
                "property": each.property,
                "line": each.line,
                "now": {side: names.value(each.flow, each.property, each.now[side]) for side in each.now},
                "value": names.value(each.flow, each.property, each.value),
                "writes": each.writes,
            }
            for each in made.back
        ],
        "deleted": [
            {
                "seq": each.entry.seq,
                "flow": each.link.flow,
                "link": each.link.id,
                "name": names.of_link(each.link.id),
                "record": str(each.ref),
                "stays": [str(ref) for ref in each.stays],
            }
            for each in made.withdrawn
        ],
        "created": [
            {
                "seq": entry.seq,
                "flow": entry.flow,
                "name": _name_of_deleted(entry, names),
                "deleted": str(entry.ref),
                "record": None,
                "why": None,
            }
            for entry in made.restored
        ],
        "kept": [
            {
                "seq": each.entry.seq,
                "flow": each.entry.flow,
                "link": each.entry.link,
                "ref": str(each.entry.ref) if each.entry.ref else None,
                "action": each.entry.action,
                "property": each.entry.property,
                "line": each.entry.line,
                "why": each.why,
            }
            for each in made.kept
        ],
    }
