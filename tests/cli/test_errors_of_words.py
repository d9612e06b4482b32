"""Every wrong word: one sentence on standard error, the exit code of DESIGN section 6, no traceback."""

from __future__ import annotations

import re

import numpy as np
import pytest
from safetensors.numpy import save_file

import eigentail.analysis


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("analyze", "{model}", "--metrics", "stable_rnk"), 2, "eigentail: .*stable_rnk.*did you mean stable_rank"),
        (("analyze", "{model}", "--layers", "fd1"), 2, "eigentail: .*fd1.*did you mean"),
        (("analyze", "{model}", "--tail", "claset"), 2, "eigentail: .*claset.*clauset"),
        (("analyze", "{model}", "--min-evals", "1"), 2, "eigentail: min_evals: 1 is too few"),
        (("analyze", "{model}", "--metrics", "default,num_trap"), 2, "eigentail: .*num_trap.*did you mean num_traps"),
        (("analyze", "{model}", "--null", "shufle"), 2, "'shufle' is not one of"),
        (("analyze", "{model}", "--shuffles", "2"), 2, "eigentail: shuffles: 2 is too few"),
        (("analyze", "{model}", "--seed", "-1"), 2, "eigentail: seed: -1 is negative"),
        (("analyze", "{model}", "--device", "gpu"), 2, "eigentail: device: unknown value 'gpu': choose from auto, cpu"),
        (("analyze", "{model}", "--device", "cuda:99"), 2, "eigentail: device: no cuda:99 here: .*cpu is always there"),
        (("analyze", "{model}", "--conv", "poled"), 2, "'poled' is not one of"),
        (("analyze", "{model}", "--workers", "0"), 2, "0 is not in the range"),
        (("analyze", "{model}", "--metric", "alpha"), 2, "(?i)no such option.*--metric.*--metrics"),
        (("analyze", "{model}", "-o", "report.pfd"), 2, "eigentail: report.pfd: no report form ends in '.pfd'"),
        (("analyze", "{model}", "-o", "no/such/r.csv"), 2, "eigentail: no/such/r.csv: the folder .* does not exist"),
        (("analyze",), 2, "missing argument 'TARGET': eigentail analyze --help"),
        (("analyse", "{model}"), 2, "unknown verb 'analyse': did you mean analyze?"),
        (("xyzzy",), 2, "unknown verb 'xyzzy': choose from analyze, cache, .*, merge, .*runs, study"),
        (("analyze", "{folder}/modle.safetensors"), 3, "no such file or folder: did you mean model.safetensors"),
        (("describe", "{folder}/modle.safetensors"), 3, "eigentail: .*no such file or folder"),
        (("describe", "{folder}/text.safetensors"), 3, "eigentail: .*text.safetensors"),
        (("analyze", "{folder}/tiny.safetensors"), 3, "eigentail: .*tiny.safetensors.*no layer to analyse"),
        (("demo", "-o", "demo.xyz"), 2, "eigentail: demo.xyz: no report form ends in '.xyz'"),
    ],
)
def test_one_sentence_and_an_exit_code(run, model, words, code, sentence):
    folder = model.parent
    (folder / "text.safetensors").write_text("hello, this is a text and no model at all")
    save_file({"w": np.ones((4, 4), np.float32)}, folder / "tiny.safetensors")
    result = run(*(word.format(model=model, folder=folder) for word in words))
    assert result.exit_code == code
    assert result.stdout == ""
    assert re.search(sentence, result.stderr)
    assert result.stderr.startswith("eigentail: ")
    assert result.stderr.count("\n") == 1
    if result.stderr.startswith("eigentail:"):
        assert len(result.stderr.splitlines()) == 1


def test_a_wrong_place_is_told_before_the_work(run, model, monkeypatch):
    def never(*words, **choices):
        raise AssertionError("the analysis was started")

    monkeypatch.setattr(eigentail.analysis, "analyze", never)
    assert run("analyze", model, "-o", "no/such/r.csv").exit_code == 2


class TestBugs:
    @pytest.fixture(autouse=True)
    def _bug(self, monkeypatch):
        def stumble(*words, **choices):
            raise ZeroDivisionError("division\nby zero")

        monkeypatch.setattr(eigentail.analysis, "describe", stumble)

    def test_one_sentence(self, run, model, monkeypatch):
        monkeypatch.delenv("EIGENTAIL_DEBUG", raising=False)
        result = run("describe", model)
        assert result.exit_code == 70
        assert result.stderr.startswith("eigentail: unexpected ZeroDivisionError: division by zero: this is a bug")
        assert len(result.stderr.splitlines()) == 1

    def test_the_traceback_on_request(self, model, monkeypatch):
        from click.testing import CliRunner

        from eigentail.cli import main

        monkeypatch.setenv("EIGENTAIL_DEBUG", "1")
        result = CliRunner().invoke(main, ["describe", str(model)])
        assert result.exit_code == 70
        assert "Traceback" in result.stderr
        assert "stumble" in result.stderr


def test_too_little_memory_is_no_bug(run, model, monkeypatch):
    def burst(*words, **choices):
        raise MemoryError

    monkeypatch.setattr(eigentail.analysis, "analyze", burst)
    result = run("analyze", model)
    assert result.exit_code == 70
    assert result.stderr.startswith("eigentail: not enough memory: try --executor serial")
