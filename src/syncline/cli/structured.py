"""The log for machines: an object a line on standard error, with fixed names and nothing that a record holds."""

from __future__ import annotations

import logging
import sys
import traceback
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import structlog

from syncline.cli.failing import failure

if TYPE_CHECKING:
    from syncline.runtime.staying import Passed
    from syncline.runtime.telling import Event
    from syncline.store import Store

_LEVELS = {
    "run.ended": "error",
    "pass.failed": "warning",
    "worker.waits": "warning",
    "webhooks.failed": "warning",
    "alert.not_sent": "warning",
    "request.retried": "warning",
}
"""Of those that are no mere information."""
_SEVERE = ((logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.NOTSET, "info"))
_PAGE = 1_000


class Structured:
    """What `Text` tells people, as events: `syncline.runtime.telling.Tell` and `syncline.runtime.staying.Told`."""

    def __init__(self, **about: object) -> None:
        """``about`` goes with everything."""
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
                structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
            ],
            wrapper_class=structlog.BoundLogger,
        ).bind(**about)

    def __call__(self, event: Event, sentence: str, **about: object) -> None:
        """Without the sentence: all that it says is in ``about``, or is not for a log."""
        self.say(event, **about)

    def say(self, event: str, level: str | None = None, /, **about: object) -> None:
        """``level`` where the event alone does not tell it."""
        getattr(self._log, level or _LEVELS.get(event, "info"))(event, **about)

    def passed(self, passed: Passed) -> None:
        """Passes that did something. Of what could not be done only how much: the words may quote a record."""
        result = passed.result
        for flow, tally in result.flows.items():
            by_side = {"created": tally.created, "updated": tally.updated, "deleted": tally.deleted}
            done: dict[str, Any] = {verb: dict(+numbers) for verb, numbers in by_side.items() if numbers.total()}
            done |= {"linked": tally.linked} if tally.linked else {}
            done |= {"parked": dict(+tally.parked)} if tally.parked.total() else {}
            if done:
                self.say("flow.done", flow=flow, **done)
        left = {"unfinished": result.unfinished, "void": result.void, "held": result.held, "told": result.told}
        if result.writes or result.turns or result.unfinished:
            counts = {name: len(sentences) for name, sentences in left.items() if sentences}
            seconds = round(passed.seconds, 3)
            self.say("pass.done", kind=passed.kind, seconds=seconds, writes=result.writes, **counts)

    def failed(self, error: Exception, pause: float) -> None:
        self.say("pass.failed", next_seconds=round(pause, 3), **_error(error))

    def works_again(self) -> None:
        self.say("pass.works_again")

    def ended(self, error: Exception) -> int:
        """The exit code. What nobody expects is told by where it happened: its words may be anything."""
        known = failure(error)
        if known is not None:
            self.say("run.ended", code=known.exit_code, **_error(error))
            return known.exit_code
        where = "".join(traceback.format_tb(error.__traceback__))
        self.say("run.ended", code=1, error=type(error).__name__, traceback=where)
        return 1

    def hear_libraries(self, *, verbose: bool) -> None:
        """What libraries log comes here too, instead of as text."""
        from stamina.instrumentation import RetryDetails, set_on_retry_hooks

        def retried(details: RetryDetails) -> None:
            error, seconds = type(details.caused_by).__name__, round(details.wait_for, 3)
            self.say("request.retried", try_number=details.retry_num, next_seconds=seconds, error=error)

        root = logging.getLogger()
        root.handlers[:] = [_Libraries(self)]
        root.setLevel(logging.INFO if verbose else logging.ERROR)
        set_on_retry_hooks([retried] if verbose else [])


class Journal:
    """What was done to which record, after each pass: as the journal tells, less what was and is in it."""

    def __init__(self, log: Structured, store: Store) -> None:
        self._log = log
        self._store = store
        self._after = store.newest()

    def passed(self, passed: Passed) -> None:
        self._tell()

    def failed(self, error: Exception, pause: float) -> None:
        """Something may have been done before it failed."""
        self._tell()

    def works_again(self) -> None:
        pass

    def _tell(self) -> None:
        while entries := self._store.journal(self._after, _PAGE):
            found: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
            for e in entries:
                about = (e.action, e.flow, e.ref.side if e.ref else "", e.ref.id if e.ref else "", e.link or "")
                found[about] += [e.property] if e.property is not None else []
            for (action, *where), properties in found.items():
                told = {key: value for key, value in zip(("flow", "side", "id", "link"), where, strict=True) if value}
                named = {"properties": list(dict.fromkeys(properties))} if properties else {}
                self._log.say(f"record.{action}", **told, **named)
            self._after = entries[-1].seq


class _Libraries(logging.Handler):
    def __init__(self, log: Structured) -> None:
        super().__init__()
        self._told = log

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        failed = {"error": kind.__name__} if kind is not None else {}
        level = next(name for least, name in _SEVERE if record.levelno >= least)
        self._told.say("library.said", level, logger=record.name, message=record.getMessage(), **failed)


def _error(error: Exception) -> dict[str, object]:
    """Its words: they are about a system, a file or a setting."""
    system = getattr(error, "system", None)
    told: dict[str, object] = {"system": system} if system else {}
    return told | {"error": type(error).__name__, "message": str(error)}
