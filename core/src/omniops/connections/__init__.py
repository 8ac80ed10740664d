"""Links to outside systems: connect, check, take webhooks in."""
