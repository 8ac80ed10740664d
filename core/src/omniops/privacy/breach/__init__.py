"""Breaches of personal data: the case, its clock, whom it touches, whom to tell, and the register."""
