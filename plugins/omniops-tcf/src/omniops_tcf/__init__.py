"""A website's own consent manager, as a way into the one ledger."""

from omniops_tcf.plugin import TCFPlugin

__all__ = ["TCFPlugin"]
