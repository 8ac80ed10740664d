"""What the register knows of Anthropic: who signs, which terms, what they offer for transfers.

By its commercial terms the data-processing addendum is part of the contract, with the EU clauses (modules 2 and 3) and
addenda for the United Kingdom and Switzerland. Read in November 2026; an operator reads and accepts them anew.
"""

from __future__ import annotations

from omniops.contracts.declaration import Mechanism, Processor
from omniops.contracts.vendor import CATEGORY, CONNECT, RESPOND

from omniops_anthropic.names import ANTHROPIC
from omniops_anthropic.settings import AnthropicSettings

TERMS = "https://www.anthropic.com/legal/data-processing-addendum"
KEEPS = {
    "days": "Up to 30 days by its terms; longer where it finds a breach of its usage policy.",
    "none": "Nothing, by the operator's contract (zero data retention).",
}


def processor(settings: AnthropicSettings) -> Processor:
    """The register's entry."""
    return Processor(
        key=ANTHROPIC,
        name="Anthropic, PBC",
        role="ai",
        hosts=(settings.host,),
        ports=(settings.port,),
        countries=("US",),
        purposes=(RESPOND, CONNECT),
        categories=(CATEGORY,),
        contact="privacy@anthropic.com",
        policy_url="https://www.anthropic.com/legal/privacy",
        contract_url=TERMS,
        retention=KEEPS[settings.retention],
        mechanisms=(
            Mechanism("scc", TERMS, module="2 and 3"),
            Mechanism("uk_addendum", TERMS),
            Mechanism("swiss_addendum", TERMS),
        ),
        measures=("zero_retention",) if settings.retention == "none" else (),
    )
