"""What a person says of parked records: remembered with them, and done by the next pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.engine.people import releasing
from syncline.engine.worker import Worker
from syncline.records import Ref
from syncline.store import Cause, Memory, Parked, Store

Word: TypeAlias = Literal["delete", "restore", "keep", "accept"]

CHOICES: Mapping[Cause, Collection[Word]] = {
    "deleted": ("delete", "restore", "keep"),
    "older": ("restore", "accept"),
}


class Answered(Struct, frozen=True):
    """What a person said of a record, when, and who it was."""

    answer: Word
    at: datetime
    by: str | None = None

    def holds(self, case: Case) -> bool:
        """It was said of what was known then: what was observed since, nobody has seen."""
        return all(arrival.seen <= self.at for arrival in case.arrivals.values())


def answer(store: Store, parked: Sequence[Parked], word: Word, now: datetime, by: str | None = None) -> None:
    """Remember it, and make everything that is held back of the same links due. The next pass does it."""
    told = {"answer": word, "answered": now.isoformat(), "by": by}
    store.save(
        Memory(
            parked=[replace(each, details={**each.details, **told}) for each in parked],
            arrivals=releasing.of_parked(store, parked, now),
        )
    )


def answered(worker: Worker, refs: Collection[Ref]) -> dict[Ref, Answered]:
    """What people said of these."""
    found = worker.setup.store.parked_refs(refs) if refs else {}
    return {
        ref: Answered(each.details["answer"], datetime.fromisoformat(each.details["answered"]), each.details.get("by"))
        for ref, each in found.items()
        if each.details.get("answer") in CHOICES.get(each.cause, ())
    }
