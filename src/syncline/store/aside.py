"""A long answer, set aside in a file: whoever goes through it keeps no transaction open, and no more in memory than a
page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import groupby, islice
from operator import itemgetter
from tempfile import SpooledTemporaryFile
from typing import IO

import msgspec

from syncline.records import Ref
from syncline.store.errors import StoreLost
from syncline.store.memory import Groups
from syncline.store.payloads import load_plain
from syncline.store.reading import Rows, Sharing

_IN_MEMORY = 1 << 20
"""Bytes. What is longer is written to the disk."""
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Sharing)


def set_aside(rows: Rows) -> IO[bytes]:
    """All of these, which are closed then. Raises `StoreLost` where the disk takes no more."""
    with closing(rows), ExitStack() as unless_kept:
        file = unless_kept.enter_context(SpooledTemporaryFile(max_size=_IN_MEMORY))
        try:
            for row in rows:  # not by `writelines`, which looks at the size only once all is in memory
                file.write(_ENCODER.encode(row) + b"\n")
            file.seek(0)
        except OSError as error:
            raise StoreLost(f"What was read of the store cannot be kept: {error}. What was saved stays.") from error
        unless_kept.pop_all()
        return file


def groups(file: IO[bytes], flow: str, limit: int) -> Iterator[Groups]:
    """What was set aside, by value, so many values at a time. It is gone afterwards."""
    with file:
        by_value = groupby(map(_DECODER.decode, file), key=itemgetter(0))
        found = ((load_plain(kept), tuple(Ref(flow, side, id_) for _, side, id_ in rows)) for kept, rows in by_value)
        while page := tuple(islice(found, limit)):
            yield page
