"""What lies on disk while a server works: files come and go, and one that went is no place where a word is kept."""

import contextlib
from pathlib import Path


def contents(*folders):
    """Every file under the folders, with its bytes."""
    for folder in folders:
        for path in Path(folder).rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # PostgreSQL drops its caches and spilled files at any moment
                if path.is_file() and not path.is_symlink():
                    yield path, path.read_bytes()
