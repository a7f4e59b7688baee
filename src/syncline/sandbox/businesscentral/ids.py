"""Ids of records as SQL Server hands them out where a record comes without one: each is the one after the last.

SQL Server's ``NEWSEQUENTIALID`` makes version-1 UUIDs with the bytes of the first three parts in reverse, as those are
that Microsoft's documentation of the API shows: ``f2a5738a-44e3-ea11-bb43-000d3a2feca1`` is a customer of 2020.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import count
from uuid import UUID, uuid1

_IS_NO_MACHINE = 1 << 40
"""The bit by which a node that was drawn is told from a machine's (RFC 9562, 6.10)."""


def system_ids() -> Iterator[str]:
    """Unlike those of any other series."""
    first = uuid1(node=secrets.randbits(48) | _IS_NO_MACHINE, clock_seq=secrets.randbits(14))
    *_, clock_seq_hi, clock_seq_low, node = first.fields
    for time in count(first.time):
        low, middle, high = time & 0xFFFF_FFFF, time >> 32 & 0xFFFF, time >> 48 & 0x0FFF
        told = UUID(fields=(low, middle, high | 0x1000, clock_seq_hi, clock_seq_low, node))
        yield str(UUID(bytes_le=told.bytes))
