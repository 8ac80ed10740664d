"""Tools of a turn: offered, checked, run, and on record where they change something."""
