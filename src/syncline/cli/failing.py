"""How a command ends: what may happen to anyone as one message and an exit code, anything else as a traceback."""

from __future__ import annotations

from enum import IntEnum

import click


class Exit(IntEnum):
    """The exit codes of every command."""

    WELL = 0
    DIFFERS = 1
    """Something differs, was refused, or could not be finished."""
    MISTAKE = 2
    """In the configuration, a flow file, the store's address or the call itself. Nothing was sent."""
    NO_SYSTEM = 3
    """A system, or in the middle of work the store, cannot be reached; or a system refuses the sign-in, or is another
    company than before.
    """
    LOCKED = 4
    """Another syncline works on this store."""
    STOPPED = 130
    """By ctrl-c."""


_EXPECTED = {
    "syncline.project.project.ProjectError": Exit.MISTAKE,
    "syncline.project.scaffold.AddressError": Exit.MISTAKE,
    "syncline.yamlfile.FileError": Exit.MISTAKE,
    "syncline.store.errors.StoreError": Exit.MISTAKE,
    "syncline.store.errors.StoreLost": Exit.NO_SYSTEM,
    "syncline.connectors.base.ConnectorError": Exit.NO_SYSTEM,
    "syncline.engine.guards.scan.TooManyDeleted": Exit.DIFFERS,
    "syncline.engine.guards.restored.WentBack": Exit.DIFFERS,
    "syncline.engine.guards.restored.NoSuchSide": Exit.MISTAKE,
    "syncline.listening.CannotServe": Exit.MISTAKE,
    "syncline.engine.people.names.NotFound": Exit.MISTAKE,
    "syncline.engine.setup.EngineError": Exit.NO_SYSTEM,
    "syncline.store.errors.StoreLocked": Exit.LOCKED,
}
"""By name: to know an error's class would be to import its module, and all that this imports."""


class Failure(click.ClickException):
    """Told on standard error, in the words it carries."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.exit_code = int(code)  # type: ignore[misc]  # click reads it from the instance, too


def failure(error: Exception) -> Failure | None:
    """The failure that an error is to the person who called; ``None`` for one that nobody expects."""
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)
    code = next((_EXPECTED[name] for name in names if name in _EXPECTED), None)
    return None if code is None else Failure(str(error), code)
