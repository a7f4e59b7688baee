from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from syncline.connectors.rest import declaration as declared
from syncline.connectors.rest.declaration import Declaration, SinceChanges
from syncline.mapping.types import Kind, PropertyType
from syncline.yamlfile import FileError

SMALL = """\
system: Depot
record:
  id: uid
  version: {member: rev}
requests:
  list:
    items: data
    paging: {kind: offset, parameter: skip}
  changes: {kind: since, parameter: changed_after}
  update: {method: PUT, body: whole}
entities:
  parts:
    path: v1/parts
    filters: {code: code}
    properties:
      uid: id readOnly
      code: text(20) upperCase
      price: {type: decimal(2), minimum: 0, label: Money}
      state: enum[new, used]
      tags: list
"""


def load(tmp_path: Path, text: str) -> Declaration:
    (tmp_path / "depot.yaml").write_text(text)
    return declared.load(tmp_path / "depot.yaml", "depot.yaml")


def test_a_small_declaration(tmp_path: Path) -> None:
    parts = load(tmp_path, SMALL).entity("parts")
    assert parts.url(parts.get.path, "7") == "v1/parts/7"
    assert parts.changes == SinceChanges(parameter="changed_after")
    assert parts.create is None
    assert parts.type.properties == {
        "uid": PropertyType(kind=Kind.ID, label="id", read_only=True),
        "code": PropertyType(kind=Kind.TEXT, label="text(20)", max_length=20, upper_case=True),
        "price": PropertyType(kind=Kind.DECIMAL, label="Money", decimals=2, minimum=0),
        "state": PropertyType(kind=Kind.ENUM, label="enum[new, used]", members=("new", "used")),
        "tags": PropertyType(kind=Kind.LIST, label="list"),
    }


def test_an_entity_says_only_what_differs(tmp_path: Path) -> None:
    text = SMALL + "    requests: {changes: {kind: all}}\n    record: {id: key}\n"
    parts = load(tmp_path, text).entity("parts")
    assert parts.list.items == "data"
    assert parts.changes == declared.AllAgain()
    assert parts.record.id == "key"
    with pytest.raises(KeyError):
        load(tmp_path, text).entity("pieces")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("system: Depot", "sistem: Depot", "1: sistem: is not a key known here. Did you mean system?"),
        ("    items: data", "    item: data", "7: requests.list.item: is not a key known here. Did you mean items?"),
        ("kind: offset", "kind: ofset", "8: requests.list.paging.kind: ofset is not known here. Did you mean offset?"),
        (
            "parameter: skip",
            "param: skip",
            "8: requests.list.paging.param: is not a key known here. Did you mean parameter?",
        ),
        (
            "parameter: changed_after",
            "parameter: 5",
            "9: requests.changes.parameter: is a whole number, but must be text.",
        ),
        ("body: whole", "body: hole", "10: requests.update.body: hole is not known here. Did you mean whole?"),
        ("{member: rev}", "{}", "4: record.version: is either a member of the record or a header of the answer."),
        ("    properties:", "    propertys:", "15: entities.parts.propertys: is not a key known here. Did you mean"),
        (
            "text(20) upperCase",
            "txt(20)",
            "17: entities.parts.properties.code: txt is not a type. Did you mean text?",
        ),
        (
            "upperCase",
            "uppercase",
            "17: entities.parts.properties.code: uppercase is nothing a type can be. Did you mean upperCase?",
        ),
        (
            "minimum: 0",
            "minimun: 0",
            "18: entities.parts.properties.price.minimun: is not a key known here. Did you mean minimum?",
        ),
        (
            "enum[new, used]",
            "enum",
            "19: entities.parts.properties.state: an enum names its members, and nothing else does: enum[none, all].",
        ),
        ("tags: list", "tags: list(3)", "20: entities.parts.properties.tags: list takes no size: only text(length)"),
        (
            "{code: code}",
            "{kode: code}",
            "14: entities.parts.filters.kode: is not a property of this entity. Did you mean code?",
        ),
        (
            "method: PUT,",
            "method: PUT, path: '{entity}',",
            "10: requests.update.path: must say where the record's {id} goes.",
        ),
        (
            "items: data",
            "path: 'x/{entty}'",
            "7: requests.list.path: {entty} stands for nothing here. Known here: entity.",
        ),
    ],
)
def test_a_broken_declaration_says_where_and_what_would_mend_it(
    tmp_path: Path, right: str, wrong: str, message: str
) -> None:
    assert right in SMALL
    with pytest.raises(FileError) as caught:
        load(tmp_path, SMALL.replace(right, wrong))
    assert str(caught.value).startswith(f"depot.yaml:{message}")


def test_the_published_schema_is_current() -> None:
    """``python -m syncline.connectors.rest.declaration`` writes it."""
    published = msgspec.json.decode(declared.SCHEMA_FILE.read_bytes())
    assert published == msgspec.json.decode(msgspec.json.encode(declared.schema())), (
        "run python -m syncline.connectors.rest.declaration"
    )
