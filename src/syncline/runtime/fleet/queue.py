"""The queue: whose turn is due when, and who was said to have changed. Procrastinate's, in PostgreSQL.

A company has one waiting turn at most, which says how the company stands. Announcements are jobs of their own, due at
once and before any turn. First turns have places of their own. Of all jobs of a company one is done at a time (its
``lock``). Nothing that is lost with the queue loses an edit: turns are made anew, and a first one looks at everything.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import psycopg
from msgspec import Struct
from msgspec.structs import replace
from opentelemetry.trace import SpanContext, TraceFlags
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job, Status
from procrastinate.schema import SchemaManager
from psycopg import sql
from psycopg_pool import ConnectionPool

from syncline.meanwhile import end
from syncline.records import Ref
from syncline.runtime.announcements import News
from syncline.runtime.fleet.standing import Again, Standing, hastened
from syncline.store import StoreError
from syncline.store.address import PostgresSchema, SqliteFile, parse
from syncline.store.database import reason_of

TurnTaken: TypeAlias = Callable[[str, Standing], Awaitable[tuple[Standing, float] | None]]
"""What is done of a company's turn: how it stands then, and when the next one is due; ``None`` ends them."""
NewsTaken: TypeAlias = Callable[[str, News], Awaitable[Again | None]]
"""What is done of what was announced, and whether that is for the next turn, too."""

SCHEMA = "syncline_queue"
AWAY = (ConnectorException, psycopg.Error)
"""What is raised while the database is away."""
_TURN, _HEARD = "turn", "heard"
_QUEUE, _FIRST = "default", "first"
"""A first turn lists all that there is, which may take minutes: whoever edits does not wait for its place."""
_URGENT = 1
_POLL = 0.5
"""Seconds between looks at which turns have come to be due."""
_HEARTBEAT = 2.0
_DEAD = 8.0
"""Seconds without a heartbeat after which a worker is taken for dead. One that is not does no harm: the store's lock
keeps it from working on the company beside another."""
_CONNECTIONS = 6
_PATIENCE = 5.0
"""Seconds that whoever needs one of them waits; and after which the database knows of a job that it is done, or is not
told any more.
"""


class Waiting(Struct, frozen=True, kw_only=True):
    """How the turns stand. ``companies`` have one; of ``due`` ones the oldest has been for ``longest`` seconds; in
    ``failing`` companies the last one failed.
    """

    companies: int
    due: int
    longest: float
    failing: tuple[str, ...]


