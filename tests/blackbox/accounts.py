"""Where every value that a person saved has gone. It knows no model: only who overwrote what, and the journal."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from blackbox.oracle import Value, Write


def unaccounted(writes: Iterable[Write], stands: Value, lost: Collection[Value]) -> list[Value]:
    """Values that neither stand, nor were overwritten by a person who saw them, nor are in the journal as lost.

    No value may have been written twice. A write that nobody knows to stand accounts for nothing and owes nothing.
    """
    told = [write for write in writes if write.certain]
    overwritten = {write.old for write in told}
    return [w.value for w in told if w.value != stands and w.value not in overwritten and w.value not in lost]
