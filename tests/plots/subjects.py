"""Records to draw: real nets measured once, and rows that show what can be wrong with a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

import eigentail as et
from eigentail.numerics import fit_tail
from eigentail.numerics.tail import estimators
from eigentail.plots import drawing_of, plots
from eigentail.plots.drawing import Drawing, Mark, Role
from eigentail.records import (
    Fit,
    FitStatus,
    Layer,
    LayerReport,
    LayerTable,
    ModelReport,
    SourceRef,
    Spectrum,
    Summary,
    Verdict,
)
from eigentail.settings import Settings

NAN = float("nan")
ZOO = Path(et.__file__).parent / "zoo"
VECTORS = Settings(metrics=plots["vectors"].needs)
LONG = "x" * 250 + "y" * 250
HEBREW = "\u05e9\u05db\u05d1\u05d4.\u05d0"


@cache
def mlp() -> ModelReport:
    return et.analyze(et.example(), VECTORS)


@cache
def gpt(name: str = "trained") -> ModelReport:
    return et.analyze(ZOO / "gpt_demo" / f"{name}.safetensors")


@cache
def real(kind: str) -> object:
    """A record of a net of the zoo for each kind of plot."""
    if kind == "compare":
        return et.compare(gpt("init"), gpt())
    if kind == "delta":
        return et.diff(ZOO / "gpt_demo" / "init.safetensors", ZOO / "gpt_demo" / "trained.safetensors")
    if kind == "trend":
        return et.study("zoo-digits_noise", Settings(metrics=("alpha", "alpha_weighted", "log_norm")))
    if kind == "evolution":
        return [gpt("init"), gpt()]
    return gpt() if kind in ("flow", "layers", "hist") else mlp().layers["fc2"]


def row(
    values: Sequence[float] | None,
    *,
    name: str = "fc",
    index: int = 0,
    fit: Fit | None = None,
    metrics: Mapping[str, float] | None = None,
    block: int | None = None,
) -> LayerReport:
    """A layer with these eigenvalues, fitted as usual where no fit is given."""
    spectrum = None
    if values is not None:
        found = np.sort(np.asarray(values, dtype=np.float64))
        rank = int(np.count_nonzero(found))
        spectrum = Spectrum(eigenvalues=found, shape=(2 * len(found), len(found)), rank=rank)
        fit = fit or fit_tail(spectrum, estimators["clauset"])
    fit = fit or Fit(status=FitStatus.UNREADABLE, detail="the disk is gone")
    side = 64 if values is None else len(values)
    layer = Layer(index=index, name=name, kind="dense", block=block, tensors=(), shape=(2 * side, side))
    shown = {"alpha": fit.alpha, "log_norm": 1.0} if metrics is None else metrics
    return LayerReport(
        layer=layer,
        fit=fit,
        verdict=Verdict.WELL_TRAINED if fit.ok else Verdict.FAILED,
        metrics=shown,
        spectrum=spectrum,
        reason="because" if fit.ok else fit.status.sentence,
    )


def model(*rows: LayerReport, settings: Settings = Settings()) -> ModelReport:
    fitted = [each for each in rows if each.fit.ok]
    return ModelReport(
        source=SourceRef("safetensors", "/models/net.safetensors"),
        settings=settings,
        layers=LayerTable(rows),
        skipped=(),
        summary=Summary(mean={"alpha": float(np.mean([each.fit.alpha for each in fitted]))} if fitted else {}),
        versions={},
    )


def heavy(n: int = 100, seed: int = 0) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).pareto(2.0, n) + 0.01)


def broken_rows() -> dict[str, LayerReport]:
    """What can be wrong with a layer, or with its name."""
    values = heavy()
    unknown = Fit(status=FitStatus.OK, law="of a stranger", alpha=3.0, xmin=float(values[50]), xmax=9.0, D=0.1, tail=50)
    sampled = Fit(status=FitStatus.OK, alpha=3.0, D=0.1, tail=50)
    return {
        "no spectrum": row(None),
        "failed fit": row(values, fit=Fit(status=FitStatus.FLAT)),
        "one eigenvalue": row([2.0]),
        "one of many": row([0.0] * 9 + [2.0]),
        "two eigenvalues": row([1.0, 2.0]),
        "nearly equal": row([1.0, 1.0 + 1e-15, 1.0 + 3e-15], fit=Fit(status=FitStatus.TOO_FEW)),
        "all equal": row([3.0] * 20),
        "all zero": row([0.0] * 20),
        "NaN": row(None, fit=Fit(status=FitStatus.NON_FINITE, detail="3 of 4096 values"), metrics={"alpha": NAN}),
        "tiny": row(values * 1e-290),
        "huge": row(values * 1e290),
        "wide": row(np.geomspace(1e-300, 1e300, 50)),
        "law of a stranger": row(values, fit=unknown),
        "fit of a sample": row(values, fit=sampled),
        "long name": row(values, name=LONG),
        "right to left": row(values, name=HEBREW),
        "markup": row(values, name="<script>alert('$x^{$')</script>\n%{x} _\ud800\u202e\U0001f642"),
        "underscore": row(values, name="_fc"),
    }


def marks(drawing: Drawing, role: Role, panel: int = 0) -> list[Mark]:
    return [mark for mark in drawing.panels[panel].marks if mark.role is role]


def draw(kind: str, metric: str = "") -> Drawing:
    return drawing_of(real(kind), kind, metric=metric)
