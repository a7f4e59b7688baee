"""The renderings: valid in their own formats, whatever the words in them are."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from docutils.core import publish_doctree
from docutils.nodes import Element, entry, reference, row, section, title
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cli.calling import edit
from document.test_agreed import MADE, described
from syncline.document.model import Cell, Document, Row, Section
from syncline.document.render import Format, NoDocument, read, render
from syncline.document.versions import changes

words = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30)
titles = words.filter(lambda text: any(c.isalnum() for c in text))


def tree(text: str, level: int = 1) -> Element:
    """Raises for whatever docutils finds fault with: with level 1 also for what is only worth a remark."""
    settings = {"report_level": level, "halt_level": level, "warning_stream": False}
    return publish_doctree(text, settings_overrides=settings)


def test_docutils_has_no_fault_to_find_in_the_shipped_agreement(folder: Path) -> None:
    document = described(folder)
    parsed = tree(render(document, Format.RST))
    assert [each.astext() for one in parsed.findall(section) for each in one.children if isinstance(each, title)] == [
        *(s.title for s in document.sections[:3]),
        document.sections[3].title,
        "Lines: lines ↔ salesOrderLines",
    ]
    told = [[cell.astext() for cell in each.findall(entry)] for each in parsed.findall(row)]
    assert [
        "creditLimit",
        "creditLimit",
        "creditLimit",
        "Decimal",
        "↔",
        "if both changed it, Business Central wins",
    ] in told
    wanted = sum(len(s.rows) + len(s.lines) for s in document.sections) + len(document.sections) + 1
    assert len(told) == wanted


@given(titles, words, words, words, words)
def test_any_words_are_words_in_restructured_text(heading: str, about: str, name: str, place: str, rule: str) -> None:
    cells = {"a": Cell(place=place, type=""), "b": Cell(place=place, type=rule)}
    one = Row(name=name, cells=cells, direction="both", rules=(rule, about), example=place)
    part = Section(flow="f", title=heading, about=(about,), terms=(rule,), rows=(one,), lines_title=place, lines=(one,))
    whole = Document(
        title=heading, made=MADE, introduction=(about, rule), sides={"a": about, "b": rule}, sections=(part,)
    )
    parsed = tree(render(whole, Format.RST, changes(whole, replace(whole, introduction=(rule,)))), level=2)
    first = next(each for each in parsed.findall(row) if each.astext().startswith(" ".join(name.split())))
    assert not list(first.findall(reference)) or "@" in first.astext() or ":" in first.astext()


def test_the_page_is_whole_by_itself_and_every_row_has_an_address(folder: Path) -> None:
    page = render(described(folder), Format.HTML)
    assert "http://" not in page
    assert "https://" not in page
    assert 'id="customers-creditLimit"' in page
    assert 'id="orders-lines-unitPrice"' in page
    assert '<html lang="en">' in page


def test_nothing_in_the_agreement_becomes_markup(folder: Path) -> None:
    edit(folder / "flows/products.yaml", "title: Item", "title: </script><b>Item|*_`x`_")
    document = described(folder)
    page = render(document, Format.HTML)
    assert "<b>" not in page
    assert "&lt;/script&gt;&lt;b&gt;Item" in page
    assert page.count("</script>") == 1
    ET.fromstring(page[page.index("<main>") : page.index("</main>") + len("</main>")])
    text = render(document, Format.MARKDOWN)
    assert "\\</script\\>\\<b\\>Item\\|\\*\\_\\`x\\`\\_" in text


def test_markdown_has_a_row_a_property_and_every_row_as_many_cells(folder: Path) -> None:
    rows = [line for line in render(described(folder), Format.MARKDOWN).splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {7}
    assert len([line for line in rows if "---" in line]) == 5


@pytest.mark.parametrize("form", list(Format))
def test_what_changed_stands_before_the_flows(folder: Path, form: Format) -> None:
    before = described(folder)
    edit(folder / "flows/products.yaml", "delete: ask", "delete: keep")
    now = described(folder)
    text = render(now, form, changes(before, now))
    assert (
        text.index("Changes")
        < text.index("stays on the other, and is synchronised no more")
        < text.index("Product ↔ Item", text.index("Changes"))
    )
    assert "Nothing was changed." in render(now, form, ())
    assert "Nothing was changed." not in render(now, form)


def test_the_page_that_people_keep_can_be_read_back(folder: Path) -> None:
    document = described(folder)
    assert read(render(document, Format.HTML).encode()) == document
    for other in (b"", b"<html></html>", b'{"title": "x"}', render(document, Format.RST).encode()):
        with pytest.raises(NoDocument, match="holds no dataflow document"):
            read(other)
