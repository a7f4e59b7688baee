"""``status``, ``links`` and ``history``: what is remembered. No system is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from syncline.cli.app import App, check_flow, flow_option, json_option, pass_app
from syncline.cli.output import emit, say, table, tell
from syncline.engine.people.words import count, shown, when

if TYPE_CHECKING:
    from syncline.engine.people.names import Names, Subject
    from syncline.project import Project
    from syncline.records import Values
    from syncline.store import Entry, Pair, Store

_PAGE = 1_000


@click.command("status")
@json_option
@pass_app
def status_command(app: App, as_json: bool) -> None:
    """How every flow stands: linked, due, waiting, parked."""
    project = app.project()
    if as_json:
        from syncline.engine.chains import counts as standing
        from syncline.store import Counts

        with project.open_store() as store:
            counts, holds = standing(store, project.flows), store.holds()
        emit({"flows": {flow: counts.get(flow, Counts()) for flow in project.flows}, "holds": len(holds)})
    else:
        show_status(project)


def show_status(project: Project) -> None:
    """The table, and what a person may want to look at next."""
    from syncline.engine.chains import counts as standing
    from syncline.store import Counts

    with project.open_store() as store:
        counts, holds = standing(store, project.flows), store.holds()
    rows = [(flow, counts.get(flow, Counts())) for flow in project.flows]
    numbers = ("linked", "resting", "completed", "due", "waiting", "parked")
    table(
        ("flow", *numbers, "last"),
        [
            (
                f,
                c.linked,
                c.resting,
                c.completed,
                c.due,
                c.waiting,
                sum(c.parked.values()),
                when(c.last) if c.last else "-",
            )
            for f, c in rows
        ],
        right=numbers,
    )
    if parked := sum(sum(c.parked.values()) for _, c in rows):
        tell(f"\n{count(parked, 'record')} parked for a person: syncline parked tells why.")
    if holds:
        tell(f"\n{count(len(holds), 'property', 'properties')} held back: syncline holds tells why.")
    if not counts:
        tell("\nNothing was done yet: syncline plan shows what would be.")


@click.command("links")
@click.argument("text", required=False)
@flow_option
@click.option("--ids", is_flag=True, help="Show the records' ids instead of number and state.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The most links to show.")
@click.option("--all", "everything", is_flag=True, help="Show all, without a limit.")
@json_option
@pass_app
def links_command(
    app: App, text: str | None, flow: str | None, ids: bool, limit: int, everything: bool, as_json: bool
) -> None:
    """Which records are the same: all, or those with TEXT in an id, a key or any value."""
    from itertools import islice

    from syncline.engine.people.names import Names

    project = app.project()
    check_flow(project, flow)
    most = None if everything else limit
    with project.open_store() as store:
        found = list(islice(_links(project, store, text, flow, most), None if most is None else most + 1))
        more, pairs = most is not None and len(found) > most, found[:most]
        names = Names(store, project.flows)
        if as_json:
            emit({"links": [_told(pair, names) for pair in pairs], "more": more})
            return
        sides = project.sides
        if ids:
            members = ((p.link.flow, names.of_pair(p), *(p.link.members.get(s, "") for s in sides)) for p in pairs)
            table(("flow", "name", *sides), members)
        else:
            told = ((p.link.flow, names.key_of(p), p.link.state.value, names.of_pair(p)) for p in pairs)
            table(("flow", "number", "state", "name"), told)
    if not pairs:
        tell("No link has that." if text else "Nothing is linked yet.")
    if more:
        tell(f"\nThere are more than these {count(len(pairs), 'link')}: --all shows them, TEXT or --flow finds some.")


def _links(project: Project, store: Store, text: str | None, flow: str | None, most: int | None) -> Iterator[Pair]:
    if text:
        yield from store.find_links(text, flow, limit=1_000_000 if most is None else most + 1)
        return
    for name in [flow] if flow else project.flows:
        after: str | None = None
        while pairs := store.pairs(name, after, _PAGE):
            yield from pairs
            after = pairs[-1].link.id


def _told(pair: Pair, names: Names) -> dict[str, Any]:
    link = pair.link
    values = {
        side: {name: names.value(link.flow, name, value) for name, value in pair.shadows[side].values.items()}
        for side in names.sides(pair)
        if side in pair.shadows
    }
    return {
        "link": link.id,
        "flow": link.flow,
        "name": names.of_pair(pair),
        "state": link.state,
        "members": {side: link.members[side] for side in names.sides(pair)},
        "values": values,
    }


@click.command("history")
@click.argument("record")
@flow_option
@json_option
@pass_app
def history_command(app: App, record: str, flow: str | None, as_json: bool) -> None:
    """Everything that was done to RECORD: when, by which side, from what to what.

    RECORD is an id, a number, a name, or side/flow/id.
    """
    from syncline.engine.people.names import Names, history, sentence, the_one

    project = app.project()
    check_flow(project, flow)
    with project.open_store() as store:
        names, subject = Names(store, project.flows), the_one(store, project.flows, record, flow)
        entries = history(store, subject)
        if as_json:
            emit(
                {"record": _told_subject(subject, names), "entries": [_told_entry(e, subject, names) for e in entries]}
            )
            return
        say(f"{subject.refs[0].flow}  {shown(subject.name)}")
        for ref in subject.refs:
            say(str(ref), indent=2)
        say()
        rows = ((e.seq, when(e.at), e.ref.side if e.ref else "", sentence(e, subject.pair, names)) for e in entries)
        table(("seq", "when", "system", "what"), rows)


def _told_subject(subject: Subject, names: Names) -> dict[str, Any]:
    if subject.pair is not None:
        return _told(subject.pair, names)
    ref = subject.refs[0]
    return {"link": None, "flow": ref.flow, "name": subject.name, "members": {ref.side: ref.id}}


def _told_entry(entry: Entry, subject: Subject, names: Names) -> dict[str, Any]:
    """Values for people; ``line`` is also told by its number, where the order still has it."""
    from msgspec import structs

    from syncline.engine.people.names import line_number

    told = structs.asdict(entry) | {
        "ref": str(entry.ref) if entry.ref else None,
        "old": names.value(entry.flow, entry.property, entry.old),
        "new": names.value(entry.flow, entry.property, entry.new),
        "whole": _told_whole(entry, names) if entry.whole else None,
    }
    return told | ({"lineNumber": line_number(subject.pair, entry.line)} if entry.line else {})


def _told_whole(entry: Entry, names: Names) -> dict[str, Any]:
    """Everything that was known of a record, or of a line alone."""
    assert entry.whole is not None

    def told(values: Values) -> dict[str, Any]:
        return {name: names.value(entry.flow, name, value) for name, value in values.items()}

    lines = [{"line": line.line, "values": told(line.values)} for line in entry.whole.lines]
    return {"values": told(entry.whole.values), "lines": lines}
