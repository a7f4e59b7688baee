"""What is told of many changes, as a pure function. Source: ``API Webhook Notification Send`` and its tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from syncline.sandbox.businesscentral.values import moment
from syncline.sandbox.businesscentral.webhooks.aggregation import (
    PAUSES,
    Change,
    Kind,
    Notification,
    after_failure,
    aggregate,
    resource,
)

_BEGIN = datetime(2026, 1, 31, 23, 59, 59, 990_000, tzinfo=UTC)
_KINDS = (Kind.CREATED, Kind.UPDATED, Kind.DELETED)


def at(milliseconds: int) -> str:
    return moment(_BEGIN + timedelta(milliseconds=milliseconds))


def changes(*said: str) -> list[Change]:
    """``"a created"``, a millisecond apart."""
    return [Change(entity, Kind[kind.upper()], at(index)) for index, (entity, kind) in enumerate(map(str.split, said))]


def told(notifications: list[Notification]) -> list[str]:
    return [f"{each.entity} {each.kind.word} {at_index(each)}" for each in notifications]


def at_index(notification: Notification) -> int:
    return round((datetime.fromisoformat(notification.at) - _BEGIN) / timedelta(milliseconds=1))


histories = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(_KINDS), st.integers(0, 2)), max_size=40).map(
    lambda drawn: [
        Change(entity, kind, at(sum(pause for _, _, pause in drawn[: index + 1])))
        for index, (entity, kind, _) in enumerate(drawn)
    ]
)
"""Changes in the order of time, some at the same moment."""


def ordered(history: list[Change]) -> list[Change]:
    return sorted(history, key=lambda change: (change.at, change.kind))


def runs(history: list[Change]) -> list[tuple[str, Kind, str]]:
    """For every record its changes, updates in a row as the last of them; told apart from the code under test."""
    found = []
    for entity in {change.entity for change in history}:
        mine = [change for change in ordered(history) if change.entity == entity]
        for kind, group in groupby(mine, key=lambda change: change.kind):
            run = list(group)
            found += [(entity, kind, change.at) for change in (run[-1:] if kind is Kind.UPDATED else run)]
    return sorted(found, key=lambda each: (each[2], each[1], each[0]))


def shown(notifications: list[Notification]) -> list[tuple[str, Kind, str]]:
    return sorted(((n.entity, n.kind, n.at) for n in notifications), key=lambda each: (each[2], each[1], each[0]))


def test_updates_in_a_row_are_one() -> None:
    """Source: TestSequentialUpdatesAggregated."""
    assert told(aggregate([], changes("a updated", "b updated", "a updated"))) == ["b updated 1", "a updated 2"]


def test_updates_on_both_sides_of_something_else_are_two() -> None:
    """Source: TestNonSequentialUpdatesNotAggregated."""
    history = changes("a updated", "a deleted", "a updated")
    assert told(aggregate([], history)) == ["a updated 0", "a deleted 1", "a updated 2"]


def test_what_is_created_and_deleted_is_told_each_time() -> None:
    """Source: TestInsertsNotAggregated, TestDeletesNotAggregated."""
    history = changes("a created", "a updated", "a updated", "a deleted")
    assert told(aggregate([], history)) == ["a created 0", "a updated 2", "a deleted 3"]


def test_at_one_moment_creation_comes_first_and_deletion_last() -> None:
    """Source: TestUpdatesAggregatedWhenCreateAndDeleteWithSameLastDateTimeModified."""
    kinds = [Kind.UPDATED] * 3 + [Kind.DELETED, Kind.CREATED] + [Kind.UPDATED] * 2
    told_kinds = [each.kind for each in aggregate([], [Change("a", kind, at(0)) for kind in kinds])]
    assert told_kinds == [Kind.CREATED, Kind.UPDATED, Kind.DELETED]


def test_too_many_become_one_for_the_collection() -> None:
    """Source: TestPayloadCollectionWithLastDateTimeModifiedWithoutDeletes; the filter is 50 ms wider."""
    history = changes("a created", "b created", "b updated", "c updated", "c updated")
    assert len(aggregate([], history, most=4)) == 4
    (only,) = aggregate([], history, most=3)
    assert only == Notification("", Kind.COLLECTION, at(4), at(0))
    wanted = "items?$filter=lastModifiedDateTime%20gt%202026-01-31T23:59:59.940Z"
    assert resource("items", only) == wanted


def test_a_collection_with_deletions_has_no_filter() -> None:
    """Source: TestPayloadCollectionWithLastDateTimeModifiedWithDeletes."""
    for order in (("a deleted", "b created", "c created"), ("a created", "b created", "c deleted")):
        (only,) = aggregate([], changes(*order), most=2)
        assert only.since == ""
        assert resource("items", only) == "items"


def test_a_collection_that_failed_takes_in_what_follows() -> None:
    """Source: TestPayloadCollectionWithoutDeletesResending, ...WithOldDeletes..., ...WithNewDeletes...."""
    failed = Notification("", Kind.COLLECTION, at(-1), at(-9), 1, at(60))
    assert aggregate([failed], []) == [failed]
    (only,) = aggregate([failed], changes("a created"))
    assert only == Notification("", Kind.COLLECTION, at(0), at(-9), 1, at(60))
    (only,) = aggregate([failed], changes("a created", "b deleted"))
    assert (only.at, only.since) == (at(1), "")
    old = Notification("", Kind.COLLECTION, at(-1), "", 1, at(60))
    assert aggregate([old], changes("a created"))[0].since == ""


@given(histories)
def test_every_record_is_told_its_whole_story(history: list[Change]) -> None:
    notifications = aggregate([], history)
    assert shown(notifications) == runs(history)
    assert [(n.at, n.kind) for n in notifications] == sorted((n.at, n.kind) for n in notifications)


@given(histories, st.integers(1, 6))
def test_never_more_than_allowed_and_never_a_record_lost(history: list[Change], most: int) -> None:
    notifications = aggregate([], history, most)
    assert len(notifications) <= most
    if len(runs(history)) <= most:
        assert shown(notifications) == runs(history)
        return
    (only,) = notifications
    assert only.kind is Kind.COLLECTION
    assert only.at == max(change.at for change in history)
    deleted = any(change.kind is Kind.DELETED for change in history)
    assert (only.since == "") == deleted
    if not deleted:  # the latest change of every record lies behind the filter's moment
        latest = {change.entity: change.at for change in ordered(history)}
        assert min(latest.values()) >= only.since


@given(histories, st.integers(0, 40))
def test_failing_in_between_makes_no_difference(history: list[Change], split: int) -> None:
    history = ordered(history)
    before, after = history[:split], history[split:]
    assert shown(aggregate(aggregate([], before), after)) == shown(aggregate([], history))


@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(history: list[Change], random: Random) -> None:
    mixed = random.sample(history, len(history))
    assert shown(aggregate([], mixed)) == shown(aggregate([], history))


def test_attempts_go_on_for_36_hours_with_growing_pauses() -> None:
    """Source: Working with webhooks ("over the next 36 hours"); the pauses are GetDelayTimeForAttempt's."""
    begin = now = _BEGIN
    notification = Notification("a", Kind.CREATED, at(0))
    pauses = []
    while again := after_failure(notification, now):
        pauses.append((datetime.fromisoformat(again.due) - now).total_seconds())
        now = datetime.fromisoformat(again.due)
        notification = again
    assert pauses == [60, 60, 600, 6_000, 60_000, 60_000] == [pause.total_seconds() for pause in PAUSES]
    assert timedelta(hours=35) < now - begin < timedelta(hours=36)


def test_an_attempt_ahead_of_its_time_does_not_count() -> None:
    """Source: IncreaseAttemptNumber: only what was scheduled by then."""
    failed = after_failure(Notification("a", Kind.CREATED, at(0)), _BEGIN)
    assert failed
    assert after_failure(failed, _BEGIN + timedelta(seconds=59)) == failed
