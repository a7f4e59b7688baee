"""``resolve``: what a property shall be that two systems hold differently."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from syncline.cli.app import App, check_flow, flow_option, json_option, pass_app, who
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import emit, say, tell
from syncline.engine.people.words import count, shown

if TYPE_CHECKING:
    from syncline.engine.people.names import Names
    from syncline.engine.people.resolving import Question, Resolution
    from syncline.project import Project
    from syncline.store import Store


class _Said(Struct, frozen=True):
    """Which value it shall be: the one that a side holds, or one that was typed."""

    take: str | None
    typed: str | None


@click.command("resolve")
@click.argument("record", required=False)
@click.argument("name", metavar="[PROPERTY]", required=False)
@click.option("--take", metavar="SIDE", help="What this side holds.")
@click.option("--value", "typed", metavar="TEXT", help="This value; '' is an empty one.")
@click.option("--line", metavar="N", help="The property of this line, as syncline parked numbers it.")
@click.option("--all", "everything", is_flag=True, help="Every property that is to be chosen, of every record.")
@click.option("--property", "among", metavar="NAME", help="With --all: only this property.")
@flow_option
@json_option
@pass_app
def resolve_command(
    app: App,
    record: str | None,
    name: str | None,
    take: str | None,
    typed: str | None,
    line: str | None,
    everything: bool,
    among: str | None,
    flow: str | None,
    as_json: bool,
) -> None:
    """Choose what PROPERTY of RECORD shall be, where the systems differ: the next pass writes it.

    RECORD is an id, a number, a name, or side/flow/id, as syncline parked shows them. Without PROPERTY, all of the
    record that are to be chosen.
    """
    from syncline.engine.people.names import Names
    from syncline.engine.people.resolving import CannotResolve, resolve

    if (record is None) != everything:
        raise click.UsageError("Name the record, or say --all.")
    if (take is None) == (typed is None):
        raise click.UsageError("Say --take SIDE, or --value TEXT.")
    if everything and (typed is not None or line is not None):
        raise click.UsageError("--all takes a side: a value, or a line, is chosen record by record.")
    project = app.project()
    check_flow(project, flow)
    with project.open_store() as store:
        names = Names(store, project.flows)
        asked = _asked(project, store, names, record, flow)
        wanted = [q for q in asked if _is_meant(q, names, name or among, line)]
        if record is not None and not wanted:
            there = ", ".join(names.place(q.link, q.line, q.property) for q in asked)
            raise Failure(f"That is not to be chosen of {record}; there is: {there}.", Exit.MISTAKE)
        if typed is not None and len(wanted) > 1:
            there = ", ".join(names.place(q.link, q.line, q.property) for q in wanted)
            raise Failure(f"One value is for one property. Name it: {there}.", Exit.MISTAKE)
        try:
            made = [_resolution(project, store, question, _Said(take, typed)) for question in wanted]
        except CannotResolve as error:
            raise Failure(str(error), Exit.MISTAKE) from error
        if as_json:
            told = [_told(each, names) for each in made]
        resolve(store, made, datetime.now(UTC), who())
        if as_json:
            emit({"resolved": told})
            return
        for each in made:
            _show(each, names)
    if made:
        tell(f"{count(len(made), 'value')} chosen: the next pass writes what differs.")
    else:
        tell("Nothing is to be chosen.")


def _asked(project: Project, store: Store, names: Names, record: str | None, flow: str | None) -> list[Question]:
    """What is to be chosen; of a record that is named also what was chosen before and a system would not have."""
    from syncline.cli.parking import chosen
    from syncline.engine.people.resolving import asked_before, questions

    if record is None:
        return [question for each in store.parked(flow, "conflict") for question in questions(each)]
    found: list[Question] = []
    for each in chosen(store.parked(flow), [record], names):
        found += questions(each) or asked_before(store, project.flows[each.ref.flow], each)
    if not found:
        raise Failure(f"{record} is not parked for a conflict. syncline parked tells why it is.", Exit.MISTAKE)
    return found


def _is_meant(question: Question, names: Names, name: str | None, line: str | None) -> bool:
    if name is not None and question.property != name:
        return False
    if line is None:
        return True
    return question.line is not None and line in (question.line, names.number(question.link, question.line))


def _resolution(project: Project, store: Store, question: Question, said: _Said) -> Resolution:
    """Raises `CannotResolve`, and `NotFound` for a record that the value is to name."""
    from syncline.engine.people.names import typed_value
    from syncline.engine.people.resolving import property_of, resolution, taken_from

    flow = project.flows[question.parked.ref.flow]
    if said.take is not None:
        if said.take not in flow.sides:
            raise Failure(f"{said.take} is no side of {flow.name}; sides are: {', '.join(flow.sides)}.", Exit.MISTAKE)
        return resolution(store, flow, question, taken_from(question, said.take))
    p = property_of(flow, question.property, question.line)
    return resolution(store, flow, question, typed_value(store, project.flows, p, said.typed or ""))


def _show(made: Resolution, names: Names) -> None:
    question = made.question
    flow = question.parked.ref.flow

    def held(side: str) -> str:
        return f"{side} (now {shown(names.value(flow, question.property, question.values[side]))})"

    value = shown(names.value(flow, question.property, made.value))
    place = names.place(question.link, question.line, question.property)
    does = f"to {_and([held(side) for side in made.writes])}" if made.writes else "nothing is to be written"
    keeps = f"; {_and([held(side) for side in made.stays])} takes none, and keeps its own" if made.stays else ""
    say(f"{flow}  {shown(names.of_parked(question.parked))}  {place}: {value}, {does}{keeps}")


def _and(parts: Sequence[str]) -> str:
    return " and ".join(parts)


def _told(made: Resolution, names: Names) -> dict[str, Any]:
    question = made.question
    flow = question.parked.ref.flow
    held = {side: names.value(flow, question.property, value) for side, value in question.values.items()}
    return {
        "record": str(question.parked.ref),
        "flow": flow,
        "link": question.link,
        "name": names.of_parked(question.parked),
        "property": question.property,
        "line": question.line,
        "value": names.value(flow, question.property, made.value),
        "writes": {side: held[side] for side in made.writes},
        "stays": {side: held[side] for side in made.stays},
    }