class Queue:
    """To be opened by `opened`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._done: dict[int, float] = {}

    @contextmanager
    def noted(self, context: JobContext) -> Iterator[None]:
        """A job while it is done: afterwards nothing is left of it but that the database is told, which may fail."""
        assert context.job.id is not None
        self._done.pop(context.job.id, None)  # it is done anew
        try:
            yield
        finally:
            self._done[context.job.id] = time.monotonic()

    async def work(self, concurrency: int, grace: float) -> None:
        """Do jobs until it is cancelled, which gives those under way so many seconds; it ends where the database goes
        away, or raises one of `AWAY`. First turns have places of their own, half as many.
        """
        places = {_QUEUE: concurrency, _FIRST: max(concurrency // 2, 1)}
        workers = [
            asyncio.create_task(
                self._app.run_worker_async(
                    name="syncline",
                    queues=[queue],
                    concurrency=at_once,
                    fetch_job_polling_interval=_POLL,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    update_heartbeat_interval=_HEARTBEAT,
                    shutdown_graceful_timeout=grace,
                )
            )
            for queue, at_once in places.items()
        ]
        try:
            ended, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
            for each in ended:
                each.result()
        finally:
            await end(workers)

    async def announce(self, company: str, news: News) -> None:
        """To be looked at at once. What waits already is not announced twice. Raises one of `AWAY`."""
        told: dict[str, Any] = {
            "places": sorted(news.flow_sides),
            "gone": sorted((ref.flow, ref.side, ref.id) for ref in news.gone),
        }
        same = hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]
        origins: Any = [(f"{o.trace_id:032x}", f"{o.span_id:016x}", int(o.trace_flags)) for o in news.origins]
        with suppress(AlreadyEnqueued):
            await self._app.configure_task(
                _HEARD, lock=company, queueing_lock=f"{company} {same}", priority=_URGENT
            ).defer_async(company=company, origins=origins, **told)

    async def next_turn(self, company: str, standing: Standing, at: float) -> None:
        """One that waits already stays. Raises one of `AWAY`."""
        with suppress(AlreadyEnqueued):
            await self._app.configure_task(
                _TURN,
                queue=_FIRST if standing.is_first else _QUEUE,
                lock=company,
                queueing_lock=company,
                schedule_at=datetime.fromtimestamp(at, UTC),
            ).defer_async(company=company, standing=msgspec.to_builtins(standing))

    async def hasten(self, company: str, again: Again) -> None:
        """The turn that waits, if one does. Raises one of `AWAY`."""
        manager = self._app.job_manager
        for job in await manager.list_jobs_async(task=_TURN, status="todo", lock=company):
            if job.id is not None and await manager.cancel_job_by_id_async(job.id, delete_job=True):
                await self.next_turn(company, *hastened(_standing(job), _due(job), again))

    async def see_to(self, companies: Collection[str]) -> Waiting:
        """Each of these has a turn, be it a first one; how all stand. Raises one of `AWAY`."""
        jobs = list(await self._app.job_manager.list_jobs_async(task=_TURN))
        there = {str(job.task_kwargs["company"]): job for job in jobs}
        now = time.time()
        for company in companies:
            if company not in there:
                await self.next_turn(company, Standing(), now)
        due = [late for job in jobs if job.status == Status.TODO.value and (late := now - _due(job)) >= 0]
        return Waiting(
            companies=len(companies),
            due=len(due),
            longest=max(due, default=0.0),
            failing=tuple(sorted(name for name, job in there.items() if _standing(job).failures)),
        )

    async def turns(self) -> dict[str, Standing]:
        """How each company stands that has a turn. Raises one of `AWAY`."""
        jobs = await self._app.job_manager.list_jobs_async(task=_TURN)
        return {str(job.task_kwargs["company"]): _standing(job) for job in jobs}

    async def take_over(self) -> int:
        """The jobs of workers that died are due again, and those of this one whose end could not be told: nobody else
        would see that they are over. How many. Raises one of `AWAY`.
        """
        manager, taken = self._app.job_manager, 0
        stalled = await manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD)
        for job in [*stalled, *await self._untold()]:
            try:
                await manager.retry_job(job)
                taken += 1
            except UniqueViolation:  # what comes after it waits already
                with suppress(ConnectorException):
                    await manager.finish_job(job, Status.ABORTED, delete_job=True)
            except ConnectorException:
                continue  # another worker was quicker; or the database is away, as the next look tells
        return taken

    async def _untold(self) -> list[Job]:
        """Those that were done so long ago that the database would know. Raises one of `AWAY`."""
        before = time.monotonic() - _PATIENCE
        done = {job for job, since in self._done.items() if since < before}
        if not done:
            return []
        doing = await self._app.job_manager.list_jobs_async(status=Status.DOING.value)
        for job in done:
            del self._done[job]
        return [job for job in doing if job.id in done]


@asynccontextmanager
async def opened(said: str, turn: TurnTaken, heard: NewsTaken) -> AsyncIterator[Queue]:
    """``said`` is the address of a PostgreSQL database; what the queue needs there is made. Raises `StoreError`."""
    address = _address(said)
    await asyncio.to_thread(_make, address)
    app = App(
        connector=PsycopgConnector(
            conninfo=_conninfo(address),
            kwargs={"options": _options(address)},
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_PATIENCE,
        )
    )
    queue = Queue(app)

    @app.task(name=_TURN, pass_context=True)
    async def taken(job: JobContext, /, company: str, standing: dict[str, Any]) -> None:
        with queue.noted(job):
            found = await turn(company, msgspec.convert(standing, Standing))
            if found is not None:
                await queue.next_turn(company, *found)

    @app.task(name=_HEARD, pass_context=True)
    async def announced(job: JobContext, /, company: str, **told: Any) -> None:
        with queue.noted(job):
            again = await heard(company, _news(**told))
            if again is not None:
                await queue.hasten(company, again)

    try:
        async with app.open_async():
            yield queue
    except AWAY as error:
        raise StoreError(f"{address.name} cannot be used as a queue: {reason_of(error)}.") from error


@asynccontextmanager
async def looking(said: str) -> AsyncIterator[Queue]:
    """As `opened`, for who does no jobs."""

    async def nothing(*_: object) -> None:
        return None

    async with opened(said, nothing, nothing) as queue:
        yield queue


def pool(said: str) -> ConnectionPool:
    """Connections to where the queue is, for others who share something there."""
    address = _address(said)
    return ConnectionPool(
        _conninfo(address),
        kwargs={"options": _options(address)},
        min_size=0,
        max_size=_CONNECTIONS,
        timeout=_PATIENCE,
        open=False,
    )


def _address(said: str) -> PostgresSchema:
    """The schema has the version of the tables in its name: workers of two versions have a queue each, and serve the
    same companies without harm until those of the old one are stopped.
    """
    address = parse(said, schema=SCHEMA)
    if isinstance(address, SqliteFile):
        raise StoreError("workers need a queue in PostgreSQL: postgresql://user@host/database")
    newest = max(path.name for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    return replace(address, schema=f"{address.schema}_{newest[:8].replace('.', '')}")


def _make(address: PostgresSchema) -> None:
    """Its tables, where they are not there."""
    schema = sql.Identifier(address.schema)
    try:
        with psycopg.connect(_conninfo(address), options=_options(address)) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"syncline queue {address.schema}"])
            if connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone() == (None,):
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
                connection.execute(SchemaManager.get_schema())
    except psycopg.Error as error:
        raise StoreError(f"{address.name} cannot be used as a queue: {reason_of(error)}.") from error


def _conninfo(address: PostgresSchema) -> str:
    return address.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _options(address: PostgresSchema) -> str:
    """Times of the shared budgets are told without a zone, so all must mean the same one."""
    return f"-c search_path={address.schema} -c timezone=UTC"


def _standing(job: Job) -> Standing:
    return msgspec.convert(job.task_kwargs["standing"], Standing)


def _due(job: Job) -> float:
    return job.scheduled_at.timestamp() if job.scheduled_at is not None else time.time()


def _news(
    places: Iterable[tuple[str, str]], gone: Iterable[tuple[str, str, str]], origins: Iterable[tuple[str, str, int]]
) -> News:
    return News(
        flow_sides=frozenset((flow, side) for flow, side in places),
        gone=frozenset(Ref(*each) for each in gone),
        origins=tuple(
            SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(flags))
            for trace, span, flags in origins
        ),
    )
