"""What a company's next turn is to do, and when: by what the last ones left."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from syncline.runtime.fleet.standing import Again, Standing, after, after_failure, hastened, next_turn, what_is_due
from syncline.runtime.paces import Paces

PACES = Paces(every=5, sweep=60)
ERP, CENTRAL = ("customers", "erp"), ("customers", "central")
PLACES = (ERP, CENTRAL)
SWEPT = Standing(swept=1_000, polled=1_000)


def test_the_first_turn_looks_everywhere() -> None:
    assert what_is_due(Standing(), PACES, PLACES, 1_000) == ("sweep", frozenset(PLACES))


def test_it_is_the_first_turn_until_one_went_well() -> None:
    assert after_failure(Standing()).is_first
    swept = after(Standing(), "sweep", PLACES, 1_000, more=True)
    assert not swept.is_first
    assert not after_failure(swept).is_first
    assert not hastened(swept, 1_005, Again(at=1_001, everywhere=True))[0].is_first


def test_without_announcements_everything_is_looked_at_again_and_again() -> None:
    assert next_turn(SWEPT, PACES, PLACES, 1_001) == 1_005
    assert what_is_due(SWEPT, PACES, PLACES, 1_005) == ("sweep", frozenset(PLACES))


def test_what_is_announced_is_not_polled_but_swept() -> None:
    standing = replace(SWEPT, announced=PLACES)
    assert next_turn(standing, PACES, PLACES, 1_001) == 1_060
    assert what_is_due(standing, PACES, PLACES, 1_030) == ("look", frozenset())
    assert what_is_due(standing, PACES, PLACES, 1_060)[0] == "sweep"


def test_what_one_side_does_not_announce_or_only_late_is_polled() -> None:
    for standing in (replace(SWEPT, announced=(ERP,)), replace(SWEPT, announced=PLACES, late=(CENTRAL,))):
        assert next_turn(standing, PACES, PLACES, 1_001) == 1_005
        assert what_is_due(standing, PACES, PLACES, 1_005) == ("look", frozenset({CENTRAL}))
        polled = after(standing, "look", {CENTRAL}, 1_005, more=False)
        assert next_turn(polled, PACES, PLACES, 1_006) == 1_010


def test_work_that_is_left_is_due_at_once_and_looks_nowhere_until_it_is_time() -> None:
    standing = after(replace(SWEPT, announced=PLACES), "sweep", PLACES, 1_000, more=True)
    assert next_turn(standing, PACES, PLACES, 1_003) == 1_003
    assert what_is_due(standing, PACES, PLACES, 1_003) == ("look", frozenset())


def test_after_a_failure_everything_is_looked_at_again() -> None:
    failed = after_failure(replace(SWEPT, announced=PLACES))
    assert failed.failures == 1
    assert what_is_due(failed, PACES, PLACES, 1_001)[0] == "sweep"
    assert after(failed, "sweep", PLACES, 1_010, more=False).failures == 0


def test_a_turn_that_waits_is_hastened_but_not_one_that_waits_since_others_failed() -> None:
    assert hastened(SWEPT, 1_060, Again(at=1_001, everywhere=False)) == (SWEPT, 1_001)
    assert hastened(SWEPT, 1_000, Again(at=1_001, everywhere=False)) == (SWEPT, 1_000)
    standing, due = hastened(SWEPT, 1_060, Again(at=1_002, everywhere=True))
    assert due == 1_002
    assert what_is_due(standing, PACES, PLACES, 1_002)[0] == "sweep"
    assert hastened(after_failure(SWEPT), 1_300, Again(at=1_002, everywhere=True))[1] == 1_300


def test_it_survives_the_queue() -> None:
    standing = Standing(swept=1.5, announced=PLACES, late=(ERP,), more=True, failures=3)
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(standing)), Standing) == standing
