"""Personal data that a provider need not see: found, replaced by placeholders, restored in the answer."""
