"""Records: found by any name, number or e-mail, and each with both systems side by side."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response
from starlette.routing import Route

from syncline.console.sheet import sheet
from syncline.console.told import told
from syncline.console.views import record_url
from syncline.console.visits import Visit, act, address, page
from syncline.engine.people.joining import CannotJoin, unlink
from syncline.engine.people.names import Names
from syncline.records import Ref
from syncline.store import Pair, Sought

_FOUND = 50
_ENTRIES = 100


class Hit(Struct, frozen=True, kw_only=True):
    """A record in a list. ``state`` is its link's, or that it has none."""

    flow: str
    name: str
    number: str
    state: str
    url: str
    ids: str


def routes() -> list[Route]:
    return [
        page("/records", _records),
        page("/records/{side}/{flow}/{id:path}", _record),
        act("/unlink", _unlink, "resolve"),
    ]


def _records(visit: Visit) -> Response:
    store, text = visit.desk.store, visit.asked("text")
    flow = visit.flow()
    after = visit.asked("after")
    if text:
        pairs = store.search(text, flow, _FOUND + 1)
        hits = [*_alone(visit, text, flow), *(_hit(visit.names, pair) for pair in pairs)]
        more = address("/records") if len(pairs) > _FOUND else ""
        older = ""
    else:
        listed = flow or next(iter(visit.desk.flows))
        pairs = store.pairs(listed, after, _FOUND + 1)
        hits = [_hit(visit.names, pair) for pair in pairs[:_FOUND]]
        more = ""
        older = address("/records", flow=listed, after=pairs[_FOUND - 1].link.id) if len(pairs) > _FOUND else ""
    part = visit.request.headers.get("hx-target") == "found"
    return visit.show(
        "_found.html" if part else "records.html",
        text=text or "",
        flow=flow or "",
        hits=hits[:_FOUND],
        too_many=bool(more),
        older=older,
    )


def _hit(names: Names, pair: Pair) -> Hit:
    refs = [Ref(pair.link.flow, side, pair.link.members[side]) for side in names.sides(pair)]
    return Hit(
        flow=pair.link.flow,
        name=names.of_pair(pair),
        number=names.key_of(pair),
        state=pair.link.state.value,
        url=record_url(refs[0]) if refs else "",
        ids=", ".join(map(str, refs)),
    )


def _alone(visit: Visit, text: str, flow: str | None) -> list[Hit]:
    """Records without a link that have just this id or key: they have no words yet, since nothing is agreed of them."""
    store = visit.desk.store
    flows = {name: each for name, each in visit.desk.flows.items() if flow in (None, name)}
    refs = [Ref(name, side, text) for name, each in flows.items() for side in each.sides]
    keys = {name: {p for key in each.match for p in key.properties} for name, each in flows.items()}
    refs += store.by_any_key(
        [(n, side, key) for n, each in flows.items() for side in each.sides for key in keys[n]], text
    )
    linked = store.links_of(refs)
    seen = store.arrivals([ref for ref in refs if ref not in linked])
    parked = store.parked_refs(list(seen))
    return [
        Hit(
            flow=ref.flow,
            name=visit.names.of_parked(parked[ref]) if ref in parked else ref.id,
            number="",
            state="not linked",
            url=record_url(ref),
            ids=str(ref),
        )
        for ref in seen
    ]


def _record(visit: Visit) -> Response:
    told_by = visit.request.path_params
    flow = visit.desk.flows.get(told_by["flow"])
    if flow is None:
        return visit.show("refused.html", 404, why="There is no such flow.")
    ref = Ref(flow.name, told_by["side"], told_by["id"])
    store = visit.desk.store
    shown = sheet(visit.desk, visit.names, ref)
    if shown is None:
        history = store.history(ref)[-_ENTRIES:]
        if not history:
            return visit.show("refused.html", 404, why=f"Nothing is remembered of {ref}.")
        return visit.show("gone.html", ref=ref, entries=told(store, visit.names, history[::-1]))
    if shown.link is not None:
        entries = store.sought(Sought(links=(shown.link.id,)), _ENTRIES).entries
    else:
        entries = store.history(ref)[-_ENTRIES:][::-1]
    return visit.show("record.html", sheet=shown, ref=ref, entries=told(store, visit.names, entries))


def _unlink(visit: Visit) -> Response:
    flow, side, id_ = (visit.told(name) or "" for name in ("flow", "side", "id"))
    ref = Ref(flow, side, id_)
    try:
        unlink(visit.desk.store, ref, visit.desk.now(), visit.session.user)
    except CannotJoin as error:
        return visit.back(record_url(ref), str(error), wrong=True)
    return visit.back(record_url(ref), "The next pass ends their link and parks them.")
