"""``doctor``: whether everything is there for Syncline to work, and what would mend it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import click

from syncline.cli.app import App, json_option, pass_app
from syncline.cli.failing import Exit
from syncline.cli.output import emit, say, tell
from syncline.engine.people.words import count, shown

if TYPE_CHECKING:
    from syncline.project import Project
    from syncline.project.doctor import Check


@click.command("doctor")
@json_option
@pass_app
@click.pass_context
def doctor_command(ctx: click.Context, app: App, as_json: bool) -> None:
    """Look at the store, the secrets, the webhooks and each system: sign-in, company, clock, and what is mapped.

    Nothing is written to any system. The exit code is 3 if something is wrong.
    """
    from syncline.cli import logs

    logs.tell_retries(verbose=app.verbose)
    checks = asyncio.run(_examined(app, as_json=as_json))
    wrong = [check for check in checks if not check.good]
    if as_json:
        emit({"checks": checks, "good": not wrong})
    elif wrong:
        tell(f"\n{count(len(wrong), 'thing')} to be mended.")
    else:
        tell("\nAll is well. What may be written, syncline accept tries in a test company.")
    if wrong:
        ctx.exit(Exit.NO_SYSTEM)


async def _examined(app: App, *, as_json: bool) -> list[Check]:
    """All checks; each is told when it is done, unless a script listens."""
    from syncline.project.doctor import examine

    found: list[Check] = []
    project = app.project()
    async with _heard(project):
        async for check in examine(project):
            found.append(check)
            if not as_json:
                about = f"{check.about}: " if check.about else ""
                say(f"{'well ' if check.good else 'WRONG'}  {about}{check.what}: {shown(check.words)}")
                if check.mend:
                    say(shown(check.mend), indent=7)
    return found


@asynccontextmanager
async def _heard(project: Project) -> AsyncIterator[None]:
    """Somebody must answer at the address of the webhooks: where no ``syncline run`` does, it is done here."""
    from syncline.listening import CannotServe, Place, listening
    from syncline.project import ProjectError
    from syncline.runtime.announcements import Announcements
    from syncline.runtime.hearing import by_side, ears_of
    from syncline.runtime.receiver import create_app

    async with AsyncExitStack() as stack:
        if project.webhooks is not None:
            with suppress(CannotServe, ProjectError):  # it is being answered there; what lacks is told by the check
                app = create_app(by_side(ears_of({}, project.hooks(), Announcements(()))))
                place = Place(port=project.webhooks.port, host=project.webhooks.host)
                await stack.enter_async_context(listening(app, place))
        yield
