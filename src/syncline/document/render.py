"""The document as a file: HTML, reStructuredText or Markdown. The templates hold the words around it.

HTML also holds the document as data, so that what people keep and sign can be compared with a later one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cache

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from syncline.document.model import Document, parse, to_json
from syncline.document.versions import Change

_DATA = re.compile(rb'<script type="application/json" id="document">(.*?)</script>', re.DOTALL)
_RST = re.compile(r"([\\*`|_<>])")
_ENUMERATED = re.compile(r"\(?\w+[.)](\s|$)")
_MARKDOWN = re.compile(r"([\\*`|_<>\[\]#~])")


class Format(StrEnum):
    """The renderings, by the ending of their files."""

    HTML = "html"
    RST = "rst"
    MARKDOWN = "md"


def render(document: Document, form: Format, changes: Sequence[Change] | None = None) -> str:
    """The whole document; with what changed since an earlier version, where that is asked for (``None``: it is not)."""
    template = _environment().get_template(f"document.{form}.j2")
    return template.render(document=document, changes=changes, data=_embedded(document))


class NoDocument(ValueError):
    """The text holds no dataflow document that this version of Syncline can read."""


def read(text: bytes) -> Document:
    """A document from its JSON, or from the HTML that was made of it. Raises `NoDocument`."""
    held = _DATA.search(text)
    try:
        return parse(held[1] if held else text)
    except msgspec.DecodeError as error:
        raise NoDocument(f"holds no dataflow document ({error})") from error


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("syncline.document"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., str]] = {"rst": _rst, "md": _md, "under": _under}
    environment.filters.update(filters)
    return environment


def _rst(text: str) -> str:
    """Text that is nothing but text: what begins like a list, a field, a line below a title does so no more."""
    told = _RST.sub(r"\\\1", " ".join(text.split()))
    if _ENUMERATED.match(told):
        return f"\\ {told}"
    return f"\\{told}" if told and not told[0].isalnum() and told[0] != "\\" else told


def _md(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _under(text: str, mark: str) -> str:
    """A title with the line below it, which is long enough for titles of wide characters (they take two places)."""
    return f"{text}\n{mark * len(text.encode('utf-16-le'))}"


def _embedded(document: Document) -> Markup:
    """The document as data inside its HTML: nothing in it can end the element that holds it."""
    return Markup(to_json(document).decode().replace("<", "\\u003c"))  # noqa: S704 - just made safe
