"""A person's name in the parts that the product keeps. Followed from ``NameBreakdown`` of ``Contact.Table``."""

from __future__ import annotations

from typing import NamedTuple


class Name(NamedTuple):
    first: str
    middle: str
    last: str

    def whole(self) -> str:
        return " ".join(part for part in self if part)


def broken_down(name: str) -> Name:
    """The last word is the surname, of three and more the one before it the middle name; one word is a first name."""
    words = name.split()
    last = words.pop() if len(words) > 1 else ""
    middle = words.pop() if len(words) > 1 else ""
    return Name(" ".join(words), middle, last)
