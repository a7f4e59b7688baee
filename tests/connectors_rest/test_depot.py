"""An API of another shape than Customerp: the declaration alone must do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors_rest.serving import Served, serving
from syncline.connectors.base import ConnectorError, CursorLost, Page, SignInRefused, View
from syncline.connectors.rest import declaration as declared
from syncline.connectors.rest.connector import Rest
from syncline.mapping.types import Code
from syncline.records import (
    Create,
    Delete,
    Done,
    Gone,
    LineAdd,
    LineChange,
    LineRemove,
    Refused,
    Stale,
    Unavailable,
    Unknown,
    Update,
)

HERE = Path(__file__).parent
PARTS = View(entity="parts", paths=("code", "price", "size.height"), lines="bins", line_paths=("shelf", "quantity"))

THINGS = View(entity="things", paths=("uid",))


class Depot(Served):
    def seed(self, count: int, prefix: str) -> list[str]:
        uids = [f"{prefix}{n}" for n in range(count)]
        parts = [{"uid": uid, "code": uid, "price": 1.5, "state": "new", "secret": "kept"} for uid in uids]
        self.post("seed", parts)
        self.post("faults", [])
        return uids


@pytest.fixture(scope="module")
def depot() -> Iterator[Depot]:
    with serving(HERE / "depot.py") as url:
        yield Depot(url)


@pytest.fixture
async def rest(depot: Depot) -> AsyncIterator[Rest]:
    async with Rest("depot", declared.load(HERE / "depot.yaml"), depot.url, {"key": "open-sesame"}) as connector:
        yield connector


async def read(rest: Rest, cursor: str | None, view: View = PARTS) -> list[Page]:
    return [page async for page in rest.changes(view, cursor)]


async def made(rest: Rest, **fields: Any) -> str:
    (outcome,) = await rest.write(PARTS, [Create(key="k", fields=fields)])
    assert isinstance(outcome, Done)
    assert outcome.answer is not None
    return outcome.answer.id


async def test_lists_all_then_only_what_changed(depot: Depot, rest: Rest) -> None:
    uids = depot.seed(25, "list")
    pages = await read(rest, None)
    assert len(pages) == 3
    assert pages[0].total == 25
    assert [record.id for page in pages for record in page.records] == uids
    first = pages[0].records[0]
    assert first.version == "1"
    assert first.modified is not None
    assert first.fields["price"] == Decimal("1.5")

    depot.post("faults", [])
    assert [page.records for page in await read(rest, pages[-1].cursor)] == [()]
    assert depot.asked() == ["GET /v1/parts"]
    fresh = await made(rest, code="fresh")
    (page,) = await read(rest, pages[-1].cursor)
    assert [record.id for record in page.records] == [fresh]


async def test_a_listing_goes_on_where_it_was_broken_off(depot: Depot, rest: Rest) -> None:
    depot.seed(25, "list")
    whole = await read(rest, None)
    rest_of_it = await read(rest, whole[0].cursor)
    assert [page.records for page in rest_of_it] == [page.records for page in whole[1:]]


async def test_the_first_listing_asks_only_for_the_flows_part(depot: Depot, rest: Rest) -> None:
    depot.seed(25, "list")
    view = View(entity="parts", paths=("code",), where={"code": ("list3",)})
    pages = await read(rest, None, view)
    assert [record.id for page in pages for record in page.records] == ["list3"]


async def test_ids_get_and_find(depot: Depot, rest: Rest) -> None:
    depot.seed(25, "list")
    ids = [uid async for page in rest.ids(PARTS) for uid in page]
    assert {f"list{n}" for n in range(25)} <= set(ids)
    found = await rest.get(PARTS, ["list3", "nowhere", "list4", "list3"])
    assert set(found) == {"list3", "list4"}
    by_filter = await rest.find(PARTS, "code", ["list3", "list9", "absent"])
    assert {record.id for record in by_filter} == {"list3", "list9"}
    by_looking = await rest.find(PARTS, "secret", ["kept"])
    assert len(by_looking) == 25
    assert [record.id for record in await rest.find(PARTS, "uid", ["list7"])] == ["list7"]


async def test_creates_with_lines(rest: Rest) -> None:
    lines = ({"shelf": "A", "quantity": 1}, {"shelf": "B", "quantity": 2})
    create = Create(key="k", fields={"code": "c", "price": Decimal("2.50"), "size": {"height": 3}}, lines=lines)
    (outcome,) = await rest.write(PARTS, [create])
    assert isinstance(outcome, Done)
    assert outcome.answer is not None
    assert outcome.answer.partial
    assert outcome.seen is not None
    assert outcome.seen.fields["price"] == Decimal("2.5")
    assert outcome.seen.fields["size"] == {"height": 3}
    assert outcome.added == tuple(str(line["row"]) for line in outcome.seen.fields["bins"])
    assert len(outcome.added) == 2


async def test_an_update_sends_the_whole_record_and_keeps_what_nobody_maps(depot: Depot, rest: Rest) -> None:
    depot.seed(1, "whole")
    (outcome,) = await rest.write(PARTS, [Update(id="whole0", version="1", fields={"size": {"height": 4}})])
    assert isinstance(outcome, Done)
    assert outcome.seen is not None
    assert outcome.seen.version == "2"
    assert outcome.seen.fields["secret"] == "kept"
    assert outcome.seen.fields["code"] == "whole0"
    assert outcome.seen.fields["size"] == {"height": 4}


async def test_line_edits(rest: Rest) -> None:
    lines = tuple({"shelf": name, "quantity": n, "note": f"n{n}"} for n, name in enumerate("ABC"))
    (created,) = await rest.write(PARTS, [Create(key="k", fields={"code": "lines"}, lines=lines)])
    assert isinstance(created, Done)
    assert created.seen is not None
    a, b, c = created.added
    edits = (
        LineAdd(fields={"shelf": "Z"}, after=c),
        LineChange(id=b, version=None, fields={"quantity": 9}),
        LineRemove(id=a, version=None),
        LineAdd(fields={"shelf": "Y"}, after=None),
    )
    update = Update(id=created.seen.id, version=created.seen.version, fields={}, lines=edits)
    (outcome,) = await rest.write(PARTS, [update])
    assert isinstance(outcome, Done)
    assert outcome.seen is not None
    bins = outcome.seen.fields["bins"]
    assert [line["shelf"] for line in bins] == ["Y", "B", "C", "Z"]
    assert (str(bins[1]["row"]), bins[1]["quantity"], bins[1]["note"]) == (b, 9, "n1")
    assert outcome.added == (str(bins[3]["row"]), str(bins[0]["row"]))

    again, missing = await rest.write(
        PARTS,
        [
            update,
            Update(id=created.seen.id, version=outcome.seen.version, fields={}, lines=(LineAdd(fields={}, after=a),)),
        ],
    )
    assert isinstance(again, Stale)
    assert isinstance(missing, Stale)


async def test_what_the_system_says_of_a_write(depot: Depot, rest: Rest) -> None:
    depot.seed(2, "w")
    outcomes = await rest.write(
        PARTS,
        [
            Update(id="w0", version="7", fields={"code": "x"}),
            Update(id="nowhere", version="1", fields={"code": "x"}),
            Create(key="k", fields={"code": "x" * 21}),
            Delete(id="w1", version="1"),
            Delete(id="nowhere", version=None),
        ],
    )
    assert isinstance(outcomes[0], Stale)
    assert isinstance(outcomes[1], Gone)
    assert outcomes[2] == Refused(code="E17", message="Code is longer than 20", property="code")
    assert outcomes[3] == Done(answer=None)
    assert isinstance(outcomes[4], Gone)


async def test_a_create_that_cannot_be_known_is_not_sent_again(depot: Depot, rest: Rest) -> None:
    depot.post("faults", [500, 503])
    create = Create(key="k", fields={"code": "once"})
    assert await rest.write(PARTS, [create]) == (Unknown("out of order"),)
    assert depot.asked() == ["POST /v1/parts"]
    assert await rest.write(PARTS, [create]) == (Unavailable(message="out of order", retry_after=7.0),)


async def test_no_connection_is_unavailable() -> None:
    async with Rest("depot", declared.load(HERE / "depot.yaml"), "http://127.0.0.1:9", {}) as rest:
        (create, update) = await rest.write(
            PARTS, [Create(key="k", fields={}), Update(id="1", version="1", fields={"code": "x"})]
        )
        assert isinstance(create, Unavailable)
        assert isinstance(update, Unavailable)
        with pytest.raises(ConnectorError, match="depot: "):
            await rest.get(PARTS, ["1"])


@asynccontextmanager
async def declaring(depot: Depot, folder: Path, entity: str) -> AsyncIterator[Rest]:
    """The depot with one other entity, ``things``."""
    text = (HERE / "depot.yaml").read_text()
    (folder / "d.yaml").write_text(f"{text}  things: {{properties: {{uid: id}}, {entity}}}\n")
    async with Rest("depot", declared.load(folder / "d.yaml"), depot.url, {"key": "open-sesame"}) as connector:
        yield connector


@pytest.mark.parametrize(
    ("style", "query", "paging", "requests"),
    [
        ("page", "{}", "{kind: page, parameter: page}", 4),
        ("page", "{pages: told}", "{kind: page, parameter: page, last: meta.pages}", 3),
        ("link", "{}", "{kind: link}", 3),
        ("url", "{}", "{kind: url, next: links.next}", 3),
    ],
)
async def test_other_ways_to_turn_pages(
    depot: Depot, tmp_path: Path, style: str, query: str, paging: str, requests: int
) -> None:
    listed = f"path: turned/{style}, query: {query}, items: data, paging: {paging}"
    async with declaring(depot, tmp_path, f"requests: {{list: {{{listed}}}}}") as rest:
        depot.post("faults", [])
        ids = [uid async for page in rest.ids(THINGS) for uid in page]
        assert ids == [f"{style}{n}" for n in range(5)]
        assert len(depot.asked()) == requests


async def test_a_next_page_on_another_host_is_not_followed(depot: Depot, tmp_path: Path) -> None:
    listed = "path: turned/elsewhere, items: data, paging: {kind: url, next: links.next}"
    async with declaring(depot, tmp_path, f"requests: {{list: {{{listed}}}}}") as rest:
        with pytest.raises(ConnectorError, match="the next page is on another host, localhost"):
            _ = [page async for page in rest.ids(THINGS)]


async def test_an_answer_that_is_not_as_declared(depot: Depot, tmp_path: Path) -> None:
    async with declaring(depot, tmp_path, "requests: {list: {path: turned/url, items: rows}}") as rest:
        with pytest.raises(ConnectorError, match=r"has no list at rows\. Look whether the declaration is right"):
            await read(rest, None, THINGS)


async def test_a_version_that_only_a_header_tells(depot: Depot, tmp_path: Path) -> None:
    entity = "path: tagged, record: {id: uid, version: {header: ETag}, within: data}"
    listed = "requests: {list: {items: data}, changes: {kind: all}}"
    async with declaring(depot, tmp_path, f"{entity}, {listed}") as rest:
        (page,) = await read(rest, None, THINGS)
        assert [(record.id, record.version) for record in page.records] == [("a", '"a-7"'), ("b", '"b-7"')]
        (again,) = await read(rest, page.cursor, THINGS)
        assert again.records == page.records


async def test_the_identity_and_codes(rest: Rest) -> None:
    assert await rest.identity() == "depot-7"
    zones = (await rest.codes(["zones"]))["zones"]
    assert len(zones) == 13
    assert zones[0] == Code("z1", "ZONE-1", "s1")
    assert zones[-1] == Code("z13", "ZONE-13", None)
    with pytest.raises(ConnectorError, match=r"terms is not declared as a code table\. Declare it under codes"):
        await rest.codes(["terms"])


async def test_what_cannot_be_asked(depot: Depot, rest: Rest) -> None:
    with pytest.raises(ConnectorError, match=r"pieces is not declared as an entity\. Declared are: parts\."):
        await read(rest, None, View(entity="pieces", paths=()))
    with pytest.raises(CursorLost):
        await read(rest, "nonsense")
    async with Rest("depot", declared.load(HERE / "depot.yaml"), depot.url, {"key": "wrong"}) as stranger:
        with pytest.raises(SignInRefused, match=r"Who are you\?"):
            await stranger.identity()


def test_the_capabilities(depot: Depot) -> None:
    rest = Rest("depot", declared.load(HERE / "depot.yaml"), depot.url, {})
    assert (rest.capabilities.versions, rest.capabilities.idempotent_creates, rest.capabilities.deletions) == (
        True,
        False,
        False,
    )


UNVERSIONED = "path: parts, record: {id: uid, within: data, sentWithin: part}, properties: {uid: id readOnly, "
UNVERSIONED += "code: text(20), price: decimal(2), rev: integer readOnly}, lines: {path: bins, id: row, properties: "
UNVERSIONED += "{shelf: text(10), row: id readOnly}}"
LOOSE = View(entity="loose", paths=("code", "price"), lines="bins", line_paths=("shelf",))


@asynccontextmanager
async def unversioned(depot: Depot, folder: Path) -> AsyncIterator[Rest]:
    """The depot's parts as of a system that tells no versions."""
    text = (HERE / "depot.yaml").read_text()
    (folder / "d.yaml").write_text(f"{text}  loose: {{{UNVERSIONED}}}\n")
    async with Rest("depot", declared.load(folder / "d.yaml"), depot.url, {"key": "open-sesame"}) as connector:
        yield connector


