"""What a plugin sees: abstract classes and frozen value types. No database, no HTTP, no vendor."""
