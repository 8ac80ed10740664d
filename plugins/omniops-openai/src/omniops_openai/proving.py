"""The proof of what the policy promises of OpenAI."""

from omniops.contracts.covered import CoveredVendor


class OpenAIIsCovered(CoveredVendor):
    """The entry of OpenAI, with a part of it taken away."""

    claims = ("P89",)
    key = "openai"
    host = ".openai.com"
