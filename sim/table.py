"""A table as columns of numpy arrays, in chunks, with names stored once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]
"""One chunk: an array per column, all of the same length."""

TEXT = "text"  # type of a column of Python strings


@dataclass(frozen=True, slots=True)
class Table:
    """What a chunked table holds.

    Attributes:
        types: numpy type code by column, or `TEXT`, in the order of the columns.
        names: for a column of codes, the names that the codes 0, 1, ... stand for; -1 is none.
        chunks: the rows; may be iterated more than once.
    """

    types: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chunks: Iterable[Columns] = ()
