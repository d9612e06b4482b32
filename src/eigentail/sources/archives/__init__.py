"""ARCHIVES -> their members as ranges of bytes; nothing is ever extracted."""
