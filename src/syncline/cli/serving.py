"""``worker``: one of those who serve the companies of a folder, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from syncline.cli.app import App, every_option, json_option, log_option, pass_app, sweep_option
from syncline.cli.saying import Passes, Results, Text
from syncline.project.spelling import host_and_port

if TYPE_CHECKING:
    from syncline.cli.structured import Structured
    from syncline.project import Project
    from syncline.runtime.fleet.worker import Options
    from syncline.runtime.staying import Told
    from syncline.store import Store


class _Place(click.ParamType[tuple[str, int]]):
    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        found = host_and_port(str(value))
        if found is None:
            self.fail(f"{value} is not a place to listen. Write it as 127.0.0.1:8471.", param, ctx)
        return found


queue_option = click.option(
    "--queue",
    envvar="SYNCLINE_QUEUE",
    required=True,
    metavar="ADDRESS",
    show_envvar=True,
    help="The PostgreSQL database of the queue: postgresql://user@host/database",
)


@click.command("worker")
@queue_option
@click.option(
    "--turns",
    "concurrency",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    metavar="NUMBER",
    help="How many companies' turns are under way at once.",
)
@every_option
@sweep_option
@click.option("--webhooks", type=_Place(), metavar="HOST:PORT", help="Hear the companies' webhooks there.")
@click.option("--health", type=_Place(), metavar="HOST:PORT", help="Tell there how it does: /health and /metrics.")
@log_option
@json_option
@pass_app
def worker_command(
    app: App,
    queue: str,
    concurrency: int,
    every: float,
    sweep: float,
    webhooks: tuple[str, int] | None,
    health: tuple[str, int] | None,
    form: str,
    as_json: bool,
) -> None:
    """Keep many companies in step: each folder in this one that has a syncline.yaml is one.

    Start as many workers as are needed, on as many machines; they share the companies by the queue, and take over from
    one that dies. Each company's store has to be in PostgreSQL.
    """
    from syncline.listening import Place
    from syncline.runtime.fleet.worker import Options
    from syncline.runtime.paces import Paces
    from syncline.runtime.tracing import tracing

    options = Options(
        folder=app.folder,
        queue=queue,
        paces=Paces(every=every, sweep=sweep),
        concurrency=concurrency,
        webhooks=Place(host=webhooks[0], port=webhooks[1]) if webhooks else None,
        health=Place(host=health[0], port=health[1]) if health else None,
    )
    with tracing():
        if form == "text":
            from syncline.cli import logs

            logs.tell_retries(verbose=app.verbose)
            asyncio.run(_work(options, _ToPeople(as_json=as_json)))
            return
        from syncline.cli.structured import Structured

        log = Structured()
        log.hear_libraries(verbose=app.verbose)
        try:
            asyncio.run(_work(options, _ToMachines(log, as_json=as_json)))
        except Exception as error:
            raise click.exceptions.Exit(log.ended(error)) from error


async def _work(options: Options, listeners: _ToPeople | _ToMachines) -> None:
    from syncline.runtime.fleet.worker import work

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await work(options, listeners, stop)
    listeners.worker()("worker.stopped", "Stopped.")


class _Listeners:
    """``as_json`` prints every turn's pass as JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self._everywhere: list[Told] = []
        self._as_json = as_json

    def everywhere(self, told: Told) -> None:
        self._everywhere.append(told)

    def _also(self, company: str, project: Project, store: Store) -> list[Told]:
        results: list[Told] = [Results(project, store, company=company)] if self._as_json else []
        return [*results, *self._everywhere]


class _ToPeople(_Listeners):
    def __init__(self, *, as_json: bool) -> None:
        super().__init__(as_json=as_json)
        self._passes: dict[str, Passes] = {}

    def worker(self) -> Text:
        return Text()

    def tell(self, company: str) -> Text:
        return Text(company)

    def told(self, company: str, project: Project, store: Store) -> Sequence[Told]:
        passes = [] if self._as_json else [self._passes.setdefault(company, Passes(company))]
        return [Text(company), *passes, *self._also(company, project, store)]


class _ToMachines(_Listeners):
    def __init__(self, log: Structured, *, as_json: bool) -> None:
        super().__init__(as_json=as_json)
        self._log = log

    def worker(self) -> Structured:
        return self._log

    def tell(self, company: str) -> Structured:
        from syncline.cli.structured import Structured

        return Structured(company=company)

    def told(self, company: str, project: Project, store: Store) -> Sequence[Told]:
        from syncline.cli.structured import Journal

        log = self.tell(company)
        return [Journal(log, store), log, *self._also(company, project, store)]
