"""Tarn & Tor: the fictional outdoor shop that `omniops demo` serves on this machine, reads and answers from."""
