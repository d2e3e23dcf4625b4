"""Tables by key: sums per key and look-ups, on whole numbers instead of text.

For the judging side alone; several times faster than groupby and merge on text columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def totals(frame: pd.DataFrame, keys: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """Sums of `values` per distinct `keys`; whole numbers stay whole."""
    factors = [pd.factorize(frame[name]) for name in keys]
    if not len(frame):
        return frame[[*keys, *values]].copy()
    sizes = tuple(max(len(labels), 1) for _, labels in factors)
    flat = np.ravel_multi_index([codes for codes, _ in factors], sizes)
    present, group = np.unique(flat, return_inverse=True)
    columns: dict[str, object] = {}
    for name, (_, labels), codes in zip(keys, factors, np.unravel_index(present, sizes), strict=True):
        columns[name] = labels.take(codes)
    for name in values:
        column = frame[name].to_numpy()
        sums = np.bincount(group, weights=column)
        columns[name] = np.rint(sums).astype(np.int64) if column.dtype.kind in "iub" else sums
    return pd.DataFrame(columns)


def positions(wanted: pd.DataFrame, given: pd.DataFrame, keys: Sequence[str]) -> np.ndarray:
    """Row of `given` with the keys of each row of `wanted`; -1 where there is none.

    `given` must have each key once.
    """
    flat_given = np.zeros(len(given), dtype=np.int64)
    flat_wanted = np.zeros(len(wanted), dtype=np.int64)
    for name in keys:
        codes, labels = pd.factorize(given[name])
        found = pd.Index(labels).get_indexer(pd.Index(wanted[name]))
        size = len(labels) + 1
        flat_given = flat_given * size + codes
        flat_wanted = np.where((found < 0) | (flat_wanted < 0), -1, flat_wanted * size + found)
    return pd.Index(flat_given).get_indexer(pd.Index(flat_wanted))


def looked_up(values: pd.Series, table: pd.DataFrame, key: str, column: str) -> np.ndarray:
    """`column` of the row of `table` whose `key` is each of `values`; all must be there."""
    codes, labels = pd.factorize(values)
    rows = pd.Index(table[key]).get_indexer(pd.Index(labels))
    return table[column].to_numpy()[rows][codes]
