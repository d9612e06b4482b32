from __future__ import annotations

from pathlib import Path

import pytest

from eigentail.errors import SourceError
from eigentail.sources import config
from eigentail.sources.config import read_config


def test_no_file_is_no_config(tmp_path: Path) -> None:
    assert read_config(tmp_path) == {}
    (tmp_path / "config.json").mkdir()
    assert read_config(tmp_path) == {}


def test_an_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "n": [1, {"a": null}]}')
    assert read_config(tmp_path) == {"model_type": "gpt2", "n": [1, {"a": None}]}


@pytest.mark.parametrize("text", [b"", b"[1]", b"{", b"not json", b'{"a": "\xff"}', b"[" * 100_000, b'{"a":' * 100_000])
def test_anything_else_is_a_sentence(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "config.json").write_bytes(text)
    with pytest.raises(SourceError, match=r"config\.json: is not a JSON object .*the weights can be read without it"):
        read_config(tmp_path)


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "MAX_BYTES", 4)
    (tmp_path / "config.json").write_text('{"a": 1}')
    with pytest.raises(SourceError, match="is larger than"):
        read_config(tmp_path)
