"""The study file: what it may say, and one sentence for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from eigentail.analysis.study_file import built_in, read_series, series_named
from eigentail.errors import UsageError

WHOLE = """
title = "two nets"
dataset = "digits"
metric = "accuracy"
higher_is_better = true
source = "here"
license = "Apache-2.0"
caveats = ["one", "two"]

[printed.alpha]
r2 = 0.9

[[models]]
name = "a"
file = "nets/a.safetensors"
value = 71
group = "small"
parameters = 10
layers = 2
step = 5
provider = "owner/a"

[[models]]
name = "b"
value = 72.5
metrics = { alpha = 3.1 }
"""
HEAD = "higher_is_better = true\n"
A = '[[models]]\nname = "a"\nvalue = 1\nfile = "a.pt"\n'


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "series.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_everything_a_file_says_is_in_the_series(tmp_path: Path) -> None:
    series = read_series(written(tmp_path, WHOLE))
    assert (series.name, series.title, series.dataset, series.metric) == ("series", "two nets", "digits", "accuracy")
    assert (series.source, series.license, series.caveats) == ("here", "Apache-2.0", ("one", "two"))
    assert (series.higher_is_better, series.printed) == (True, {"alpha": {"r2": 0.9}})
    a, b = series.models
    assert (a.name, a.value, a.group, a.parameters, a.layers, a.step) == ("a", 71.0, "small", 10, 2, 5)
    assert (a.target, a.provider) == (str(tmp_path / "nets" / "a.safetensors"), "owner/a")
    assert (b.target, b.metrics) == (None, {"alpha": 3.1})


def test_little_is_needed(tmp_path: Path) -> None:
    series = read_series(written(tmp_path, HEAD + A))
    assert (series.title, series.metric, series.caveats, len(series.models)) == ("series", "value", (), 1)


def test_files_are_found_from_the_study_file_and_links_keep_their_name(tmp_path: Path) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    (tmp_path / "blob").touch()
    (tmp_path / "a.pt").symlink_to(tmp_path / "blob")
    text = HEAD + A.replace("a.pt", "../a.pt") + A.replace('"a"', '"b"').replace("a.pt", str(tmp_path / "b.pt"))
    models = read_series(written(folder, text)).models
    assert [model.target for model in models] == [str(tmp_path / "a.pt"), str(tmp_path / "b.pt")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("title = ", "is not TOML"),
        (b"\xff\xfe\x00", "is not TOML"),
        ('{"title": "json"}', "is not TOML"),
        (HEAD, "has no models"),
        (HEAD + "models = []", "has no models"),
        (A, "does not say which value is the better one: write higher_is_better = true"),
        ("higher_is_beter = true\n" + A, "unknown field 'higher_is_beter': did you mean higher_is_better?"),
        (HEAD + A + "valeu = 3", "unknown field 'valeu' of model 1: did you mean value?"),
        (HEAD + A + A.replace('"a"', '"b"') + "param = 3", "unknown field 'param' of model 2"),
        (HEAD + A + A, 'several models are named "a"'),
        (
            HEAD + "[printed.alpha]\nR2 = 1\n" + A,
            "unknown field 'R2' of printed.alpha: choose from kendall_tau, r2, rmse",
        ),
        (HEAD + '[[models]]\nname = "a"\nfile = "a.pt"', "model 1 has no value"),
        (HEAD + '[[models]]\nname = "a"\nvalue = "high"\nfile = "x"', "models[0].value: expected `float`, got `str`"),
        (HEAD + '[[models]]\nname = "a"\nvalue = true\nfile = "x"', "models[0].value: expected `float`, got `bool`"),
        (HEAD + '[[models]]\nname = "a"\nvalue = 1', 'model "a" has no file'),
        (HEAD + "models = 3", "models: expected `array`, got `int`"),
        (HEAD + "models = [3]", "models[0]: expected `object`, got `int`"),
        ('higher_is_better = "yes"\n' + A, "higher_is_better: expected `bool`, got `str`"),
        (HEAD + "caveats = 3\n" + A, "caveats: expected `array`, got `int`"),
    ],
)
def test_one_sentence_for_a_bad_file(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_series(path)
    assert str(caught.value).startswith(f"{path}: {sentence}")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_values_that_are_no_numbers_can_be_written(tmp_path: Path) -> None:
    text = HEAD + A.replace("value = 1", "value = nan") + A.replace('"a"', '"b"').replace("value = 1", "value = -inf")
    assert [str(model.value) for model in read_series(written(tmp_path, text)).models] == ["nan", "-inf"]


@pytest.mark.parametrize("target", ["no-such.toml", "no/such/series.toml", "natrue2021", "", "a" * 5000, "a\0b", "."])
def test_what_is_neither_file_nor_name_is_told_so(target: str) -> None:
    with pytest.raises(UsageError):
        series_named(target)


def test_the_nearest_name_is_named() -> None:
    with pytest.raises(UsageError, match="did you mean nature2021-vgg"):
        series_named("nature2021-vg")
    with pytest.raises(UsageError, match="choose from nature2021, "):
        series_named("qqqq")


def test_a_name_stands_for_one_series_or_for_a_collection() -> None:
    assert [series.name for series in series_named("nature2021-resnet")] == ["nature2021-resnet"]
    assert len(series_named("nature2021")) == 5
    assert len(series_named("sdm2020")) == 13
    assert {"zoo-digits_noise", "zoo-gpt_demo"} <= {series.name for series in series_named("zoo")}


def test_a_file_of_that_name_goes_before_a_built_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zoo").write_text(HEAD + A)
    assert [series.name for series in series_named("zoo")] == ["zoo"]
    (tmp_path / "zoo").unlink()
    (tmp_path / "zoo").mkdir()
    assert len(series_named("zoo")) > 1


@pytest.mark.parametrize("name", [name for name, _ in built_in()])
def test_every_built_in_study_loads(name: str) -> None:
    (series,) = series_named(name)
    assert series.name == name
    assert all(model.metrics or Path(str(model.target)).is_file() for model in series.models)
