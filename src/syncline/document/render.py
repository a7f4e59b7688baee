"""The document as a file: HTML, reStructuredText or Markdown. The templates hold the words around it.

HTML also holds the document as data, so that what people keep and sign can be compared with a later one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

import msgspec
from markupsafe import Markup

from syncline.document.markup import environment
from syncline.document.model import Document, parse, to_json
from syncline.document.versions import Change

_DATA = re.compile(rb'<script type="application/json" id="document">(.*?)</script>', re.DOTALL)


class Format(StrEnum):
    """The renderings, by the ending of their files."""

    HTML = "html"
    RST = "rst"
    MARKDOWN = "md"


def render(document: Document, form: Format, changes: Sequence[Change] | None = None) -> str:
    """The whole document; with what changed since an earlier version, where that is asked for (``None``: it is not)."""
    template = environment("syncline.document").get_template(f"document.{form}.j2")
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


def _embedded(document: Document) -> Markup:
    """The document as data inside its HTML: nothing in it can end the element that holds it."""
    return Markup(to_json(document).decode().replace("<", "\\u003c"))  # noqa: S704 - just made safe
