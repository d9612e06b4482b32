from __future__ import annotations

import csv
import html
import html.parser
import io
import math
import re

import pytest
from made_reports import HOSTILE, failed_row, layer_row, report_of

from eigentail.errors import UsageError
from eigentail.records import ModelReport, Skip
from eigentail.reports import Column, Page, Table, render, report_page
from eigentail.reports.publish import forms


@pytest.fixture
def report() -> ModelReport:
    skips = tuple(Skip(f"fc{i}.bias", (64,), "a vector") for i in range(5))
    return report_of(layer_row(0, "fc1"), failed_row(1, "fc2"), layer_row(2, "fc3", 2.5), skipped=skips)


class Parsed(html.parser.HTMLParser):
    """Tags and attributes of a document; complains when tags do not match."""

    VOID = ("meta", "polyline", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def text_in(report: ModelReport | Page, width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    return render(report, "text")


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


class TestText:
    @pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
    def test_no_line_is_wider_than_the_terminal(self, report, width, monkeypatch):
        assert max(map(len, text_in(report, width, monkeypatch).splitlines())) <= width

    def test_wider_terminals_show_more_columns(self, report, monkeypatch):
        narrow, wide = (text_in(report, width, monkeypatch) for width in (80, 200))
        assert "between 2 and 6" in wide.split("Model")[0]
        assert "stable_rank" not in narrow
        assert len(wide.splitlines()[2].split()) > len(narrow.splitlines()[2].split())

    def test_layer_alpha_and_verdict_are_shown_at_eighty_columns(self, report, monkeypatch):
        line = next(line for line in text_in(report, 80, monkeypatch).splitlines() if " fc1 " in line)
        assert "3.142" in line
        assert "well-trained" in line

    def test_the_interval_and_the_null_are_shown_at_120_columns(self, monkeypatch):
        report = report_of(layer_row(0, "transformer.layers.10.attention.query"), layer_row(1, "b"))
        narrow, wide = (text_in(report, width, monkeypatch) for width in (80, 120))
        line = next(line for line in wide.splitlines() if "attention.query" in line)
        for number in ("3.142", "2.642", "3.892", "3.875", "6.283", "well-trained"):
            assert number in line
        assert "2.642" not in narrow
        assert ("90 % interval" in wide, "90 % interval" in narrow) == (True, False)

    def test_short_names_leave_room_for_them_at_eighty_columns(self, report, monkeypatch):
        line = next(line for line in text_in(report, 80, monkeypatch).splitlines() if " fc1 " in line)
        *numbers, picture, verdict = line.split()
        assert (numbers, verdict) == (["0", "fc1", "3.142", "2.642", "3.892", "3.875"], "well-trained")
        assert re.fullmatch("[▁▂▃▄▅▆▇█]+[|][▁▂▃▄▅▆▇█]+", picture)

    def test_reasons_are_shown_at_eighty_columns(self, report, monkeypatch):
        text = text_in(report, 80, monkeypatch)
        assert "alpha 3.14 is between 2 and 6" in text
        assert "3 of 2560 values" in text

    def test_a_failure_shows_a_dash_and_no_number(self, report, monkeypatch):
        line = next(line for line in text_in(report, 80, monkeypatch).splitlines() if " fc2 " in line)
        assert re.search(r"\s-\s", line)
        assert "nan" not in line

    def test_skips_are_grouped_by_reason(self, report, monkeypatch):
        text = text_in(report, 120, monkeypatch)
        assert "5  a vector  fc0.bias, fc1.bias, fc2.bias and 2 more" in text

    def test_the_outcome_is_the_last_thing_said(self, report, monkeypatch):
        last = text_in(report, 80, monkeypatch).splitlines()[-3:]
        assert last[:2] == [
            "The model: well-trained, 2 of 3 layers judged.",
            "3 layers: 2 well-trained, 1 failed.",
        ]
        assert last[2].startswith("Mean over 2 layers: alpha 2.821")

    def test_long_names_keep_both_ends(self, monkeypatch):
        text = text_in(report_of(layer_row(0, HOSTILE["long"])), 80, monkeypatch)
        assert re.search(r"x+…y+", text)

    @pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
    def test_a_name_stays_on_its_line(self, name, monkeypatch):
        text = text_in(report_of(layer_row(0, name), layer_row(1, "plain")), 200, monkeypatch)
        tame = text_in(report_of(layer_row(0, "a"), layer_row(1, "b")), 200, monkeypatch)
        assert len(text.splitlines()) == len(tame.splitlines())
        assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)


class TestColour:
    def test_verdicts_have_colour_and_words_on_a_terminal(self, report):
        from rich.console import Console

        from eigentail.reports.forms.text import paint

        console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard", no_color=False)
        paint(report_page(report), console)
        assert "\x1b[32mwell-trained" in console.file.getvalue()
        assert "The model: \x1b[32mwell-trained\x1b[0m, 2 of 3" in console.file.getvalue()

    def test_no_color_is_honoured(self, report, monkeypatch):
        from rich.console import Console

        from eigentail.reports.forms.text import paint

        monkeypatch.setenv("NO_COLOR", "1")
        console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard")
        paint(report_page(report), console)
        assert "\x1b[3" not in console.file.getvalue()
        assert "well-trained" in console.file.getvalue()

    def test_no_layer_name_is_markup(self):
        from rich.console import Console

        from eigentail.reports.forms.text import paint

        console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system="standard", no_color=False)
        name = HOSTILE["markup of the terminal"]
        paint(report_page(report_of(layer_row(0, name))), console)
        assert name in console.file.getvalue()


