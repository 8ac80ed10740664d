"""Appointments in a connected calendar: which times are free, and what became of each wish."""
