"""The proof of what the policy promises of Google."""

from omniops.contracts.covered import CoveredVendor


class GoogleIsCovered(CoveredVendor):
    """The entry of Google, with a part of it taken away."""

    claims = ("P90",)
    key = "gemini"
    host = ".googleapis.com"
