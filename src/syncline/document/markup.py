"""Templates, and text that stays text in whatever they are written in."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from unicodedata import category

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

_RST = re.compile(r"([\\*`|_<>])")
_ENUMERATED = re.compile(r"\(?\w+[.)](\s|$)")
_MARKDOWN = re.compile(r"([\\*`|_<>\[\]#~])")


@cache
def environment(package: str) -> Environment:
    """The templates of a package. Those of HTML escape by themselves; the others have filters."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., str]] = {"rst": rst, "md": markdown, "under": under}
    made.filters.update(filters)
    return made


def rst(text: str) -> str:
    """Text that is nothing but text: what begins like a list, a field, a line below a title does so no more."""
    told = _RST.sub(r"\\\1", one_line(text))
    if _ENUMERATED.match(told):
        return f"\\ {told}"
    return f"\\{told}" if told and not told[0].isalnum() and told[0] != "\\" else told


def markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def one_line(text: str) -> str:
    """Without line breaks and control characters."""
    return " ".join("".join(" " if category(c) == "Cc" else c for c in text).split())


def under(text: str, mark: str) -> str:
    """A title with the line below it, which is long enough for titles of wide characters (they take two places)."""
    return f"{text}\n{mark * len(text.encode('utf-16-le'))}"