@pytest.mark.parametrize("edited", [{"code": "other"}, {"bins": [{"shelf": "B"}]}])
async def test_without_versions_an_edit_since_the_read_is_not_overwritten(
    depot: Depot, tmp_path: Path, edited: dict[str, Any]
) -> None:
    part = {"uid": "u1", "code": "c", "price": 1.5, "bins": [{"shelf": "A", "row": 1}]}
    depot.post("seed", [part])
    async with unversioned(depot, tmp_path) as rest:
        before = (await rest.get(LOOSE, ["u1"]))["u1"]
        depot.post("seed", [{**part, **edited}])  # a person is quicker
        update = Update(id="u1", version=before.version, fields={"price": Decimal(2)})
        late, deleted = await rest.write(LOOSE, [update, Delete(id="u1", version=before.version)])
        assert isinstance(late, Stale)
        assert isinstance(deleted, Stale)
        now = (await rest.get(LOOSE, ["u1"]))["u1"]
        assert now.fields["price"] == Decimal("1.5")
        (done,) = await rest.write(LOOSE, [Update(id="u1", version=now.version, fields={"price": Decimal(2)})])
        assert isinstance(done, Done)
        assert done.seen is not None
        assert done.seen.version == (await rest.get(LOOSE, ["u1"]))["u1"].version


async def test_without_versions_what_is_the_same_is_no_edit(depot: Depot, tmp_path: Path) -> None:
    """However it is spelt, and whatever the system itself counts on."""
    depot.post("seed", [{"uid": "u2", "code": "c", "price": 1.50}])
    async with unversioned(depot, tmp_path) as rest:
        (listed,) = [r for page in await read(rest, None, LOOSE) for r in page.records if r.id == "u2"]
        depot.post("seed", [{"price": 1.5, "code": "c", "uid": "u2", "secret": "not declared"}])  # at another revision
        (done,) = await rest.write(LOOSE, [Update(id="u2", version=listed.version, fields={"code": "d"})])
        assert isinstance(done, Done)
