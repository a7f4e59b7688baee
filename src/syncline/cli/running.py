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
    from syncline.cli.structured import Structured
    from syncline.engine.setup import Setup
    from syncline.project import Project
    from syncline.runtime.announcements import Announcements
    from syncline.runtime.course import Course
    from syncline.runtime.staying import Paces, Passed, Told
    from syncline.runtime.telling import Event, Tell


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
@click.option(
    "--log",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it tells what happens: to people, or an object a line.",
)
@json_option
@pass_app
def run_command(app: App, every: float, sweep: float, port: int | None, form: str, as_json: bool) -> None:
    """Stay in step until stopped by ctrl-c or SIGTERM.

    What the systems announce by webhook (see syncline.yaml) is looked at at once, the rest again and again. A pass that
    fails because a system or the store is away is told and tried again, with growing pauses.
    """
    from syncline.runtime.staying import Paces
    from syncline.runtime.tracing import tracing

    paces = Paces(every=every, sweep=sweep)
    if form == "text":
        from syncline.cli import logs

        logs.tell_retries(verbose=app.verbose)
        with tracing():
            asyncio.run(_run(app.project(), paces, port, _Text(), as_json=as_json))
        return
    from syncline.cli.structured import Structured

    log = Structured()
    log.hear_libraries(verbose=app.verbose)
    try:
        with tracing():
            asyncio.run(_run(app.project(), paces, port, log, as_json=as_json))
    except Exception as error:
        raise click.exceptions.Exit(log.ended(error)) from error


async def _run(project: Project, paces: Paces, port: int | None, log: _Text | Structured, *, as_json: bool) -> None:
    """Raises what no later try can mend: a refused sign-in, another company."""
    token: str | None = None
    while True:
        reloaded = await _by(project, token, paces, port, log, as_json=as_json)
        if reloaded is None:
            break
        project, token = reloaded
    log("run.stopped", "Stopped.")


async def _by(
    project: Project, token: str | None, paces: Paces, port: int | None, log: _Text | Structured, *, as_json: bool
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
        reloaded = asyncio.create_task(reloading.asked(project, setup.store))
        reloaded.add_done_callback(lambda _: end.set())
        told = [*_told(project, setup, log, as_json=as_json), *metrics]
        try:
            await Staying(setup, paces, announcements, announced, course, told).run(end)
            return reloaded.result() if reloaded.done() else None
        finally:
            reloaded.cancel()


@asynccontextmanager
async def _console(project: Project, setup: Setup, port: int | None, log: _Text | Structured) -> AsyncIterator[None]:
    """Beside the passes, where it is wanted. Raises `CannotServe`."""
    if port is None:
        yield
        return
    from syncline.console.serving import served
    from syncline.listening import Place

    async with served(project, setup.store, Place(port=port), who()) as at:
        if isinstance(log, _Text):
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


def _told(project: Project, setup: Setup, log: _Text | Structured, *, as_json: bool) -> list[Told]:
    """Who is told of passes."""
    results: list[Told] = [_Results(project, setup)] if as_json else []
    if isinstance(log, _Text):
        return [log, *(results or [_Passes()])]
    from syncline.cli.structured import Journal

    return [Journal(log, setup.store), log, *results]


class _Text:
    """What people read."""

    def __call__(self, event: Event, sentence: str, **about: object) -> None:
        untimed = event in ("run.started", "run.stopped")
        tell(sentence if untimed else f"{when(datetime.now(UTC))} {sentence}")

    def passed(self, passed: Passed) -> None:
        pass

    def failed(self, error: Exception, pause: float) -> None:
        self("pass.failed", f"{error} The next try is in {pause:.3g} s.")

    def works_again(self) -> None:
        self("pass.works_again", "It works again.")


class _Quiet:
    def failed(self, error: Exception, pause: float) -> None:
        pass

    def works_again(self) -> None:
        pass


class _Results(_Quiet):
    """Every pass as JSON."""

    def __init__(self, project: Project, setup: Setup) -> None:
        self._project = project
        self._setup = setup

    def passed(self, passed: Passed) -> None:
        from syncline.cli.working import result_told
        from syncline.engine.chains import counts

        now = counts(self._setup.store, self._setup.flows)
        emit({"at": datetime.now(UTC)} | result_told(passed.result, self._project, now), compact=True)


class _Passes(_Quiet):
    """What a pass did, in words: nothing of one that found nothing to do."""

    def __init__(self) -> None:
        self._unfinished: tuple[str, ...] = ()
        """What was told already: it is tried again every few seconds."""

    def passed(self, passed: Passed) -> None:
        now, result = datetime.now(UTC), passed.result
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
            if sentence not in self._unfinished:
                tell(f"{when(now)} Not finished: {sentence}")
        self._unfinished = tuple(result.unfinished)
        for sentence in result.held if result.writes else ():
            tell(f"{when(now)} Held: {sentence}. syncline holds tells more.")
