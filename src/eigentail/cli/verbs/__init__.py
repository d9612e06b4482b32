"""One verb per file; each offers a click command as `command`. To add a verb, add a file."""
