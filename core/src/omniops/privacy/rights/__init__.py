"""What people may ask about their own data: cases, their clocks, their identity, what is done, and the reply."""
