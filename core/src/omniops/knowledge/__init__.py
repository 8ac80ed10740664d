"""What a business knows: frontier, fetch, extract, cut, encode, search."""
