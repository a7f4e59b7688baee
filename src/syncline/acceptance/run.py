"""The whole run: the companies are checked, every flow is tried, and what was made is taken away again."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from syncline.acceptance.book import Book, Place
from syncline.acceptance.checklist import IN_LINES, rows
from syncline.acceptance.desk import Declined, Desk
from syncline.acceptance.report import Finding, Report, Verdict
from syncline.acceptance.trial import Cannot, Trial
from syncline.acceptance.values import Palette
from syncline.document.model import Document
from syncline.engine.setup import EngineError, Setup
from syncline.mapping.load import load_flows
from syncline.mapping.model import Flow, LensError
from syncline.mapping.typed import parse
from syncline.mapping.types import CodeTable
from syncline.project import Project, ProjectError
from syncline.records import Ref, Value
from syncline.yamlfile import FileError, KeyPath, did_you_mean

_ANCHORS = 2
_AT_ONCE = 2
"""How many links are taken away between two passes: more that are gone of what was worked on last would
look like a backup that was brought back."""
Watch = Callable[[str, str, int, int], None]
"""Told of each stage before it is run: the flow, the stage, how many stages are done, and how many there are."""


def agreed_in(document: Document, project: Project) -> Mapping[str, Flow]:
    """The flows that a document was made from. Raises `FlowError` where the systems have no such properties."""
    types = {name: system.entity_type for name, system in project.systems.items()}
    with tempfile.TemporaryDirectory(prefix="syncline-") as folder:
        for name, text in document.agreement.items():
            (Path(folder) / Path(name).name).write_text(text, encoding="utf-8")
        return load_flows(sorted(Path(folder).glob("*")), types)


async def accept(
    project: Project,
    setup: Setup,
    document: Document,
    watch: Watch,
    *,
    only: str | None = None,
    posting: bool = False,
) -> Report:
    """Put what the document says to the test. ``only`` is a flow; ``posting`` tries also what cannot be taken back.

    Raises `EngineError` for a company that is not named as a test company and `ProjectError` for values that cannot be
    tried, before anything is written, and `ConnectorError`. A run that was cut short is taken up where it was.
    """
    agreed = agreed_in(document, project)
    _check_values(project, agreed)
    companies = await _companies(project, setup)
    wanted = {name: flow for name, flow in agreed.items() if only in (None, name)}
    signature = msgspec.json.encode([document.agreement, only, posting], order="sorted")
    book = Book.open(project.folder, hashlib.sha256(signature).hexdigest())
    desk = Desk(setup, agreed)
    run = _Run(project, desk, book, posting=posting)
    await run.tidy()
    await run.try_all(wanted, watch)
    await run.tidy()
    kept = book.kept
    report = Report(
        title=document.title,
        mark=kept.mark,
        began=kept.began,
        ended=datetime.now(UTC),
        sides=document.sides,
        companies=companies,
        flows={section.flow: section.title for section in document.sections},
        findings=_telling([finding for findings in kept.done.values() for finding in findings]),
        left=tuple(kept.left),
    )
    book.close(report)
    return report


def _check_values(project: Project, agreed: Mapping[str, Flow]) -> None:
    """Raises `ProjectError` for values to be tried of what there is not, or that it cannot hold."""
    mistakes: list[FileError] = []
    for flow, values in project.tested.values.items():
        if flow not in agreed:
            said = f"no flow is called '{flow}'."
            mistakes.append(project.document.error(("accept", "values", flow), said, did_you_mean(flow, agreed)))
            continue
        known = rows(agreed[flow])
        for name, given in values.items():
            at: KeyPath = ("accept", "values", flow, name)
            if name not in known:
                mistakes.append(project.document.error(at, f"'{name}' is no property.", did_you_mean(name, known)))
                continue
            for value in given:
                try:
                    parse(known[name].kind, _spelt(value))
                except LensError as error:
                    mistakes.append(project.document.error(at, f"{error}."))
    if mistakes:
        raise ProjectError(mistakes)


def _spelt(value: bool | int | float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _companies(project: Project, setup: Setup) -> dict[str, str]:
    """What each system calls its company. Raises `EngineError` unless all are named as test companies."""
    named = project.tested.companies
    found: dict[str, str] = {}
    others: dict[str, str] = {}
    for side in setup.sides:
        identity, name = await setup.systems[side].identity(), await setup.systems[side].company_name()
        found[side] = name or identity
        if named.get(side) not in (identity, name):
            others[side] = f"{side} is {name} ({identity})" if name else f"{side} is {identity}"
    if others:
        names = ", ".join(f"{side}: '{found[side]}'" for side in found)
        raise EngineError(
            f"{', and '.join(others.values())}, which is not named as a test company: nothing was touched.",
            "If records may be made, changed and deleted there, say in syncline.yaml: "
            f"accept: {{companies: {{{names}}}}}",
        )
    return found


class _Run:
    def __init__(self, project: Project, desk: Desk, book: Book, *, posting: bool) -> None:
        self._project = project
        self._desk = desk
        self._book = book
        self._posting = posting

    async def try_all(self, wanted: Mapping[str, Flow], watch: Watch) -> None:
        """Every stage of every flow that is not done yet."""
        await self._desk.in_step()
        codes = await self._codes()
        seen = {name: await self._seen(flow) for name, flow in self._desk.agreed.items()}
        total = sum(len(self._trial(flow, {}, {}, {}).stages()) for flow in wanted.values())
        done = 0
        links: dict[str, list[str]] = {}
        for name, flow in self._desk.agreed.items():
            trial = self._trial(flow, seen[name], codes, links)
            for stage in trial.stages() if name in wanted else ():
                watch(name, stage, done, total)
                done += 1
                if f"{name}: {stage}" not in self._book.kept.done:
                    before = self._book.place
                    self._book.finish(f"{name}: {stage}", await trial.stages()[stage]())
                    await self.tidy(before)
            if any(name in other.references for other in wanted.values()):
                try:
                    links[name] = await trial.anchors(_ANCHORS)
                except Cannot:
                    links[name] = []  # its own stages tell why, and those that would point to it that there is none

    def _trial(
        self,
        flow: Flow,
        seen: Mapping[str, list[Value]],
        codes: Mapping[tuple[str, str], CodeTable],
        links: Mapping[str, list[str]],
    ) -> Trial:
        kept = self._book.kept
        palette = Palette(
            mark=kept.mark, day=kept.began.date(), codes=codes, seen=seen, given=self._given(flow), links=links
        )
        return Trial(self._desk, flow, palette, self._book, posting=self._posting)

    def _given(self, flow: Flow) -> dict[str, list[Value]]:
        """What the configuration says to try, in the shared spelling."""
        known = rows(flow)
        said = self._project.tested.values.get(flow.name, {})
        return {name: [parse(known[name].kind, _spelt(value)) for value in values] for name, values in said.items()}

    async def _seen(self, flow: Flow) -> dict[str, list[Value]]:
        """What records of a first page of each side hold, by row, each once."""
        seen: dict[str, dict[Value, None]] = {}
        for side in flow.sides:
            for told in await self._desk.some(flow.name, side):
                for name, value in told.row.values.items():
                    seen.setdefault(name, {})[value] = None
                for line in told.row.lines or ():
                    for name, value in line.values.items():
                        seen.setdefault(f"{IN_LINES}{name}", {})[value] = None
        return {name: [value for value in values if value is not None] for name, values in seen.items()}

    async def _codes(self) -> dict[tuple[str, str], CodeTable]:
        """Every table that a code of some flow stands in, by side."""
        tables: dict[str, set[str]] = {}
        for flow in self._desk.agreed.values():
            for p in rows(flow).values():
                for side, column in p.columns.items():
                    tables.setdefault(side, set()).update(filter(None, (column.table, column.type.codes)))
        return {
            (side, table): CodeTable.of(codes)
            for side, wanted in tables.items()
            if wanted
            for table, codes in (await self._desk.setup.systems[side].codes(sorted(wanted))).items()
        }

    async def tidy(self, since: Place = (0, 0)) -> None:
        """Take away what was made, here or by a run that was cut short; what stays is told."""
        handles, records = self._book.since(since)
        if not handles and not records:
            return
        await self._desk.in_step()
        refs = set(records) | await self._found(handles)
        for name in reversed(list(self._desk.agreed)):
            groups = self._linked(ref for ref in sorted(refs) if ref.flow == name)
            for at in range(0, len(groups), _AT_ONCE):
                await self._delete([ref for group in groups[at : at + _AT_ONCE] for ref in group])
        self._book.tidied(since)

    def _linked(self, refs: Iterable[Ref]) -> list[list[Ref]]:
        """Each record with all that it is linked with, and no record twice."""
        groups: dict[str, dict[Ref, None]] = {}
        for ref in refs:
            group = groups.setdefault(self._desk.link_of(ref) or str(ref), {})
            group[ref] = None
            for side in self._desk.agreed[ref.flow].sides:
                if (other := self._desk.counterpart(ref, side)) is not None:
                    group[Ref(ref.flow, side, other)] = None
        return [list(group) for group in groups.values()]

    async def _delete(self, refs: Sequence[Ref]) -> None:
        for ref in refs:
            try:
                await self._desk.delete(ref.flow, ref.side, ref.id)
            except Declined as error:
                self._book.kept.left.append(f"{ref}: {error}")
        await self._desk.in_step(scanning=True)

    async def _found(self, handles: Sequence[tuple[str, str, str]]) -> set[Ref]:
        """Records that hold a value that only a test record has."""
        found: set[Ref] = set()
        for flow, name, value in handles:
            if flow not in self._desk.agreed:
                continue
            for side in self._desk.agreed[flow].sides:
                found |= {Ref(flow, side, id_) for id_ in await self._desk.found(flow, side, name, value)}
        return found


def _telling(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Less what says that a property could not be compared, where another record let it be."""

    def row(finding: Finding) -> tuple[str, ...]:
        return (finding.flow, finding.property, finding.origin, finding.target)

    compared = {row(f) for f in findings if f.what == "carried" and f.verdict is not Verdict.NOT_APPLICABLE}
    return tuple(
        f for f in findings if f.what != "carried" or f.verdict is not Verdict.NOT_APPLICABLE or row(f) not in compared
    )
