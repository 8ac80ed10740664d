"""Slack: hand-offs go into a thread, replies there reach the visitor, and colleagues ask what the business knows."""

from omniops_slack.plugin import SlackPlugin

__all__ = ["SlackPlugin"]
