"""The JSON Schema of ``syncline.yaml``, by which editors help: written beside this file."""

from __future__ import annotations

from typing import Any

import msgspec

from syncline.project.configfile import SCHEMA_FILE, ProjectSaid


def json_schema() -> dict[str, Any]:
    """The schema as plain data."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(ProjectSaid)}


def published() -> bytes:
    """The schema as it stands in the file."""
    return msgspec.json.format(msgspec.json.encode(json_schema(), order="sorted"), indent=2) + b"\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_bytes(published())
