"""Long work that nobody waits for stands back behind what visitors wait for."""

from __future__ import annotations

import os
from pathlib import Path

RANK = 15
"""Of 0 (as everybody) to 19 (last), as `nice` counts."""


def stand_back(pid: int) -> bool:
    """Lets a PostgreSQL process of this machine come after the others when the processor is wanted by several.

    False where there is no such process (PostgreSQL runs elsewhere or in a container of its own) or where the system
    does not allow it: then it goes on as before. The rank cannot be given back: the connection is to be closed after.
    """
    try:
        if Path(f"/proc/{pid}/comm").read_text().strip() != "postgres":
            return False
        os.setpriority(os.PRIO_PROCESS, pid, RANK)
    except OSError:
        return False
    return True