class TestCsv:
    def test_round_trip_to_the_last_bit(self, report):
        rows = csv_rows(render(report, "csv"))
        assert [row["name"] for row in rows] == ["fc1", "fc2", "fc3"]
        for row, layer in zip(rows, report.layers, strict=True):
            for name, value in layer.metrics.items():
                if name == "N":  # the shape is known whether or not there is a fit
                    assert row[name] == "64"
                elif math.isnan(value):
                    assert row[name] == ""
                else:
                    assert float(row[name]) == value

    def test_no_column_twice(self, report):
        header = render(report, "csv").splitlines()[0].split(",")
        assert len(header) == len(set(header))
        assert {"index", "N", "M", "status", "verdict", "reason", "Q"} <= set(header)

    def test_status_verdict_and_reason(self, report):
        row = csv_rows(render(report, "csv"))[1]
        assert (row["status"], row["verdict"], row["reason"]) == ("non-finite", "failed", "3 of 2560 values")

    @pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
    def test_any_name_comes_back(self, name):
        rows = csv_rows(render(report_of(layer_row(0, name)), "csv"))
        assert len(rows) == 1
        assert rows[0]["name"].removeprefix("'") == name

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
    def test_no_text_is_a_formula(self, start):
        rows = csv_rows(render(report_of(layer_row(0, f"{start}1+1")), "csv"))
        assert rows[0]["name"] == f"'{start}1+1"

    def test_the_phase_is_a_cell(self, report):
        assert [row["phase"] for row in csv_rows(render(report, "csv"))] == ["bulk-decay", "", "bulk-decay"]

    def test_negative_numbers_are_numbers(self, report):
        assert csv_rows(render(report, "csv"))[0]["log_norm"] == "-0.1"


class TestMarkdown:
    @pytest.mark.parametrize("name", ["fc", *HOSTILE.values()], ids=["plain", *HOSTILE.keys()])
    def test_every_row_has_the_cells_of_its_heading(self, name):
        text = render(report_of(layer_row(0, name), failed_row(1, "z"), skipped=(Skip(name, (1,), "a|vector"),)), "md")
        for block in re.split(r"\n\n+", text):
            counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if line.startswith("|")}
            assert len(counts) <= 1

    def test_markup_in_a_name_is_text(self):
        text = render(report_of(layer_row(0, HOSTILE["markup"]), layer_row(1, HOSTILE["backticks"])), "markdown")
        assert "<script>" not in text
        assert not re.search(r"(?<!\\)\]\(", text)

    def test_sections(self, report):
        headings = re.findall("^## (.*)$", render(report, "md"), re.MULTILINE)
        assert headings == ["Model", "Verdicts", "Layers", "Skipped", "How it was measured"]

    def test_settings_and_versions(self, report):
        text = render(report, "md")
        assert "| conv_scale | weightwatcher |" in text
        assert "| numpy version | 2.0.0 |" in text


