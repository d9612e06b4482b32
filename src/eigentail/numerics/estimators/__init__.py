"""Ways to find the tail and its exponent, one to a file."""
