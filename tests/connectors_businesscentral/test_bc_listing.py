from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp.web import BaseRequest

from connectors_businesscentral.between import between
from connectors_businesscentral.views import (
    CONTACTS,
    CUSTOMERS,
    ITEMS,
    LINES,
    ORDERS,
    Asked,
    a_second_passes,
    connected,
    customer,
    invoice,
    item,
    lines_of,
    mark,
    now,
    order,
    pages,
    records,
)
from sandbox_businesscentral.central import Central, running
from syncline.connectors.base import ConnectorError, CursorLost, View
from syncline.connectors.businesscentral.connector import BusinessCentral


async def test_the_identity_is_the_environment_and_the_company(sandbox: Central, bc: BusinessCentral) -> None:
    assert await bc.identity() == f"v2.0/local/sandbox/{sandbox.company}"
    assert await bc.company_name() == sandbox.name
    async with BusinessCentral("bc", sandbox.root, sandbox.company) as by_id:
        assert await by_id.identity() == await bc.identity()


async def test_a_company_that_is_not_there_names_those_that_are(sandbox: Central) -> None:
    async with BusinessCentral("bc", sandbox.root, "Nowhere") as wrong:
        with pytest.raises(ConnectorError, match=f"no company Nowhere.*{sandbox.name}"):
            await wrong.identity()


async def test_the_first_listing_tells_what_is_mapped_and_what_navigations_lead_to(
    sandbox: Central, bc: BusinessCentral
) -> None:
    made = customer(sandbox, email="a@example.com", creditLimit=1250.75)
    person = customer(sandbox, type="Person")
    number = sandbox.get(f"customers({made['id']})/contactsInformation").value[0]["contactNumber"]
    sandbox.made("contacts", {"type": "Person", "displayName": "Someone", "companyNumber": number})

    told = await records(bc, CUSTOMERS)

    found = told[made["id"]]
    assert found.version == made["@odata.etag"]
    assert found.modified == datetime.fromisoformat(made["lastModifiedDateTime"])
    assert found.fields["creditLimit"] == Decimal("1250.75")
    assert found.fields["customerFinancialDetails"]["overdueAmount"] == 0
    assert found.fields["contactsInformation"]["contactNumber"] == number
    assert "addressLine1" not in found.fields
    assert not found.partial
    assert person["id"] not in told


async def test_a_later_listing_tells_also_what_left_the_flow(sandbox: Central, bc: BusinessCentral) -> None:
    cursor = await now(bc, CONTACTS)
    company = sandbox.made("contacts", {"type": "Company", "displayName": mark()})
    assert company["id"] in await records(bc, CONTACTS, cursor)
    assert company["id"] not in await records(bc, CONTACTS)


async def test_a_condition_that_cannot_be_asked_is_left_out(sandbox: Central, bc: BusinessCentral) -> None:
    blocked = customer(sandbox, blocked="All")
    free = View(entity="customers", paths=("displayName",), where={"blocked": ("_x0020_",)})
    assert (await records(bc, free))[blocked["id"]].fields["blocked"] == "All"


async def test_every_page_can_be_gone_on_from(sandbox: Central) -> None:
    for _ in range(9):
        item(sandbox)
    everything = set()
    async with connected(sandbox, page_size=4) as bc:
        whole = await pages(bc, ITEMS)
        everything = {each.id for page in whole for each in page.records}
        assert len(whole) > 2
        assert whole[0].total == len(everything) == len({each["id"] for each in sandbox.get("items").value})
        for at, page in enumerate(whole):
            before = {each.id for earlier in whole[: at + 1] for each in earlier.records}
            after = set(await records(bc, ITEMS, page.cursor))
            assert before | after == everything


async def test_a_lost_link_is_gone_round(sandbox: Central) -> None:
    for _ in range(20):
        item(sandbox)
    everything = {each["id"] for each in sandbox.get("items").value}
    lost = iter([None, 410, None, 404])

    def refuse(request: BaseRequest) -> int | None:
        return next(lost, None) if "skiptoken" in request.raw_path else None

    async with between(sandbox, refuse) as url:
        exact = BusinessCentral("bc", url, sandbox.company, page_size=4, overlap=timedelta(0))
        async with exact as bc:
            assert set(await records(bc, ITEMS)) == everything
    assert next(lost, "used up") == "used up"


