"""Which GPT goes into which file and study; the studies are written from what the files say of themselves."""

import os
from dataclasses import dataclass
from pathlib import Path

from nets import metadata, parameters
from study_file import Entry, Study, write

STEPS = 2000
WIDTHS = (64, 96, 128, 208)
DEMO_WIDTH = 64
STEPS_WIDTH = 96
EARLY_STEPS = (0, 50, 200, 800)
WHEEL = Path("src/eigentail/zoo")
ZOO = Path("zoo")

HELD_OUT = "held-out files are of the same library as the training files: the value is not about other text"
SEED_CAVEAT = "one seed: the spread between seeds is not measured"


@dataclass(frozen=True)
class Series:
    """A study before its values are known: the nets as (width, step), and the words around them."""

    study: Path
    title: str
    nets: tuple[tuple[int, int], ...]
    caveats: tuple[str, ...]


def series(steps: int) -> tuple[Series, ...]:
    """The three studies of nets trained for `steps` steps."""
    return (
        Series(
            ZOO / "gpt_width.toml",
            "Character GPT-2s on Python's standard library, one recipe and equal tokens, width varies",
            tuple((width, steps) for width in WIDTHS),
            (
                "width, parameter count and quality rise together: compare with the size baseline",
                "four points: even a perfect rank correlation has an exact two-sided p of 0.083",
                "matrices are small (from 64 x 64): a tail fitted to so few eigenvalues is uncertain",
                "one learning rate for all widths, not the best one for each",
                SEED_CAVEAT,
                HELD_OUT,
            ),
        ),
        Series(
            ZOO / "gpt_steps.toml",
            f"One character GPT-2 of width {STEPS_WIDTH} on Python's standard library, training steps vary",
            tuple((STEPS_WIDTH, step) for step in (*EARLY_STEPS, steps)),
            (
                "one run seen at five times: step count and quality rise together, and the points are not independent",
                f"the early nets were taken at a higher learning rate than the last: the rate falls over {steps} steps",
                "step 0 is the untrained net",
                SEED_CAVEAT,
                HELD_OUT,
            ),
        ),
        Series(
            WHEEL / "gpt_demo.toml",
            f"A character GPT-2 of width {DEMO_WIDTH} on Python's standard library, untrained and trained",
            ((DEMO_WIDTH, 0), (DEMO_WIDTH, steps)),
            (
                "two points: shows what training changes in the spectra, proves no correlation",
                "matrices are small (from 64 x 64): a tail fitted to so few eigenvalues is uncertain",
                HELD_OUT,
            ),
        ),
    )


def kept_steps(width: int, steps: int) -> tuple[int, ...]:
    """The steps at which the weights of this width are kept."""
    return tuple(sorted({step for one in series(steps) for w, step in one.nets if w == width}))


def path_of(root: Path, width: int, step: int, steps: int) -> Path:
    """The one file of this net; a net of two series is stored once and named by both studies."""
    if width == DEMO_WIDTH:
        return root / WHEEL / "gpt_demo" / ("init.safetensors" if step == 0 else "trained.safetensors")
    if step == steps:
        return root / ZOO / "gpt_width" / f"width_{width:03d}.safetensors"
    return root / ZOO / "gpt_steps" / f"step_{step:04d}.safetensors"


def series_of(width: int, step: int, steps: int) -> str:
    """Names of the studies that hold this net."""
    return ", ".join(one.study.stem for one in series(steps) if (width, step) in one.nets)


def study_paths(root: Path) -> list[Path]:
    """The study files, in a fixed order."""
    return [root / one.study for one in series(STEPS)]


def entry(net: Path, study: Path, name: str) -> Entry:
    """One net of a study, with the value written in its file."""
    facts = metadata(net)
    relative = Path(os.path.relpath(net, study.parent)).as_posix()
    extra = {"step": int(facts["step"]), "parameters": parameters(net)}
    return Entry(name, relative, float(facts["value"]), extra)


def write_studies(root: Path, steps: int) -> None:
    """Write each study whose nets are all there."""
    for one in series(steps):
        nets = [path_of(root, width, step, steps) for width, step in one.nets]
        if not all(net.exists() for net in nets):
            continue
        names = [f"width{width}_step{step}" for width, step in one.nets]
        python = metadata(nets[-1])["python"]
        digest = metadata(nets[-1])["corpus_sha256"]
        source = f"trained by this project: zoo/train/gpt.py, on the sources of Python {python}, sha256 {digest}"
        study = Study(
            title=one.title,
            dataset=f"source of the standard library of Python {python}, by character; one file in twenty held out",
            metric="held-out bits per character",
            higher_is_better=False,
            source=source,
            caveats=one.caveats,
            models=tuple(entry(net, root / one.study, name) for net, name in zip(nets, names, strict=True)),
        )
        write(study, root / one.study)
