"""``syncline`` alone: how things stand, who is at work, and what to do next; or how to begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import click

from syncline.cli.app import App
from syncline.cli.looking import show_status
from syncline.cli.output import tell
from syncline.console.where import where_served
from syncline.engine.people.words import count
from syncline.project import Project
from syncline.project.configfile import FILE
from syncline.store import Store

_ASK: Mapping[str, str] = {
    "conflict": "syncline resolve says which value is right",
    "suggested": "syncline link, or syncline parked apart, says whether they are the same",
    "ambiguous": "syncline link, or syncline parked apart, says which are the same",
    "refused": "correct what its system refuses, then syncline parked retry",
    "untranslatable": "correct what is not understood, then syncline parked retry",
    "deleted": "syncline parked delete, restore or keep says what becomes of the others",
    "older": "syncline parked accept or restore says which of its values are right",
}
"""What a person does about it. Of the rest ``syncline parked`` tells."""


def welcome(app: App) -> None:
    if not (app.folder / FILE).is_file():
        click.echo(f"There is no {FILE} in {app.folder.absolute()}.\n")
        click.echo("  syncline demo                                            see it work between two sandboxes")
        click.echo("  syncline init DIR --businesscentral URL --customerp URL  make a project for two systems")
        click.echo("  syncline --help                                          all commands")
        return
    project = app.project()
    show_status(project)
    with project.open_store() as store:
        console, steps = where_served(store), list(_steps(project, store))
    tell("\nNext:" if steps else "\nThere is nothing to do.")
    for step in steps:
        tell(f"  {step}")
    tell(f"\nAll of this in a browser: {console or 'syncline console'}")


def _steps(project: Project, store: Store) -> Iterator[str]:
    """What there is to do: a sentence each, with the command."""
    if lacking := sorted({name for side in project.sides for name in project.systems[side].lacking().values()}):
        yield f"Set {', '.join(lacking)}: without that, no system is asked."
    flow_sides = {(flow.name, side) for flow in project.flows.values() for side in flow.sides}
    if store.unlisted(flow_sides) == flow_sides:
        yield "syncline doctor looks whether all is there that a pass needs."
    causes: Counter[str] = Counter()
    for (cause, _), number in store.causes().items():
        causes[cause] += number
    yield from (f"{count(causes[each], 'record')} ({each}): {what}." for each, what in _ASK.items() if causes[each])
    if worker := store.worker():
        yield f"Nothing but to look on: {worker[1]} (process {worker[0]}) is at work."
    else:
        yield "Nobody is at work: syncline sync is one pass, syncline run stays in step."
