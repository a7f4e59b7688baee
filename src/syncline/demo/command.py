"""``syncline demo``: what it shows, and in which order."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from syncline.project.configfile import FILE

if TYPE_CHECKING:
    from syncline.engine.report import Plan, Result
    from syncline.engine.setup import Setup
    from syncline.project import Project

_LOOPBACK = "127.0.0.1"
_EVERY, _SWEEP = 0.5, 2.0
"""Seconds between looks at Business Central, which announces late, and between looks at everything."""
_VARIABLE = "SYNCLINE_DEMO_WEBHOOKS"
"""The environment variable that webhooks are known by, made up anew each time."""


@click.command("demo")
@click.option("--once", is_flag=True, help="End after the comparison, even at a terminal.")
@click.option("--edits", type=click.IntRange(1, 10_000), default=30, show_default=True, help="Edits to be made.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same edits.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Write what was shown as an SVG.")
@click.option(
    "--document",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("syncline-demo.html"),
    show_default=True,
    help="Leave the document of what was agreed here.",
)
@click.option("--json", is_flag=True, help="JSON on standard output, for scripts. Implies --once.")
def demo_command(once: bool, edits: int, seed: int, picture: Path | None, document: Path, json: bool) -> int:
    """Start Business Central and Customerp as local servers, fill both, and watch them come and stay in step.

    Exit code 0 only if an independent comparison over HTTP finds no difference.
    """
    from syncline.demo.systems import Trouble

    stay = sys.stdin.isatty() and sys.stdout.isatty() and not (once or json)
    try:
        teller = _Teller(quiet=json, record=picture is not None)
        told = asyncio.run(_demo(teller, edits, seed, document, stay))
    except Trouble as error:
        raise click.ClickException(str(error)) from None
    if picture:
        teller.console.save_svg(str(picture), title="syncline demo")
    if json:
        from msgspec import json as writer

        click.echo(writer.format(writer.encode(told), indent=2).decode())
    return 1 if told["differences"] else 0


class _Teller:
    """Says what goes on, unless a script listens."""

    def __init__(self, quiet: bool, record: bool = False) -> None:
        from rich.console import Console

        self.console = Console(quiet=quiet, record=record, highlight=False, width=None if sys.stdout.isatty() else 80)

    def step(self, text: str) -> None:
        self.console.rule(f"[bold]{text}", align="left")

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def table(self, columns: list[str], rows: list[tuple[object, ...]]) -> None:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for name in columns:
            table.add_column(name)
        for row in rows:
            table.add_row(*map(str, row))
        self.console.print(table)


async def _demo(teller: _Teller, edits: int, seed: int, document: Path, stay: bool) -> dict[str, Any]:
    from syncline.demo.compare import compare
    from syncline.demo.fill import fill
    from syncline.demo.systems import CENTRAL_ROOT, Central, Customerp, server
    from syncline.engine.plan import plan
    from syncline.engine.sync import sync
    from syncline.engine.verify import verify
    from syncline.project import load
    from syncline.project.scaffold import scaffold

    with tempfile.TemporaryDirectory(prefix="syncline-demo-") as name:
        folder = Path(name)
        async with server("customerp", folder) as erp_at, server("businesscentral", folder) as central_at:
            teller.step("Two systems, filled by their own users")
            teller.say(f"Customerp         {erp_at}/api/\nBusiness Central  {central_at}{CENTRAL_ROOT}")
            async with Customerp(erp_at) as erp, Central(central_at) as central:
                await fill(erp, central, seed)
                project = folder / "project"
                scaffold(project, businesscentral=central_at, customerp=erp_at, company=None)
                _with_webhooks(project)
                loaded = load(project)
                async with loaded.open("syncline demo") as setup:
                    teller.step("The plan: what would be done (syncline plan)")
                    planned = await plan(setup)
                    _show_plan(teller, planned)
                    teller.step("The first pass (syncline sync)")
                    result = await sync(setup)
                    _show_result(teller, result)
                    teller.step("People edit on both sides (syncline run)")
                    async with _in_step(loaded, setup):
                        live = await _live(teller, erp, central, Random(seed), edits)
                    await sync(setup)
                    teller.step("The proof")
                    proof = await verify(setup)
                    found = await compare(erp, central)
                    pairs = ", ".join(f"{n} {entity}" for entity, n in found.pairs.items())
                    teller.say(f"syncline verify: {proof.properties} values, {len(proof.differences)} differences")
                    teller.say(f"compared over HTTP, without Syncline: {pairs};")
                    teller.say(f"{found.values} values, {len(found.differences)} differences")
                    for text in found.differences[:20]:
                        teller.say(f"  {text}")
                    _leave(teller, loaded, document)
                    if stay:
                        await _stay(teller, loaded, setup)
            return {
                "planned": _counted(planned),
                "written": {f: _tally(result, f) for f in result.flows},
                "parked": {f: dict(t.parked) for f, t in result.flows.items() if t.parked},
                **live,
                "verify": {"values": proof.properties, "differences": len(proof.differences)},
                "compared": {"pairs": found.pairs, "values": found.values},
                "differences": found.differences,
                "document": str(document),
            }


def _with_webhooks(project: Path) -> None:
    """Customerp says at once when something changes: it is to call a port that is free."""
    with socket.socket() as found:
        found.bind((_LOOPBACK, 0))
        at = f"{_LOOPBACK}:{found.getsockname()[1]}"
    os.environ[_VARIABLE] = secrets.token_urlsafe(32)
    with (project / FILE).open("a") as file:
        file.write(f"\nwebhooks: {{url: 'http://{at}', listen: '{at}', secret: {_VARIABLE}}}\n")


@asynccontextmanager
async def _in_step(project: Project, setup: Setup) -> AsyncIterator[None]:
    """As ``syncline run`` does it, while something else goes on."""
    from syncline.runtime.announcements import Announcements
    from syncline.runtime.course import Course
    from syncline.runtime.hearing import hearing
    from syncline.runtime.paces import Paces
    from syncline.runtime.staying import Staying

    stop, announcements = asyncio.Event(), Announcements(setup.flows.values())
    async with hearing(project, setup, announcements, lambda *_, **__: None) as announced:
        staying = Staying(setup, Paces(every=_EVERY, sweep=_SWEEP), announcements, announced, Course(), ())
        task = asyncio.create_task(staying.run(stop))
        try:
            yield
        finally:
            stop.set()
            await task


async def _live(teller: _Teller, erp: Any, central: Any, random: Random, edits: int) -> dict[str, Any]:
    from syncline.demo.edits import People

    people = People(erp, central, random)
    delays: list[float] = []
    for _ in range(edits):
        edit = await people.edit()
        delays.append(edit.seconds)
        change = f"{edit.what}: {edit.old or '(empty)'} → {edit.new}"
        teller.say(f"{edit.seconds:5.2f} s  {edit.record}  {change}  (edited in {edit.side})")
    record, left, right, stays = await people.conflict()
    teller.say(f"conflict  {record}: {left} in Customerp, {right} in Business Central; {stays} stays")
    order, invoices, seconds = await people.ship_and_invoice()
    teller.say(
        f"{seconds:5.2f} s  order {order} was shipped and invoiced: {', '.join(invoices)}, completed in Customerp"
    )
    teller.say(f"{edits} edits arrived after {median(delays):.2f} s (median), {max(delays):.2f} s at most")
    return {
        "edits": {"made": edits, "medianSeconds": round(median(delays), 3), "mostSeconds": round(max(delays), 3)},
        "conflict": {"record": record, "customerp": left, "businesscentral": right, "stays": stays},
        "invoiced": {"order": order, "invoices": invoices},
    }


def _leave(teller: _Teller, project: Project, document: Path) -> None:
    """What was agreed, as people sign it. Raises `Trouble`."""
    from syncline.demo.systems import Trouble
    from syncline.document.agreed import describe
    from syncline.document.render import Format, render

    try:
        document.write_text(render(describe(project, datetime.now(UTC)), Format.HTML), encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{document} cannot be written: {error.strerror}.") from error
    teller.say(f"what was agreed, as people sign it: {document} (syncline document)")


async def _stay(teller: _Teller, project: Project, setup: Setup) -> None:
    from syncline.console.serving import served
    from syncline.listening import Place

    teller.step("Both systems stay in step until you press Ctrl-C: edit them, and look")
    async with served(project, setup.store, Place(port=0), "demo") as console:
        teller.say(f"The console: {console.link} (syncline console)")
        async with _in_step(project, setup):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


def _counted(planned: Plan) -> list[dict[str, Any]]:
    counts = Counter((row.flow, row.step, row.target) for row in planned.rows)
    return [{"flow": flow, "step": step, "in": target, "records": n} for (flow, step, target), n in counts.items()]


def _show_plan(teller: _Teller, planned: Plan) -> None:
    teller.table(["flow", "step", "in", "records"], [tuple(c.values()) for c in _counted(planned)])
    changed = next((row for row in planned.rows if row.step == "update" and row.changes), None)
    if changed:
        teller.say(f"for example {changed.flow} {changed.name}:")
        for change in changed.changes[:3]:
            teller.say(f"  {change.property} in {change.side}: {change.old} → {change.new}")


def _tally(result: Result, flow: str) -> dict[str, Any]:
    tally = result.flows[flow]
    return {"linked": tally.linked, "created": dict(tally.created), "updated": dict(tally.updated)}


def _show_result(teller: _Teller, result: Result) -> None:
    rows: list[tuple[object, ...]] = []
    for flow, tally in result.flows.items():
        written = [
            ", ".join(f"{n} {side}" for side, n in sorted(counts.items())) or "0"
            for counts in (tally.created, tally.updated)
        ]
        rows.append((flow, tally.linked, *written, tally.parked.total()))
    teller.table(["flow", "linked", "created", "updated", "parked"], rows)
