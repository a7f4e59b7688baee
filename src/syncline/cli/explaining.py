"""``why``: where each value of a record came from, or why the record is not synchronised. No system is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from syncline.cli.app import App, check_flow, flow_option, json_option, pass_app
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import emit, say, table, tell
from syncline.engine.people.words import shown, when

if TYPE_CHECKING:
    from syncline.engine.people.names import Names, Subject
    from syncline.mapping.model import Flow
    from syncline.project import Project
    from syncline.store import Entry, Pair

_EVENTS = 10
"""How many sentences are told of one property."""


@click.command("why")
@click.argument("record")
@click.argument("property_", metavar="[PROPERTY]", required=False)
@click.option("--line", type=click.IntRange(1), metavar="N", help="Of this line of the record.")
@flow_option
@json_option
@pass_app
def why_command(
    app: App, record: str, property_: str | None, line: int | None, flow: str | None, as_json: bool
) -> None:
    """Where each value of RECORD came from, what gave way to it, and what happens next with it.

    RECORD is an id, a number, a name, or side/flow/id. With PROPERTY, everything that happened to that one.
    """
    from syncline.engine.people.names import Names, history, the_one
    from syncline.engine.people.outlook import outlook

    project = app.project()
    check_flow(project, flow)
    with project.open_store() as store:
        names, subject = Names(store, project.flows), the_one(store, project.flows, record, flow)
        agreed = project.flows.get(subject.refs[0].flow)
        sentences = list(outlook(store, project.flows, names, subject.pair, subject.refs, datetime.now(UTC)))
        entries = history(store, subject)
        id_ = _line(subject, line) if line else None
        if property_ is not None:
            _check(agreed, property_, within=id_ is not None)
        rows = list(_rows(agreed, subject.pair, id_, property_, entries, names))
        if as_json:
            emit({"record": [str(ref) for ref in subject.refs], "name": subject.name, "next": sentences, "why": rows})
            return
    say(f"{subject.refs[0].flow}  {shown(subject.name)}")
    for ref in subject.refs:
        say(str(ref), indent=2)
    say()
    for sentence in sentences:
        say(shown(sentence))
    say()
    if property_ is None:
        told = [(row["property"], *_held(row), row["events"][0]["words"] if row["events"] else "") for row in rows]
        if told:
            table(("property", "value", "why"), told)
            tell(f"\nsyncline why {record} PROPERTY tells everything of one.")
        return
    say(f"{property_}: {'; '.join(_rules(app.project(), subject, property_, within=id_ is not None))}")
    for row in rows:
        for side, value in row["values"].items():
            say(f"{side}: {shown(value)}", indent=2)
        for event in row["events"][:_EVENTS]:
            say(f"{when(event['at'])}  {event['words']}.", indent=2)
        if len(row["events"]) > _EVENTS:
            tell(f"{len(row['events']) - _EVENTS} more: syncline history {record} tells them.")
        if not row["events"]:
            say("Nothing was done to it since the records were linked.", indent=2)


def _rules(project: Project, subject: Subject, name: str, *, within: bool) -> Iterator[str]:
    """What the agreement says of a property, as the document does."""
    from syncline.document.agreed import describe

    document = describe(project, datetime.now(UTC))
    for section in document.sections:
        if section.flow == subject.refs[0].flow:
            for row in section.lines if within else section.rows:
                if row.name == name:
                    yield f" {row.arrow} ".join(f"{c.place} ({document.sides[s]})" for s, c in row.cells.items())
                    yield from row.rules


def _line(subject: Subject, number: int) -> str:
    """The line that people count so. Raises `Failure`."""
    shadows = subject.pair.shadows.values() if subject.pair is not None else ()
    names = dict.fromkeys(line.line for shadow in shadows for line in shadow.lines)
    if number > len(names):
        raise Failure(f"There is no line {number}: it has {len(names)}.", Exit.MISTAKE)
    return list(names)[number - 1]


def _check(agreed: Flow | None, name: str, *, within: bool) -> None:
    """Raises `Failure` for a property that there is not."""
    from syncline.yamlfile import did_you_mean

    if agreed is None:
        return
    known = agreed.lines.properties if within and agreed.lines else agreed.properties
    if name not in known:
        raise Failure(f"{agreed.name} has no property {name}. {did_you_mean(name, known)}".strip(), Exit.MISTAKE)


def _rows(
    agreed: Flow | None, pair: Pair | None, line: str | None, only: str | None, entries: list[Entry], names: Names
) -> Iterator[dict[str, Any]]:
    """Each property with what every side is known to hold, and what happened to it, the last first."""
    from msgspec import structs

    from syncline.engine.people.causes import events

    shadows = {side: pair.shadows[side] for side in names.sides(pair) if side in pair.shadows} if pair else {}
    known = {
        side: shadow.values if line is None else next((each.values for each in shadow.lines if each.line == line), {})
        for side, shadow in shadows.items()
    }
    rows = (agreed.lines.properties if line is not None and agreed.lines else agreed.properties) if agreed else {}
    for name in rows if only is None else [only]:
        held = {side: values[name] for side, values in known.items() if name in values}
        told = [structs.asdict(event) for event in events(entries, names, name, line)]
        if held or told or only is not None:
            flow = agreed.name if agreed is not None else ""
            yield {
                "property": name,
                "values": {side: names.value(flow, name, value) for side, value in held.items()},
                "events": told,
            }


def _held(row: dict[str, Any]) -> tuple[str]:
    """The value, or those of each side where they differ."""
    values = list(dict.fromkeys(shown(value) for value in row["values"].values()))
    if len(values) < 2:
        return (values[0] if values else "",)
    return ("; ".join(f"{side}: {shown(value)}" for side, value in row["values"].items()),)
