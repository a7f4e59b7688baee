"""Templates: everything shown is escaped, and every page has the same frame."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from syncline.engine.people.words import EMPTY, count, lasts, shown, when
from syncline.records import Ref


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Read once; nothing of it changes."""
    made = Environment(
        loader=PackageLoader("syncline.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"shown": shown, "when": when, "lasts": lasts, "number": number, "record_url": record_url}
    made.globals |= {"count": count, "asset": asset, "empty": EMPTY}
    return made


def fragment(template: str, name: str, **told: Any) -> Markup:
    """A macro of a template, as text of its own."""
    return Markup(getattr(templates().get_template(template).module, name)(**told))  # noqa: S704  # it is escaped


@lru_cache
def asset(name: str) -> str:
    """Where a file of ours is: another address whenever it says something else, so that it may be kept."""
    content = (files("syncline.console") / "static" / name).read_bytes()
    return f"/static/{name}?{hashlib.sha256(content).hexdigest()[:12]}"


def number(value: int) -> str:
    return f"{value:,}"


def record_url(ref: Ref) -> str:
    """The page of a record."""
    from urllib.parse import quote

    return f"/records/{quote(ref.side, safe='')}/{quote(ref.flow, safe='')}/{quote(ref.id, safe='')}"
