"""The database under the store, whichever it is: looked at, written to, locked, copied."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, event

from syncline.store.address import Address
from syncline.store.errors import StoreLost


class Database(ABC):
    """``address`` says where it is, ``engine`` connects to it. Safe to use from several threads."""

    def __init__(self, address: Address, engine: Engine) -> None:
        self.address = address
        self.engine = engine

    def look(self) -> AbstractContextManager[Connection]:
        """One consistent look, which is never committed."""
        return self.look_apart()

    def look_apart(self) -> Connection:
        """As `look`, for one that lasts, or makes something for itself. To be used as a context manager."""
        return self.engine.connect()

    @abstractmethod
    def write(self) -> AbstractContextManager[Connection]:
        """One transaction; those of all processes stand in a line. What it reads is what the one before it left."""

    @abstractmethod
    def lock(self, owner: str) -> AbstractContextManager[None]:
        """Held until it is left, or until its holder dies. Entering raises `StoreLocked` where another holds it."""

    @abstractmethod
    def keep_lock(self) -> None:
        """Take the lock again if it was lost. Raises `StoreLocked` where another was quicker."""

    @abstractmethod
    def worker(self) -> tuple[int, str] | None:
        """The process that holds the lock, and in whose name."""

    @abstractmethod
    def scratch(self) -> AbstractContextManager[Database]:
        """A throw-away copy as of now, made while others write."""

    @abstractmethod
    def is_outside(self, error: BaseException) -> bool:
        """Whether an error of the driver is nobody's mistake here: a server that is away, a disk that is full."""

    def tell_losses(self) -> None:
        """From now on, what goes wrong outside is told as `StoreLost`, not in the driver's words."""
        event.listen(self.engine, "handle_error", self.tell_loss)

    def tell_loss(self, context: ExceptionContext) -> None:
        if not context.is_pre_ping and self.is_outside(context.original_exception):
            reason = reason_of(context.original_exception)
            raise StoreLost(f"The store {self.address.name} cannot be used just now: {reason}. What was saved stays.")

    def close(self) -> None:
        self.engine.dispose()


def reason_of(error: Any) -> str:
    """In the driver's words, on one line; in the server's own, where it has any."""
    driver = getattr(error, "orig", error)
    told = getattr(getattr(driver, "diag", None), "message_primary", None) or driver
    return " ".join(str(told).split()).rstrip(".?")
