"""One writer at a time: a lock that the operating system takes back when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syncline.store.errors import StoreLocked


@contextmanager
def exclusive(path: Path, owner: str) -> Iterator[None]:
    """Hold the lock file. Raises `StoreLocked` at once when another holds it, be it in this process.

    The file stays: removing it would let two processes hold two files of the same name.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, _, other = os.pread(handle, 200, 0).decode(errors="replace").partition(" ")
            raise StoreLocked(int(pid) if pid.isdigit() else None, other.strip()) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {owner}\n".encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def holder(path: Path) -> tuple[int, str] | None:
    """The process that holds the lock, and in whose name, as its file tells: to ask for the lock could take it from
    somebody who wants to work. A process that died without a word is known by being gone.
    """
    try:
        pid, _, owner = path.read_text(errors="replace").partition(" ")
        os.kill(int(pid), 0)
    except PermissionError:
        pass  # another user's, but there
    except (OSError, ValueError):
        return None
    return int(pid), owner.strip()
