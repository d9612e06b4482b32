"""Which MLP goes into which file and study; the studies are written from what the files say of themselves."""

import os
from dataclasses import dataclass
from pathlib import Path

from nets import metadata, parameters
from study_file import Entry, Study, write

WIDTHS = (128, 160, 192, 256, 384)
NOISES = (0, 10, 25, 50, 100)
NOISE_WIDTH = 192
WIDTH_STUDY = Path("zoo/digits_width.toml")
NOISE_STUDY = Path("src/eigentail/zoo/digits_noise.toml")


@dataclass(frozen=True)
class Net:
    """One net: the width of its hidden layers and the percentage of training labels shuffled."""

    width: int
    noise: int

    @property
    def name(self) -> str:
        """As in the study files."""
        return f"width{self.width}_noise{self.noise}"

    @property
    def series(self) -> str:
        """Names of the studies that hold this net."""
        return ", ".join(study.stem for study, nets in STUDIES.items() if self in nets)


STUDIES = {
    WIDTH_STUDY: tuple(Net(width, 0) for width in WIDTHS),
    NOISE_STUDY: tuple(Net(NOISE_WIDTH, noise) for noise in NOISES),
}
NETS = tuple(dict.fromkeys(net for nets in STUDIES.values() for net in nets))

TITLES = {
    WIDTH_STUDY: "MLPs on digits, one recipe, width varies",
    NOISE_STUDY: f"MLPs of width {NOISE_WIDTH} on digits, one recipe, share of shuffled training labels varies",
}
SHARED = (
    "one seed and one split: the spread between seeds is not measured",
    "797 test images: one image is 0.125 percentage points",
    "the first and last matrices have only 64 and 10 non-zero eigenvalues",
)
CAVEATS = {
    WIDTH_STUDY: (
        "the best and the worst net differ by three test images, less than sampling noise, and two pairs tie: "
        "no metric can be judged by this series alone",
        "width, parameter count and quality rise together: compare with the size baseline",
        *SHARED,
    ),
    NOISE_STUDY: (
        "size is the same for all, so parameter count says nothing here",
        "shuffled labels change places among themselves and one in ten lands on its own class again: "
        "0, 92, 239, 464 and 902 of the 1000 labels changed",
        "test labels are never shuffled; every net saw the same number of steps",
        "five points: a perfect rank correlation has an exact two-sided p of 0.017",
        *SHARED,
    ),
}


def path_of(root: Path, net: Net) -> Path:
    """The one file of this net; the net without noise is stored once and named by both studies."""
    if net.width == NOISE_WIDTH:
        return root / NOISE_STUDY.with_suffix("") / f"noise_{net.noise:03d}.safetensors"
    return root / WIDTH_STUDY.with_suffix("") / f"width_{net.width:03d}.safetensors"


def study_paths(root: Path) -> list[Path]:
    """The study files, in a fixed order."""
    return [root / study for study in STUDIES]


def entry(net: Path, study: Path, name: str) -> Entry:
    """One net of a study, with the value written in its file."""
    facts = metadata(net)
    relative = Path(os.path.relpath(net, study.parent)).as_posix()
    extra = {"step": int(facts["step"]), "parameters": parameters(net)}
    return Entry(name, relative, float(facts["value"]), extra)


def write_studies(root: Path) -> None:
    """Write both studies from the finished files."""
    for path, nets in STUDIES.items():
        study = Study(
            title=TITLES[path],
            dataset="scikit-learn digits, 1000 training and 797 test images, stratified",
            metric="test accuracy %",
            higher_is_better=True,
            source="trained by this project: zoo/train/digits.py",
            caveats=CAVEATS[path],
            models=tuple(entry(path_of(root, net), root / path, net.name) for net in nets),
        )
        write(study, root / path)
