"""``companies``: how all stand that workers serve. No system is asked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from syncline.cli.app import App, json_option, pass_app
from syncline.cli.failing import Exit
from syncline.cli.output import emit, table, tell
from syncline.cli.serving import queue_option
from syncline.engine.people.words import count, lasts, when

if TYPE_CHECKING:
    from syncline.runtime.fleet.standing import Standing


@click.command("companies")
@queue_option
@click.option("--trouble", is_flag=True, help="Only those that are not in step by themselves.")
@json_option
@pass_app
def companies_command(app: App, queue: str, trouble: bool, as_json: bool) -> None:
    """How every company stands that workers serve: linked, due, parked, when it was looked at, and what ails it.

    The exit code is 1 if a company is not served as it should be.
    """
    from syncline.cli import bars
    from syncline.runtime.fleet.companies import Companies
    from syncline.runtime.fleet.overview import overview

    turns, now = asyncio.run(_turns(queue)), datetime.now(UTC)
    companies = Companies(app.folder)
    total = len(companies.names())
    with bars.counted() as step:
        found = []
        for each in overview(companies, turns):
            found.append(each)
            step(each.company, "read", len(found), total)
    ailing = [each for each in found if each.trouble]
    shown = [each for each in found if each.trouble or each.parked or each.held] if trouble else found
    if as_json:
        emit({"companies": shown})
    else:
        numbers = ("linked", "due", "for", "parked", "held")
        rows = [
            (
                each.company,
                each.linked,
                each.due,
                lasts(now - each.behind) if each.behind else "-",
                each.parked,
                each.held,
                when(each.looked) if each.looked else "-",
                each.trouble or "-",
            )
            for each in shown
        ]
        table(("company", *numbers, "looked at", "trouble"), rows, right=numbers)
        tell(f"\n{count(len(found), 'company', 'companies')}, {len(ailing)} in trouble.")
    if ailing:
        raise click.exceptions.Exit(Exit.DIFFERS)


async def _turns(queue: str) -> dict[str, Standing]:
    from syncline.runtime.fleet.queue import looking

    async with looking(queue) as there:
        return await there.turns()
