"""What an acceptance run found, as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from syncline.records import Value


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


class Finding(Struct, frozen=True, kw_only=True):
    """One line of the checklist.

    ``what`` was tried (``edited``, ``emptied``, ``created``, ``carried``, ``linked``, ``conflict``, ``deleted`` …), of
    ``property`` where it is about one (``lines.`` stands before one of lines), from the side ``origin`` to ``target``.
    ``expected`` and ``found`` are values as people read them (`text`); ``None`` where they are empty, or it is about
    none.
    ``why`` is why it failed or was not tried, with the system's own words where it has said something.
    """

    flow: str
    what: str
    property: str = ""
    origin: str = ""
    target: str = ""
    verdict: Verdict
    expected: str | None = None
    found: str | None = None
    why: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """``sides`` are the systems' titles, ``companies`` what they call the company that was tested, by side.

    ``left`` is what could not be taken away again, and why. ``mark`` stands in every record that was made.
    """

    title: str
    mark: str
    began: datetime
    ended: datetime
    sides: Mapping[str, str]
    companies: Mapping[str, str]
    flows: Mapping[str, str]
    """Their titles, by their names."""
    findings: tuple[Finding, ...]
    left: tuple[str, ...] = ()

    @property
    def tally(self) -> Mapping[Verdict, int]:
        counted = Counter(finding.verdict for finding in self.findings)
        return {verdict: counted[verdict] for verdict in Verdict}

    @property
    def failed(self) -> bool:
        return any(finding.verdict is Verdict.FAILED for finding in self.findings)


def text(value: Value) -> str | None:
    """A value as people read it."""
    match value:
        case None:
            return None
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)
