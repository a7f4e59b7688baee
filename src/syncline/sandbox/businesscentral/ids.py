"""Ids of records as SQL Server hands them out where a record comes without one: each is the one after the last.

SQL Server's ``NEWSEQUENTIALID`` makes version-1 UUIDs with the bytes of the first three parts in reverse, as those are
that Microsoft's documentation of the API shows: ``f2a5738a-44e3-ea11-bb43-000d3a2feca1`` is a customer of 2020.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from itertools import count
from uuid import UUID

_SINCE_1582 = 0x01B2_1DD2_1381_4000
"""At the beginning of 1970, in steps of 100 ns, by which these ids count (RFC 9562, 5.1)."""
_IS_NO_MACHINE = 1 << 40
"""The bit by which a node that was drawn is told from a machine's (RFC 9562, 6.10)."""


def system_ids() -> Iterator[str]:
    """Unlike those of any other series."""
    variant, sequence, node = 0x80 | secrets.randbits(6), secrets.randbits(8), secrets.randbits(48) | _IS_NO_MACHINE
    for at in count(time.time_ns() // 100 + _SINCE_1582):
        low, middle, high = at & 0xFFFF_FFFF, at >> 32 & 0xFFFF, at >> 48 & 0x0FFF
        told = UUID(fields=(low, middle, 0x1000 | high, variant, sequence, node))
        yield str(UUID(bytes_le=told.bytes))
