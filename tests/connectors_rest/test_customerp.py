"""The shipped declaration of Customerp: feed, etags, idempotency keys, sign-in, against a server that has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from connectors_rest.serving import Served, serving
from syncline.connectors.base import Capabilities, ConnectorError, CursorLost, Page, SignInRefused, View
from syncline.connectors.rest import declaration as declared
from syncline.connectors.rest.connector import Rest
from syncline.connectors.rest.declaration import Basic, OAuth, SignIn
from syncline.connectors.rest.signin import secrets_needed
from syncline.records import (
    Create,
    Delete,
    Done,
    Gone,
    LineAdd,
    LineChange,
    Outcome,
    Record,
    Refused,
    Stale,
    Unavailable,
    Unknown,
    Update,
)
from syncline.yamlfile import read

SOURCES = Path(declared.__file__).parents[2]
CUSTOMERP = declared.load(SOURCES / "connectors" / "declarations" / "customerp.yaml")
CUSTOMERS = View(entity="customers", paths=("name",))
ORDERS = View(entity="orders", paths=("orderNo",), lines="lines", line_paths=("quantity",))


@pytest.fixture(scope="module")
def ledger() -> Iterator[Served]:
    with serving(Path(__file__).parent / "ledger.py") as url:
        yield Served(url)


@asynccontextmanager
async def connected(server: Served, sign_in: SignIn | None = None, **secrets: str) -> AsyncIterator[Rest]:
    declaration = structs.replace(CUSTOMERP, sign_in=sign_in) if sign_in else CUSTOMERP
    async with Rest("customerp", declaration, server.url, secrets) as connector:
        yield connector


@pytest.fixture
async def rest(ledger: Served) -> AsyncIterator[Rest]:
    ledger.post("tell", {})
    async with connected(ledger) as connector:
        yield connector


async def read_all(rest: Rest, view: View, cursor: str | None) -> list[Page]:
    return [page async for page in rest.changes(view, cursor)]


def answer(outcome: Outcome) -> Record:
    assert isinstance(outcome, Done), outcome
    assert outcome.answer is not None
    return outcome.answer


async def create(rest: Rest, key: str, view: View = CUSTOMERS, **fields: Any) -> Record:
    (outcome,) = await rest.write(view, [Create(key=key, fields=fields)])
    return answer(outcome)


def test_the_shipped_flows_find_every_property() -> None:
    missing = []
    for file in sorted((SOURCES / "flows").glob("*.yaml")):
        said = read(file).data
        entity = CUSTOMERP.entity_type(said["sides"]["customerp"]["entity"])
        lines = said.get("lines", {}).get("properties", {})
        for rows, types in ((said["properties"], entity.properties), (lines, entity.lines.get("lines", {}))):
            for row in rows.values():
                place = row.get("customerp", ())
                place = place.get("paths") or place["path"] if isinstance(place, dict) else place
                paths = [place] if isinstance(place, str) else place
                missing += [f"{file.name}: {path}" for path in paths if path not in types]
    assert missing == []


def test_the_capabilities(ledger: Served) -> None:
    rest = Rest("customerp", CUSTOMERP, ledger.url, {})
    assert rest.capabilities == Capabilities(versions=True, idempotent_creates=True, deletions=True, batch=100)


async def test_the_address_is_the_identity(ledger: Served, rest: Rest) -> None:
    assert await rest.identity() == ledger.url.removeprefix("http://") + "/api"


async def test_the_feed_tells_what_changed_and_what_is_gone(ledger: Served, rest: Rest) -> None:
    made = [await create(rest, f"feed{n}", name=f"n{n}") for n in range(3)]
    pages = await read_all(rest, CUSTOMERS, None)
    assert {record.id for record in made} <= {record.id for page in pages for record in page.records}
    cursor = pages[-1].cursor

    ledger.post("tell", {})
    (idle,) = await read_all(rest, CUSTOMERS, cursor)
    assert (idle.records, idle.gone) == ((), ())
    assert ledger.asked() == ["GET /api/changes"]

    changed, gone, _ = made
    await rest.write(CUSTOMERS, [Update(id=changed.id, version=changed.version, fields={"name": "new"})])
    await rest.write(CUSTOMERS, [Delete(id=gone.id, version=gone.version)])
    ledger.post("tell", {})
    (page,) = await read_all(rest, CUSTOMERS, idle.cursor)
    assert [(record.id, record.fields["name"]) for record in page.records] == [(changed.id, "new")]
    assert page.records[0].version != changed.version
    assert page.records[0].modified is not None
    assert page.gone == (gone.id,)
    assert ledger.asked() == ["GET /api/changes"]


async def test_what_changes_during_the_first_listing_is_told_after_it(rest: Rest) -> None:
    first, *_ = [await create(rest, f"during{n}", name="old") for n in range(60)]
    listing = rest.changes(CUSTOMERS, None)
    page = await anext(aiter(listing))
    await rest.write(CUSTOMERS, [Update(id=first.id, version=first.version, fields={"name": "meanwhile"})])
    cursor = page.cursor
    async for page in listing:
        cursor = page.cursor
    told = [record for page in await read_all(rest, CUSTOMERS, cursor) for record in page.records]
    assert (first.id, "meanwhile") in [(record.id, record.fields["name"]) for record in told]


async def test_a_position_that_is_too_old_is_lost(rest: Rest) -> None:
    with pytest.raises(CursorLost, match="too long ago"):
        await read_all(rest, CUSTOMERS, '{"since":"lost"}')


async def test_ids_and_many_at_once(ledger: Served, rest: Rest) -> None:
    made = [(await create(rest, f"many{n}", name=f"m{n}")).id for n in range(120)]
    ids = [name async for page in rest.ids(CUSTOMERS) for name in page]
    assert set(made) <= set(ids)
    assert len(ids) == len(set(ids))
    ledger.post("tell", {})
    found = await rest.get(CUSTOMERS, [*made, "nowhere"])
    assert set(found) == set(made)
    assert len(ledger.asked()) == 3  # 100 ids over two pages of 50, then the rest
    assert await rest.get(CUSTOMERS, ["nowhere"]) == {}
    assert [record.id for record in await rest.find(CUSTOMERS, "name", ["m7"])] == [made[7]]


@pytest.mark.parametrize("fault", ["lose", "cut"])
async def test_a_create_whose_answer_is_lost_is_made_once(ledger: Served, rest: Rest, fault: str) -> None:
    ledger.post("tell", {"faults": [fault]})
    record = await create(rest, f"once-{fault}", name=f"once {fault}")
    assert ledger.asked() == ["POST /api/customers"] * 2
    assert [found.id for found in await rest.find(CUSTOMERS, "name", [f"once {fault}"])] == [record.id]


async def test_a_create_that_is_never_answered_is_unknown(ledger: Served, rest: Rest) -> None:
    ledger.post("tell", {"faults": ["500", "500", "429"]})
    assert await rest.write(CUSTOMERS, [Create(key="never", fields={"name": "x"})]) == (Unknown("Out of order"),)
    ledger.post("tell", {"faults": ["429"]})
    (outcome,) = await rest.write(CUSTOMERS, [Create(key="busy", fields={"name": "x"})])
    assert isinstance(outcome, Unavailable)


async def test_an_update_whose_answer_is_lost_is_not_sent_again(ledger: Served, rest: Rest) -> None:
    record = await create(rest, "lost-update", name="x")
    ledger.post("tell", {"faults": ["cut"]})
    update = Update(id=record.id, version=record.version, fields={"name": "y"})
    (outcome,) = await rest.write(CUSTOMERS, [update])
    assert isinstance(outcome, Unknown)
    assert ledger.asked() == [f"PATCH /api/customers/{record.id}"]
    assert (await rest.get(CUSTOMERS, [record.id]))[record.id].fields["name"] == "y"


async def test_requests_are_counted_by_kind_however_many_records_they_are_for(rest: Rest) -> None:
    """What is kept of each would be more than all else that a first load of a million keeps."""
    made = [await create(rest, f"counted{n}", name="x") for n in range(3)]
    await rest.write(CUSTOMERS, [Update(id=r.id, version=r.version, fields={"name": "y"}) for r in made])
    assert rest._client.wire.counts == {"POST customers": 3, "PATCH *": 3}


async def test_what_the_system_says_of_a_write(rest: Rest) -> None:
    record = await create(rest, "said", name="x", address={"city": "Oslo", "street": "Gata 1"})
    outcomes = await rest.write(
        CUSTOMERS,
        [
            Update(id=record.id, version='"0"', fields={"name": "y"}),
            Update(id=record.id, version=None, fields={"name": "y"}),
            Update(id="nowhere", version='"0"', fields={"name": "y"}),
            Update(id=record.id, version=record.version, fields={"name": "y" * 101}),
        ],
    )
    assert [type(outcome) for outcome in outcomes] == [Stale, Stale, Gone, Refused]
    assert outcomes[3] == Refused(code="422", message="At most 100 characters.", property="name")
    (done,) = await rest.write(
        CUSTOMERS, [Update(id=record.id, version=record.version, fields={"address": {"city": None}})]
    )
    assert answer(done).fields["address"] == {"street": "Gata 1"}


async def test_lines_are_edited_in_place(ledger: Served, rest: Rest) -> None:
    lines = ({"quantity": 1, "unmapped": "kept"}, {"quantity": 2})
    (created,) = await rest.write(ORDERS, [Create(key="lines", fields={"orderNo": "1"}, lines=lines)])
    order = answer(created)
    assert isinstance(created, Done)
    first, second = created.added
    edits = (LineAdd(fields={"quantity": 3}, after=first), LineChange(id=first, version=None, fields={"quantity": 9}))
    ledger.post("tell", {})
    update = Update(id=order.id, version=order.version, fields={"orderNo": "2"}, lines=edits)
    (updated,) = await rest.write(ORDERS, [update])
    assert isinstance(updated, Done)
    fields = answer(updated).fields
    assert [line["quantity"] for line in fields["lines"]] == [9, 3, 2]
    assert fields["lines"][0] == {"id": first, "quantity": 9, "unmapped": "kept"}
    assert fields["lines"][2]["id"] == second
    assert (fields["orderNo"], updated.added) == ("2", (fields["lines"][1]["id"],))
    assert ledger.asked() == [f"GET /api/orders/{order.id}", f"PATCH /api/orders/{order.id}"]
    (again,) = await rest.write(ORDERS, [update])
    assert isinstance(again, Stale)


async def test_reading_is_repeated(ledger: Served, rest: Rest) -> None:
    record = await create(rest, "repeated", name="x")
    ledger.post("tell", {"faults": ["500", "429"]})
    assert set(await rest.get(CUSTOMERS, [record.id])) == {record.id}
    ledger.post("tell", {"faults": ["400"]})
    with pytest.raises(ConnectorError, match="was answered with status 400: Out of order"):
        await rest.get(CUSTOMERS, [record.id])
    assert len(ledger.asked()) == 1


async def test_a_wait_longer_than_patience_is_not_waited(ledger: Served, rest: Rest) -> None:
    record = await create(rest, "busy for an hour", name="x")
    ledger.post("tell", {"faults": ["503 for 3600"]})
    with pytest.raises(ConnectorError, match="was answered with status 503: Out of order"):
        await rest.get(CUSTOMERS, [record.id])
    assert len(ledger.asked()) == 1


async def test_oauth_fetches_a_token_and_another_when_it_ends(ledger: Served) -> None:
    sign_in = OAuth(token_url="/token")
    async with connected(ledger, sign_in, clientId="me", clientSecret="hush") as rest:
        record = await create(rest, "oauth", name="x")
        ledger.post("tell", {"expire": True})
        update = Update(id=record.id, version=record.version, fields={"name": "y"})
        assert answer((await rest.write(CUSTOMERS, [update]))[0]).fields["name"] == "y"
    async with connected(ledger, sign_in, clientId="me", clientSecret="wrong") as rest:
        with pytest.raises(SignInRefused, match="status 401 and no token"):
            await rest.get(CUSTOMERS, [record.id])
        (outcome,) = await rest.write(CUSTOMERS, [update])
        assert isinstance(outcome, Unavailable)


def test_a_missing_secret_is_told(ledger: Served) -> None:
    assert secrets_needed(Basic()) == ("user", "password")
    with pytest.raises(ConnectorError, match=r"password missing for the sign-in\. Name it in syncline\.yaml\."):
        Rest("customerp", structs.replace(CUSTOMERP, sign_in=Basic()), ledger.url, {"user": "me"})
