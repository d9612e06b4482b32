from __future__ import annotations

import json
import sys

import pytest


class TestDescribe:
    def test_what_would_be_analysed_and_what_not(self, run, model):
        result = run("describe", model)
        assert result.exit_code == 0
        assert result.stderr == ""
        for words in ("fc0", "fc2", "dense", "a vector", "3 layers would be analysed and 1 tensor skipped."):
            assert words in result.stdout
        assert "To be read: 73.73 kB." in result.stdout

    def test_json(self, run, model):
        document = json.loads(run("describe", model, "--json").stdout)
        assert (document["schema_version"], document["nbytes"]) == (1, 3 * 96 * 64 * 4)
        assert document["layers"][1] == {
            "index": 1,
            "name": "fc1",
            "kind": "dense",
            "block": None,
            "shape": [96, 64],
            "count": 1,
            "num_evals": 64,
            "flops": 96 * 64**2 + 4 / 3 * 64**3,
            "dtype": "float32",
        }
        assert document["skipped"][0]["name"] == "fc0.bias"
        assert "alpha" in document["metrics"]

    def test_settings_decide(self, run, model):
        result = run("describe", model, "--layers", "fc1", "--json")
        assert [layer["name"] for layer in json.loads(result.stdout)["layers"]] == ["fc1"]

    @pytest.mark.parametrize("suffix", ["html", "csv", "md", "json"])
    def test_files(self, run, model, tmp_path, suffix):
        path = tmp_path / f"d.{suffix}"
        assert run("describe", model, "--format", "quiet", "-o", path).exit_code == 0
        assert "fc1" in path.read_text(encoding="utf-8")


class TestEnv:
    def test_names_what_a_bug_report_needs(self, run):
        result = run("env")
        assert result.exit_code == 0
        for words in (
            "eigentail",
            "python",
            "numpy",
            "blas",
            "kernels",
            "cores",
            "memory",
            "safetensors",
            "stable_rank",
        ):
            assert words in result.stdout

    def test_json(self, run):
        import numpy as np

        from eigentail import __version__

        document = json.loads(run("env", "--json").stdout)
        assert document["versions"]["eigentail"] == __version__
        assert document["versions"]["numpy"] == np.__version__
        assert document["cores"] >= 1
        assert {"alpha", "stable_rank"} <= set(document["metrics"])
        assert "safetensors" in document["formats"]
        assert document["broken"] == {}

    def test_a_library_that_is_not_there(self, run, monkeypatch):
        import importlib.metadata

        def absent(name: str) -> str:
            raise importlib.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(importlib.metadata, "version", absent)
        assert json.loads(run("env", "--json").stdout)["versions"]["torch"] is None
        assert "not installed" in run("env").stdout

    def test_a_broken_plug_in_is_shown(self, run, monkeypatch):
        from eigentail.metrics import metrics

        monkeypatch.setitem(metrics.broken, "stranger", "ImportError: no")
        assert json.loads(run("env", "--json").stdout)["broken"] == {"stranger": "ImportError: no"}


class TestDemo:
    def test_every_net_is_measured_now_and_the_report_is_written(self, run, tmp_path, monkeypatch):
        import eigentail as et

        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "120")
        result = run("demo")
        assert result.exit_code == 0
        assert result.stderr == "written to eigentail-demo.html\n"
        assert "test accuracy %" in result.stdout
        assert "five points" in result.stdout
        for net in ("noise_000", "noise_100"):
            mean = et.analyze(et.example(f"digits_noise/{net}")).summary["alpha_weighted"]
            assert f"{mean:.4g}"[:4] in result.stdout
        text = (tmp_path / "eigentail-demo.html").read_text(encoding="utf-8")
        assert text.startswith("<!doctype html>")
        assert "<svg" in text

    def test_twice_the_same(self, run, tmp_path):
        assert run("demo", "-o", tmp_path / "a.json").stdout == run("demo", "-o", tmp_path / "b.json").stdout
        assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
        assert len(json.loads((tmp_path / "a.json").read_text())["models"]) == 5


class TestVerbs:
    def test_help_ends_with_examples(self, run):
        listed = run("--help").stdout
        for verb in ("analyze", "demo", "describe", "env"):
            assert verb in listed
            text = run(verb, "--help").stdout
            assert "Examples:" in text
            assert text.rstrip().splitlines()[-1].startswith(f"    eigentail {verb}")

    def test_the_null_and_metrics_on_request_are_shown_by_example(self, run):
        assert '--null shuffle --metrics "default,num_traps"\n' in run("analyze", "--help").stdout

    def test_version(self, run):
        from eigentail import __version__

        assert run("--version").stdout == f"eigentail, version {__version__}\n"

    def test_a_new_file_is_a_new_verb(self, run, tmp_path, monkeypatch):
        from eigentail.cli import verbs

        (tmp_path / "greet.py").write_text(
            "import click\n@click.command()\ndef command():\n    'Say hello.'\n    click.echo('hello')\n"
        )
        monkeypatch.setattr(verbs, "__path__", [*verbs.__path__, str(tmp_path)])
        assert "Say hello." in run("--help").stdout
        assert run("greet").stdout == "hello\n"
        sys.modules.pop("eigentail.cli.verbs.greet")
