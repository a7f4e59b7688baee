from __future__ import annotations

from pathlib import Path

import pytest

from syncline.project.scaffold import scaffold

CENTRAL, ERP = "http://127.0.0.1:7048", "http://127.0.0.1:8091"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A new project with the shipped agreement. Its systems are never reached."""
    made = tmp_path / "project"
    scaffold(made, businesscentral=CENTRAL, customerp=ERP, company=None)
    return made
