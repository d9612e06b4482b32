"""The HTML report of 1,000 and of 20,000 layers: written, its size, and opened by Chromium where there is one.

python benchmarks/report.py
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from timing import seconds, time_line

import eigentail as et
from eigentail.records import LayerTable, ModelReport, Spectrum
from eigentail.reports import render

LARGEST = 8e6
LONGEST = 2.0
RUNS = 5


def main() -> int:
    """Print both lengths; the targets are those of 1,000 layers."""
    for layers in (1000, 20_000):
        report = long_report(layers)
        print(f"the report of {layers:,} layers of 1024 eigenvalues")
        time_line("written", seconds(lambda report=report: render(report, "html"), 2))
        text = render(report, "html")
        goal = (
            (f"   target {LARGEST / 1e6:g}: {'met' if len(text) <= LARGEST else 'not met'}") if layers == 1000 else ""
        )
        print(f"  {'size':<52} {len(text) / 1e6:7.1f} MB{goal}")
        opened(text, layers)
    return 0


def long_report(layers: int) -> ModelReport:
    """A few measured layers, again and again, with spectra of their own."""
    random = np.random.default_rng(0)
    base = et.analyze({f"h.{i}.mlp.weight": random.standard_t(2.5, (256, 192)).astype("float32") for i in range(4)})
    rows = []
    for i in range(layers):
        row = base.layers[i % 4]
        layer = replace(row.layer, index=i, name=f"model.layers.{i // 8}.experts.{i % 8}.up_proj", block=i // 8)
        values = np.sort(random.pareto(2.0, 1024) + 0.01)
        spectrum = Spectrum(eigenvalues=values, shape=(2048, 1024), rank=1024)
        rows.append(replace(row, layer=layer, spectrum=spectrum))
    return replace(base, layers=LayerTable(rows))


def opened(text: str, layers: int) -> None:
    """How long until the page says that it can be used, from a file, in a new context each time."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        print("  chromium is not installed: not opened")
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "report.html"
        file.write_text(text, encoding="utf-8")
        browser = driver.chromium.launch(executable_path=path, args=["--headless", "--no-sandbox", "--disable-gpu"])
        taken = []
        for _ in range(RUNS):
            page = browser.new_page()
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            taken.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000)
            page.close()
        browser.close()
    here = statistics.median(taken)
    goal = f"target {LONGEST:g}: {'met' if here < LONGEST else 'not met'}" if layers == 1000 else ""
    time_line("opened, until it can be used", here, f"({min(taken):.2f} to {max(taken):.2f}) {goal}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
