"""Work beside other work: nothing of it is left when one of it fails."""

from __future__ import annotations

import asyncio

import pytest

from syncline.meanwhile import together


async def _given(value: int) -> int:
    await asyncio.sleep(0.01 * (3 - value))
    return value


async def test_what_each_gives_in_their_order() -> None:
    assert await together(_given(n) for n in range(3)) == [0, 1, 2]


async def test_where_one_fails_the_others_have_ended_when_that_is_raised() -> None:
    ended: list[str] = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            ended.append("long")

    async def failing() -> None:
        await asyncio.sleep(0.01)
        raise ValueError("it fails")

    with pytest.raises(ValueError, match="it fails"):
        await together([long(), failing(), long()])
    assert ended == ["long", "long"]


async def test_who_is_cancelled_cancels_all() -> None:
    ended: list[str] = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("long")

    task = asyncio.create_task(together([long(), long()]))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["long", "long"]
