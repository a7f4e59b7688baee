"""``syncline``: the options before the command, the list of commands, and how all of them end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncline import __version__
from syncline.cli import logs
from syncline.cli.app import App
from syncline.cli.failing import Exit, failure
from syncline.cli.lazy import LazyGroup

_COMMANDS = {
    "Begin": {
        "init": ("syncline.cli.starting:init_command", "Write a new project for two systems."),
        "demo": ("syncline.demo.command:demo_command", "See it work between two sandboxes."),
        "completion": ("syncline.cli.completing:completion_command", "Let a shell complete commands and options."),
        "sandbox": ("syncline.cli.sandboxes:sandbox_command", "A system to try things on, as a local server."),
    },
    "Bring in step": {
        "plan": ("syncline.cli.working:plan_command", "What sync would do now; nothing is written."),
        "apply": ("syncline.cli.working:apply_command", "Do what a reviewed plan says, and nothing else."),
        "sync": ("syncline.cli.working:sync_command", "One pass, until nothing is due."),
        "run": ("syncline.cli.running:run_command", "Repeat the pass until stopped."),
        "worker": ("syncline.cli.serving:worker_command", "Keep many companies in step, beside other workers."),
        "reload": ("syncline.cli.reloading:reload_command", "Have a run take up the project's files."),
        "verify": ("syncline.cli.working:verify_command", "Prove that both sides agree, or list every difference."),
    },
    "Agree": {
        "document": ("syncline.cli.documenting:document_command", "The agreement as the document that people sign."),
        "accept": ("syncline.cli.accepting:accept_command", "Try on test companies that the systems do what it says."),
    },
    "Decide": {
        "resolve": ("syncline.cli.resolving:resolve_command", "Choose a value where the systems differ."),
        "undo": ("syncline.cli.undoing:undo_command", "Put back what was changed."),
        "link": ("syncline.cli.deciding:link_command", "Say that records are the same one."),
        "unlink": ("syncline.cli.deciding:unlink_command", "Say that linked records are not the same."),
    },
    "Keep": {
        "store": ("syncline.cli.storing:store_command", "Where all is remembered; move it elsewhere."),
        "upgrade": ("syncline.cli.storing:upgrade_command", "Bring the store to this version's schema."),
    },
    "Look": {
        "console": ("syncline.cli.consoling:console_command", "All of this, in a browser."),
        "status": ("syncline.cli.looking:status_command", "How every flow stands."),
        "companies": ("syncline.cli.companies:companies_command", "How all companies stand that workers serve."),
        "links": ("syncline.cli.looking:links_command", "Which records are the same."),
        "parked": ("syncline.cli.parking:parked_command", "What is not worked on and why; retry it."),
        "holds": ("syncline.cli.holding:holds_command", "Edits of too many records at once; let them pass."),
        "open": ("syncline.cli.consoling:open_command", "Show a record in the console."),
        "doctor": (
            "syncline.cli.doctoring:doctor_command",
            "Whether all is there to work with, and the mend.",
        ),
        "why": ("syncline.cli.explaining:why_command", "Where each value came from, or why it is not synchronised."),
        "history": ("syncline.cli.looking:history_command", "Everything that was done to a record."),
    },
}

_EPILOG = """\
Exit codes: 0 all is well; 1 something differs, was refused or could not be finished; 2 a mistake in the configuration,
a flow file or the call (nothing was sent); 3 a system, or the store in the middle of work, cannot be reached, or a
system refuses the sign-in or is another company; 4 another syncline works on this store; 130 stopped by ctrl-c.
"""


class Root(LazyGroup):
    """Tells what may happen to anyone as a message and an exit code; lets everything else be seen as it is."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException:
            raise
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            ctx.exit(Exit.STOPPED)
        except Exception as error:
            told = failure(error)
            if told is None:
                raise
            raise told from error


def _begin(folder: Path, verbose: bool) -> None:
    ctx = click.get_current_context()
    app = ctx.obj = App(folder, verbose=verbose)
    logs.set_up(verbose=verbose)
    if ctx.invoked_subcommand is None:
        from syncline.cli.welcoming import welcome

        welcome(app)


root = Root(
    "syncline",
    sections=_COMMANDS,
    invoke_without_command=True,
    callback=_begin,
    help="Keeps the records of two business systems in step, field by field, with nothing lost and nothing twice.",
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["-C", "folder"],
            metavar="DIR",
            default=Path(),
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="The project's folder, if it is not this one.",
        ),
        click.Option(["-v", "--verbose"], is_flag=True, help="Also tell what failed and is tried again."),
    ],
)
click.version_option(__version__, prog_name="syncline")(root)
