"""The report as a file: HTML and reStructuredText for people, JUnit XML for build servers."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import groupby
from xml.etree import ElementTree as ET  # only written here, never read

from syncline.acceptance.report import Finding, Report, Verdict
from syncline.document.markup import environment, one_line


class Form(StrEnum):
    """The renderings, by the ending of their files."""

    HTML = "html"
    RST = "rst"
    JUNIT = "xml"


def render(report: Report, form: Form) -> str:
    if form is Form.JUNIT:
        return _junit(report)
    template = environment("syncline.acceptance").get_template(f"report.{form}.j2")
    parts = [(flow, list(found)) for flow, found in groupby(report.findings, key=lambda finding: finding.flow)]
    return template.render(report=report, parts=parts, tried=tried, Verdict=Verdict)


def tried(finding: Finding) -> str:
    """What was tried, in words."""
    return " ".join(part for part in (finding.property, finding.what) if part)


def headline(finding: Finding) -> str:
    """What was tried, and from where to where."""
    return tried(finding) + (f" ({finding.origin} → {finding.target})" if finding.origin else "")


def _junit(report: Report) -> str:
    """A suite a flow, a case a finding, as Jenkins, GitLab and GitHub's reporters read them."""
    root = ET.Element("testsuites", {"name": report.title, **_counts(report.findings)})
    for flow, found in groupby(report.findings, key=lambda finding: finding.flow):
        findings = list(found)
        about = {"name": flow, "timestamp": report.began.isoformat(), **_counts(findings)}
        suite = ET.SubElement(root, "testsuite", about)
        for finding in findings:
            case = ET.SubElement(suite, "testcase", classname=flow, name=one_line(headline(finding)))
            if finding.verdict is Verdict.FAILED:
                told = ET.SubElement(case, "failure", message=one_line(finding.why or "it is not as agreed"))
                told.text = one_line(f"expected {finding.expected or '(empty)'}, found {finding.found or '(empty)'}")
            elif finding.verdict is Verdict.NOT_APPLICABLE:
                ET.SubElement(case, "skipped", message=one_line(finding.why))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _counts(findings: Iterable[Finding]) -> dict[str, str]:
    verdicts = [finding.verdict for finding in findings]
    failed, skipped = verdicts.count(Verdict.FAILED), verdicts.count(Verdict.NOT_APPLICABLE)
    return {"tests": str(len(verdicts)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}
