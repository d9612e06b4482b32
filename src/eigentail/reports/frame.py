"""RECORD -> pandas, where pandas is installed."""

from __future__ import annotations

from typing import Any

from eigentail.errors import UsageError
from eigentail.records import ModelReport
from eigentail.reports.table import Page
from eigentail.reports.tables import layers_table


def to_pandas(record: ModelReport | Page) -> Any:
    """The main table as a pandas DataFrame: of a report one row for each layer, every metric a column.

    Args:
        record: a report, or a page of tables.

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
    table = record.main if isinstance(record, Page) else layers_table(record)
    kept = [i for i, column in enumerate(table.columns) if column.kind != "curve"]
    return pd.DataFrame({table.columns[i].name: [row[i] for row in table.rows] for i in kept})
