"""The JSON Schema of a flow file, by which editors help: written beside the shipped flows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from syncline.mapping.flowfile import ColumnSaid, FileSaid, LinesSaid, RowSaid

SCHEMA_FILE = Path(__file__).parents[1] / "flows" / "flow.schema.json"


def json_schema() -> dict[str, Any]:
    """A row's keys besides those known are its sides; so are those of the lines."""
    (file, row, column, lines), definitions = msgspec.json.schema_components(
        [FileSaid, RowSaid, ColumnSaid, LinesSaid], ref_template="#/$defs/{name}"
    )
    held = {"anyOf": [{"type": "string", "description": "The path where this side keeps it."}, column]}
    definitions["RowSaid"]["additionalProperties"] = held
    definitions["LinesSaid"]["additionalProperties"] = {"type": "string"}
    definitions["LinesSaid"]["properties"]["properties"]["additionalProperties"] = row
    definitions["FileSaid"]["properties"]["properties"]["additionalProperties"] = row
    definitions["FileSaid"]["properties"]["lines"] = {"anyOf": [lines, {"type": "null"}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **file, "$defs": definitions}


def write_schema() -> None:
    """Bring the published schema up to date."""
    SCHEMA_FILE.write_bytes(published())


def published() -> bytes:
    return msgspec.json.format(msgspec.json.encode(json_schema(), order="sorted"), indent=2) + b"\n"


if __name__ == "__main__":
    write_schema()
