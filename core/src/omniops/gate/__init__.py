"""The one way out: dial, address guard, ledger, process guard."""
