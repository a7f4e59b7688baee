"""``console``: the web console, and who may sign in to it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncline.cli.app import App, check_flow, flow_option, json_option, pass_app, who
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import emit, say, table, tell
from syncline.engine.people.words import when

if TYPE_CHECKING:
    from syncline.console.serving import Served
    from syncline.listening import Place
    from syncline.project import Project
    from syncline.store import Role

PORT = 8470
_ROLES = ("see", "resolve", "administer")
_LONGEST_NAME = 64


@click.group("console", invoke_without_command=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="The port; 0 is any.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address; others than this machine's need users."
)
@click.option("--certificate", type=click.Path(path_type=Path), metavar="PEM", help="Serve by https, with this.")
@click.option("--key", type=click.Path(path_type=Path), metavar="PEM", help="The certificate's key.")
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@json_option
@click.pass_context
def console_command(
    ctx: click.Context, port: int, host: str, certificate: Path | None, key: Path | None, opens: bool, as_json: bool
) -> None:
    """How things stand and what is to be decided, in a browser: until ctrl-c.

    While there is no user, it prints a link that signs in once.
    """
    if ctx.invoked_subcommand is not None:
        return
    from syncline.listening import Place

    app = ctx.find_object(App)
    assert app is not None
    place = Place(port=port, host=host, certificate=certificate, key=key)
    asyncio.run(_serve(app.project(), place, opens=opens, as_json=as_json))


async def _serve(project: Project, place: Place, *, opens: bool, as_json: bool) -> None:
    from syncline.console.serving import served

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with project.open_store() as store:
        async with served(project, store, place, who()) as at:
            if as_json:
                emit({"address": at.address, "link": at.link}, compact=True)
            else:
                tell_where(at, say)
                tell("Stop with ctrl-c.")
            if opens:
                click.launch(at.link or at.address)
            await stop.wait()
    tell("Stopped.")


def tell_where(at: Served, address: Callable[[str], None]) -> None:
    """Where the console is, as the command tells it, and how to get in."""
    address(at.address)
    if at.link is not None:
        tell(f"There is no user yet. This signs {who()} in, once: {at.link}")


# --- users


@console_command.group("user", invoke_without_command=True)
@json_option
@click.pass_context
def user_command(ctx: click.Context, as_json: bool) -> None:
    """Who may sign in to the console, and what they may do."""
    if ctx.invoked_subcommand is None:
        app = ctx.find_object(App)
        assert app is not None
        _show_users(app, as_json=as_json)


@user_command.command("add")
@click.argument("name")
@click.option(
    "--role", type=click.Choice(_ROLES), required=True, help="What they may do; each includes the ones before."
)
@click.option(
    "--password-from", "variable", metavar="VARIABLE", help="The environment variable that holds the password."
)
@json_option
@pass_app
def add_command(app: App, name: str, role: Role, variable: str | None, as_json: bool) -> None:
    """Let NAME sign in. The password is asked for, or taken from an environment variable."""
    from syncline.console.passwords import WeakPassword, hashed
    from syncline.store import User

    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise click.BadParameter(f"a name is up to {_LONGEST_NAME} characters that can be seen.")
    project = app.project()
    with project.open_store() as store:
        if store.user(name) is not None:
            raise Failure(f"{name} is a user already: syncline console user remove {name} ends that.", Exit.MISTAKE)
        try:
            password = hashed(_password(variable))
        except WeakPassword as error:
            raise Failure(str(error), Exit.MISTAKE) from error
        store.add_user(User(name=name, role=role, password=password, since=datetime.now(UTC)))
    if as_json:
        emit({"user": name, "role": role})
    else:
        tell(f"{name} may sign in ({role}).")


def _password(variable: str | None) -> str:
    if variable is not None:
        if not (password := os.environ.get(variable)):
            raise Failure(f"The environment variable {variable} is not set.", Exit.MISTAKE)
        return password
    if not sys.stdin.isatty():
        raise Failure("There is nobody to ask for a password: --password-from VARIABLE tells it.", Exit.MISTAKE)
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


@user_command.command("list")
@json_option
@pass_app
def list_command(app: App, as_json: bool) -> None:
    """Who may sign in, and what they may do."""
    _show_users(app, as_json=as_json)


def _show_users(app: App, *, as_json: bool) -> None:
    with app.project().open_store() as store:
        users = store.users()
    if as_json:
        emit({"users": [{"user": user.name, "role": user.role, "since": user.since} for user in users]})
    elif users:
        table(("name", "role", "since"), [(user.name, user.role, when(user.since)) for user in users])
    else:
        tell("There is no user yet.")


@user_command.command("remove")
@click.argument("name")
@json_option
@pass_app
def remove_command(app: App, name: str, as_json: bool) -> None:
    """Let NAME sign in no more. Wherever they are signed in, that ends."""
    with app.project().open_store() as store:
        if not store.remove_user(name):
            raise Failure(f"{name} is no user: syncline console user list tells who is.", Exit.MISTAKE)
    if as_json:
        emit({"removed": name})
    else:
        tell(f"{name} may not sign in any more.")


@click.command("open")
@click.argument("record")
@flow_option
@json_option
@pass_app
def open_command(app: App, record: str, flow: str | None, as_json: bool) -> None:
    """Show RECORD in the console that is served for this project.

    RECORD is an id, a number, a name, or side/flow/id. Where there is no browser, the address is only printed.
    """
    from syncline.console.views import record_url
    from syncline.console.where import where_served
    from syncline.engine.people.names import the_one

    project = app.project()
    check_flow(project, flow)
    with project.open_store() as store:
        subject = the_one(store, project.flows, record, flow)
        at = where_served(store)
    if at is None:
        raise Failure("No console is served for this project. Start one: syncline console", Exit.MISTAKE)
    address = at.rstrip("/") + record_url(subject.refs[0])
    if as_json:
        emit({"address": address})
        return
    say(address)
    if sys.stdout.isatty():
        click.launch(address)
