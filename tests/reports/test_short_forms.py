"""What is pasted, printed in a session or shown in a notebook: short, and harmless whatever tensors are called."""

from __future__ import annotations

import html.parser
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made_reports import HOSTILE, failed_row, layer_row, report_of
from markdown_it import MarkdownIt
from msgspec.structs import replace

import eigentail as et
from eigentail.analysis.study import study
from eigentail.records import ModelReport, SourceRef, Summary
from eigentail.reports import render, report_page
from eigentail.reports.card import BEGIN, END, card
from eigentail.reports.forms.text import fitting, plain, shortened
from eigentail.reports.table import Column, Page, Table, shorten, visible

MANY = report_of(*(layer_row(i, f"model.layers.{i}.mlp.experts.gate_proj") for i in range(300)))
HEBREW = "".join(map(chr, (0x5E9, 0x5DB, 0x5D1, 0x5D4)))
NAMES = {**HOSTILE, "hebrew": HEBREW, "wide": chr(0x5C64) * 200}


class Balanced(html.parser.HTMLParser):
    """Every tag is closed by its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.seen: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.stack.append(tag)
        self.seen.append(tag)
        assert all(name in ("style", "scope") for name, _ in attrs)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


def without_any_fit() -> ModelReport:
    return report_of(failed_row(0, "fc1"), failed_row(1, "fc2"))


def empty() -> ModelReport:
    return replace(report_of(), summary=Summary(mean={}))


class TestTerminal:
    @pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
    @pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
    def test_a_row_is_a_line_and_fits(self, name, width, monkeypatch) -> None:
        from rich.cells import cell_len

        monkeypatch.setenv("COLUMNS", str(width))
        report = report_of(*(layer_row(i, f"{i}{name}") for i in range(3)), failed_row(3, name))
        text = render(replace(report, source=SourceRef("x", "net", "")), "table")
        assert max(map(cell_len, text.splitlines())) <= width
        rows = text.split("\nModel\n")[0].splitlines()[3:]
        verdicts = [line for line in rows if "well-trained" in line or "failed" in line]
        assert len(verdicts) == 4
        assert rows[:4] == verdicts

    def test_every_layer_with_a_spectrum_has_its_picture(self, monkeypatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        text = render(report_of(layer_row(0, "model.layers.10.self_attn.q_proj"), failed_row(1, "b")), "table")
        assert len(re.findall(r"[▁-█ ]+\|[▁-█ ]+  well-trained", text)) == 1
        assert "the law was fitted to those after the stroke" in " ".join(text.split())

    def test_no_picture_without_spectra(self, monkeypatch) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        text = render(report_of(replace(layer_row(0, "a"), spectrum=None)), "table")
        assert "stroke" not in text
        assert "tail" not in text.splitlines()[2].split()

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
    def test_pictures_and_dots_are_in_characters_that_the_encoding_has(self, encoding, monkeypatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        text = plain(report_page(report_of(layer_row(0, "x" * 300))), encoding)
        text.encode(encoding)
        assert ("…" in text) == (encoding == "utf-8")

    def test_the_ends_of_an_interval_leave_together(self) -> None:
        columns = (Column("name", "name"), Column("lo", "text", 3, "both"), Column("hi", "text", 3, "both"))
        table = Table(title="", columns=columns, rows=(("a", "12345", "12345"),))
        assert list(fitting(table, 18)) == [0, 1, 2]
        assert list(fitting(table, 17)) == [0]

    def test_numbers_stay_in_their_order_after_a_name_from_right_to_left(self) -> None:
        line = next(line for line in render(report_of(layer_row(0, HEBREW)), "table").splitlines() if HEBREW in line)
        assert f"{HEBREW}{chr(0x200E)}" in line

    @pytest.mark.parametrize("width", range(1, 12))
    def test_a_shortened_name_is_never_wider(self, width) -> None:
        from rich.cells import cell_len

        for name in ("abcdefghijklmnop", chr(0x5C64) * 20, "a" + chr(0x301) * 5 + "b" * 20):
            assert cell_len(shortened(name, width)) <= width
            assert cell_len(shortened(name, width, ascii_only=True)) <= width

    def test_a_session_prints_no_more_than_a_screen_or_two(self) -> None:
        assert len(repr(MANY).splitlines()) < 70
        assert "the first 40 of 300 rows" in repr(MANY)
        assert not repr(MANY).endswith("\n")


class TestMarkdown:
    def test_it_ends_after_sixty_rows_and_says_so(self) -> None:
        text = render(MANY, "markdown")
        assert len(re.findall(r"^\| \d+ \| model", text, re.MULTILINE)) == 60
        assert "the first 60 of 300 rows; the JSON form has all, and --layers chooses some" in text

    def test_the_outcome_comes_first(self) -> None:
        text = render(MANY, "markdown")
        assert text.index("The model: well-trained") < text.index("## Model") < text.index("## Layers")

    def test_a_name_of_500_characters_is_cut_in_the_middle(self) -> None:
        text = render(report_of(layer_row(0, HOSTILE["long"])), "markdown")
        assert re.search("x{30,40}…y{30,40} ", text)
        assert max(map(len, text.splitlines())) < 500

    @pytest.mark.parametrize("report", [without_any_fit(), empty()], ids=["no fit", "no layer"])
    def test_nothing_to_tell_is_told(self, report) -> None:
        assert "there is no number for the whole model" in render(report, "markdown")

    @given(st.text(max_size=40) | st.sampled_from(sorted(NAMES.values())))
    @example("<a href=x>|`a`|![x](y)")
    @example("-" * 3)
    @example("[x]: http://evil")
    def test_another_reader_finds_the_name_and_no_markup(self, name: str) -> None:
        reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        report = replace(report_of(layer_row(0, name), failed_row(1, name)), source=SourceRef("x", name, ""))
        for text in (render(report, "markdown"), card(report)):
            tokens = [token for outer in reader.parse(text) for token in (outer, *(outer.children or ()))]
            kinds = {token.type for token in tokens}
            assert not kinds & {"link_open", "image", "html_inline", "em_open", "s_open", "hr"}
            blocks = [token.content for token in tokens if token.type == "html_block"]
            assert all(block.strip() in (BEGIN, END) for block in blocks)
        table = render(report, "markdown").split("## Layers\n\n")[1].split("\n\n")[0]
        cells = [token.children for token in reader.parse(table) if token.type == "inline"]
        columns = len(table.splitlines()[0].split(" | "))
        assert len(cells) == 3 * columns
        said = "".join(token.content for token in cells[columns + 1])
        assert said.replace(chr(0x2060), "") == shorten(visible(name), 80).strip()

    @pytest.mark.parametrize("start", ["- ", "+ ", "1. ", "12) ", "=", "    ", "---", "# ", "> "])
    def test_a_sentence_is_a_paragraph_whatever_it_begins_with(self, start) -> None:
        page = Page(title="t", lead=(f"{start}x looks damaged.",), main=Table(title="m", columns=()), json=str)
        tokens = MarkdownIt("commonmark").parse(render(page, "markdown").split("## m")[0])
        assert [token.type for token in tokens if token.level == 0 and token.nesting == 1] == [
            "heading_open",
            "paragraph_open",
        ]

    def test_nobody_is_called_and_no_address_is_a_link(self) -> None:
        text = render(report_of(layer_row(0, "@someone https://evil.org www.evil.org a@b")), "markdown")
        assert f"@{chr(0x2060)}someone https\\://evil.org www\\.evil.org a@b" in text


def every_result() -> dict[str, object]:
    rng = np.random.default_rng(0)
    one, other = ({f"{name}.weight": rng.standard_t(2.5, (80, 60)) for name in ("<b>x", "fc")} for _ in range(2))
    return {
        "report": et.analyze(one),
        "comparison": et.compare(one, other),
        "difference": et.diff(one, {name: array * 1.5 for name, array in one.items()}),
        "description": et.describe(one),
        "study": study("nature2021-vgg"),
    }


RESULTS = every_result()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
def test_every_result_fits_the_terminal(result, width, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, repr(result).splitlines())) <= width


class TestNotebook:
    @pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
    def test_every_result_shows_itself(self, result) -> None:
        shown = Balanced(result._repr_html_())
        assert shown.seen[0] == "div"
        assert "table" in shown.seen
        assert not {"script", "style", "html", "body", "b", "link"} & set(shown.seen)

    @pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
    def test_every_result_is_a_frame(self, result) -> None:
        frame = result.to_pandas()
        assert len(frame) > 1
        assert "tail" not in frame.columns or frame["tail"].dtype != object

    @pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
    def test_every_result_prints_a_table(self, result) -> None:
        assert len(repr(result).splitlines()) > 4

    @pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
    def test_names_are_text(self, name) -> None:
        text = report_of(layer_row(0, name), failed_row(1, name))._repr_html_()
        Balanced(text)
        assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
        assert "x" * 100 not in text

    def test_the_verdict_has_colour_and_words(self) -> None:
        assert re.search(r"color: #\w+\"><bdi>well-trained</bdi>", MANY._repr_html_())

    def test_it_ends_after_fifty_rows(self) -> None:
        assert MANY._repr_html_().split("<caption>Model")[0].count("<tr>") == 51
        assert len(MANY._repr_html_()) < 100_000

    @pytest.mark.parametrize("report", [without_any_fit(), empty()], ids=["no fit", "no layer"])
    def test_nothing_to_tell_is_told(self, report) -> None:
        assert "there is no number for the whole model" in report._repr_html_()


def test_twenty_thousand_layers_stay_short() -> None:
    rows = [layer_row(0, "a")]
    rows += [replace(rows[0], layer=replace(rows[0].layer, index=i, name=f"experts.{i}.w")) for i in range(1, 20_000)]
    page = report_page(report_of(*rows))
    assert len(render(page, "markdown").splitlines()) < 150
    assert len(render(page, "brief").splitlines()) < 70
    assert render(page, "notebook").count("<tr>") < 70
    assert len(render(page, "table").splitlines()) > 20_000


@pytest.mark.parametrize(("rank", "lines"), [(0, 4), (7, 1)])
def test_a_sentence_people_came_for_is_read_to_its_end(rank: int, lines: int, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    columns = (Column("name", "name"), Column("reason", "sentence", rank))
    table = Table(title="Rows", columns=columns, rows=(("fc", "a word " * 30 + "end"),))
    text = render(Page(title="t", main=table, json=str), "table")
    shown = text.splitlines()[3:]
    assert len([line for line in shown if "word" in line]) == lines
    assert ("end" in text) == (rank == 0)
