"""Undo: shown first, and done only as it was shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.routing import Route

from syncline.connectors.base import ConnectorError
from syncline.console.visits import Visit, act, address, page
from syncline.engine.people import undoing
from syncline.engine.people.names import Names, NotFound, the_one
from syncline.engine.people.reverting import CannotUndo
from syncline.engine.people.undoing import Undo
from syncline.engine.people.words import count, moment, shown
from syncline.engine.setup import EngineError
from syncline.project import ProjectError
from syncline.store import Role, StoreLocked

_SHOWN = 200
"""How many values, and how many of what is not undone, a page shows."""


class _Asked(Struct, frozen=True, kw_only=True):
    """One ``change``, or everything ``since`` a time, of a record, of a flow, or of all."""

    change: str = ""
    since: str = ""
    record: str = ""
    flow: str = ""
    over_later: bool = False


def routes() -> list[Route]:
    return [page("/undo", _preview), act("/undo", _undo, "resolve")]


def _asked(words: Mapping[str, str]) -> _Asked:
    told = {name: words.get(name, "").strip() for name in ("change", "since", "record", "flow")}
    return _Asked(**told, over_later=bool(words.get("over_later")))


def _meant(visit: Visit, asked: _Asked) -> Undo:
    """Raises `CannotUndo`, `NotFound`, and ``ValueError`` for what is no time or number."""
    store, flows = visit.desk.store, visit.desk.flows
    if asked.change:
        if not asked.change.isdigit():
            raise ValueError(f"{asked.change} is no number of a change.")
        return undoing.of_change(store, flows, int(asked.change), over_later=asked.over_later)
    at = moment(asked.since, visit.desk.now())
    flow = asked.flow or None
    refs = the_one(store, flows, asked.record, flow).refs if asked.record else None
    return undoing.since(store, flows, at, flow=flow, refs=refs, over_later=asked.over_later)


def _is_much(asked: _Asked) -> bool:
    """Whether it is about more than one record."""
    return not asked.change and not asked.record


def _preview(visit: Visit) -> Response:
    asked = _asked(visit.request.query_params)
    return _show(visit, asked)


def _show(visit: Visit, asked: _Asked, why: str = "") -> Response:
    made = Undo()
    if asked.change or asked.since:
        try:
            made = _meant(visit, asked)
        except (CannotUndo, NotFound, ValueError) as error:
            why = str(error)
    role: Role = "administer" if _is_much(asked) else "resolve"
    return visit.show(
        "undo.html",
        asked=asked,
        made=made,
        rows=_rows(made, visit.names),
        kept=[(each, visit.names.of_link(each.entry.link) if each.entry.link else "") for each in made.kept[:_SHOWN]],
        digest=_digest(made),
        why=why,
        role=role,
        may=visit.may(role),
        most=_SHOWN,
    )


def _rows(made: Undo, names: Names) -> list[tuple[str, str, str, str, str]]:
    """Flow, record, property, now, back to."""
    rows = []
    for each in made.back[:_SHOWN]:
        held = {side: shown(names.value(each.flow, each.property, each.now[side])) for side in each.now}
        now = ", ".join(f"{held[side]} ({side})" for side in names.in_order(each.flow, held))
        one = next(iter(held.values())) if len(set(held.values())) == 1 else now
        place, value = (
            names.place(each.link, each.line, each.property),
            names.value(each.flow, each.property, each.value),
        )
        rows.append((each.flow, names.of_link(each.link), place, one, shown(value)))
    for gone in made.withdrawn[:_SHOWN]:
        stays = ", ".join(map(str, gone.stays))
        now = f"created in {gone.ref.side}"
        rows.append((gone.link.flow, names.of_link(gone.link.id), "(record)", now, f"deleted; {stays} stays"))
    for entry in made.restored[:_SHOWN]:
        name = names.of_deleted(entry.ref, entry.whole) if entry.ref and entry.whole else ""
        side = entry.ref.side if entry.ref else ""
        rows.append((entry.flow, name, "(record)", f"deleted in {side}", "created again"))
    return rows


def _digest(made: Undo) -> str:
    """The same for the same undo: what was not shown is not done."""
    told = msgspec.json.encode([made.back, [w.entry.seq for w in made.withdrawn], [e.seq for e in made.restored]])
    return hashlib.sha256(told).hexdigest()


async def _undo(visit: Visit) -> Response:
    form = {name: value for name, value in visit.form.items() if isinstance(value, str)}
    asked = _asked(QueryParams(form))
    if not visit.may("administer" if _is_much(asked) else "resolve"):
        why = "To undo what was done to many records takes the role administer."
        return visit.show("refused.html", 403, why=why)
    try:
        made = await run_in_threadpool(_meant, visit, asked)
    except (CannotUndo, NotFound, ValueError) as error:
        return await run_in_threadpool(_show, visit, asked, str(error))
    if visit.told("digest") != _digest(made):
        why = "Something has changed since this was shown. This is what would be done now."
        return await run_in_threadpool(_show, visit, asked, why)
    back = address("/history", text=asked.record, flow=asked.flow)
    by, now = visit.session.user, visit.desk.now()
    if not made.restored:
        await run_in_threadpool(undoing.undo, visit.desk.store, made, now, by)
        done = count(len(made.back) + len(made.withdrawn), "thing")
        return visit.back(back, f"The next pass takes it back: {done}.")
    try:
        async with visit.desk.project.open("syncline console") as setup:
            restored = await undoing.take_back(setup, made, by)
    except (ConnectorError, EngineError, ProjectError, StoreLocked) as error:
        return await run_in_threadpool(_show, visit, asked, str(error))
    failed = [each.why for each in restored.values() if each.why is not None]
    sentence = " ".join(failed) if failed else f"{count(len(restored), 'record')} created again."
    return visit.back(back, sentence, wrong=bool(failed))
