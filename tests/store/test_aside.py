"""Long answers that are set aside: all of it comes back, and memory holds a page of it."""

from __future__ import annotations

import tracemalloc

from syncline.records import Ref
from syncline.store.aside import groups, set_aside
from syncline.store.payloads import key_text
from syncline.store.reading import Rows

VALUES = 40_000


def rows() -> Rows:
    for n in range(VALUES):
        for side in ("bc", "erp"):
            yield key_text(f"organisation {n:08}"), side, f"{side}-{n:032}"


def test_what_is_set_aside_comes_back_by_value() -> None:
    pages = list(groups(set_aside(rows()), "customers", 1_000))
    assert [len(page) for page in pages] == [1_000] * (VALUES // 1_000)
    value, refs = pages[-1][-1]
    assert value == f"organisation {VALUES - 1:08}"
    assert refs == tuple(Ref("customers", side, f"{side}-{VALUES - 1:032}") for side in ("bc", "erp"))


def test_a_long_answer_is_never_in_memory_as_a_whole() -> None:
    length = sum(len("".join(row)) for row in rows())
    tracemalloc.start()
    try:
        with set_aside(rows()) as file:
            assert file.seek(0, 2) > length
            _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < length / 2
