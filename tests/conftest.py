"""What every test relies on: helpers are found from any folder, and in CI nothing is skipped in silence."""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that `import shared` and `import oracles` work everywhere

# Doctests are looked for in every module, and two modules cannot both be called `conftest`.
collect_ignore_glob = ["conftest.py", "*/conftest.py", "fixtures/*"]

# No test reads or writes what the user of this machine keeps.
_HOME = tempfile.TemporaryDirectory(prefix="eigentail-tests-")
os.environ["EIGENTAIL_HOME"] = _HOME.name
atexit.register(_HOME.cleanup)

# Ray would put a `print` of its own in the place of Python's, for every test that comes after.
os.environ["RAY_TQDM_PATCH_PRINT"] = "0"

# The reasons that may stand in CI: what the machine does not have.
ALLOWED_TO_SKIP = ("GPU", "network", "shared data")


def not_allowed(reasons: Iterable[str]) -> list[str]:
    """The reasons for which no test may be skipped in CI."""
    return sorted({reason for reason in reasons if not any(word in reason for word in ALLOWED_TO_SKIP)})


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a CI run in which a test was skipped without need."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None or hasattr(session.config, "workerinput"):
        return
    reasons = not_allowed(
        report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        for report in reporter.stats.get("skipped", [])
    )
    for reason in reasons:
        reporter.write_line(f"skipped in CI, which counts as a failure: {reason}", red=True)
    if reasons and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
