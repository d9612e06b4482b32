"""RECORD -> pandas, where pandas is installed."""

from __future__ import annotations

from typing import Any

from eigentail.errors import UsageError
from eigentail.records.showing import Shown
from eigentail.reports.paged import page_of
from eigentail.reports.table import Page


def to_pandas(record: Shown | Page) -> Any:
    """The main table as a pandas DataFrame: of a report one row for each layer, every metric a column.

    Args:
        record: a report, a comparison or another record that has a page; or a page of tables.

    Returns:
        A DataFrame with the columns of the CSV form; a number that does not exist is NaN.

    Raises:
        UsageError: pandas is not installed.

    Example:
        >>> import eigentail as et
        >>> to_pandas(et.analyze(et.example()))["name"].tolist()
        ['fc1', 'fc2', 'fc3']
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise UsageError("pandas is not installed", hint="pip install 'eigentail[pandas]'") from error
    table = page_of(record).main
    kept = [i for i, column in enumerate(table.columns) if column.kind != "curve"]
    return pd.DataFrame({table.columns[i].name: [row[i] for row in table.rows] for i in kept})
