"""The journal, newest first, filtered."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from starlette.responses import Response
from starlette.routing import Route

from syncline.console.told import told
from syncline.console.visits import Visit, page
from syncline.engine.people.words import moment
from syncline.store import Action, Sought

_ENTRIES = 50
_LINKS = 200
"""How many records a text may mean: of more, the first ones are looked at, and that is told."""


def routes() -> list[Route]:
    return [page("/history", _history)]


def _history(visit: Visit) -> Response:
    store = visit.desk.store
    actions = get_args(Action)
    sides = visit.desk.project.sides
    text, wrong = visit.asked("text"), ""
    since, until = (visit.asked(name) for name in ("since", "until"))
    times: list[datetime | None] = []
    for value in (since, until):
        try:
            times.append(moment(value, visit.desk.now()) if value else None)
        except ValueError as error:
            times.append(None)
            wrong = str(error)
    pairs = store.search(text, visit.flow(), _LINKS) if text else ()
    before = visit.asked("before")
    action, side = visit.asked("action"), visit.asked("side")
    asked = Sought(
        flow=visit.flow(),
        side=side if side in sides else None,
        action=action if action in actions else None,
        links=tuple(pair.link.id for pair in pairs) if text else None,
        since=times[0],
        until=times[1],
        before=int(before) if before and before.isdigit() else None,
    )
    found = store.sought(asked, _ENTRIES)
    words = {
        "flow": asked.flow,
        "side": asked.side,
        "action": asked.action,
        "text": text,
        "since": since,
        "until": until,
    }
    return visit.show(
        "history.html",
        entries=told(store, visit.names, found.entries),
        older=found.older,
        words={name: value or "" for name, value in words.items()},
        actions=actions,
        sides=sides,
        wrong=wrong,
        many=len(pairs) == _LINKS,
    )
