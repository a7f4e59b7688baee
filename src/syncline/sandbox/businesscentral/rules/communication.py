"""Telephone numbers and e-mail addresses, as customers, contacts, vendors and documents check them.

Followed from the tables ``Customer``, ``Contact``, ``Vendor`` and ``Sales Header`` and from ``MailManagement``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from syncline.sandbox.businesscentral.errors import ApiError, dialog, field_error
from syncline.sandbox.businesscentral.values import Stored

_PHONES = frozenset({"phoneNumber", "mobilePhoneNumber", "primaryPhoneNumber"})
_ADDRESS = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")


def check(name: str, value: Stored, refusal: Callable[[str], ApiError] = field_error) -> None:
    """Refuse a telephone number with a letter in it, and an e-mail property that holds something else."""
    text = str(value)
    if name in _PHONES and any(letter.isalpha() for letter in text):
        raise refusal(f"{name} must not contain letters: its current value is '{text}'.")
    if name == "email" and text:
        for address in text.strip(";").split(";"):
            if not _ADDRESS.fullmatch(address.strip()):
                raise dialog(f'The email address "{address.strip()}" is not valid.')
