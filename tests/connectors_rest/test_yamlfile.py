from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal

import pytest
from msgspec import Struct

from syncline import yamlfile
from syncline.yamlfile import FileError


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Round(Struct, forbid_unknown_fields=True, tag_field="kind", tag="round"):
    radius: float


class Square(Struct, forbid_unknown_fields=True, tag_field="kind", tag="square", rename="camel"):
    side_length: int


class Shape(Struct, forbid_unknown_fields=True):
    name: str
    colour: Colour = Colour.RED
    form: Round | Square | None = None
    size: Literal["small", "large"] = "small"

    def __post_init__(self) -> None:
        if self.name == "void":
            raise ValueError("a shape cannot be void")


class Drawing(Struct, forbid_unknown_fields=True):
    shapes: dict[str, Shape]
    order: list[str] = []


def told(text: str) -> str:
    with pytest.raises(FileError) as caught:
        yamlfile.convert(yamlfile.parse(text, "drawing.yaml"), Drawing)
    return str(caught.value)


def test_reads_yaml_1_2_as_plain_values() -> None:
    document = yamlfile.parse("a: no\nb: 2024-01-31\nc: [1, 1.5, true, ~]\nd: 010\n", "f")
    assert document.data == {"a": "no", "b": "2024-01-31", "c": [1, 1.5, True, None], "d": 10}
    assert document.line(("c", 1)) == 3
    assert document.line(("d", "absent")) == 4


def test_converts_what_is_right() -> None:
    text = "shapes:\n  a.b: {name: x, colour: green, form: {kind: square, sideLength: 2}}\norder: [a.b]\n"
    drawing = yamlfile.convert(yamlfile.parse(text, "f"), Drawing)
    assert drawing.shapes["a.b"] == Shape(name="x", colour=Colour.GREEN, form=Square(side_length=2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "shapes:\n  one: {name: x}\n  two:\n    name: y\n    color: red\n",
            "drawing.yaml:5: shapes.two.color: is not a key known here. Did you mean colour?",
        ),
        (
            "shapes:\n  one:\n    name: x\n    colour: gren\n",
            "drawing.yaml:4: shapes.one.colour: gren is not known here. Did you mean green?",
        ),
        (
            "shapes:\n  one: {name: x, size: vast}\n",
            "drawing.yaml:2: shapes.one.size: vast is not known here. Known here: large, small.",
        ),
        (
            "shapes:\n  one:\n    name: x\n    form:\n      kind: squire\n",
            "drawing.yaml:5: shapes.one.form.kind: squire is not known here. Did you mean square?",
        ),
        (
            "shapes:\n  one:\n    name: x\n    form:\n      kind: square\n      sideLenght: 3\n",
            "drawing.yaml:6: shapes.one.form.sideLenght: is not a key known here. Did you mean sideLength?",
        ),
        (
            "shapes:\n  one: {name: x}\n  two: {name: 5}\n",
            "drawing.yaml:3: shapes.two.name: is a whole number, but must be text.",
        ),
        ("shapes:\n  one:\n    size: small\n", "drawing.yaml:2: shapes.one: name is missing. Add it."),
        ("shapes:\n  one:\n    name: void\n", "drawing.yaml:2: shapes.one: a shape cannot be void."),
        ("shapes: {}\norder: [a, 3]\n", "drawing.yaml:2: order[1]: is a whole number, but must be text."),
        ("- a\n", "drawing.yaml:1: is a list, but must be keys and values."),
        ("", "drawing.yaml:1: is nothing, but must be keys and values."),
        ("shapes: {}\norder: []\nshapes: {}\n", "drawing.yaml:3: shapes: stands twice (first on line 1). Keep one."),
        ("shapes: {\norder: [}\n", "drawing.yaml:2: is not YAML: "),
        ("shapes:\n  [a, b]: 3\n", "drawing.yaml:2: shapes: a key must be a word."),
    ],
)
def test_tells_a_mistake_with_its_line_and_mend(text: str, message: str) -> None:
    assert told(text).startswith(message)
    assert told(text) == message or message.endswith("YAML: ")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"absent\.yaml:1: cannot be read: No such file"):
        yamlfile.load(tmp_path / "absent.yaml", Drawing)
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")
    with pytest.raises(FileError, match=r"latin\.yaml:1: is not UTF-8 text"):
        yamlfile.load(tmp_path / "latin.yaml", Drawing)


def test_the_same_text_in_two_files_is_two_documents() -> None:
    first, second = (yamlfile.parse("shapes: {a: {name: 1}}\norder: [a]", file) for file in ("one.yaml", "two.yaml"))
    first.data["order"].append("b")
    assert second.data["order"] == ["a"]
    assert yamlfile.parse("shapes: {a: {name: 1}}\norder: [a]", "three.yaml").data["order"] == ["a"]
    with pytest.raises(FileError, match=r"^two.yaml:1: shapes.a.name: "):
        yamlfile.convert(second, Drawing)
    for file in ("one.yaml", "two.yaml"):
        with pytest.raises(FileError, match=rf"^{file}:1: is not YAML"):
            yamlfile.parse("a: [", file)
