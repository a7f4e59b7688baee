"""``run``: the passes go on, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from syncline.cli.app import App, every_option, json_option, log_option, pass_app, sweep_option, who
from syncline.cli.consoling import PORT, tell_where
from syncline.cli.output import tell
from syncline.cli.saying import Passes, Results, Text

if TYPE_CHECKING:
    from syncline.cli.structured import Structured
    from syncline.engine.setup import Setup
    from syncline.project import Project
    from syncline.runtime.announcements import Announcements
    from syncline.runtime.course import Course
    from syncline.runtime.paces import Paces
    from syncline.runtime.staying import Told
    from syncline.runtime.telling import Tell


@click.command("run")
@every_option
@sweep_option
@click.option(
    "--console",
    "port",
    type=click.IntRange(0, 65_535),
    is_flag=False,
    flag_value=PORT,
    metavar="[PORT]",
    help="Serve the console, too.",
)
@log_option
@json_option
@pass_app
def run_command(app: App, every: float, sweep: float, port: int | None, form: str, as_json: bool) -> None:
    """Stay in step until stopped by ctrl-c or SIGTERM.

    What the systems announce by webhook (see syncline.yaml) is looked at at once, the rest again and again. A pass that
    fails because a system or the store is away is told and tried again, with growing pauses.
    """
    from syncline.runtime.paces import Paces
    from syncline.runtime.tracing import tracing

    paces = Paces(every=every, sweep=sweep)
    if form == "text":
        from syncline.cli import logs

        logs.tell_retries(verbose=app.verbose)
        with tracing():
            asyncio.run(_run(app.project(), paces, port, Text(), as_json=as_json))
        return
    from syncline.cli.structured import Structured

    log = Structured()
    log.hear_libraries(verbose=app.verbose)
    try:
        with tracing():
            asyncio.run(_run(app.project(), paces, port, log, as_json=as_json))
    except Exception as error:
        raise click.exceptions.Exit(log.ended(error)) from error


async def _run(project: Project, paces: Paces, port: int | None, log: Text | Structured, *, as_json: bool) -> None:
    """Raises what no later try can mend: a refused sign-in, another company."""
    token: str | None = None
    while True:
        reloaded = await _by(project, token, paces, port, log, as_json=as_json)
        if reloaded is None:
            break
        project, token = reloaded
    log("run.stopped", "Stopped.")


async def _by(
    project: Project, token: str | None, paces: Paces, port: int | None, log: Text | Structured, *, as_json: bool
) -> tuple[Project, str] | None:
    """Run by the project's files as they were read, until it is to stop (``None``) or somebody has them read again.

    Who has asked for these by ``token`` is told that it runs by them.
    """
    from syncline.runtime import reloading
    from syncline.runtime.alarming import alarming
    from syncline.runtime.announcements import Announcements
    from syncline.runtime.course import Course
    from syncline.runtime.hearing import hearing
    from syncline.runtime.staying import Staying

    end, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    announcements, course = Announcements(project.flows.values()), Course()
    async with (
        project.open("syncline run") as setup,
        _console(project, setup, port, log),
        hearing(project, setup, announcements, log) as announced,
        _health(project, setup, course, announcements, log) as metrics,
        alarming(project, setup, course, log),
    ):
        if token is None:
            log("run.started", f"Running, every {paces.every:g} s. Stop with ctrl-c.", every=paces.every)
        else:
            reloading.answer(setup.store, token)
            log("run.reloaded", "The project was read again: it runs by its files as they are now.")
        reloading.note_served(setup.store, "")
        reloaded = asyncio.create_task(reloading.asked(project, setup.store))
        reloaded.add_done_callback(lambda _: end.set())
        told = [*_told(project, setup, log, as_json=as_json), *metrics]
        try:
            await Staying(setup, paces, announcements, announced, course, told).run(end)
            return reloaded.result() if reloaded.done() else None
        finally:
            reloaded.cancel()


@asynccontextmanager
async def _console(project: Project, setup: Setup, port: int | None, log: Text | Structured) -> AsyncIterator[None]:
    """Beside the passes, where it is wanted. Raises `CannotServe`."""
    if port is None:
        yield
        return
    from syncline.console.serving import served
    from syncline.listening import Place

    async with served(project, setup.store, Place(port=port), who()) as at:
        if isinstance(log, Text):
            tell_where(at, tell)
        else:
            log("console.listening", "", address=at.address)  # what signs in is not for a log
        yield


@asynccontextmanager
async def _health(
    project: Project, setup: Setup, course: Course, announcements: Announcements, tell: Tell
) -> AsyncIterator[Sequence[Told]]:
    """Beside the passes, where it is wanted: who is to be told of them. Raises `CannotServe`."""
    if project.health is None:
        yield ()
        return
    from syncline.runtime.answering import answering

    async with answering(project.health, setup, course, announcements) as (at, metrics):
        tell("health.listening", f"How it does is told at {at}health and {at}metrics", address=at)
        yield (metrics,)


def _told(project: Project, setup: Setup, log: Text | Structured, *, as_json: bool) -> list[Told]:
    """Who is told of passes."""
    results: list[Told] = [Results(project, setup.store)] if as_json else []
    if isinstance(log, Text):
        return [log, *(results or [Passes()])]
    from syncline.cli.structured import Journal

    return [Journal(log, setup.store), log, *results]
