"""Changes become notifications: what is told of many changes, and what is tried again.

Pure. Followed from the codeunit ``API Webhook Notification Send`` and its tests: updates of one record that follow each
other are one notification, and nothing else is merged: a record that was created, changed and deleted is told three
times. More than `MOST` notifications for one subscription become a single one for the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import IntEnum

from msgspec import Struct, structs

from syncline.sandbox.businesscentral.values import moment

MOST = 1_000
"""Notifications of one subscription at a time; one more makes it a collection."""

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (60, 60, 600, 6_000, 60_000, 60_000))
"""After the first failure, the second, and so on: 35.2 hours in all. After one more the subscription is given up.

The lengths are those of ``GetDelayTimeForAttempt``; the documentation says that the attempts go on for 36 hours.
"""

_MARGIN = timedelta(milliseconds=50)


class Kind(IntEnum):
    """In the order in which changes of the same moment are told."""

    CREATED = 0
    UPDATED = 1
    DELETED = 2
    COLLECTION = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class Change(Struct, frozen=True):
    """``entity`` is the record's id, ``at`` the moment of the change (see `values.moment`)."""

    entity: str
    kind: Kind
    at: str


class Notification(Struct, frozen=True):
    """What one subscriber is to be told. A collection has no ``entity``; ``since`` is empty where records were deleted.

    ``attempts`` counts those that failed; ``due`` is when the next one is, empty before the first.
    """

    entity: str
    kind: Kind
    at: str
    since: str = ""
    attempts: int = 0
    due: str = ""


def aggregate(failed: Sequence[Notification], changes: Iterable[Change], most: int = MOST) -> list[Notification]:
    """What one subscriber is told: what could not be told before, and what changed since; the oldest first."""
    told = list(failed)
    latest = {each.entity: index for index, each in enumerate(told)}
    waiting = iter(sorted(changes, key=lambda change: (change.at, change.kind)))
    for change in waiting:
        index = latest.get(change.entity)
        if told and told[0].kind is Kind.COLLECTION:
            return [_collection(told, [change, *waiting])]
        if change.kind is Kind.UPDATED and index is not None and told[index].kind is Kind.UPDATED:
            told[index] = structs.replace(told[index], at=change.at)
            continue
        if len(told) >= most:
            earlier = [Change(each.entity, each.kind, each.at) for each in told[len(failed) :]]
            return [_collection(told, [*earlier, change, *waiting])]
        latest[change.entity] = len(told)
        told.append(Notification(change.entity, change.kind, change.at))
    return sorted(told, key=lambda each: (each.at, each.kind))


def _collection(told: Sequence[Notification], changes: Sequence[Change]) -> Notification:
    """One for all. A filter by modification could not show what was deleted, so then there is none."""
    first = min(told, key=lambda each: (each.at, each.kind))
    since = first.since if first.kind is Kind.COLLECTION else first.at
    if any(change.kind is Kind.DELETED for change in changes):
        since = ""
    last = max(change.at for change in changes)
    return Notification("", Kind.COLLECTION, last, since, first.attempts, first.due)


def after_failure(notification: Notification, now: datetime) -> Notification | None:
    """When it is tried again; ``None`` when that was the last attempt. One that was not due yet keeps its turn."""
    if notification.due > moment(now):
        return notification
    if notification.attempts >= len(PAUSES):
        return None
    due = moment(now + PAUSES[notification.attempts])
    return structs.replace(notification, attempts=notification.attempts + 1, due=due)


def resource(address: str, notification: Notification) -> str:
    """The address of what changed, ``address`` being the entity set's."""
    if notification.kind is not Kind.COLLECTION:
        return f"{address}({notification.entity})"
    if not notification.since:
        return address
    since = moment(datetime.fromisoformat(notification.since) - _MARGIN)
    return f"{address}?$filter=lastModifiedDateTime%20gt%20{since}"
