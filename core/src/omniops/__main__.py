"""`python -m omniops` is `omniops`."""

from omniops.cli import main

main()
