"""What is kept on disk, written so that it is there whole or not at all."""

from eigentail.store.atomic import write_atomically

__all__ = ["write_atomically"]
