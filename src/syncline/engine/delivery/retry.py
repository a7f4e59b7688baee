"""What could not be written: due again at once, due later, or parked for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from syncline.engine.case import Case
from syncline.engine.worker import Worker
from syncline.records import Outcome, Refused, Unavailable
from syncline.store import Arrival

_BACKOFF = timedelta(seconds=2)
_LONGEST = timedelta(minutes=5)
_PATIENCE = 6
"""How often a record that keeps moving is tried at once before it has to wait."""


def put_off(worker: Worker, case: Case, arrivals: Sequence[Arrival], failed: Mapping[str, Outcome]) -> None:
    """``failed`` is what became of the writes that do not stand, by side; ``arrivals`` are kept until they do."""
    draft, now = worker.draft, worker.setup.now()
    attempts = max(arrival.attempts for arrival in arrivals)
    due: datetime | None = now
    for side, outcome in failed.items():
        match outcome:
            case Refused(code=code, message=message):
                at = f" ({outcome.property})" if outcome.property else ""
                mend = f"Correct it, in any system, or change what {side} does not take."
                details = {"side": side, "code": code, "property": outcome.property}
                draft.park(case.speaker(side), "refused", f"{side}{at}: {message}", mend, at=now, details=details)
                due = None
            case Unavailable(message=message, retry_after=seconds) if due is not None:
                pause = max(timedelta(seconds=seconds or 0), min(_BACKOFF * 2**attempts, _LONGEST))
                due = max(due, now + pause)
                worker.result.unfinished.append(f"{side} cannot be written now: {message}")
            case _ if due is not None and attempts >= _PATIENCE:
                due = max(due, now + min(_BACKOFF * 2 ** (attempts - _PATIENCE), _LONGEST))
            case _:
                pass
    draft.again(arrivals, due)
