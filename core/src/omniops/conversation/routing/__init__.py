"""Who answers a turn: hard filters, then order, breakers, budgets of time, attempts and money, and fail-over."""
