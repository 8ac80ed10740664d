"""The command `omniops`. `--version` answers before anything else is imported."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:] in (["--version"], ["-V"]):
        from omniops import __version__

        print(f"omniops {__version__}")
        return
    from omniops.cli.app import run

    run()
