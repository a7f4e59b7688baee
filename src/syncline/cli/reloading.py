"""``reload``: a run takes up the project's files as they are now."""

from __future__ import annotations

import time

import click

from syncline.cli.app import App, json_option, pass_app
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import emit, say

_PATIENCE = 30.0
"""Seconds that a run is given: a pass that is under way is cut off after ten."""
_GLANCE = 0.2


@click.command("reload")
@json_option
@pass_app
def reload_command(app: App, as_json: bool) -> None:
    """Have the run or the workers take up this project's files as they are now: configuration, flows, declarations.

    Files in which something is wrong are refused, with every reason, and it goes on as before.
    """
    from syncline.runtime.reloading import answered, ask, is_served

    project = app.project()
    with project.open_store() as store:
        worker = store.worker()
        if is_served(store):
            at_work = "A syncline worker"
        elif worker is not None and worker[1] == "syncline run":
            at_work = f"{worker[1]} (process {worker[0]})"
        else:
            _tell("none", "No syncline run is at work. The next command reads the files as they are.", as_json)
            return
        token, end = ask(store), time.monotonic() + _PATIENCE
        while (reasons := answered(store, token)) is None and time.monotonic() < end:
            time.sleep(_GLANCE)
    if reasons is None:
        raise Failure(f"{at_work} has not answered in {_PATIENCE:.0f} s.", Exit.DIFFERS)
    if reasons:
        raise Failure(reasons, Exit.MISTAKE)
    _tell("reloaded", f"{at_work} runs by the files as they are now.", as_json)


def _tell(outcome: str, sentence: str, as_json: bool) -> None:
    if as_json:
        emit({"outcome": outcome})
    else:
        say(sentence)
