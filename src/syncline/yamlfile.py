"""YAML files that people write: read with the line of every key, checked against a type, mistakes told with a mend.

YAML 1.2, so that the country code ``no`` is text. A date stays text too: what a key means is the type's to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import Struct, inspect
from rapidfuzz import fuzz, process
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

T = TypeVar("T")
KeyPath: TypeAlias = tuple[str | int, ...]

_NOUNS = {
    "object": "keys and values",
    "array": "a list",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}
_WRONG_TYPE = re.compile(r"^Expected `(?P<wanted>[^`]+)`, got `(?P<found>[^`]+)`$")
_UNKNOWN_KEY = re.compile(r"^Object contains unknown field `(?P<key>.+)`$")
_MISSING_KEY = re.compile(r"^Object missing required field `(?P<key>.+)`$")
_PLAIN = re.compile(r"[A-Za-z][\w:/?@.=&%+~-]*[\w/]")
"""Text that needs no quotes."""
_BAD_MEMBER = re.compile(r"^Invalid (?:enum )?value (?P<value>.+)$")


class FileError(Exception):
    """A mistake in a file: ``file:line: path: message. mend``."""

    def __init__(self, file: str, line: int, path: KeyPath, message: str, mend: str = "") -> None:
        where = f"{file}:{line}: " + (f"{dotted(path)}: " if path else "")
        super().__init__(where + message + (f" {mend}" if mend else ""))
        self.file = file
        self.line = line
        self.path = path
        self.message = message
        self.mend = mend


class Document(Struct, frozen=True):
    """What a file says, and on which line (from 1) each key and list member stands."""

    file: str
    data: Any
    lines: Mapping[KeyPath, int]

    def line(self, path: KeyPath) -> int:
        """The line of this key, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def error(self, path: KeyPath, message: str, mend: str = "") -> FileError:
        return FileError(self.file, self.line(path), path, message, mend)


def dotted(path: KeyPath) -> str:
    """``("lines", 0, "id")`` as people write it: ``lines[0].id``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A mend for a misspelt word: the nearest known one where one is near, else all of them."""
    words = sorted(known)
    if near := process.extractOne(word.lower(), words, scorer=fuzz.ratio, processor=str.lower, score_cutoff=60):
        return f"Did you mean {near[0]}?"
    return f"Known here: {', '.join(words)}." if words else ""


def read(path: Path, name: str | None = None) -> Document:
    """Read a file. ``name`` is what messages call it. Raises `FileError`."""
    return parse(text_of(path, name), name or str(path))


