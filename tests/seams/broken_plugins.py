"""Plugins that each break one promise. `test_suites.py` sees that the suites notice, each by the test meant for it."""

import broken_channels
import broken_integrations
import broken_knowledge
import broken_providers
import broken_stalls
import broken_stores
from broken_base import API, BROKEN
from broken_channels import Hook
from broken_stalls import Stall, stall

__all__ = [
    "API", "BROKEN", "Hook", "Stall", "broken_channels", "broken_integrations", "broken_knowledge", "broken_providers",
    "broken_stalls", "broken_stores", "stall",
]  # fmt: skip

for _name, _cls in BROKEN.items():
    globals()[f"Plugin_{_name}"] = _cls
