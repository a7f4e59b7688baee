"""How a record's id is kept: so that records that were made together stand together in the store.

SQL Server, and so Business Central, makes ids that count on, but spells what changes fastest first: spelled so, each
record of a first load is on a page of its own, in every table that is ordered by ids. They are kept by time instead.
"""

from __future__ import annotations

import re

_MARK = "~"
"""What an id begins with that is kept otherwise than it is spelled. Digits and letters sort before it."""
_DIGITS = re.compile(r"[0-9a-fA-F][0-9a-fA-F-]*")


def kept(id_: str) -> str:
    """Another text for another id. Of a version-1 UUID whose first three parts are told in reverse, byte by byte, as
    those of ``NEWSEQUENTIALID`` are, these parts the right way round, the last of them first.
    """
    if len(id_) == 36 and id_[16] == "1" and id_[8] == id_[13] == id_[18] == id_[23] == "-":
        late, middle, early = id_[:8], id_[9:13], id_[14:18]
        return f"{_MARK}{early[2:]}{early[:2]}{middle[2:]}{middle[:2]}{_turned(late)}{id_[18:]}"
    return _MARK + id_ if id_.startswith(_MARK) else id_


def told(text: str) -> str:
    """The id that is kept so."""
    if not text.startswith(_MARK):
        return text
    if text.startswith(_MARK * 2):
        return text[1:]
    early, middle, late = text[1:5], text[5:9], text[9:17]
    return f"{_turned(late)}-{middle[2:]}{middle[:2]}-{early[2:]}{early[:2]}{text[17:]}"


def beginning(id_: str) -> int:
    """60 bits that sort as the ids are kept: of 15 digits of a number or a UUID, else of its first letters."""
    text = kept(id_).removeprefix(_MARK)
    if _DIGITS.fullmatch(text):
        return int(text.replace("-", "")[:15].ljust(15, "0"), 16)
    return int.from_bytes(text.encode()[:8].ljust(8, b"\0")) >> 4


def _turned(four: str) -> str:
    """These bytes, two digits each, in reverse."""
    return four[6:] + four[4:6] + four[2:4] + four[:2]
