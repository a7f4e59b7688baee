"""``run``: the passes go on, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from syncline.cli.app import App, json_option, pass_app, who
from syncline.cli.consoling import PORT, tell_where
from syncline.cli.output import emit, say, tell
from syncline.engine.people.words import when

if TYPE_CHECKING:
    from syncline.engine.setup import Setup
    from syncline.project import Project
    from syncline.runtime.announcements import Announcements
    from syncline.runtime.course import Course
    from syncline.runtime.staying import Paces, Passed, Told


@click.command("run")
@click.option(
    "--every",
    type=click.FloatRange(0.1),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="The pause between looks at what no webhook announces.",
)
@click.option(
    "--sweep",
    type=click.FloatRange(0.1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="The pause between looks at everything.",
)
@click.option(
    "--console",
    "port",
    type=click.IntRange(0, 65_535),
    is_flag=False,
    flag_value=PORT,
    metavar="[PORT]",
    help="Serve the console, too.",
)
@json_option
@pass_app
def run_command(app: App, every: float, sweep: float, port: int | None, as_json: bool) -> None:
    """Stay in step until stopped by ctrl-c or SIGTERM.

    What the systems announce by webhook (see syncline.yaml) is looked at at once, the rest again and again. A pass that
    fails because a system is away is told and tried again, with growing pauses.
    """
    from syncline.cli import logs
    from syncline.runtime.staying import Paces

    logs.tell_retries(verbose=app.verbose)
    asyncio.run(_run(app.project(), Paces(every=every, sweep=sweep), port, as_json=as_json))


async def _run(project: Project, paces: Paces, port: int | None, *, as_json: bool) -> None:
    """Raises what no later try can mend: a refused sign-in, another company."""
    from syncline.runtime.announcements import Announcements
    from syncline.runtime.course import Course
    from syncline.runtime.hearing import hearing
    from syncline.runtime.staying import Staying

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    announcements, course = Announcements(project.flows.values()), Course()
    async with (
        project.open("syncline run") as setup,
        _console(project, setup, port),
        hearing(project, setup, announcements, _say_now) as announced,
        _health(project, setup, course, announcements) as metrics,
        _alerts(project, setup, course),
    ):
        tell(f"Running, every {paces.every:g} s. Stop with ctrl-c.")
        told = [_Told(project, setup, as_json=as_json), *metrics]
        await Staying(setup, paces, announcements, announced, course, told).run(stop)
    tell("Stopped.")


@asynccontextmanager
async def _console(project: Project, setup: Setup, port: int | None) -> AsyncIterator[None]:
    """Beside the passes, where it is wanted. Raises `CannotServe`."""
    if port is None:
        yield
        return
    from syncline.console.serving import served
    from syncline.listening import Place

    async with served(project, setup.store, Place(port=port), who()) as at:
        tell_where(at, tell)
        yield


@asynccontextmanager
async def _health(
    project: Project, setup: Setup, course: Course, announcements: Announcements
) -> AsyncIterator[Sequence[Told]]:
    """Beside the passes, where it is wanted: who is to be told of them. Raises `CannotServe`."""
    if project.health is None:
        yield ()
        return
    from syncline.runtime.answering import answering

    async with answering(project.health, setup, course, announcements) as (at, metrics):
        _say_now(f"How it does is told at {at}health and {at}metrics")
        yield (metrics,)


@asynccontextmanager
async def _alerts(project: Project, setup: Setup, course: Course) -> AsyncIterator[None]:
    """Beside the passes, where they are wanted. Raises `ProjectError`."""
    if project.alerts is None:
        yield
        return
    from syncline.runtime.alarming import alarming

    async with alarming(project, setup, course, _say_now):
        yield


def _say_now(sentence: str) -> None:
    tell(f"{when(datetime.now(UTC))} {sentence}")


class _Told:
    """What the terminal, or a script, is told."""

    def __init__(self, project: Project, setup: Setup, *, as_json: bool) -> None:
        self._project = project
        self._setup = setup
        self._as_json = as_json

    def failed(self, error: Exception, pause: float) -> None:
        _say_now(f"{error} The next try is in {pause:.3g} s.")

    def works_again(self) -> None:
        _say_now("It works again.")

    def passed(self, passed: Passed) -> None:
        """Nothing of a pass that found nothing to do, except as JSON: there every pass is a line."""
        from syncline.cli.working import result_told
        from syncline.engine.chains import counts

        now, result = datetime.now(UTC), passed.result
        if self._as_json:
            emit(
                {"at": now} | result_told(result, self._project, counts(self._setup.store, self._setup.flows)),
                compact=True,
            )
            return
        for flow, tally in result.flows.items():
            done = [f"{tally.linked} linked"] if tally.linked else []
            for verb, by_side in (("created", tally.created), ("updated", tally.updated), ("deleted", tally.deleted)):
                done += [f"{number} {verb} in {side}" for side, number in by_side.items() if number]
            done += [f"{number} parked ({cause})" for cause, number in tally.parked.items() if number]
            if done:
                say(f"{when(now)} {flow}: {', '.join(done)}")
        for sentence in result.void:
            tell(f"{when(now)} Void: {sentence}.")
        for sentence in result.told:
            tell(f"{when(now)} {sentence}")
        for sentence in result.unfinished:
            tell(f"{when(now)} Not finished: {sentence}")
        for sentence in result.held if result.writes else ():
            tell(f"{when(now)} Held: {sentence}. syncline holds tells more.")
