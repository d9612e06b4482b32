"""Markdown and model cards of nets of the zoo, as they were looked at: any change shows in the difference.

To look at them anew: EIGENTAIL_GOLDEN=1 pytest tests/reports/test_golden.py, then git diff tests/golden.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

import eigentail as et
from eigentail.records import ModelReport
from eigentail.reports import render, report_page
from eigentail.reports.card import card

REPO = Path(__file__).parents[2]
GOLDEN = REPO / "tests" / "golden"
ZOO = REPO / "src" / "eigentail" / "zoo"
NETS = {"digits_noise_000": "digits_noise/noise_000", "digits_noise_100": "digits_noise/noise_100"}


def report_of(net: str) -> ModelReport:
    """The report without what differs from machine to machine."""
    report = et.analyze(ZOO / f"{NETS[net]}.safetensors", store=None)
    source = msgspec.structs.replace(report.source, target=f"{net}.safetensors", fingerprint="")
    return msgspec.structs.replace(report, source=source, versions={"eigentail": "0.1.0"})


def checked(text: str, name: str) -> None:
    """Fail where the file holds something else; or write it, when that is asked for."""
    path = GOLDEN / name
    if os.environ.get("EIGENTAIL_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("net", NETS)
def test_the_markdown(net: str) -> None:
    checked(render(report_of(net), "markdown"), f"{net}.md")


@pytest.mark.parametrize("net", NETS)
def test_the_card(net: str) -> None:
    checked(card(report_of(net)), f"{net}_card.md")


def test_the_table_at_two_widths(monkeypatch: pytest.MonkeyPatch) -> None:
    page = report_page(report_of("digits_noise_000"))
    for width in (60, 160):
        monkeypatch.setenv("COLUMNS", str(width))
        checked(render(page, "table"), f"digits_noise_000_{width}.txt")
