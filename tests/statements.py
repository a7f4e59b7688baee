"""What is said to databases, heard by who tests it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def heard(note: Callable[..., Any]) -> Iterator[None]:
    """``note`` is called before each, with SQLAlchemy's connection, the driver's cursor, the text and more."""
    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", note)
