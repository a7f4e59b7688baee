"""``document``: the dataflow document, made from the agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncline.cli.app import App, json_option, pass_app
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import emit, say, tell
from syncline.engine.people.words import count

if TYPE_CHECKING:
    from syncline.document.model import Document
    from syncline.document.versions import Change
    from syncline.project import Project

_ENDINGS = {".html": "html", ".htm": "html", ".rst": "rst", ".md": "md", ".json": ""}


@click.command("document")
@click.option(
    "--out",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file: .html, .rst, .md, or .json. May be given several times.",
)
@click.option(
    "--against",
    metavar="OLD",
    type=click.Path(exists=True, path_type=Path),
    help="Tell what has changed since OLD: a project's folder, or a document kept as .html or .json.",
)
@click.option("--examples", is_flag=True, help="With values of live records: these are people's data.")
@json_option
@pass_app
@click.pass_context
def document_command(
    ctx: click.Context, app: App, files: tuple[Path, ...], against: Path | None, examples: bool, as_json: bool
) -> None:
    """The agreement as the document that people sign: which property is kept alike with which, and by which rule.

    Without --out it is printed as Markdown. With --against, the exit code is 1 if anything was agreed differently.
    """
    from syncline.document.render import Format
    from syncline.document.versions import changes

    forms = {file: form_of(file, _ENDINGS) for file in files}
    document = _made(app, examples=examples)
    found = None if against is None else changes(_kept(against), document)
    for file, form in forms.items():
        write(file, _text(document, Format(form), found) if form else _data(document))
    if as_json:
        emit({"document": document, "changes": found})
    elif found is not None:
        _show_changes(found)
    elif not files:
        click.echo(_text(document, Format.MARKDOWN, None), nl=False)
    for file in files:
        tell(f"{file} was written.")
    if found:
        ctx.exit(Exit.DIFFERS)


def form_of(file: Path, endings: Mapping[str, str]) -> str:
    """The rendering that a file's ending asks for; empty for data. Raises `click.BadParameter`."""
    ending = file.suffix.lower()
    if ending not in endings:
        told = ", ".join(endings)
        raise click.BadParameter(f"{file}: its ending says what it is to be: {told}.", param_hint="--out")
    return endings[ending]


def described(project: Project, kept: Path | None = None) -> Document:
    """The document of a project's agreement as it is now, or one that was kept. Raises `Failure`."""
    from syncline.document.agreed import describe

    return describe(project, datetime.now(UTC)) if kept is None else _kept(kept)


def _made(app: App, *, examples: bool) -> Document:
    document = described(app.project())
    if not examples:
        return document
    from syncline.cli.working import work
    from syncline.document.examples import with_examples

    return work(app, None, lambda setup, _: with_examples(document, setup))


def _kept(old: Path) -> Document:
    """An earlier version. Raises `ProjectError` and `Failure`."""
    if old.is_dir():
        from syncline.project import load

        return described(load(old))
    from syncline.document.render import NoDocument, read

    try:
        return read(old.read_bytes())
    except NoDocument as error:
        mend = "Name a project's folder, or a document that was written as .html or .json."
        raise Failure(f"{old}: {error}. {mend}", Exit.MISTAKE) from error


def _text(document: Document, form: str, found: Sequence[Change] | None) -> str:
    from syncline.document.render import Format, render

    return render(document, Format(form), found)


def _data(document: Document) -> str:
    from syncline.document.model import to_json

    return to_json(document).decode() + "\n"


def write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}.", Exit.MISTAKE) from error


def _show_changes(found: Sequence[Change]) -> None:
    """By flow and row, what was agreed before and what is now."""
    if not found:
        say("Nothing was changed.")
        return
    flow = None
    for change in found:
        if change.flow != flow:
            say(f"\n{change.flow}" if flow is not None else change.flow or "document")
            flow = change.flow
        where = ": ".join(part for part in (change.row, change.what) if part)
        if change.kind == "changed":
            say(f"{where}", indent=2)
            say(f"- {change.old or '(nothing)'}", indent=4)
            say(f"+ {change.new or '(nothing)'}", indent=4)
        else:
            say(f"{where} {change.kind}: {change.old or change.new}", indent=2)
    kinds = Counter(change.kind for change in found)
    tell("\n" + ", ".join(f"{count(kinds[kind], 'thing')} {kind}" for kind in kinds) + ".")
