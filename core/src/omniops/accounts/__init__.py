"""Accounts, domains, members, roles, API keys, sign-in."""
