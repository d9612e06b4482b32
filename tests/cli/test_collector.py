"""The collector rests while the command starts, and comes as often as ever from the first time it has come."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc, sys
usual = gc.get_threshold()
from eigentail import __main__ as command
assert gc.get_threshold() == usual, "importing it changes nothing"
sys.argv = ["eigentail", "--version"]
try:
    command.run()
except SystemExit as end:
    assert not end.code
assert gc.get_threshold()[0] == command._AT_START
kept = []
while gc.get_threshold() != usual:
    kept.append([kept])
    assert len(kept) <= 2 * command._AT_START
before = gc.get_stats()[0]["collections"]
more = [[kept] for _ in range(20 * usual[0])]
assert gc.get_stats()[0]["collections"] > before + 10
"""


def test_the_collector_comes_back() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
