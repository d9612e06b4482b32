"""In CI a skip is a failure unless the machine cannot have what the test needs."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
CONFTEST = (Path(__file__).parents[1] / "conftest.py").read_text(encoding="utf-8")
TEST = "import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip({!r})\n"


@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["one process", "two processes"])
@pytest.mark.parametrize(
    ("reason", "ci", "code"),
    [
        ("torch is not installed", True, pytest.ExitCode.TESTS_FAILED),
        ("torch is not installed", False, pytest.ExitCode.OK),
        ("no shared data beside the repository", True, pytest.ExitCode.OK),
        ("needs a GPU", True, pytest.ExitCode.OK),
        ("needs the network", True, pytest.ExitCode.OK),
    ],
)
def test_a_skip_needs_a_reason(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    processes: list[str],
    reason: str,
    ci: bool,
    code: pytest.ExitCode,
) -> None:
    if ci:
        monkeypatch.setenv("CI", "1")
    else:
        monkeypatch.delenv("CI", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TEST.format(reason))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *processes)
    assert result.ret == code
    assert ("counts as a failure" in result.stdout.str()) == (code != pytest.ExitCode.OK)
