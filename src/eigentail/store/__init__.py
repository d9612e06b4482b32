"""What is kept on disk, written so that it is there whole or not at all."""

from eigentail.store.atomic import write_atomically
from eigentail.store.home import user_home
from eigentail.store.spectra import SpectrumStore, address_of, user_store

__all__ = ["SpectrumStore", "address_of", "user_home", "user_store", "write_atomically"]
