"""``undo``: what was changed is put back as it was, previewed first."""

from __future__ import annotations

import re
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from syncline.cli.app import App, check_flow, flow_option, json_option, pass_app
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import count, emit, say, shown, table, tell

if TYPE_CHECKING:
    from syncline.cli.names import Names
    from syncline.engine.people.undoing import Back, Kept, Undo
    from syncline.engine.report import Progress
    from syncline.engine.setup import Setup
    from syncline.project import Project
    from syncline.store import Entry, Store

_REASONS = 30
"""How many of the reasons why something is not undone are shown."""
_AGO = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class _Moment(click.ParamType[datetime]):
    """A time, or how long ago it was."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if ago := _AGO.fullmatch(value.strip()):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            return datetime.fromisoformat(value.strip()).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value} is no time. Write 2026-05-04T12:00:00, or 10m, 2h, 1d for how long ago.", param, ctx)


@click.command("undo")
@click.argument("record", required=False)
@click.option("--change", type=click.IntRange(1), metavar="SEQ", help="One change, by its number in the history.")
@click.option("--since", "moment", type=_Moment(), metavar="TIME", help="Everything from then on: a time, or 10m, 2h.")
@flow_option
@click.option("--over-later", is_flag=True, help="With --change: also where the property was changed again since.")
@click.option("--yes", is_flag=True, help="Do it, without asking.")
@json_option
@pass_app
def undo_command(
    app: App,
    record: str | None,
    change: int | None,
    moment: datetime | None,
    flow: str | None,
    over_later: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Put values back as they were: of one change, of RECORD since a time, or of all since a time.

    Shows first what would be put back; the next pass writes it. A deleted record is created again at once. RECORD
    is an id, a number, a name, or side/flow/id.
    """
    from syncline.cli.names import Names
    from syncline.engine.people.undoing import undo

    if (change is None) == (moment is None) or (record is not None and moment is None):
        raise click.UsageError("Say --change SEQ, or --since TIME, with or without a record.")
    if over_later and change is None:
        raise click.UsageError("--over-later goes with --change: since a time, nothing is later.")
    project = app.project()
    check_flow(project, flow)
    with project.open_store() as store:
        names = Names(store, project.flows)
        if change is not None and (entry := _deletion(project, store, change)) is not None:
            _restore(app, entry, names, yes=yes, as_json=as_json)
            return
        made = _meant(project, store, record, change, moment, flow, over_later=over_later)
        if not as_json:
            _show(made, names)
        sure = bool(made.back) and (yes or (not as_json and _asked_and_sure()))
        told = _told(made, names, done=sure) if as_json else None
        if sure:
            undo(store, made, datetime.now(UTC))
    if told is not None:
        emit(told)
    elif sure:
        tell(f"\n{count(len(made.back), 'value')} will be put back by the next pass.")
    elif made.back:
        tell("\nNothing was changed. --yes does it.")


def _asked_and_sure(question: str = "Put these back?") -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and click.confirm(f"\n{question}", err=True)


def _deletion(project: Project, store: Store, change: int) -> Entry | None:
    """Raises `Failure`."""
    from syncline.engine.people.restoring import deletion
    from syncline.engine.people.undoing import CannotUndo

    try:
        return deletion(store, project.flows, change)
    except CannotUndo as error:
        raise Failure(str(error), Exit.MISTAKE) from error


def _restore(app: App, entry: Entry, names: Names, *, yes: bool, as_json: bool) -> None:
    """A record that Syncline deleted: created at once, since nothing is left that a pass would look at."""
    from syncline.cli.working import work
    from syncline.engine.people.restoring import restore
    from syncline.engine.people.undoing import CannotUndo

    if entry.ref is None or entry.whole is None:
        return
    name = names.of_deleted(entry.ref, entry.whole)
    if not as_json:
        lines = f" and {count(len(entry.whole.lines), 'line')}" if entry.whole.lines else ""
        held = count(sum(value is not None for value in entry.whole.values.values()), "value")
        say(f"{entry.flow}  {shown(name)}  is created again in {entry.ref.side}, with {held}{lines}")
    sure = yes or (not as_json and _asked_and_sure("Create it?"))
    made = None
    if sure:

        async def restore_it(setup: Setup, _: Progress) -> str:
            return str(await restore(setup, entry))

        try:
            made = work(app, "syncline undo", restore_it)
        except CannotUndo as error:
            raise Failure(str(error), Exit.DIFFERS) from error
    if as_json:
        emit({"done": sure, "restored": {"flow": entry.flow, "name": name, "side": entry.ref.side, "record": made}})
    elif made is None:
        tell("\nNothing was changed. --yes does it.")
    else:
        tell(f"\n{made} was created. The next pass finds its counterpart, or creates it.")


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
    from syncline.cli.names import the_one
    from syncline.engine.people.undoing import CannotUndo, of_change, since

    if moment is not None:
        refs = None if record is None else the_one(store, project.flows, record, flow).refs
        return since(store, project.flows, moment, flow=flow, refs=refs)
    try:
        return of_change(store, project.flows, change or 0, over_later=over_later)
    except CannotUndo as error:
        raise Failure(str(error), Exit.MISTAKE) from error


def _show(made: Undo, names: Names) -> None:
    if made.back:
        rows = [
            (
                each.flow,
                names.of_link(each.link),
                names.place(each.link, each.line, each.property),
                _now(each, names),
                shown(names.value(each.flow, each.property, each.value)),
            )
            for each in made.back
        ]
        table(("flow", "record", "property", "now", "back to"), rows)
    else:
        say("There is nothing to be put back.")
    if made.kept:
        tell("\nNot undone:")
        told = Counter(_kept(each, names) for each in made.kept)
        for sentence, times in list(told.items())[:_REASONS]:
            tell(f"  {sentence}" + (f" ({times} times)" if times > 1 else ""))
        if len(told) > _REASONS:
            tell(f"  and {len(told) - _REASONS} more: --json tells all.")


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


def _told(made: Undo, names: Names, *, done: bool) -> dict[str, Any]:
    return {
        "done": done,
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
