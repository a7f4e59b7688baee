"""``upgrade``: what is remembered is brought to a newer schema."""

from __future__ import annotations

import click

from syncline.cli.app import App, json_option, pass_app
from syncline.cli.output import emit, say, tell


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
