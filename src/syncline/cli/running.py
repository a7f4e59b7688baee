"""``run``: the pass, again and again, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from syncline.cli.app import App, json_option, pass_app, who
from syncline.cli.consoling import PORT, tell_where
from syncline.cli.output import emit, say, tell
from syncline.engine.people.words import when

if TYPE_CHECKING:
    from syncline.engine.report import Result
    from syncline.engine.setup import Setup
    from syncline.project import Project

_GRACE = 10.0
"""Seconds that a pass is given to end when it is told to stop. Cut off after that, it loses nothing either."""
_LONGEST = 300.0
"""Seconds between tries, at most, while a system is away."""


@click.command("run")
@click.option(
    "--every", type=click.FloatRange(0.1), default=5.0, show_default=True, metavar="SECONDS", help="The pause."
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
def run_command(app: App, every: float, port: int | None, as_json: bool) -> None:
    """Repeat the pass until stopped by ctrl-c or SIGTERM.

    A pass that fails because a system is away is told and tried again, with growing pauses.
    """
    from syncline.cli import logs

    logs.tell_retries(verbose=app.verbose)
    project = app.project()
    asyncio.run(_Runner(project, every, port, as_json=as_json).run())


class _Runner:
    def __init__(self, project: Project, every: float, port: int | None, *, as_json: bool) -> None:
        self._project = project
        self._every = every
        self._port = port
        self._as_json = as_json
        self._stop = asyncio.Event()
        self._failures = 0

    async def run(self) -> None:
        """Raises what no later try can mend: a refused sign-in, another company."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        async with self._project.open("syncline run") as setup, self._console(setup):
            tell(f"Running, every {self._every:g} s. Stop with ctrl-c.")
            while not self._stop.is_set():
                pause = await self._pass(setup)
                await self._sleep(pause)
        tell("Stopped.")

    @asynccontextmanager
    async def _console(self, setup: Setup) -> AsyncIterator[None]:
        """Beside the passes, where it is wanted. Raises `CannotServe`."""
        if self._port is None:
            yield
            return
        from syncline.console.serving import Place, served

        async with served(self._project, setup.store, Place(port=self._port), who()) as at:
            tell_where(at, tell)
            yield

    async def _pass(self, setup: Setup) -> float:
        """One pass; how long to pause after it."""
        from syncline.connectors.base import ConnectorError, SignInRefused
        from syncline.engine.guards.restored import WentBack
        from syncline.engine.sync import sync

        try:
            result = await self._until_stopped(asyncio.ensure_future(sync(setup)))
        except SignInRefused:
            raise  # asking on with what is refused may lock the account
        except (ConnectorError, WentBack) as error:  # a replica that lags far behind looks like a backup for a while
            pause = min(self._every * 2.0**self._failures, max(_LONGEST, self._every))
            self._failures += 1
            tell(f"{when(datetime.now(UTC))} {error} The next try is in {pause:g} s.")
            return pause
        if self._failures:
            self._failures = 0
            tell(f"{when(datetime.now(UTC))} It works again.")
        if result is not None:
            self._report(result, setup)
        return self._every

    async def _until_stopped(self, work: asyncio.Future[Result]) -> Result | None:
        """``None`` if it had to be cut off."""
        stopped: asyncio.Future[Any] = asyncio.ensure_future(self._stop.wait())
        try:
            either: set[asyncio.Future[Any]] = {work, stopped}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({work}, timeout=_GRACE)
            if work.done():
                return work.result()
            work.cancel()
            await asyncio.wait({work})
            return None
        finally:
            stopped.cancel()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return

    def _report(self, result: Result, setup: Setup) -> None:
        """Nothing of a pass that found nothing to do, except as JSON: there every pass is a line."""
        from syncline.cli.working import result_told
        from syncline.engine.chains import counts

        now = datetime.now(UTC)
        if self._as_json:
            emit({"at": now} | result_told(result, self._project, counts(setup.store, setup.flows)), compact=True)
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
