"""``holds``: properties that a side emptied or set alike at once; ``pass`` lets them through, ``reject`` puts back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import click

from syncline.cli.app import App, json_option, who
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import emit, say, table, tell
from syncline.engine.people.words import count, when

if TYPE_CHECKING:
    from syncline.project import Project
    from syncline.store import Hold

_side = click.option("--side", metavar="SYSTEM", help="The system, where it is held on several.")
_property = click.argument("name", metavar="FLOW.PROPERTY")


@click.group("holds", invoke_without_command=True)
@json_option
@click.pass_context
def holds_command(ctx: click.Context, as_json: bool) -> None:
    """Properties of which a system emptied, or set alike, too many at once: these edits do not count for now."""
    app = ctx.find_object(App)
    assert app is not None
    if ctx.invoked_subcommand is not None:
        return
    with app.project().open_store() as store:
        holds = store.holds()
    if as_json:
        emit({"holds": [_told(hold) for hold in holds]})
        return
    numbers = ("changed", "emptied", "linked")
    rows = [(f"{h.flow}.{_name(h)}", h.side, h.state, h.changed, h.blanked, h.linked, when(h.since)) for h in holds]
    if rows:
        table(("property", "system", "state", *numbers, "since"), rows, right=numbers)
        tell("\nsyncline holds pass FLOW.PROPERTY lets it through, syncline holds reject FLOW.PROPERTY puts back.")
    else:
        tell("Nothing is held.")


def _name(hold: Hold) -> str:
    return hold.property if hold.within == "header" else f"lines.{hold.property}"


def _told(hold: Hold) -> dict[str, Any]:
    from msgspec import structs

    return structs.asdict(hold)


@holds_command.command("pass")
@_property
@_side
@json_option
@click.pass_obj
def pass_command(app: App, name: str, side: str | None, as_json: bool) -> None:
    """Say that these edits are meant: the next pass lets them through.

    Of a property inside lines the name is FLOW.lines.PROPERTY.
    """
    _decide(app, name, side, "passed", as_json)


@holds_command.command("reject")
@_property
@_side
@json_option
@click.pass_obj
def reject_command(app: App, name: str, side: str | None, as_json: bool) -> None:
    """Say that these edits are a mistake: the next pass puts back what was there before.

    Of a property inside lines the name is FLOW.lines.PROPERTY.
    """
    _decide(app, name, side, "rejected", as_json)


def _decide(app: App, name: str, side: str | None, state: Literal["passed", "rejected"], as_json: bool) -> None:
    from syncline.engine.guards.breaker import decide

    project = app.project()
    with project.open_store() as store:
        chosen = [h for h in store.holds() if name == f"{h.flow}.{_name(h)}" and side in (None, h.side)]
        if not chosen:
            raise Failure(f"{name} is not held. syncline holds shows what is.", Exit.MISTAKE)
        for hold in chosen if state == "rejected" else ():
            _check_can_be_put_back(project, hold)
        decide(store, chosen, state, datetime.now(UTC), who())
    if as_json:
        emit({state: [_told(hold) for hold in chosen]})
    else:
        done = "lets them through" if state == "passed" else "puts back what was there"
        say(name)
        tell(f"The next pass {done}, in {count(len(chosen), 'system')}.")


def _check_can_be_put_back(project: Project, hold: Hold) -> None:
    flow = project.flows.get(hold.flow)
    if flow is None:
        return
    properties = flow.properties if hold.within == "header" or flow.lines is None else flow.lines.properties
    p = properties.get(hold.property)
    if p is not None and hold.side not in p.targets:
        message = (
            f"{_name(hold)} goes from {hold.side} to others, never back: correct it in {hold.side}, or let it pass."
        )
        raise Failure(message, Exit.MISTAKE)
