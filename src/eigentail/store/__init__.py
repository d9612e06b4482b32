"""What is kept on disk, written so that it is there whole or not at all."""

from typing import TYPE_CHECKING

from eigentail.door import open_door

if TYPE_CHECKING:
    from eigentail.store.atomic import write_atomically
    from eigentail.store.bound import bytes_of, user_limit
    from eigentail.store.home import user_home
    from eigentail.store.notice import Notice
    from eigentail.store.runs import Run, RunStore, user_runs
    from eigentail.store.spectra import SpectrumStore, address_of, user_store

__all__ = [
    "Notice",
    "Run",
    "RunStore",
    "SpectrumStore",
    "address_of",
    "bytes_of",
    "user_home",
    "user_limit",
    "user_runs",
    "user_store",
    "write_atomically",
]

open_door(
    __name__,
    {
        "atomic": ("write_atomically",),
        "bound": ("bytes_of", "user_limit"),
        "home": ("user_home",),
        "notice": ("Notice",),
        "runs": ("Run", "RunStore", "user_runs"),
        "spectra": ("SpectrumStore", "address_of", "user_store"),
    },
)
