"""``completion``: what makes a shell complete commands and options."""

from __future__ import annotations

import click

from syncline.cli.failing import Exit, Failure

_SHELLS = ("bash", "fish", "zsh")
VARIABLE = "_SYNCLINE_COMPLETE"
"""By which the shell asks this program what may come next (click's own way)."""


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print what SHELL is to read at its start, to complete commands, options and names.

    bash: eval "$(syncline completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc; fish: save it as
    ~/.config/fish/completions/syncline.fish.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    try:
        click.echo(kind(ctx.find_root().command, {}, "syncline", VARIABLE).source())
    except (RuntimeError, OSError) as error:  # click asks bash for its version, which must be 4.4 or newer
        raise Failure(f"{shell} cannot complete: {error}", Exit.MISTAKE) from error
