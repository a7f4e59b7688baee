"""Passwords: never kept, only their argon2 hashes, which the store keeps."""

from __future__ import annotations

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12


class WeakPassword(Exception):
    """A password that is too easily found."""


def hashed(password: str) -> str:
    """Raises `WeakPassword`."""
    if len(password) < SHORTEST:
        raise WeakPassword(f"A password takes at least {SHORTEST} characters.")
    return PasswordHasher().hash(password)


def matches(password: str, known: str | None) -> bool:
    """Whether it is the one of this hash. Without one it takes as long: nobody learns which names are users."""
    try:
        PasswordHasher().verify(known or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return known is not None


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return PasswordHasher().hash("nobody has this password")