class TestHtml:
    @pytest.mark.parametrize("name", ["fc", *HOSTILE.values()], ids=["plain", *HOSTILE.keys()])
    def test_whole_document_without_outside_requests(self, name):
        parsed = Parsed(render(report_of(layer_row(0, name), failed_row(1, "z")), "html"))
        assert parsed.open == []
        tags = {tag for tag, _ in parsed.tags}
        assert [found["id"] for tag, found in parsed.tags if tag == "script"] == ["data", "record", "program"]
        assert not tags & {"img", "link", "iframe", "object", "a", "form"}
        for _, attributes in parsed.tags:
            assert not {"src", "href", "xlink:href", "onload", "onerror"} & set(attributes)

    def test_hostile_names_are_words(self):
        parsed = Parsed(render(report_of(layer_row(0, HOSTILE["markup"]), layer_row(1, HOSTILE["template"])), "html"))
        assert HOSTILE["markup"] in parsed.words
        assert HOSTILE["template"] in parsed.words

    def test_direction_marks_are_harmless(self):
        text = render(report_of(layer_row(0, HOSTILE["right-to-left"])), "html")
        assert "\u202e" not in text
        assert "<bdi>safe\\u202egnp.exe\\u2066</bdi>" in text

    def test_outcome_comes_before_the_tables(self, report):
        text = render(report, "html")
        assert text.index("3 layers: 2 well-trained, 1 failed.") < text.index("<table>")

    def test_one_picture_for_every_layer_with_a_spectrum(self, report):
        parsed = Parsed(render(report, "html"))
        pictures = [attributes for tag, attributes in parsed.tags if tag == "svg"]
        assert len(pictures) == 2
        assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)
        assert sum(attributes.get("class") == "fitted" for _, attributes in parsed.tags) == 2

    def test_tables_can_be_read_aloud(self, report):
        parsed = Parsed(render(report, "html"))
        headings = [attributes for tag, attributes in parsed.tags if tag == "th"]
        assert headings
        assert all(heading.get("scope") == "col" for heading in headings)

    def test_verdict_reason_skips_settings_versions(self, report):
        text = render(report, "html")
        for word in ("v-well-trained", "alpha 3.14 is between 2 and 6", "a vector", "conv_scale", "numpy version"):
            assert word in text

    def test_dark_and_print(self, report):
        text = render(report, "html")
        assert "prefers-color-scheme: dark" in text
        assert "@media print" in text

    def test_styles_stay_inside_in_a_notebook(self, report):
        style = re.search(r"<style>(.*?)</style>", render(report, "html"), re.DOTALL)
        selectors = re.findall(r"^\s*([^{}@\n]+)\{", style[1], re.MULTILINE)
        assert selectors
        assert all(".eigentail" in selector for selector in selectors)


class TestEveryForm:
    @pytest.mark.parametrize("form", ["table", "csv", "markdown", "html"])
    def test_no_layer_has_a_fit(self, form):
        text = render(report_of(failed_row(0, "fc1")), form)
        assert "failed" in text
        assert not re.search(r"\bnan\b", text)
        if form != "csv":
            assert "there is no number for the whole model" in text

    @pytest.mark.parametrize("form", ["table", "csv", "markdown", "html"])
    def test_ends_with_one_line_break(self, form, report):
        text = render(report, form)
        assert text.endswith("\n")
        assert not text.endswith("\n\n")

    def test_a_page_of_anything_takes_every_form(self):
        page = Page(title="t", main=Table(title="m", columns=(Column("a"),), rows=(("x",),)), json=lambda: "{}")
        for form in forms:
            assert render(page, form).strip()

    @pytest.mark.parametrize("form", ["table", "markdown", "html"])
    def test_the_model_the_interval_the_null_and_the_phase(self, form, report, monkeypatch):
        monkeypatch.setenv("COLUMNS", "160")
        text = html.unescape(render(report, form)).replace("\\", "")
        for words in (
            "The model: well-trained, 2 of 3 layers judged.",
            "alpha_lo to alpha_hi: 90 % interval of alpha, the choice of xmin included",
            "alpha_null: median alpha of untrained weights of the same shape, simulated",
            "bulk-decay",
            "2.642",
            "3.892",
            "3.875",
        ):
            assert words in text

    def test_unknown_form_names_the_nearest(self, report):
        with pytest.raises(UsageError, match="unknown report form 'markdwn': did you mean markdown"):
            render(report, "markdwn")

    def test_a_report_shows_itself_as_text(self, report):
        assert "well-trained" in repr(report)
        assert "<table>" in report._repr_html_()
