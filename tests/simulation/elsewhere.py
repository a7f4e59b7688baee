"""A world told in another process, where texts are hashed otherwise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def told_elsewhere(kind: str, seed: int, hashed: int = 4711) -> str:
    """``kind`` is one of `simulation.run.KINDS`; texts are hashed as this number has it."""
    code = "from simulation.run import KINDS; from simulation.shrink import play;"
    code += f"print('\\n'.join(play(KINDS[{kind!r}]({seed}), telling=True).story))"
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONHASHSEED": str(hashed)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")
