"""Background work and schedules, on procrastinate."""
