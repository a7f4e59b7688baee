"""What the libraries have to say: mistakes always, tries that failed and are repeated only when asked for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from syncline.cli.output import tell

if TYPE_CHECKING:
    from stamina.instrumentation import RetryDetails


class _Told(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tell(self.format(record))


def set_up(*, verbose: bool) -> None:
    root = logging.getLogger()
    if not any(isinstance(handler, _Told) for handler in root.handlers):
        handler = _Told()
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        root.addHandler(handler)
    root.setLevel(logging.INFO if verbose else logging.ERROR)


def tell_retries(*, verbose: bool) -> None:
    """Only for commands that talk to systems: it costs an import."""
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks([_retried] if verbose else [])


def _retried(details: RetryDetails) -> None:
    why = str(details.caused_by) or type(details.caused_by).__name__
    tell(f"try {details.retry_num} failed, the next one in {details.wait_for:.1f} s: {why}")
