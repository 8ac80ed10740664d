"""Converts and checks in a process of its own, whose some 300 MiB go with it: `python -m omniops_minilm.build …`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from omniops.errors import OmniOpsError, Rejected


def in_child(*arguments: str | Path) -> None:
    """Runs `convert SAFETENSORS CONFIG TARGET` or `check FOLDER`. Raises `Rejected` with what the child said."""
    command = [sys.executable, "-m", "omniops_minilm.build", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise Rejected(said[-1] if said else f"exit code {done.returncode}", code="model_not_made")


def main() -> None:
    act, *paths = sys.argv[1:]
    try:
        if act == "convert":
            from omniops_minilm.convert import convert

            convert(*map(Path, paths))
        else:
            from omniops_minilm.encoder import MiniLMEncoder, check

            check(MiniLMEncoder(paths[0]))
    except OmniOpsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
