"""``accept``: the document run as a checklist against the configured systems."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncline.cli.app import App, check_flow, flow_option, json_option, pass_app
from syncline.cli.failing import Exit
from syncline.cli.output import emit, say, table, tell
from syncline.engine.people.words import count, shown

if TYPE_CHECKING:
    from syncline.acceptance.report import Report

_ENDINGS = {".html": "html", ".htm": "html", ".rst": "rst", ".xml": "xml", ".json": ""}


@click.command("accept")
@click.option(
    "--document",
    "signed",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The document that was signed (.html or .json); without it, the agreement as it is now.",
)
@click.option(
    "--out",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report: .html, .rst, .xml (JUnit) or .json. May be given several times.",
)
@click.option("--post", "posting", is_flag=True, help="Also try what cannot be taken back: an order is invoiced.")
@flow_option
@json_option
@pass_app
@click.pass_context
def accept_command(
    ctx: click.Context,
    app: App,
    signed: Path | None,
    files: tuple[Path, ...],
    posting: bool,
    flow: str | None,
    as_json: bool,
) -> None:
    """Try every property of the agreement in both directions, with records made for it in test companies.

    A run that was cut short goes on where it was. The exit code is 1 if anything failed.
    """
    from syncline.cli.documenting import form_of, write

    forms = {file: form_of(file, _ENDINGS) for file in files}
    check_flow(app.project(), flow)
    report = _run(app, signed, flow, posting=posting)
    for file, form in forms.items():
        write(file, _text(report, form))
        tell(f"{file} was written.")
    if as_json:
        emit({"report": report, "tally": report.tally})
    else:
        _show(report)
    if report.failed or (report.left and not posting):
        ctx.exit(Exit.DIFFERS)


def _run(app: App, signed: Path | None, flow: str | None, *, posting: bool) -> Report:
    from syncline.acceptance.run import accept
    from syncline.cli import bars, logs
    from syncline.cli.documenting import described

    logs.tell_retries(verbose=app.verbose)
    project = app.project()
    document = described(project, signed)

    async def opened() -> Report:
        async with project.open("syncline accept") as setup:
            with bars.counted() as step:
                return await accept(project, setup, document, step, only=flow, posting=posting)

    return asyncio.run(opened())


def _text(report: Report, form: str) -> str:
    import msgspec

    from syncline.acceptance.render import Form, render

    if not form:
        return msgspec.json.encode(report).decode() + "\n"
    return render(report, Form(form))


def _show(report: Report) -> None:
    """A row a flow and direction, then everything that failed."""
    from syncline.acceptance.report import Verdict

    tallies: dict[tuple[str, str, str], Counter[Verdict]] = {}
    for finding in report.findings:
        tallies.setdefault((finding.flow, finding.origin, finding.target), Counter())[finding.verdict] += 1
    numbers = tuple(verdict.value for verdict in Verdict)
    rows = [
        (flow, f"{origin} → {target}" if origin else "", *(tally[verdict] for verdict in Verdict))
        for (flow, origin, target), tally in tallies.items()
    ]
    table(("flow", "direction", *numbers), rows, right=numbers)
    for line in _failures(report):
        say(line)
    for left in report.left:
        tell(f"Left behind: {left}")
    failed = report.tally[Verdict.FAILED]
    tell(f"\n{count(failed, 'check')} failed." if failed else "\nThe systems do what the document says.")


def _failures(report: Report) -> Iterator[str]:
    from syncline.acceptance.render import headline

    for finding in report.findings:
        if finding.verdict == "failed":
            yield f"\nfailed: {finding.flow}: {headline(finding)}"
            if finding.expected is not None or finding.found is not None:
                yield f"  expected {shown(finding.expected)}, found {shown(finding.found)}"
            if finding.why:
                yield f"  {shown(finding.why)}"
