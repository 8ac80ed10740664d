"""The append-only chain and its one group-committing writer."""
