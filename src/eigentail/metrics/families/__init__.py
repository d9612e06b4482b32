"""The metrics, one family to a file."""
