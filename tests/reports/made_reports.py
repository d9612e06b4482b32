"""Reports made by hand from the records, for forms that must not care where a report comes from."""

from __future__ import annotations

import numpy as np

from eigentail.records import (
    Fit,
    FitStatus,
    Layer,
    LayerReport,
    LayerTable,
    ModelReport,
    Phase,
    Skip,
    SourceRef,
    Spectrum,
    Summary,
    TensorSpec,
    Verdict,
)
from eigentail.settings import Settings

NAN = float("nan")


def layer_row(index: int, name: str, alpha: float = 3.14159265358979, verdict: Verdict = Verdict.WELL_TRAINED):
    values = np.sort(np.random.default_rng(index).pareto(2.0, 40) + 0.01)
    spec = TensorSpec(name=f"{name}.weight", shape=(64, 40), dtype="float32", nbytes=10240)
    layer = Layer(index=index, name=name, kind="dense", block=None, tensors=(spec,), shape=(64, 40))
    fit = Fit(status=FitStatus.OK, alpha=alpha, sigma=0.2, xmin=float(values[10]), xmax=9.0, D=0.05, tail=30)
    return LayerReport(
        layer=layer,
        fit=fit,
        verdict=verdict,
        metrics={
            "num_spikes": 3.0,
            "alpha": alpha,
            "alpha_weighted": 2 * alpha,
            "log_norm": -0.1,
            "D": 0.05,
            "N": 64.0,
            "Q": 1.6,
            "alpha_lo": alpha - 0.5,
            "alpha_hi": alpha + 0.75,
            "alpha_null": 3.875,
            "alpha_p": 0.02,
        },
        spectrum=Spectrum(eigenvalues=values, shape=(64, 40), rank=40),
        reason=f"alpha {alpha:.2f} is between 2 and 6",
        phase=Phase.BULK_DECAY,
    )


def failed_row(index: int, name: str):
    row = layer_row(index, name, verdict=Verdict.FAILED)
    return LayerReport(
        layer=row.layer,
        fit=Fit(status=FitStatus.NON_FINITE, detail="3 of 2560 values"),
        verdict=Verdict.FAILED,
        metrics=dict.fromkeys(row.metrics, NAN),
        spectrum=None,
        reason="3 of 2560 values",
    )


def report_of(*rows: LayerReport, skipped: tuple[Skip, ...] = ()) -> ModelReport:
    fitted = [row for row in rows if row.fit.ok]
    names = ("alpha", "alpha_weighted", "log_norm", "D", "alpha_null")
    mean = {name: float(np.mean([row.metrics[name] for row in fitted])) if fitted else NAN for name in names}
    verdicts = [row.verdict.value for row in rows]
    return ModelReport(
        source=SourceRef("safetensors", "/models/net.safetensors", "1:2"),
        settings=Settings(),
        layers=LayerTable(rows),
        skipped=skipped,
        summary=Summary(
            mean=mean,
            median=mean,
            by_kind={"dense": mean} if fitted else {},
            verdict=Verdict.WELL_TRAINED if fitted else Verdict.FAILED,
            reason=f"{len(fitted)} of {len(rows)} layers judged",
            verdicts={verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))},
            layers_ok=len(fitted),
            layers_failed=len(rows) - len(fitted),
            layers_skipped=len(skipped),
            layers_averaged=len(fitted),
        ),
        versions={"eigentail": "0.1.0", "numpy": "2.0.0"},
    )


# What a stranger may call a tensor.
HOSTILE = {
    "markup": '<script>alert("x")</script><img src=http://evil/x onerror=y>',
    "pipe": "a|b|c",
    "backticks": "`rm` [link](http://evil) *bold* _x_ ~~y~~ &amp;",
    "long": "x" * 250 + "y" * 250,
    "right-to-left": "safe\u202egnp.exe\u2066",
    "lines": "one\ntwo\r\nthree\u2028four",
    "terminal": "\x1b[31mred\x1b[0m\x07\x00",
    "markup of the terminal": "[bold red]not bold[/bold red] :smile:",
    "unicode": "слой.卷积.🙂",
    "surrogate": "lone\ud800",
    "formula": "=cmd|' /C calc'!A0",
    "template": "{{ 7 * 7 }}{% raw %}",
}
