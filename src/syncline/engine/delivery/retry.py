"""What could not be written: due again at once, due later, or parked for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from syncline.engine.case import Case
from syncline.engine.delivery.writes import whole_line
from syncline.engine.worker import Worker
from syncline.mapping.translate import mentions_values
from syncline.records import Outcome, Ref, Refused, Unavailable
from syncline.store import Arrival

_BACKOFF = timedelta(seconds=2)
_LONGEST = timedelta(minutes=5)
_PATIENCE = 6
"""How often a record that keeps moving is tried at once before it has to wait."""


def put_off(worker: Worker, case: Case, arrivals: Sequence[Arrival], failed: Mapping[str, Outcome]) -> datetime | None:
    """``failed`` is what became of the writes that do not stand, by side; ``arrivals`` are kept until they do.

    When they are due, if not only once something wakes them.
    """
    draft, now = worker.draft, worker.setup.now()
    attempts = max(arrival.attempts for arrival in arrivals)
    due: datetime | None = now
    for side, outcome in failed.items():
        match outcome:
            case Refused(code=code, message=message):
                at = f" ({outcome.property})" if outcome.property else ""
                mend = f"Correct it, in any system, or change what {side} does not take."
                details = {"side": side, "code": code, "property": outcome.property}
                words, waits = f"{side}{at}: {message}", _pointed_to(worker, case, side)
                draft.park(case.speaker(side), "refused", words, mend, at=now, waits=waits, details=details)
                due = None
            case Unavailable(message=message, retry_after=seconds) if due is not None:
                pause = max(timedelta(seconds=seconds or 0), min(_BACKOFF * 2**attempts, _LONGEST))
                due = max(due, now + pause)
                worker.result.put_off((arrival.ref for arrival in arrivals), f"{side} cannot be written now: {message}")
            case _ if due is not None and attempts >= _PATIENCE:
                due = max(due, now + min(_BACKOFF * 2 ** (attempts - _PATIENCE), _LONGEST))
            case _:
                pass
    draft.again(arrivals, due)
    return due


def _pointed_to(worker: Worker, case: Case, side: str) -> list[Ref]:
    """What was refused may be taken once one of these is otherwise: it was gone there, or blocked."""
    shadow = case.shadows.get(side)
    values = {**(shadow.values if shadow else {}), **case.merge.values_for(side)}
    lines = [whole_line(case, side, line) for line in case.merge.lines_for(side)]
    links = worker.setup.store.links(mentions_values(case.flow, values, lines).links)
    return [ref for link in links.values() for ref in link.refs]
