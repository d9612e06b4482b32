"""A whole model: any source, any number of hands, any order; failures stay where they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nets import Wrapped, convnet, essence, mlp, numbers, unreadable

import eigentail as et
from eigentail.records import FitStatus, Layer, LayerReport, ModelReport, Verdict
from eigentail.records.description import Description
from eigentail.sources.ranges import LocalRange


def same(a: ModelReport, b: ModelReport) -> bool:
    return [essence(row) for row in a.layers] == [essence(row) for row in b.layers] and repr(a.summary) == repr(
        b.summary
    )


def as_safetensors(weights: dict[str, np.ndarray], folder: Path) -> object:
    from safetensors.numpy import save_file

    save_file(weights, folder / "m.safetensors")
    return folder / "m.safetensors"


def as_npz(weights: dict[str, np.ndarray], folder: Path) -> object:
    np.savez(folder / "m.npz", **weights)  # type: ignore[arg-type]
    return folder / "m.npz"


def state_dict(weights: dict[str, np.ndarray], _: Path) -> Any:
    import torch

    return {name: torch.from_numpy(values.copy()) for name, values in weights.items()}


def as_torch_zip(weights: dict[str, np.ndarray], folder: Path) -> object:
    import torch

    torch.save(state_dict(weights, folder), folder / "m.pt")
    return folder / "m.pt"


def as_torch_legacy(weights: dict[str, np.ndarray], folder: Path) -> object:
    import torch

    torch.save(state_dict(weights, folder), folder / "m.pth", _use_new_zipfile_serialization=False)
    return folder / "m.pth"


def as_module(weights: dict[str, np.ndarray], folder: Path) -> object:
    import torch

    module = torch.nn.Module()
    for name, tensor in state_dict(weights, folder).items():
        layer, parameter = name.split(".")
        child = getattr(module, layer, None) or torch.nn.Module()
        child.register_parameter(parameter, torch.nn.Parameter(tensor))
        module.add_module(layer, child)
    return module


def as_pairs(weights: dict[str, np.ndarray], _: Path) -> object:
    return iter(weights.items())


FORMS = (as_safetensors, as_npz, as_torch_zip, as_torch_legacy, state_dict, as_module, as_pairs)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("net", [mlp, convnet])
def test_the_same_weights_give_the_same_numbers_from_every_source(
    form: Callable[[dict[str, np.ndarray], Path], object], net: Callable[[], dict[str, np.ndarray]], tmp_path: Path
) -> None:
    expected, report = et.analyze(net()), et.analyze(form(net(), tmp_path))
    assert [row.name for row in report.layers] == [row.name for row in expected.layers]
    for name, values in numbers(report).items():
        assert values == pytest.approx(numbers(expected)[name], rel=1e-10, nan_ok=True)
    assert {skip.name for skip in report.skipped} == {skip.name for skip in expected.skipped}
    assert dict(report.summary.mean) == pytest.approx(dict(expected.summary.mean), rel=1e-10, nan_ok=True)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_change_no_digit(workers: int) -> None:
    assert same(et.analyze(mlp(), using=et.threads(workers)), et.analyze(mlp()))


def test_the_order_of_tensors_changes_no_number() -> None:
    backwards = dict(reversed(mlp().items()))
    found, expected = numbers(et.analyze(backwards)), numbers(et.analyze(mlp()))
    assert found.keys() == expected.keys()
    assert all(found[name] == pytest.approx(expected[name], rel=1e-10, nan_ok=True) for name in expected)


def test_a_layer_does_not_depend_on_its_neighbours() -> None:
    alone = et.analyze({"fc2.weight": mlp()["fc2.weight"]}).layers["fc2"]
    assert numbers(et.analyze(mlp()))["fc2"] == pytest.approx(dict(alone.metrics), nan_ok=True)


def test_stream_gives_the_dearest_layer_first_and_the_same_rows() -> None:
    streamed = list(et.stream(mlp()))
    assert [row.layer.flops for row in streamed] == sorted((row.layer.flops for row in streamed), reverse=True)
    assert {essence(row) for row in streamed} == {essence(row) for row in et.analyze(mlp()).layers}


def test_the_target_may_be_a_word(tmp_path: Path) -> None:
    assert same(et.analyze(str(as_safetensors(mlp(), tmp_path))), et.analyze(mlp()))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_layer_with_nan_is_told_and_the_others_are_kept(bad: float) -> None:
    weights = mlp()
    weights["fc2.weight"][3, 4] = bad
    report = et.analyze(weights)
    broken = report.layers["fc2"]
    assert (broken.fit.status, broken.verdict, broken.spectrum) == (FitStatus.NON_FINITE, Verdict.FAILED, None)
    assert broken.reason == "1 of 7680 weights are NaN or infinite"
    assert math.isnan(broken.metrics["alpha"])
    assert (broken.metrics["N"], broken.metrics["num_evals"]) == (96, 80)
    assert_the_others_are_as_if_alone(report, "fc2")


def test_a_layer_that_cannot_be_read_is_told_and_the_others_are_kept() -> None:
    report = et.analyze(unreadable("fc2.weight"))
    broken = report.layers["fc2"]
    assert (broken.fit.status, broken.verdict) == (FitStatus.UNREADABLE, Verdict.FAILED)
    assert broken.reason == "net.bin: the disk is gone: plug it in"
    assert_the_others_are_as_if_alone(report, "fc2")


def assert_the_others_are_as_if_alone(report: ModelReport, broken: str) -> None:
    weights = mlp()
    del weights[f"{broken}.weight"]
    expected = et.analyze(weights)
    assert report.summary.layers_failed == 1
    assert dict(report.summary.mean) == dict(expected.summary.mean)
    assert [row.name for row in report.layers if row.verdict is not Verdict.FAILED] == [
        row.name for row in expected.layers
    ]


@pytest.mark.parametrize("using", [et.serial, et.threads(2)])
def test_strict_raises_where_a_layer_fails(using: Any) -> None:
    weights = mlp()
    weights["fc2.weight"][:2] = np.nan
    with pytest.raises(et.LayerError, match=r"^fc2: 192 of 7680 weights are NaN or infinite"):
        et.analyze(weights, et.Settings(strict=True), using=using)
    with pytest.raises(et.LayerError, match="fc1: the disk is gone: plug it in"):
        et.analyze(unreadable("fc1.weight"), et.Settings(strict=True), using=using)


def test_ctrl_c_keeps_what_is_finished() -> None:
    def stopped(measure: Callable[[Layer], LayerReport], work: Sequence[Layer]) -> Iterator[LayerReport]:
        yield measure(work[0])
        yield measure(work[1])
        raise KeyboardInterrupt

    with pytest.raises(et.Interrupted, match="interrupted") as stop:
        et.analyze(mlp(), using=stopped)
    assert [row.name for row in stop.value.report.layers] == ["fc1", "fc2"]
    assert stop.value.report.summary.layers_ok == 2


@pytest.mark.parametrize("using", [et.serial, et.threads(3)])
@pytest.mark.parametrize("strict", [True, False])
def test_a_file_is_closed_whatever_happens(
    using: Any, strict: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = mlp()
    weights["fc2.weight"][0, 0] = np.nan
    path = as_safetensors(weights, tmp_path)
    files: list[LocalRange] = []
    plain = LocalRange.__init__

    def init(self: LocalRange, where: str | Path) -> None:
        plain(self, where)
        files.append(self)

    monkeypatch.setattr(LocalRange, "__init__", init)
    with pytest.raises(et.LayerError, match="fc2") if strict else nullcontext():
        et.analyze(path, et.Settings(strict=strict), using=using)
    et.describe(path)
    list(et.stream(path, using=using))
    assert files
    assert all(file._file.closed for file in files)


@pytest.mark.parametrize("using", [et.serial, et.threads(3)])
def test_a_source_that_is_handed_in_open_stays_open(using: Any) -> None:
    source = Wrapped(mlp(), lambda _: None)
    assert same(et.analyze(source, using=using), et.analyze(source, using=using))
    assert not source.closed


def test_progress_is_told_the_work_and_then_each_layer() -> None:
    told: list[object] = []

    class Listener:
        def started(self, description: Description, /) -> None:
            told.append([layer.name for layer in description.layers])

        def finished(self, row: LayerReport, /) -> None:
            told.append(row.name)

    et.analyze(mlp(), progress=Listener())
    assert told == [["fc1", "fc2", "fc3", "head"], "fc2", "fc1", "fc3", "head"]


@pytest.mark.parametrize("embeddings", ["apart", "averaged", "skipped"])
def test_embeddings(embeddings: Any) -> None:
    weights = {"wte.weight": 100 * mlp()["fc1.weight"], "fc.weight": mlp()["fc2.weight"]}
    report = et.analyze(weights, et.Settings(embeddings=embeddings))
    alone = et.analyze({"fc.weight": weights["fc.weight"]}).summary["alpha_weighted"]
    measured = {row.name: row.metrics["alpha_weighted"] for row in report.layers}
    if embeddings == "skipped":
        assert list(measured) == ["fc"]
        assert "wte" in {skip.name for skip in report.skipped}
    else:
        assert list(measured) == ["wte", "fc"]
        assert report.summary.layers_ok == 2
    expected = np.mean(list(measured.values())) if embeddings == "averaged" else alone
    assert report.summary["alpha_weighted"] == pytest.approx(expected, rel=1e-14)
    assert report.summary.layers_averaged == (2 if embeddings == "averaged" else 1)


def test_the_choice_of_metrics_is_the_choice_of_columns() -> None:
    report = et.analyze(mlp(), et.Settings(metrics=("stable_rank", "log_*")))
    names = {"stable_rank", "log_alpha_norm", "log_norm", "log_spectral_norm"}
    assert {frozenset(row.metrics) for row in report.layers} == {frozenset(names)}
    assert set(report.summary.mean) == names


@pytest.mark.parametrize(
    ("conv", "scale", "expected"),
    [
        ("pooled", "none", {"conv": 1.0, "fc": 1.0}),
        ("pooled", "weightwatcher", {"conv": 0.5, "fc": 1.0}),
        ("flatten", "weightwatcher", {"conv": 0.5, "fc": 1.0}),
        ("per-slice", "weightwatcher", {"conv": 4.5, "fc": 1.0}),
        ("pooled", "paper", {"conv": 4.5, "fc": 0.5}),
        ("per-slice", "none", {"conv": 1.0, "fc": 1.0}),
    ],
)
def test_the_scale_of_convolutions(conv: Any, scale: Any, expected: dict[str, float]) -> None:
    report = et.analyze(convnet(), et.Settings(conv=conv, conv_scale=scale))
    kernel = convnet()["conv.weight"].astype(np.float64)
    stack = kernel.reshape(1, 32, -1) if conv == "flatten" else kernel.reshape(32, 16, 9).transpose(2, 0, 1)
    norm = np.linalg.svd(stack, compute_uv=False)[:, 0] ** 2 * expected["conv"]
    convs = [row for row in report.layers if row.name != "fc"]
    assert len(convs) == (9 if conv == "per-slice" else 1)
    found = [row.metrics["lambda_max"] for row in convs]
    assert sorted(found) == pytest.approx(sorted(norm) if conv == "per-slice" else [norm.max()], rel=1e-9)
    assert {row.spectrum.scale for row in convs if row.spectrum} == {expected["conv"]}
    fc = report.layers["fc"].spectrum
    assert fc is not None
    assert fc.scale == expected["fc"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (et.Settings(metrics=("alhpa",)), "unknown metric 'alhpa': did you mean"),
        (et.Settings(tail="clauzet"), "unknown tail estimator 'clauzet': did you mean clauset"),
        (et.Settings(layers=("nothing*",)), "nothing"),
    ],
)
def test_a_word_that_is_not_known_is_told_before_a_weight_is_read(settings: et.Settings, sentence: str) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    with pytest.raises(et.UsageError, match=sentence):
        et.analyze(Wrapped(mlp(), refuse), settings)


def test_a_model_without_a_matrix_large_enough_is_told() -> None:
    with pytest.raises(
        et.SourceError,
        match=r"no layer to analyse: 2 tensors were skipped; the largest, fc \(4x4\): only 4 eigenvalues",
    ):
        et.analyze({"fc.weight": np.eye(4), "b": np.ones(3)})
