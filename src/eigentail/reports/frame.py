"""RECORD -> pandas, where pandas is installed."""

from __future__ import annotations

from typing import Any

from eigentail.errors import UsageError
from eigentail.records import ModelReport
from eigentail.reports.tables import layers_table


def to_pandas(report: ModelReport) -> Any:
    """The layers as a pandas DataFrame, one row each, every metric a column.

    Args:
        report: from `eigentail.analyze`.

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
    table = layers_table(report)
    kept = [i for i, column in enumerate(table.columns) if column.kind != "curve"]
    return pd.DataFrame({table.columns[i].name: [row[i] for row in table.rows] for i in kept})
