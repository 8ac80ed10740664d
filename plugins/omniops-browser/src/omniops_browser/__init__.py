"""Reads pages that are built by scripts, with a Chromium that can reach the site and nothing else."""

from omniops_browser.plugin import BrowserPlugin

__all__ = ["BrowserPlugin"]
