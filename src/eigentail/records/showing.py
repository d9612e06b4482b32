"""How records show themselves: the one place where a noun looks at rooms below its own, inside a method each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Shown:
    """A record that has a page: itself in a session, a notebook and files. `eigentail.reports` knows which page.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> isinstance(report, Shown), report._repr_html_().startswith("<")
        (True, True)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        from eigentail.reports import render

        return render(self, "brief")

    def _repr_html_(self) -> str:
        from eigentail.reports import render

        return render(self, "notebook")

    def to_json(self) -> str:
        """The JSON document that the verb of the command line prints with `--json`.

        Example:
            >>> import eigentail as et
            >>> '"schema_version": 1' in et.diff(et.example(), et.example()).to_json()
            True
        """
        from eigentail.reports import render

        return render(self, "json")

    def to_html(self, path: str | Path) -> None:
        """Write one HTML file that needs nothing else.

        Args:
            path: of the file; one that is there is replaced.

        Raises:
            UsageError: the file cannot be written there.

        Example:
            >>> import tempfile, eigentail as et
            >>> path = Path(tempfile.mkdtemp()) / "report.html"
            >>> et.analyze(et.example()).to_html(path)
            >>> path.read_text(encoding="utf-8").startswith("<!doctype html>")
            True
        """
        from eigentail.reports import write

        write(self, path, form="html")

    def to_pandas(self) -> Any:
        """The main table as a pandas DataFrame: a row for each layer; of a study, for each metric and baseline.

        Raises:
            UsageError: pandas is not installed.

        Example:
            >>> import eigentail as et
            >>> et.analyze(et.example()).to_pandas()["verdict"].tolist()
            ['well-trained', 'well-trained', 'too-small']
        """
        from eigentail.reports import to_pandas

        return to_pandas(self)


class Drawn:
    """A record of which there are figures.

    Example:
        >>> import eigentail as et
        >>> isinstance(et.analyze(et.example()), Drawn), isinstance(et.describe(et.example()), Drawn)
        (True, False)
    """

    __slots__ = ()

    def plot(
        self,
        kind: str = "",
        *,
        layer: str | int | None = None,
        metric: str = "",
        backend: str = "matplotlib",
        ax: Any = None,
    ) -> Any:
        """A figure, as `eigentail.plot` draws it.

        Args:
            kind: which plot; "" for the usual one: `flow` of a report, `compare` of a comparison, `delta` of a
                difference, `trend` of a study.
            layer: name or place of the layer, for the plots of one layer.
            metric: which number, for the plots that show any.
            backend: `matplotlib` or `plotly`, or either with `-dark` behind it.
            ax: matplotlib axes to draw into.

        Raises:
            UsageError: no such plot, layer, metric or backend, or the library is missing.

        Example:
            >>> import eigentail as et
            >>> et.analyze(et.example()).plot("esd", layer="fc2").axes[0].get_xscale()
            'log'
        """
        from eigentail.plots import plot

        return plot(self, kind, layer=layer, metric=metric, backend=backend, ax=ax)