async def test_links_that_are_always_lost_end_the_listing(sandbox: Central) -> None:
    for _ in range(9):
        item(sandbox)
    always = lambda request: 410 if "skiptoken" in request.raw_path else None  # noqa: E731
    async with between(sandbox, always) as url, BusinessCentral("bc", url, sandbox.company, page_size=4) as bc:
        with pytest.raises(ConnectorError, match="cut short"):
            await records(bc, ITEMS)


async def test_what_is_edited_while_it_is_listed_is_told_as_it_is_then(sandbox: Central) -> None:
    made = [item(sandbox) for _ in range(9)]
    async with connected(sandbox, page_size=4) as bc:
        told: dict[str, str] = {}
        listing = bc.changes(View(entity="items", paths=("displayName",)), None)
        async for page in listing:
            told |= {each.id: each.fields["displayName"] for each in page.records}
            if made[0]["id"] in told and told[made[0]["id"]] == "Thing":
                sandbox.patch(f"items({made[0]['id']})", {"displayName": "Edited"})
        assert told[made[0]["id"]] == "Edited"


@pytest.mark.parametrize("view", [CUSTOMERS, CONTACTS, ITEMS, ORDERS], ids=lambda view: view.entity)
async def test_an_idle_poll_is_one_request(sandbox: Central, bc: BusinessCentral, view: View) -> None:
    buyer = customer(sandbox)
    bought = order(sandbox, buyer, [{"itemId": item(sandbox)["id"], "quantity": 4, "invoiceQuantity": 1}])
    sandbox.patch(f"salesOrderLines({lines_of(sandbox, bought['id'])[0]['id']})", {"invoiceQuantity": 1})
    invoice(sandbox, bought["id"])
    cursor = (await pages(bc, view, await now(bc, view)))[-1].cursor
    for _ in range(3):
        with Asked(sandbox) as asked:
            cursor = (await pages(bc, view, cursor))[-1].cursor
        assert sum(asked.requests.values()) == 1


async def test_a_poll_right_after_the_first_listing_is_one_request(sandbox: Central) -> None:
    made = order(sandbox, customer(sandbox), [{"itemId": item(sandbox)["id"], "quantity": 3}])
    sandbox.patch(
        f"salesOrderLines({lines_of(sandbox, made['id'])[0]['id']})", {"shipQuantity": 1, "invoiceQuantity": 1}
    )
    invoice(sandbox, made["id"])
    await a_second_passes(sandbox)
    sandbox.patch(f"salesOrders({made['id']})", {"email": "someone@example.com"})
    async with connected(sandbox, overlap=timedelta(seconds=0.5)) as bc:
        cursor = await now(bc, ORDERS)
        with Asked(sandbox) as asked:
            await pages(bc, ORDERS, cursor)
    assert asked.requests == {"POST $batch": 1}


async def test_the_overlap_tells_again_until_time_has_passed(sandbox: Central) -> None:
    made = item(sandbox)
    async with connected(sandbox, overlap=timedelta(seconds=0.3)) as bc:
        cursor = await now(bc, ITEMS)
        assert made["id"] in await records(bc, ITEMS, cursor)
        await a_second_passes(sandbox)
        later = await now(bc, ITEMS, cursor)
        assert later != cursor
        assert not await records(bc, ITEMS, later)
        assert await now(bc, ITEMS, later) == later


async def test_an_idle_poll_always_meets_what_was_modified_last(tmp_path: Path) -> None:
    """However long ago that was; so a poll after a backup was brought back is not taken for one of a quiet day."""
    with running(tmp_path, "--open", "--empty") as central:
        item(central)
        assert central.post("/sandbox/snapshots", {"name": "before"}).status < 300
        late = item(central)
        async with connected(central, overlap=timedelta(seconds=0.3)) as bc:
            cursor: str | None = await now(bc, ITEMS)
            for _ in range(6):  # the server's clock tells whole seconds
                await asyncio.sleep(0.4)
                (page,) = await pages(bc, ITEMS, cursor)
                cursor = page.cursor
                assert not page.rewound
            assert not page.records
            assert central.post("/sandbox/snapshots/before/restore", None).status < 300
            (page,) = await pages(bc, ITEMS, cursor)
            assert page.rewound
            assert late["id"] not in {record.id for record in page.records}
            (page,) = await pages(bc, ITEMS, page.cursor)
            assert not page.rewound, "it is told once"


