"""Real weights in the layouts in which people keep them: a folder of their own, and the cache of the Hub."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from eigentail.analysis.study import study
from eigentail.analysis.study_file import series_named
from eigentail.analysis.study_weights import AS_PUBLISHED, on_disk
from eigentail.errors import UsageError
from eigentail.records.study import Series, SeriesModel

TIMM = tuple(model.provider for model in series_named("nature2021-densenet")[0].models)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the Hub, and no other."""
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return tmp_path / "hf" / "hub"


def net(at: int) -> dict[str, np.ndarray]:
    """A convolution and a dense layer, larger for a later one."""
    rng = np.random.default_rng(at)
    conv, dense = rng.standard_t(2.5, (64, 64, 3, 3)), rng.standard_t(2.5, (96, 64))
    return {"conv.weight": (2**at * conv).astype(np.float32), "fc.weight": (2**at * dense).astype(np.float32)}


def in_the_cache(cache: Path, provider: str, at: int, revision: str = "abc") -> Path:
    """As the Hub's client lays it out: blobs, and snapshots of links to them."""
    stored = cache / f"models--{provider.replace('/', '--')}"
    snapshot = stored / "snapshots" / revision
    snapshot.mkdir(parents=True)
    (stored / "blobs").mkdir(exist_ok=True)
    (stored / "refs").mkdir(exist_ok=True)
    (stored / "refs" / "main").write_text("abc")
    save_file(net(at), stored / "blobs" / f"{at}")
    (snapshot / "model.safetensors").symlink_to(stored / "blobs" / f"{at}")
    (snapshot / "config.json").write_text('{"architecture": "densenet"}')
    return snapshot


def densenet() -> Series:
    return series_named("nature2021-densenet")[0]


def test_a_whole_series_is_measured_from_the_cache_as_the_article_counts(cache: Path) -> None:
    for at, provider in enumerate(TIMM):
        in_the_cache(cache, provider, at)
    found = study(on_disk(densenet()), AS_PUBLISHED)
    assert found.problems == ()
    assert found.counting == "per conv slice"
    assert [len(one.report.layers) for one in found.models if one.report] == [10] * 4  # nine slices and the dense one
    assert found.metrics["log_norm"].kendall_tau == 1.0  # the accuracy rises with the scale given to these nets
    assert found.metrics["alpha"].n == 4
    assert len(found.checks) == 12  # beside the printed table
    assert all("implies" not in finding.sentence for finding in found.findings)
    report = found.models[0].report
    assert report is not None
    assert {row.spectrum.scale for row in report.layers if row.spectrum} == {4.5, 0.5}


def test_the_main_branch_goes_before_another_revision(cache: Path) -> None:
    main = in_the_cache(cache, TIMM[0], 0)
    other = in_the_cache(cache, TIMM[0], 1, revision="zzz")
    assert on_disk(densenet()).models[0].target == str(main)
    (cache / f"models--{TIMM[0].replace('/', '--')}" / "refs" / "main").unlink()
    assert on_disk(densenet()).models[0].target in (str(main), str(other))


def test_hf_hub_cache_goes_before_hf_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    snapshot = in_the_cache(tmp_path / "elsewhere", TIMM[0], 0)
    assert on_disk(densenet()).models[0].target == str(snapshot)


@pytest.mark.parametrize(
    "file",
    [
        "densenet121.tv_in1k/model.safetensors",
        "densenet121.tv_in1k.safetensors",
        "densenet121.pth",
        "densenet121-a639ec97.pth",
        "densenet121.json",
        "densenet121/model.safetensors",
    ],
)
def test_a_folder_of_ones_own(tmp_path: Path, file: str) -> None:
    path = tmp_path / "weights" / file
    path.parent.mkdir(parents=True)
    path.touch()
    assert on_disk(densenet(), tmp_path / "weights").models[0].target == str(path)


def test_a_folder_with_its_architecture_is_opened_whole(tmp_path: Path) -> None:
    folder = tmp_path / "densenet121.tv_in1k"
    folder.mkdir()
    for name in ("model.safetensors", "config.json"):
        (folder / name).touch()
    assert on_disk(densenet(), tmp_path).models[0].target == str(folder)


def test_names_that_begin_alike_are_kept_apart(tmp_path: Path) -> None:
    (series,) = series_named("nature2021-resnet1k")
    for name in ("resnet18_wd4-2483-aa.pth", "resnet18-0982-bb.pth", "resnet101b-0561-cc.pth"):
        (tmp_path / name).touch()
    found = {model.name: model.target for model in on_disk(series, tmp_path).models if model.target}
    assert {name: Path(str(target)).name for name, target in found.items()} == {
        "resnet18_wd4": "resnet18_wd4-2483-aa.pth",
        "resnet18": "resnet18-0982-bb.pth",
        "resnet101b": "resnet101b-0561-cc.pth",
    }


def test_what_is_not_there_is_named_with_the_command_and_the_rest_is_measured(cache: Path) -> None:
    in_the_cache(cache, TIMM[1], 1)
    found = study(on_disk(densenet()), AS_PUBLISHED)
    assert [bool(one.metrics) for one in found.models] == [False, True, False, False]
    said = f"hf download {TIMM[0]} fetches them, --stream reads them from the Hub without keeping them"
    assert found.problems[0] == f"densenet121: its weights are not here: {said}"
    assert found.checks == ()  # the printed statistics are of four models
    (series,) = series_named("sdm2020-dpn")
    assert "pip install pytorchcv" in on_disk(series).models[0].missing
    assert "get_model('dpn68', pretrained=True)" in on_disk(series).models[0].missing


def test_a_series_that_names_its_files_needs_no_search(tmp_path: Path) -> None:
    model = SeriesModel(name="a", value=1.0, target="a.pt", metrics={"alpha": 3.0})
    series = on_disk(Series(name="s", title="s", higher_is_better=True, models=(model,)))
    assert (series.models[0].target, series.models[0].metrics) == ("a.pt", {})
    bare = Series(name="s", title="s", higher_is_better=True, models=(SeriesModel(name="a", value=1.0),))
    assert on_disk(bare, tmp_path).models[0].missing.endswith("nothing is known that provides them")


def test_a_folder_that_is_none_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        on_disk(densenet(), tmp_path / "nowhere")
