"""A world told in another process, where texts are hashed otherwise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def told_elsewhere(kind: str, seed: int) -> str:
    """``kind`` is one of `simulation.run.KINDS`."""
    code = "from simulation.run import KINDS; from simulation.shrink import play;"
    code += f"print('\\n'.join(play(KINDS[{kind!r}]({seed}), telling=True).story))"
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONHASHSEED": "4711"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")
