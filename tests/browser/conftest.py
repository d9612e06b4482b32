"""Chromium as Debian packs it, and pages opened from files: no console message, no request but the file."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))  # for `made_reports`

SCRIPTS = Path(__file__).parents[2] / "src" / "eigentail" / "reports" / "page"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser, started for a module and no longer: while it runs, no other test could have an event loop."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens an HTML text from a file of its own. What the page says or asks for is held against it at the end."""
    contexts: list[Any] = []
    said: list[str] = []
    asked: list[str] = []

    def open_page(html: str, *, width: int = 1280, colours: str = "light", script: bool = True) -> Any:
        path = tmp_path / f"report{len(contexts)}.html"
        path.write_bytes(html.encode("utf-8", "backslashreplace"))
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=colours, java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        if script:
            page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert len(asked) == len(contexts)
    assert all(url.startswith("file://") for url in asked)


@pytest.fixture(scope="module")
def workbench(chromium: Any) -> Iterator[Any]:
    """An empty page with the functions of the report in it."""
    page = chromium.new_page()
    for name in ("words", "axis", "chart", "spectrum", "table", "charts"):
        page.add_script_tag(content=(SCRIPTS / f"{name}.js").read_text(encoding="utf-8"))
    yield page
    page.close()
