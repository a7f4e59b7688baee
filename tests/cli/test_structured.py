"""What the log for machines makes of what nobody expects, and of what libraries say."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from syncline.cli.structured import Structured
from syncline.connectors.base import SignInRefused


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield capfd
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_what_ends_it_is_told_with_the_exit_code(told: pytest.CaptureFixture[str]) -> None:
    assert Structured().ended(SignInRefused("customerp", "It refuses the sign-in.")) == 3
    line = json.loads(told.readouterr().err)
    assert (line["event"], line["level"], line["code"]) == ("run.ended", "error", 3)
    assert (line["system"], line["message"]) == ("customerp", "customerp: It refuses the sign-in.")


def test_an_error_that_nobody_expects_is_told_by_where_it_was_not_by_its_words(
    told: pytest.CaptureFixture[str],
) -> None:
    def fails() -> None:
        raise ValueError("the name is Unspeakable")

    with pytest.raises(ValueError, match="Unspeakable") as caught:
        fails()
    assert Structured().ended(caught.value) == 1
    out = told.readouterr().err
    line = json.loads(out)
    assert (line["error"], line["code"]) == ("ValueError", 1)
    assert "in fails" in line["traceback"]
    assert "name is Unspeakable" not in line["traceback"].replace('raise ValueError("the name is Unspeakable")', "")


def test_libraries_are_heard_with_their_own_severity(told: pytest.CaptureFixture[str]) -> None:
    Structured().hear_libraries(verbose=True)
    logging.getLogger("some.library").warning("%s tries", 3)
    try:
        raise KeyError("x")
    except KeyError:
        logging.getLogger("some.library").exception("It failed")
    lines = [json.loads(line) for line in told.readouterr().err.splitlines()]
    assert [(line["event"], line["level"], line["message"]) for line in lines] == [
        ("library.said", "warning", "3 tries"),
        ("library.said", "error", "It failed"),
    ]
    assert lines[1]["error"] == "KeyError"
    Structured().hear_libraries(verbose=False)
    logging.getLogger("some.library").warning("nobody asked")
    assert told.readouterr().err == ""
