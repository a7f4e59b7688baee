"""How a record's id is kept: so that records that were made together stand together in the store.

SQL Server, and so Business Central, makes ids that count on, but spells what changes fastest first: spelled so, each
record of a first load is on a page of its own, in every table that is ordered by ids. They are kept by time instead.
"""

from __future__ import annotations

_MARK = "~"
"""What an id begins with that is kept otherwise than it is spelled. Digits and letters sort before it."""


def kept(id_: str) -> str:
    """Another text for another id. Of a version-1 UUID whose first three parts are told in reverse, byte by byte, as
    those of ``NEWSEQUENTIALID`` are, these parts the right way round, the last of them first.
    """
    if len(id_) == 36 and id_[16] == "1" and id_[8] == id_[13] == id_[18] == id_[23] == "-":
        late, middle, early = id_[:8], id_[9:13], id_[14:18]
        low = late[6:] + late[4:6] + late[2:4] + late[:2]
        return f"{_MARK}{early[2:]}{early[:2]}{middle[2:]}{middle[:2]}{low}{id_[18:]}"
    return _MARK + id_ if id_.startswith(_MARK) else id_


def told(text: str) -> str:
    """The id that is kept so."""
    if not text.startswith(_MARK):
        return text
    if text.startswith(_MARK * 2):
        return text[1:]
    early, middle, low = text[1:5], text[5:9], text[9:17]
    late = low[6:] + low[4:6] + low[2:4] + low[:2]
    return f"{late}-{middle[2:]}{middle[:2]}-{early[2:]}{early[:2]}{text[17:]}"
