"""Pictures that were looked at once: a chart that looks otherwise is looked at again."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shown import html_of

Open = Callable[..., Any]
GOLDEN = Path(__file__).with_name("golden")
PICTURES = {
    "layer_light": ("analyze", "light", "#chosen svg[role=img]"),
    "layer_dark": ("analyze", "dark", "#chosen svg[role=img]"),
    "flow_light": ("analyze", "light", "#charts svg[role=img]"),
    "study_light": ("study", "light", "#charts svg[role=img]"),
    "compare_dark": ("compare", "dark", "#charts svg[role=img]"),
}
# Fonts differ between machines; at an eighth of the size their shapes are gone. Another font is 1.5 away at the most,
# the two pictures that are most alike 3.5.
COARSE = 8
TOLERANCE = 2.0


def coarse(content: bytes, size: tuple[int, int] | None = None) -> Any:
    """The picture at an eighth of its size, in grey levels from 0 to 255."""
    numpy = pytest.importorskip("numpy")
    image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    picture = image.open(io.BytesIO(content)).convert("L")
    small = picture.resize(size or (picture.width // COARSE, picture.height // COARSE), image.Resampling.BOX)
    return numpy.asarray(small, dtype=float)


def taken(opened: Open, name: str) -> bytes:
    """The picture as the page looks now."""
    kind, colours, place = PICTURES[name]
    page = opened(html_of(kind), width=900, colours=colours)
    return page.locator(place).first.screenshot()


def apart(one: Any, other: Any) -> float:
    """Mean absolute difference in grey levels."""
    return float(abs(one - other).mean())


@pytest.mark.parametrize("name", PICTURES)
def test_it_looks_as_it_did(opened: Open, name: str, tmp_path: Path) -> None:
    golden = coarse((GOLDEN / f"{name}.png").read_bytes())
    seen = tmp_path / f"{name}.png"
    seen.write_bytes(taken(opened, name))
    now = coarse(seen.read_bytes(), (golden.shape[1], golden.shape[0]))
    assert apart(golden, now) < TOLERANCE, f"look at {seen}; where it is right, it takes the place of the golden one"


def test_another_picture_is_told_apart() -> None:
    golden = {name: coarse((GOLDEN / f"{name}.png").read_bytes(), (100, 60)) for name in PICTURES}
    for one in PICTURES:
        assert all(apart(golden[one], golden[other]) > TOLERANCE for other in PICTURES if other != one)
