"""The report of an acceptance run in every form: whole, valid, and nothing in it becomes markup."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from docutils.core import publish_doctree
from docutils.nodes import entry, row

from syncline.acceptance.render import Form, render
from syncline.acceptance.report import Finding, Report, Verdict

BEGAN = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
NASTY = "</td><b>*_`x`_| & \x00"


def report(*findings: Finding, left: tuple[str, ...] = ()) -> Report:
    return Report(
        title="Dataflow",
        mark="AB12",
        began=BEGAN,
        ended=BEGAN,
        sides={"left": "Customerp", "right": "Business Central"},
        companies={"left": "erp.example.com/api", "right": "CRONUS Test"},
        flows={"customers": "Customer ↔ Customers company", "orders": "Order ↔ Sales order"},
        findings=findings,
        left=left,
    )


def finding(verdict: Verdict, flow: str = "customers", **said: str) -> Finding:
    return Finding(flow=flow, what="edited", property="city", origin="left", target="right", verdict=verdict, **said)


FINDINGS = (
    finding(Verdict.PASSED, expected="Oslo", found="Oslo"),
    finding(Verdict.FAILED, expected=NASTY, found="", why="right said: no <such> city"),
    finding(Verdict.NOT_APPLICABLE, flow="orders", why="left itself does not take it"),
)


def test_what_was_counted_is_what_was_found() -> None:
    told = report(*FINDINGS)
    assert dict(told.tally) == {Verdict.PASSED: 1, Verdict.FAILED: 1, Verdict.NOT_APPLICABLE: 1}
    assert told.failed
    assert not report(FINDINGS[0], FINDINGS[2]).failed


def test_junit_has_a_suite_a_flow_and_a_case_a_finding() -> None:
    root = ET.fromstring(render(report(*FINDINGS), Form.JUNIT))
    assert (root.tag, root.attrib["tests"], root.attrib["failures"], root.attrib["skipped"]) == (
        "testsuites",
        "3",
        "1",
        "1",
    )
    assert [suite.attrib["name"] for suite in root] == ["customers", "orders"]
    names = [case.attrib["name"] for case in root.iter("testcase")]
    assert names == ["city edited (left → right)"] * 3
    (failure,) = root.iter("failure")
    assert failure.attrib["message"] == "right said: no <such> city"
    assert failure.text == "expected </td><b>*_`x`_| & , found (empty)"
    assert [each.attrib["message"] for each in root.iter("skipped")] == ["left itself does not take it"]


def test_restructured_text_has_a_row_a_finding_and_no_fault() -> None:
    text = render(report(*FINDINGS, left=("right/customers/1: ledger *entries*",)), Form.RST)
    parsed = publish_doctree(text, settings_overrides={"report_level": 1, "halt_level": 1, "warning_stream": False})
    rows = [[cell.astext() for cell in each.findall(entry)] for each in parsed.findall(row)]
    assert ["city edited", "left → right", "passed", "Oslo", "Oslo", ""] in rows
    assert ["city edited", "left → right", "failed", "</td><b>*_`x`_| &", "", "right said: no <such> city"] in rows
    assert len(rows) == len(FINDINGS) + 2
    assert "Left behind: right/customers/1: ledger *entries*" in parsed.astext()


def test_the_page_is_whole_by_itself_and_tells_verdicts_in_words() -> None:
    page = render(report(*FINDINGS, left=("right/customers/1: it has entries",)), Form.HTML)
    assert "http" not in page
    for words in ("✓ passed", "✗ failed", "– not applicable", "CRONUS Test", "Left behind: right/customers/1"):
        assert words in page
    assert "<b>" not in page
    assert "&lt;/td&gt;&lt;b&gt;" in page


@pytest.mark.parametrize("form", list(Form))
def test_a_run_that_found_nothing_is_a_report_too(form: Form) -> None:
    assert render(report(), form)
