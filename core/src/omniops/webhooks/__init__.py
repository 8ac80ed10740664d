"""Outgoing webhooks: what happened in a domain, told to the business's own receivers (Standard Webhooks)."""
