"""The agreement, flow by flow, as the tables of the document; the document; what the last acceptance run found."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from syncline.acceptance import render as acceptance
from syncline.acceptance.book import last_report
from syncline.acceptance.report import Verdict
from syncline.console.visits import Visit, page
from syncline.document.agreed import describe
from syncline.document.render import Format, render

_MEDIA = {Format.HTML: "text/html", Format.RST: "text/x-rst", Format.MARKDOWN: "text/markdown"}


def routes() -> list[Route]:
    documents = [page(f"/document.{form}", _document(form)) for form in Format]
    return [page("/flows", _flows), page("/flows/{flow}", _flow), page("/acceptance.html", _acceptance), *documents]


def _flows(visit: Visit) -> Response:
    return RedirectResponse(f"/flows/{next(iter(visit.desk.flows))}", 303)


def _flow(visit: Visit) -> Response:
    document = describe(visit.desk.project, visit.desk.now())
    name = visit.request.path_params["flow"]
    section = next((section for section in document.sections if section.flow == name), None)
    if section is None:
        return visit.show("refused.html", 404, why="There is no such flow.")
    report = last_report(visit.desk.project.folder)
    found = [f for f in report.findings if f.flow == name] if report else []
    tally = {verdict.value: sum(f.verdict is verdict for f in found) for verdict in Verdict}
    failed = [f for f in found if f.verdict is Verdict.FAILED]
    return visit.show(
        "flow.html", document=document, section=section, report=report, tally=tally, failed=failed, forms=list(Format)
    )


def _document(form: Format) -> Callable[[Visit], Response]:
    def handler(visit: Visit) -> Response:
        text = render(describe(visit.desk.project, visit.desk.now()), form)
        return _download(text, _MEDIA[form], f"document.{form}")

    return handler


def _acceptance(visit: Visit) -> Response:
    report = last_report(visit.desk.project.folder)
    if report is None:
        return visit.show("refused.html", 404, why="No acceptance run was made yet: syncline accept makes one.")
    return _download(acceptance.render(report, acceptance.Form.HTML), "text/html", "acceptance.html")


def _download(text: str, media: str, name: str) -> Response:
    """To be kept, not shown here: the page has its own styles, which the console's pages may not have."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=f"{media}; charset=utf-8", headers=headers)
