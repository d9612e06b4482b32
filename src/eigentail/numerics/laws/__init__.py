"""The laws a tail may follow, one to a file."""
