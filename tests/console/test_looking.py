"""What pages show of a store: filters, pages of lists, records that have no link, and who did what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.kept import BC, ERP, entry, ref
from console.serving import Console, Person
from postgres import Server, store_in
from syncline.acceptance.book import LAST
from syncline.connectors.base import Spent
from syncline.console.plot import plot
from syncline.engine.spending import Spending
from syncline.store import Delay, Hold, Memory, Parked

HOUR = timedelta(hours=1)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return store_in(request.param, request)


@pytest.fixture
def anna(here: Console) -> Iterator[Person]:
    with here.signed_in("administer") as person:
        yield person


def test_the_overview_counts_and_says_for_how_long_something_is_due(here: Console, anna: Person) -> None:
    arrival = here.store.arrivals([ref(ERP, "c9")])[ref(ERP, "c9")]
    due = datetime.now(UTC) - 3 * HOUR
    here.store.save(
        Memory(arrivals=[type(arrival)(ref=arrival.ref, record=arrival.record, seen=arrival.seen, due=due)])
    )
    with here.store.lock("syncline run"):
        page = anna.client.get("/").text
    assert ">3 h<" in page
    assert "syncline run (process " in page
    assert "1 resting" in page


def test_the_overview_tells_how_much_of_what_a_system_allows_was_asked(here: Console, anna: Person) -> None:
    assert anna.client.get("/").text.count("nothing was asked yet") == 2
    spent = Spent(requests=1_234, limit=5_700, seconds=300, refused=3)
    told = msgspec.json.encode(Spending(at=NOON, spent=spent)).decode()
    here.store.save(Memory(facts={"requests to businesscentral": told}))
    page = anna.client.get("/").text
    assert page.count("nothing was asked yet") == 1
    assert 'aria-label="Business Central: 1,234 of 5,700 requests"' in page
    assert "1,234 <small>in 5 min</small>" in page


def test_a_day_of_delays_is_drawn_to_scale_and_told_in_words() -> None:
    delay = Delay(
        flow="customers", hour=NOON - HOUR, writes=4, total=timedelta(seconds=8), longest=timedelta(seconds=5)
    )
    small = Delay(flow="customers", hour=NOON, writes=1, total=timedelta(seconds=1), longest=timedelta(seconds=1))
    old = Delay(flow="customers", hour=NOON - 24 * HOUR, writes=9, total=HOUR, longest=HOUR)
    drawn = plot({each.hour: each for each in (delay, small, old)}, NOON + timedelta(minutes=59))
    assert [(bar.writes, bar.height, bar.x) for bar in drawn.bars] == [(4, 28.0, 220.0), (1, 14.0, 230.0)]
    assert drawn.summary == "5 written in the last 24 hours, 1.8 s after being seen, at most 5.0 s."
    assert plot({}, NOON).summary == "Nothing was written in the last 24 hours."


def test_records_are_found_by_words_by_ids_and_by_keys_of_those_without_a_link(here: Console, anna: Person) -> None:
    def names(text: str) -> list[bool]:
        page = anna.client.get("/records", params={"text": text}).text
        return [name in page for name in ("Alfreds Futterkiste", "Berglunds snabbköp", "Nobody yet")]

    assert names("futterkiste alfr") == [True, False, False]
    assert names("SNABBKOP") == [False, True, False]
    assert names("b1") == [True, False, False]
    assert names("c9") == [False, False, True]
    here.store.save(Memory(keys={ref(ERP, "c9"): {"number": "900"}}))
    assert names("900") == [False, False, True]
    assert names("<script>") == [False, False, False]
    assert "&lt;script&gt;" in anna.client.get("/records", params={"text": "<script>"}).text


def test_a_record_tells_what_happens_next(here: Console, anna: Person) -> None:
    def told(path: str) -> str:
        return anna.client.get(path).text

    order = told(f"/records/{ERP}/orders/o1")
    assert "One side has closed it for good" in order
    assert f'href="/records/{ERP}/customers/c1">Alfreds Futterkiste' in order
    assert "waits for customerp/customers/c9, which is suggested" in told(f"/records/{ERP}/orders/o9")
    assert "Nobody yet" in told(f"/records/{ERP}/customers/c9")
    assert "businesscentral: The field Email contains" in told(f"/records/{ERP}/customers/c2")
    anna.send("/unlink", {"flow": "customers", "side": ERP, "id": "c1"})
    assert "The next pass ends their link, as administer said." in told(f"/records/{BC}/customers/b1")
    assert anna.client.get(f"/records/{ERP}/customers/none").status_code == 404
    assert anna.client.get(f"/records/{ERP}/nothing/c1").status_code == 404
    assert "red hat" in told(f"/records/{ERP}/customers/c3")  # what a record holds must not move the cursor


def test_the_history_is_filtered_and_tells_its_mistakes(anna: Person) -> None:
    def rows(**words: str) -> int:
        return anna.client.get("/history", params=words).text.count('<td class="words">')

    assert rows() == 8
    assert rows(flow="orders") == 3
    assert rows(action="lost") == 1
    assert rows(side=ERP, flow="customers") == 3
    assert rows(text="alfreds", action="updated") == 2
    assert rows(text="nobody at all") == 0
    assert rows(since="2026-05-04T12:05+00:00", until="2026-05-04T12:06+00:00") == 2
    assert "soon is no time" in anna.client.get("/history", params={"since": "soon"}).text


def test_of_many_parked_records_a_page_is_shown_and_the_next_ones(here: Console, anna: Person) -> None:
    parked = [
        Parked(ref=ref(ERP, f"p{n:03}"), cause="refused", message="no", since=NOON + timedelta(seconds=n))
        for n in range(120)
    ]
    here.store.save(Memory(parked=parked))
    seen: list[str] = []
    path = "/parked?cause=refused"
    while path:
        page = anna.client.get(path).text
        seen += [part.split('"')[0] for part in page.split('name="ref" value="')[1:]]
        more = page.split('<a class="button" href="')
        path = more[1].split('"')[0].replace("&amp;", "&") if len(more) > 1 else ""
    assert len(seen) == len(set(seen)) == 121
    form = {"do": "retry-all", "cause": "refused"}
    assert "121 records will be tried again by the next pass." in anna.send("/parked", form).text
    assert here.store.causes() == {("suggested", "customers"): 1, ("waiting", "orders"): 1}
    told = here.store.history(ref(ERP, "p001"))[-1]
    assert (told.action, told.by) == ("retried", "administer")


def test_what_is_said_of_records_that_it_cannot_be_said_of_is_refused(here: Console, anna: Person) -> None:
    before = here.store.parked()
    for form, why in (
        ({"do": "delete:customerp/customers/c2"}, "delete can be said of none of these."),
        ({"do": "retry:customerp/customers/none"}, "None of these is parked any more."),
        ({"do": "retry"}, "Select the records first."),
        ({"do": "take:customerp|customerp%2Fcustomers%2Fc2||phone"}, "Nothing is to be chosen of these any more."),
        ({"do": "dance:customerp/customers/c2"}, "There is nothing that is called so."),
        ({}, "There is nothing that is called so."),
    ):
        answer = anna.send("/parked", form)
        assert answer.status_code == 200
        assert why in answer.text
    assert here.store.parked() == before


def test_what_is_held_is_let_through_by_who_may(here: Console, anna: Person) -> None:
    hold = Hold(flow="customers", side=BC, property="phone", changed=30, blanked=30, linked=60, since=NOON)
    here.store.save(Memory(holds=[hold]))
    assert "30 emptied, of 60 linked" in anna.client.get("/parked").text
    form = {"flow": "customers", "side": BC, "within": "header", "property": "phone", "do": "passed"}
    assert "The next pass lets them through." in anna.send("/holds", form).text
    assert [h.state for h in here.store.holds()] == ["passed"]
    told = here.store.journal()[-1]
    assert (told.action, told.by) == ("held", "administer")


def test_an_undo_that_is_not_what_was_shown_is_shown_again(here: Console, anna: Person) -> None:
    edit: dict[str, Any] = {"property": "name", "old": "Alfreds", "new": "Alfreds Futterkiste"}
    edited = entry(20, "L-a", ref(ERP, "c1"), "edited", **edit)
    updated = entry(20, "L-a", ref(BC, "b1"), "updated", origin=ERP, **edit)
    here.store.save(Memory(journal=[edited, updated]))
    page = anna.client.get("/undo?change=9").text
    digest = page.split('name="digest" value="')[1].split('"')[0]
    answer = anna.send("/undo", {"change": "9", "digest": "0" * 64})
    assert "Something has changed since this was shown." in answer.text
    assert here.store.answers(["L-a"]) == ()
    assert "The next pass takes it back: 1 thing." in anna.send("/undo", {"change": "9", "digest": digest}).text
    (answer_,) = here.store.answers(["L-a"])
    assert (answer_.property, answer_.value, answer_.by) == ("name", "Alfreds", "administer")
    assert "The journal has no entry 999" in anna.client.get("/undo?change=999").text
    assert "x is no number of a change." in anna.client.get("/undo?change=x").text


def test_the_agreement_is_the_tables_of_the_document_and_the_document_can_be_taken_away(anna: Person) -> None:
    page = anna.client.get("/flows/customers").text
    row = page.split('<th scope="row">creditLimit</th>')[1].split("</tr>")[0]
    assert "↔" in row
    assert "Decimal" in row
    assert "if both changed it, Business Central wins" in row
    assert "discountPercent" in anna.client.get("/flows/orders").text
    assert anna.client.get("/flows/none").status_code == 404
    for form, begin in (("html", "<!doctype html>"), ("rst", "Dataflow between"), ("md", "# Dataflow between")):
        taken = anna.client.get(f"/document.{form}")
        assert taken.text.startswith(begin)
        assert taken.headers["content-disposition"] == f'attachment; filename="document.{form}"'


def test_what_the_last_acceptance_run_found_is_told(anna: Person, folder: Path) -> None:
    assert "None was made yet" in anna.client.get("/flows/customers").text
    assert anna.client.get("/acceptance.html").status_code == 404
    findings = [
        {"flow": "customers", "what": "edited", "property": "city", "origin": ERP, "target": BC, "verdict": "failed",
         "expected": "Oslo", "found": "<b>Ulm</b>", "why": "it said so"},
        {"flow": "customers", "what": "linked", "verdict": "passed"},
    ]  # fmt: skip
    told = {
        "title": "Dataflow",
        "mark": "A1B2",
        "began": NOON,
        "ended": NOON,
        "sides": {},
        "companies": {},
        "flows": {},
    }
    (folder / LAST).write_bytes(msgspec.json.encode({**told, "findings": findings}))
    page = anna.client.get("/flows/customers").text
    assert "1 passed, 1 failed, 0 not applicable" in page
    assert "city edited (customerp → businesscentral): expected Oslo, found &lt;b&gt;Ulm&lt;/b&gt;. it said so" in page
    assert "0 passed, 0 failed, 0 not applicable" in anna.client.get("/flows/orders").text
    assert anna.client.get("/acceptance.html").text.startswith("<!doctype html>")
    (folder / LAST).write_text("{}")
    assert "None was made yet" in anna.client.get("/flows/customers").text


def test_entries_are_told_as_they_come(here: Console, anna: Person) -> None:
    with anna.client.stream("GET", "/events?after=7") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines: list[str] = []
        for line in answer.iter_lines():
            lines.append(line)
            if line.startswith("event: standing"):
                break
    assert lines[0] == "event: entries"
    assert lines[1] == "id: 8"
    assert any("Nobody yet" in line for line in lines)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_store_that_is_away_is_told_to_whoever_looks_without_saying_where_it_is(server: Server, anna: Person) -> None:
    server.stop()
    try:
        told = anna.client.get("/")
    finally:
        server.start()
    assert (told.status_code, told.headers["Retry-After"]) == (503, "5")
    assert told.text == "What Syncline remembers cannot be reached just now. Try again in a moment."
    assert anna.client.get("/").status_code == 200