def text_of(path: Path, name: str | None = None) -> str:
    """What stands in a file. Raises `FileError`."""
    file = name or str(path)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(file, 1, (), f"cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise FileError(file, 1, (), "is not UTF-8 text.", "Save it as UTF-8.") from error


def parse(text: str, file: str) -> Document:
    """Read YAML text. Raises `FileError`."""
    try:
        node = _composed(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"is not YAML: {error.problem or error.context}."
        raise FileError(file, mark.line + 1 if mark else 1, (), message) from error
    except YAMLError as error:
        raise FileError(file, 1, (), f"is not YAML: {error}.") from error
    lines: dict[KeyPath, int] = {}
    data = _plain(node, (), file, lines) if node is not None else None
    return Document(file, data, lines)


def convert(document: Document, kind: type[T]) -> T:
    """The document as a checked value. Raises `FileError` for the first mistake."""
    try:
        return msgspec.convert(document.data, kind)
    except msgspec.ValidationError as error:
        raise _told(document, kind, str(error)) from error


def load(path: Path, kind: type[T], name: str | None = None) -> T:
    """Read and check a file in one go. Raises `FileError`."""
    return convert(read(path, name), kind)


def with_value(text: str, key: str, value: str) -> str:
    """The text of a mapping with this value for one of its own keys; all else stays to the letter, comments too."""
    node = _composed(text)
    assert isinstance(node, MappingNode)
    spelled = value if _PLAIN.fullmatch(value) else json.dumps(value)
    for known, held in node.value:
        if known.value == key:
            return text[: held.start_mark.index] + spelled + text[held.end_mark.index :]
    start = node.start_mark.index
    return f"{text[:start]}{key}: {spelled}\n{text[start:]}"


# --- from nodes to plain values


def _composed(text: str) -> Any:
    """Raises `YAMLError`."""
    return YAML(typ="safe", pure=True).compose(text)


def _plain(node: Node, path: KeyPath, file: str, lines: dict[KeyPath, int]) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        return _mapping(node, path, file, lines)
    if isinstance(node, SequenceNode):
        return [_plain(member, (*path, i), file, lines) for i, member in enumerate(node.value)]
    return _scalar(str(node.value), str(node.tag))


def _mapping(node: MappingNode, path: KeyPath, file: str, lines: dict[KeyPath, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise FileError(file, line, path, "a key must be a word.")
        name = str(key.value)
        inner = (*path, name)
        if name in found:
            raise FileError(file, line, inner, f"stands twice (first on line {lines[inner]}).", "Keep one.")
        lines[inner] = line
        found[name] = _plain(value, inner, file, lines)
    return found


def _scalar(text: str, tag: str) -> Any:
    match tag.removeprefix("tag:yaml.org,2002:"):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            digits = text.replace("_", "")
            return int(digits, 0 if digits.lower().startswith(("0x", "0o")) else 10)
        case "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        case _:
            return text


# --- from the checker's words to people's


def _told(document: Document, kind: Any, problem: str) -> FileError:
    said, _, place = problem.partition(" - at ")
    in_key = place.startswith("`key` in ")
    path = _resolve(document.data, kind, place.removeprefix("`key` in ").strip("`"), problem)
    if found := _UNKNOWN_KEY.match(said):
        key = found["key"]
        mend = did_you_mean(key, _keys(inspect.type_info(kind), path, document.data))
        return document.error((*path, key), "is not a key known here.", mend)
    if found := _MISSING_KEY.match(said):
        return document.error(path, f"{found['key']} is missing.", "Add it.")
    if found := _WRONG_TYPE.match(said):
        wanted, got = (_noun(found[name]) for name in ("wanted", "found"))
        return document.error(path, f"is {got}, but must be {wanted}." if not in_key else f"a key must be {wanted}.")
    if found := _BAD_MEMBER.match(said):
        value = found["value"].strip("'")
        return document.error(
            path,
            f"{value} is not known here.",
            did_you_mean(value, _members(inspect.type_info(kind), path, document.data)),
        )
    return document.error(path, said if said.endswith(".") else f"{said}.")


def _noun(types: str) -> str:
    return " or ".join(_NOUNS.get(name, name) for name in types.split(" | "))


def _resolve(data: Any, kind: Any, place: str, problem: str) -> KeyPath:
    """The path in the checker's words, whose ``[...]`` stands for a key that it does not name.

    The key is found by asking again with every other key of that mapping left out.
    """
    path: KeyPath = ()
    for name, index in re.findall(r"\.([^.\[\]]+)|\[(\.\.\.|\d+)\]", place.removeprefix("$")):
        if name:
            path = (*path, name)
        elif index != "...":
            path = (*path, int(index))
        else:
            key, data = _culprit(data, kind, path, problem)
            path = (*path, key)
    return path


def _culprit(data: Any, kind: Any, path: KeyPath, problem: str) -> tuple[str, Any]:
    keys = list(_at(data, path))
    for key in keys:
        only = _keep_only(data, path, key)
        try:
            msgspec.convert(only, kind)
        except msgspec.ValidationError as error:
            if str(error) == problem:
                return key, only
    return keys[0], data


def _at(data: Any, path: KeyPath) -> Any:
    for part in path:
        data = data[part]
    return data


def _keep_only(data: Any, path: KeyPath, key: str) -> Any:
    if not path:
        return {key: data[key]}
    inner = _keep_only(data[path[0]], path[1:], key)
    if isinstance(data, list):
        return [inner if i == path[0] else member for i, member in enumerate(data)]
    return {**data, path[0]: inner}


def _types_at(info: inspect.Type, path: KeyPath, data: Any) -> list[inspect.Type]:
    """The types that may stand at a path; of several tagged ones the one the file chose."""
    options: list[inspect.Type] = list(info.types) if isinstance(info, inspect.UnionType) else [info]
    options = [o for o in options if isinstance(o, inspect.StructType) and _is_tagged(o, data)] or options
    if not path:
        return options
    head, rest = path[0], path[1:]
    inner = _member(data, head)
    found: list[inspect.Type] = []
    for option in options:
        if isinstance(option, inspect.StructType):
            found += [t for f in option.fields if f.encode_name == head for t in _types_at(f.type, rest, inner)]
        elif isinstance(option, inspect.DictType):
            found += _types_at(option.value_type, rest, inner)
        elif isinstance(option, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
            found += _types_at(option.item_type, rest, inner)
    return found


def _member(data: Any, key: str | int) -> Any:
    if isinstance(data, list):
        return data[key] if isinstance(key, int) and key < len(data) else None
    return data.get(key) if isinstance(data, dict) else None


def _is_tagged(struct: inspect.StructType, data: Any) -> bool:
    return struct.tag_field is not None and isinstance(data, dict) and data.get(struct.tag_field) == struct.tag


def _keys(info: inspect.Type, path: KeyPath, data: Any) -> set[str]:
    structs = [t for t in _types_at(info, path, data) if isinstance(t, inspect.StructType)]
    return {f.encode_name for s in structs for f in s.fields} | {s.tag_field for s in structs if s.tag_field}


def _members(info: inspect.Type, path: KeyPath, data: Any) -> set[str]:
    found: set[str] = set()
    for option in _types_at(info, path, data):
        if isinstance(option, inspect.EnumType):
            found |= {str(member.value) for member in option.cls}
        elif isinstance(option, inspect.LiteralType):
            found |= {str(value) for value in option.values}
    if found or not path:
        return found
    around = [t for t in _types_at(info, path[:-1], data) if isinstance(t, inspect.StructType)]
    return {str(s.tag) for s in around if s.tag_field == path[-1]}
