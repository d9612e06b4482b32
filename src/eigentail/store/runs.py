"""Analyses on disk, layer by layer as they are finished: what is there when a process ends in any way."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final, final

import msgspec

from eigentail.errors import UsageError
from eigentail.store.database import Migration, connect
from eigentail.store.home import check_version, mark_version, user_home

# Only ever appended to: a database of any version becomes the newest by those that it has not seen.
MIGRATIONS: Final[tuple[Migration, ...]] = (
    (
        """CREATE TABLE runs(
            id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, target TEXT NOT NULL,
            started REAL NOT NULL, used REAL NOT NULL, finished REAL, planned INTEGER NOT NULL, head BLOB NOT NULL
        )""",
        """CREATE TABLE layers(
            run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE, place INTEGER NOT NULL,
            digest BLOB NOT NULL, report BLOB NOT NULL, PRIMARY KEY(run, place)
        )""",
    ),
)
_NAME: Final = "runs.sqlite"
_DIGEST: Final = 16
# More than anybody looks through.
_MOST: Final = 500
# In seconds: the time of use is no more exact than this, so that looking something up waits for no disk.
_A_WHILE: Final = 60.0
_COLUMNS: Final = (
    "id, target, started, used, finished, planned, head,"
    " (SELECT COUNT(*) FROM layers WHERE run = id),"
    " (SELECT COALESCE(SUM(LENGTH(report)), 0) FROM layers WHERE run = id)"
)


class Run(msgspec.Struct, frozen=True):
    """One analysis of one target with one choice of settings, finished or not.

    Attributes:
        id: counted up; never used twice.
        target: what was analysed.
        started: in seconds since 1970.
        used: when it was last begun, gone on with or looked up.
        finished: the same, or None while it runs and when it was interrupted.
        planned: layers to be measured.
        head: whatever the one who began it keeps beside the layers.
        layers: of these, the ones that are kept.
        nbytes: that they take.

    Example:
        >>> Run(1, "a.pt", 0.0, 0.0, None, 48, b"", 31, 900).is_finished
        False
    """

    id: int
    target: str
    started: float
    used: float
    finished: float | None
    planned: int
    head: bytes
    layers: int
    nbytes: int

    @property
    def is_finished(self) -> bool:
        """Whether its end was reached; one that is still running is told from a killed one by nothing."""
        return self.finished is not None


def user_runs() -> RunStore:
    """The runs of this user.

    Raises:
        UsageError: a newer version made the folder, or it cannot be read.

    Example:
        >>> user_runs().path.name
        'runs.sqlite'
    """
    return RunStore(user_home())


@final
class RunStore:
    """Runs below a folder, in one SQLite file. Any number of processes may share it; one object serves one thread.

    Every layer is written when it is put, so that the end of the process loses none of them.

    Args:
        home: the folder; it and the file are made when the first run begins.

    Attributes:
        path: the file.

    Raises:
        UsageError: a newer version made the folder, or it cannot be read. So do all methods when the file cannot be
            used: made by a newer version, damaged, locked for long, a full disk.

    Example:
        >>> import tempfile
        >>> runs = RunStore(Path(tempfile.mkdtemp()))
        >>> run = runs.begin("the weights and settings", "a.pt", planned=2, head=b"")
        >>> runs.put(run.id, 0, b"the first layer")
        >>> runs.layers(run.id), runs.begin("the weights and settings", "a.pt", planned=2, head=b"").layers
        ({0: b'the first layer'}, 1)
        >>> runs.close()
    """

    def __init__(self, home: Path) -> None:
        check_version(home)
        self.home = home
        self.path = home / _NAME
        self._opened: sqlite3.Connection | None = None

    def begin(self, key: str, target: str, *, planned: int, head: bytes) -> Run:
        """The run of that key, made if there is none.

        Args:
            key: of everything that its numbers depend on.
            target: what people call it.
            planned: layers to be measured.
            head: kept beside them.

        Returns:
            The run; its `used` is when it was used before, if it was.
        """
        found = self._select("WHERE key = ?", (key,))
        with self._telling():
            now = time.time()
            if not found:
                mark_version(self.home)
                self._database().execute(
                    "INSERT INTO runs(key, target, started, used, planned, head) VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT(key) DO NOTHING",  # another process may have been faster
                    (key, target, now, now, planned, head),
                )
            elif now - found[0].used > _A_WHILE:
                self._database().execute("UPDATE runs SET used = ? WHERE id = ?", (now, found[0].id))
        for run in found or self._select("WHERE key = ?", (key,)):
            return run
        raise UsageError("cannot be used (another process removed the run)", where=str(self.path))

    def put(self, run: int, place: int, report: bytes) -> None:
        """Keep one layer; it is on disk when this returns, and replaces what was kept in its place."""
        with self._telling():
            self._database().execute(
                "INSERT OR REPLACE INTO layers(run, place, digest, report) VALUES (?, ?, ?, ?)",
                (run, place, _digest(run, place, report), report),
            )

    def finish(self, run: int, head: bytes) -> None:
        """Say that a run reached its end."""
        with self._telling():
            now = time.time()
            self._database().execute(
                "UPDATE runs SET finished = ?, used = ?, head = ? WHERE id = ?", (now, now, head, run)
            )

    def layers(self, run: int) -> dict[int, bytes]:
        """The layers kept of a run, by their place; damaged ones are left out."""
        with self._telling():
            rows = self._database().execute("SELECT place, digest, report FROM layers WHERE run = ?", (run,))
            return {place: report for place, digest, report in rows if digest == _digest(run, place, report)}

    def run(self, number: int) -> Run:
        """The run of that number.

        Raises:
            UsageError: there is none.
        """
        for run in self._select("WHERE id = ?", (number,)):
            return run
        raise UsageError("no such run", where=str(number), hint="eigentail runs lists them")

    def runs(self) -> list[Run]:
        """All runs, the one that was started last first."""
        return self._select("ORDER BY started DESC, id DESC", ())

    def remove(self, numbers: Sequence[int]) -> int:
        """Remove runs with their layers; how many there were."""
        if not self.path.exists():
            return 0
        with self._telling():
            database = self._database()
            gone = sum(database.execute("DELETE FROM runs WHERE id = ?", (one,)).rowcount for one in numbers)
            database.executescript("PRAGMA incremental_vacuum")  # `execute` would take one step, which is one page
            return gone

    def keep_within(self, limit: int, *, but: int) -> int:
        """Remove what was not used for longest until the rest takes no more than so many bytes, and is not too many.

        Args:
            limit: bytes that may stay.
            but: a run that stays in any case.

        Returns:
            The bytes that are left.
        """
        kept, total, gone = 0, 0, []
        for run in self._select("ORDER BY id = ? DESC, used DESC", (but,)):
            if run.id != but and (total + run.nbytes > limit or kept >= _MOST):
                gone.append(run.id)
            else:
                kept, total = kept + 1, total + run.nbytes
        if gone:
            self.remove(gone)
        return total

    def close(self) -> None:
        """Let go of the file."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            opened.close()

    def _select(self, which: str, values: tuple[int | str, ...]) -> list[Run]:
        if not self.path.exists():  # asking makes nothing
            return []
        with self._telling():
            return [Run(*row) for row in self._database().execute(f"SELECT {_COLUMNS} FROM runs {which}", values)]

    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = connect(self.path, MIGRATIONS)
        return self._opened

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What SQLite and the system say, as a sentence."""
        try:
            yield
        except sqlite3.Error as error:
            raise UsageError(f"cannot be used ({str(error).lower()})", where=str(self.path)) from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"cannot be used ({reason})", where=str(self.path)) from error


def _digest(run: int, place: int, report: bytes) -> bytes:
    """SQLite does not notice a changed byte in what it keeps."""
    return blake2b(b"%d %d\n" % (run, place) + report, digest_size=_DIGEST).digest()
