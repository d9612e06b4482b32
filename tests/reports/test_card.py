"""The section of a model card, and its place in a README."""

from __future__ import annotations

import shlex

import pytest
from made_reports import HOSTILE, failed_row, layer_row, report_of
from msgspec.structs import replace

import eigentail as et
from eigentail.errors import UsageError
from eigentail.records import Skip, SourceRef, Summary
from eigentail.reports.card import BEGIN, END, card, with_card
from eigentail.settings import Settings

REPORT = report_of(layer_row(0, "fc1"), failed_row(1, "fc2"), skipped=(Skip("b", (3,), "a vector"),))
SECTION = card(REPORT)


def aimed(target: str, format_: str = "safetensors") -> str:
    return card(replace(REPORT, source=SourceRef(format_, target, "1:2")))


def test_it_says_what_came_out_how_and_what_not() -> None:
    for words in (
        "eigentail 0.1.0 measured",
        "**The model: well-trained, 1 of 2 layers judged.**",
        "Tensors that were not measured: 1.",
        "| mean | 1 | 3.142 |",
        "| failed | 1 | fc2 |",
        'pip install "eigentail==0.1.0"',
        "eigentail analyze net.safetensors",
        "Alpha is no accuracy.",
    ):
        assert words in SECTION


def test_it_tells_no_folder_of_the_machine() -> None:
    assert "/models" not in SECTION
    assert "secret" not in aimed("C:\\secret\\net.pt") + aimed("~/secret/net/") + aimed("/secret/net")
    assert "eigentail analyze org/name" in aimed("org/name")


def test_the_command_has_every_choice_that_is_not_the_usual_one() -> None:
    from click.testing import CliRunner

    from eigentail.cli.verbs.describe import command

    chosen = Settings(layers=("*.attn*", "!x y"), tail="hill:0.2", min_evals=20, strict=True, conv_scale="none")
    text = card(replace(REPORT, settings=chosen))
    words = shlex.split(next(line for line in text.splitlines() if line.startswith("eigentail analyze")))
    options = "--layers *.attn*,!x y --min-evals 20 --tail hill:0.2 --conv-scale none --strict"
    assert " ".join(words) == f"eigentail analyze net.safetensors {options}"
    assert "no such option" not in CliRunner().invoke(command, words[2:]).output.lower()


def test_a_model_in_memory_is_repeated_in_python() -> None:
    settings = Settings(tail="hill", metrics=("alpha",))
    text = card(replace(REPORT, settings=settings, source=SourceRef("live", "dict", "")))
    assert "et.analyze(model, et.Settings(metrics=('alpha',), tail='hill'))" in text


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_names_are_text_and_it_is_short(name: str) -> None:
    rows = [layer_row(i, f"{i}{name}") for i in range(3)]
    report = replace(report_of(*rows, failed_row(3, name)), source=SourceRef("x", name, ""))
    kinds = {f"kind{i}": report.summary.mean for i in range(40)}
    text = card(replace(report, summary=replace(report.summary, by_kind=kinds)))
    assert len(text.splitlines()) < 60
    prose = text.split("To repeat it:")[0]
    assert "<script" not in prose.replace("\\<", "")
    text.encode("utf-8", "strict")
    assert with_card(with_card("", text), text) == text


def test_a_name_cannot_close_the_fence_or_the_section() -> None:
    text = aimed("a```\n<!-- eigentail: end -->")
    assert text.count(f"\n{END}\n") == 1
    assert "````sh" in text
    assert with_card(text, SECTION) == SECTION


def test_no_layer_has_a_fit() -> None:
    assert "there is no number for the whole model" in card(report_of(failed_row(0, "a")))
    assert "there is no number for the whole model" in card(replace(report_of(), summary=Summary(mean={})))


class TestPlace:
    def test_at_the_end_the_first_time(self) -> None:
        readme = "---\nlicense: mit\n---\n\n# A net\n"
        assert with_card(readme, SECTION) == f"{readme}\n{SECTION}"

    def test_in_its_place_the_next_time_and_nothing_else_changes(self) -> None:
        before = with_card("# A net\n", SECTION) + "\n## More\n\nlast line"
        after = with_card(before, card(et.analyze(et.example())))
        assert after.startswith("# A net\n\n" + BEGIN)
        assert after.endswith(END + "\n\n## More\n\nlast line")
        assert with_card(after, SECTION) == before

    def test_line_breaks_of_windows_stay(self) -> None:
        once = with_card("# A net\r\n\r\ntext", SECTION)
        assert "\n" not in once.replace("\r\n", "")
        assert with_card(once, SECTION) == once

    @pytest.mark.parametrize(
        "text", [BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}", f"{BEGIN}\n{END}\n{END}"]
    )
    def test_where_it_is_not_clear_nothing_is_replaced(self, text: str) -> None:
        with pytest.raises(UsageError, match="not clear which section"):
            with_card(text, SECTION)

    def test_the_comments_inside_a_line_are_no_marks(self) -> None:
        text = f"between `{BEGIN}` and `{END}`\n"
        assert with_card(text, SECTION).startswith(text)
