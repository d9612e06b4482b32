"""A SQLite file brought to the version that this program knows, or refused."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eigentail.errors import UsageError

# Other processes may be writing; none of them writes for long.
_PATIENCE: Final = 10.0
_PAUSE: Final = 0.02

Migration = tuple[str, ...]


def connect(path: Path, migrations: Sequence[Migration]) -> sqlite3.Connection:
    """Open a database, made or migrated where that is needed; every statement is a transaction of its own.

    The version of a database is the number of migrations applied to it. Those that are missing are applied in order,
    all of them or none.

    Args:
        path: the file; its folder exists.
        migrations: from nothing on, each a tuple of statements.

    Raises:
        UsageError: a newer version made it.
        sqlite3.Error: it cannot be opened or written, or is no database.

    Source: https://www.sqlite.org/wal.html and https://www.sqlite.org/pragma.html

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.sqlite"
        >>> connect(path, [("CREATE TABLE a(b)",)]).execute("SELECT * FROM a").fetchall()
        []
        >>> connect(path, [])
        Traceback (most recent call last):
        eigentail.errors.UsageError: ...: made by a newer eigentail (database 1, this one knows up to 0): ...
    """
    database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        if _version(database) != len(migrations):
            _migrate(database, path, migrations)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA foreign_keys = ON")
        # What was committed survives the end of the process in any way; after a power cut the last of it may be lost.
        database.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        database.close()
        raise
    return database


def _version(database: sqlite3.Connection) -> int:
    found: tuple[int] = database.execute("PRAGMA user_version").fetchone()
    return found[0]


def _migrate(database: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    _refuse_newer(database, path, migrations)
    database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded only while there is no table
    _write_ahead(database)
    database.execute("BEGIN IMMEDIATE")
    try:
        _refuse_newer(database, path, migrations)  # another process may have been faster
        for statements in migrations[_version(database) :]:
            for statement in statements:
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(migrations)}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _refuse_newer(database: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    version, known = _version(database), len(migrations)
    if version > known:
        what = f"made by a newer eigentail (database {version}, this one knows up to {known})"
        raise UsageError(what, where=str(path), hint="upgrade eigentail, or set EIGENTAIL_HOME to another folder")


def _write_ahead(database: sqlite3.Connection) -> None:
    """Readers and one writer at a time. SQLite does not wait by itself when two processes ask for this at once."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
