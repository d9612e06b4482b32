"""The study file: a TOML that names the nets of a series and the value measured for each."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Entry:
    """One net: `file` is relative to the TOML; `extra` holds whole numbers such as step or parameters."""

    name: str
    file: str
    value: float
    extra: dict[str, int]


@dataclass(frozen=True)
class Study:
    """A series of nets that differ in one thing."""

    title: str
    dataset: str
    metric: str
    higher_is_better: bool
    source: str
    caveats: tuple[str, ...]
    models: tuple[Entry, ...]


def quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(text, ensure_ascii=False)


def render(study: Study) -> str:
    """The text of the file."""
    lines = [
        f"title = {quoted(study.title)}",
        f"dataset = {quoted(study.dataset)}",
        f"metric = {quoted(study.metric)}",
        f"higher_is_better = {str(study.higher_is_better).lower()}",
        f"source = {quoted(study.source)}",
        'license = "Apache-2.0"',
        "caveats = [",
        *(f"  {quoted(caveat)}," for caveat in study.caveats),
        "]",
    ]
    for entry in study.models:
        lines += ["", "[[models]]", f"name = {quoted(entry.name)}", f"file = {quoted(entry.file)}"]
        lines += [f"value = {entry.value!r}", *(f"{key} = {number}" for key, number in entry.extra.items())]
    return "\n".join(lines) + "\n"


def write(study: Study, path: Path) -> None:
    """Write the study file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(study), encoding="utf-8")


def verify(path: Path, measure: Callable[[Path], float]) -> list[str]:
    """Measure every net of the study again from its file: one line per net, starting with `ok` or `DIFFERS`."""
    lines = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["models"]:
        again = measure((path.parent / entry["file"]).resolve())
        word = "ok" if abs(again - entry["value"]) <= TOLERANCE else "DIFFERS"
        lines.append(f"{word} {path.stem} {entry['name']}: file {again:.6f}, study {entry['value']:.6f}")
    return lines
