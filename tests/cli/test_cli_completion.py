"""``syncline completion``: a shell reads it, and completes what a person has begun to type."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.calling import call

ASK = """
{script}
COMP_WORDS=(syncline {begun}); COMP_CWORD={at}; _syncline_completion syncline; echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_told_in_its_own_words(tmp_path: Path, shell: str) -> None:
    called = call(tmp_path, "completion", shell)
    assert called.code == 0
    assert "_SYNCLINE_COMPLETE" in called.out
    assert called.err == ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="this machine has no bash")
@pytest.mark.parametrize(
    ("begun", "wanted"),
    [("ver", {"verify"}), ("sync --al", {"--allow-deletions"}), ("parked re", {"retry", "restore"})],
)
def test_bash_completes_what_was_begun(tmp_path: Path, begun: str, wanted: set[str]) -> None:
    program = tmp_path / "syncline"
    program.write_text(f"#!{sys.executable}\nfrom syncline.cli import main\nmain()\n")
    program.chmod(0o755)
    script = call(tmp_path, "completion", "bash").out
    asked = ASK.format(script=script, begun=begun, at=len(begun.split()))
    told = subprocess.run(
        ["bash", "-c", asked], capture_output=True, text=True, timeout=60, check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )  # fmt: skip
    assert set(told.stdout.split()) == wanted, told.stderr