async def test_an_idle_poll_tells_nothing_however_many_were_modified_in_the_last_moment(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty") as central:
        item(central)
        assert central.post("/sandbox/clock", {"offsetSeconds": -60}).status < 300  # the time of modification stands
        made = [item(central) for _ in range(3)]
        assert len({each["lastModifiedDateTime"] for each in made}) == 1
        assert central.post("/sandbox/clock", {"offsetSeconds": 60}).status < 300
        async with connected(central, overlap=timedelta(seconds=5)) as bc:
            cursor = await now(bc, ITEMS)
            cursor = await now(bc, ITEMS, cursor)
            (page,) = await pages(bc, ITEMS, cursor)
            assert not page.records
            assert not page.rewound
            assert central.post("/sandbox/clock", {"offsetSeconds": -60}).status < 300
            central.patch(f"items({made[1]['id']})", {"displayName": "Another thing"})
            again = central.get(f"items({made[1]['id']})").body
            assert again["lastModifiedDateTime"] == made[1]["lastModifiedDateTime"]
            assert set(await records(bc, ITEMS, page.cursor)) == {made[1]["id"]}, "a later version is told"


async def test_a_listing_without_records_starts_at_the_servers_clock(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty") as central:
        async with connected(central) as bc:
            (page,) = await pages(bc, ORDERS)
            assert page.cursor
            begun = datetime.fromisoformat(json.loads(page.cursor)["mark"])
            assert timedelta(seconds=50) < datetime.now(UTC) - begun < timedelta(seconds=90)
            made = order(central, customer(central), [])
            assert made["id"] in await records(bc, ORDERS, page.cursor)


async def test_a_cursor_of_another_system_is_lost(bc: BusinessCentral) -> None:
    with pytest.raises(CursorLost):
        await pages(bc, ITEMS, "page=7")


async def test_lines_stand_in_their_sequence_and_keep_their_version(sandbox: Central, bc: BusinessCentral) -> None:
    said = [{"sequence": at, "description": str(at)} for at in (30_000, 10_000, 20_000)]
    made = order(sandbox, customer(sandbox), said)
    found = (await bc.get(ORDERS, [made["id"]]))[made["id"]]
    assert [line["description"] for line in found.fields[LINES]] == ["10000", "20000", "30000"]
    assert all(line["@odata.etag"] for line in found.fields[LINES])
    assert found.fields["invoiceNumbers"] == []


async def test_an_invoiced_order_is_told_as_completed(sandbox: Central, bc: BusinessCentral) -> None:
    made = order(sandbox, customer(sandbox), [{"itemId": item(sandbox)["id"], "quantity": 2}])
    cursor = await now(bc, ORDERS)
    invoice(sandbox, made["id"])
    (posted,) = sandbox.get(f"salesInvoices?$filter=orderId eq {made['id']}").value

    polled = (await records(bc, ORDERS, cursor))[made["id"]]
    got = (await bc.get(ORDERS, [made["id"]]))[made["id"]]
    (found,) = await bc.find(ORDERS, "externalDocumentNumber", [made["externalDocumentNumber"]])

    assert polled == got == found
    assert polled.closed
    assert polled.partial
    assert polled.version is None
    assert polled.modified == datetime.fromisoformat(posted["lastModifiedDateTime"])
    assert polled.fields == {"id": made["id"], "status": "Completed", "invoiceNumbers": [posted["number"]]}


async def test_an_order_invoiced_in_part_tells_its_invoices(sandbox: Central, bc: BusinessCentral) -> None:
    made = order(sandbox, customer(sandbox), [{"itemId": item(sandbox)["id"], "quantity": 3}])
    line = lines_of(sandbox, made["id"])[0]
    sandbox.patch(f"salesOrderLines({line['id']})", {"shipQuantity": 1, "invoiceQuantity": 1})
    cursor = await now(bc, ORDERS)
    invoice(sandbox, made["id"])
    (posted,) = sandbox.get(f"salesInvoices?$filter=orderId eq {made['id']}").value

    polled = (await records(bc, ORDERS, cursor))[made["id"]]

    assert polled.fields["invoiceNumbers"] == [posted["number"]]
    assert not polled.closed
    assert not polled.partial
    assert (await records(bc, ORDERS))[made["id"]] == polled


async def test_an_order_is_found_once_however_it_is_spelt(sandbox: Central, bc: BusinessCentral) -> None:
    made = order(sandbox, customer(sandbox), [{"itemId": item(sandbox)["id"], "quantity": 3}])
    line = lines_of(sandbox, made["id"])[0]
    sandbox.patch(f"salesOrderLines({line['id']})", {"shipQuantity": 1, "invoiceQuantity": 1})
    invoice(sandbox, made["id"])
    number = made["externalDocumentNumber"]
    for path in ("externalDocumentNumber", "email"):
        view = View(entity="salesOrders", paths=(path, "invoiceNumbers"), lines=LINES, line_paths=("quantity",))
        (found,) = await bc.find(view, "externalDocumentNumber", [number.lower(), f"{number}-NONE"])
        assert not found.closed


async def test_an_order_that_was_deleted_is_simply_gone(sandbox: Central, bc: BusinessCentral) -> None:
    made = order(sandbox, customer(sandbox), [])
    sandbox.delete(f"salesOrders({made['id']})")
    assert not await bc.get(ORDERS, [made["id"]])


async def test_a_posted_invoice_tells_its_customer_again(sandbox: Central, bc: BusinessCentral) -> None:
    buyer = customer(sandbox)
    made = order(sandbox, buyer, [{"itemId": item(sandbox)["id"], "quantity": 2}])
    async with connected(sandbox, overlap=timedelta(0)) as exact:
        cursor = await now(exact, CUSTOMERS)
        invoice(sandbox, made["id"])
        told = await records(exact, CUSTOMERS, cursor)
    assert told[buyer["id"]].fields["balanceDue"] == 20


async def test_get_reads_hundreds_in_a_few_requests(sandbox: Central, bc: BusinessCentral) -> None:
    ids = [item(sandbox)["id"] for _ in range(3)]
    absent = [f"00000000-0000-0000-0000-{at:012d}" for at in range(1, 201)]
    with Asked(sandbox) as asked:
        found = await bc.get(ITEMS, [*ids, *absent])
    assert set(found) == set(ids)
    assert asked.requests == {"POST $batch": 3}


async def test_find_escapes_and_groups(sandbox: Central, bc: BusinessCentral) -> None:
    odd = item(sandbox, displayName="Bolt 5\" & 'nut' #1+2, 100% Åå")
    with Asked(sandbox) as asked:
        found = await bc.find(ITEMS, "displayName", [odd["displayName"], *(f"No {at}" for at in range(70))])
    assert [each.id for each in found] == [odd["id"]]
    assert asked.requests == {"POST $batch": 1}


async def test_find_by_what_there_is_not_says_so(bc: BusinessCentral) -> None:
    with pytest.raises(ConnectorError, match="cannot be searched by invoiceNumbers"):
        await bc.find(ORDERS, "invoiceNumbers", ["1"])


async def test_ids_are_those_that_take_part(sandbox: Central) -> None:
    person, *companies = customer(sandbox, type="Person"), *(customer(sandbox) for _ in range(4))
    async with connected(sandbox, page_size=3) as bc:
        listed = [page async for page in bc.ids(CUSTOMERS)]
    found = {each for page in listed for each in page}
    assert len(listed) > 1
    assert {each["id"] for each in companies} <= found
    assert person["id"] not in found


async def test_codes_of_all_tables_come_in_one_request(sandbox: Central, bc: BusinessCentral) -> None:
    thing = item(sandbox)
    variant = sandbox.made("itemVariants", {"itemId": thing["id"], "code": "RED", "description": "Red"})
    tables = ["paymentTerms", "paymentMethods", "shipmentMethods", "taxAreas", "locations", "itemCategories"]
    with Asked(sandbox) as asked:
        found = await bc.codes([*tables, "itemVariants"])
    assert asked.requests == {"POST $batch": 1}
    assert {code.code: code.id for code in found["paymentTerms"]}["30D"] == sandbox.code("paymentTerms", "30D")
    assert [(code.code, code.within) for code in found["itemVariants"] if code.id == variant["id"]] == [
        ("RED", thing["id"])
    ]
    with pytest.raises(ConnectorError, match="no entity colours"):
        await bc.codes(["colours"])


async def test_an_entity_that_there_is_not_is_named(bc: BusinessCentral) -> None:
    with pytest.raises(ConnectorError, match="dragons"):
        await bc.get(View(entity="dragons", paths=("id",)), ["1"])
