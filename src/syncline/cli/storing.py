"""``store`` and ``upgrade``: where what is remembered is kept, moved elsewhere, and brought to a newer schema."""

from __future__ import annotations

import click

from syncline.cli.app import App, json_option, pass_app
from syncline.cli.output import emit, say, tell
from syncline.engine.people.words import count


@click.group("store", invoke_without_command=True)
@json_option
@click.pass_context
def store_command(ctx: click.Context, as_json: bool) -> None:
    """Where what is remembered is kept."""
    if ctx.invoked_subcommand is not None:
        return
    from syncline.store.tables import REVISION

    app = ctx.find_object(App)
    assert app is not None
    project = app.project()
    with project.open_store():
        if as_json:
            emit({"store": project.store, "schema": REVISION})
        else:
            say(f"{project.store} (schema {REVISION})")


@store_command.command("move")
@click.argument("address")
@click.option("--no-edit", is_flag=True, help="Leave syncline.yaml as it is, and tell what to write there.")
@json_option
@pass_app
def move_command(app: App, address: str, no_edit: bool, as_json: bool) -> None:
    """Move everything that is remembered to ADDRESS, where there must be nothing yet.

    Both are compared before the new one is used. The old one is left as it is.
    """
    from syncline.cli import bars
    from syncline.project.configfile import FILE
    from syncline.store.address import parse

    project = app.project()
    target = parse(address, project.folder.absolute())
    with bars.counted() as step, project.open_store() as store:
        moved = store.move_to(str(target), lambda table, done, total: step("copy", table, done, total))
    if not no_edit:
        project.keep_store_at(address)
    rows = sum(content.rows for content in moved.values())
    if as_json:
        tables = {table: content.rows for table, content in moved.items()}
        emit({"from": project.store, "to": str(target), "rows": rows, "tables": tables, "edited": not no_edit})
        return
    say(f"{count(rows, 'row')} are in {target} now, and were compared with {project.store}.")
    if no_edit:
        tell(f"Nothing uses it yet. Write in {FILE}:\n\nstore: {address}\n")
    else:
        tell(f"{FILE} names it. Start anew what still runs; the old one is left as it was, and is not used any more.")


@click.command("upgrade")
@json_option
@pass_app
def upgrade_command(app: App, as_json: bool) -> None:
    """Bring a store that an earlier Syncline made to this one's schema.

    A SQLite file is copied first. In PostgreSQL it is one transaction: back the database up before.
    """
    from syncline.store import Store

    project = app.project()
    done = Store.upgrade(project.store)
    if as_json:
        told = {"before": done.before, "after": done.after, "copy": done.copy and str(done.copy)} if done else None
        emit({"store": project.store, "upgraded": told})
    elif done is None:
        say(f"{project.store} is of this version already.")
    else:
        say(f"{project.store} was brought from schema {done.before} to {done.after}.")
        if done.copy is not None:
            tell(f"What it was before is in {done.copy}.")
