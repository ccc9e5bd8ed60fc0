"""Tables to and from Parquet and pandas; the only module of `metrics` that knows either.

The bytes of a file depend on the rows and their chunks only: a table that was spooled during the
run and one that was kept in memory and saved afterwards are the same file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.table import TEXT, Columns, Table

if TYPE_CHECKING:
    import pandas as pd

_ZSTD_LEVEL = 1  # twice as fast as the default 3 and as small, on these columns


class ParquetSink:
    """Writes a table to a file as its chunks come, a row group each.

    Args:
        path: file to write; replaced if it exists.
        types: type of each column, as in `Table`.
        names: names of the coded columns, as in `Table`.
    """

    def __init__(
        self, path: Path, types: Mapping[str, str], names: Mapping[str, tuple[str, ...]]
    ) -> None:
        from pyarrow import parquet

        self.path = path
        self._schema = _schema(types, names)
        self._dictionaries = _dictionaries(names)
        floats = [name for name, code in types.items() if code == "d" and name not in names]
        self._writer: Any = parquet.ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            compression_level=_ZSTD_LEVEL,
            use_dictionary=list(names),
            use_byte_stream_split=floats,
            write_statistics=False,
        )

    def write(self, columns: Columns) -> None:
        """Write one chunk."""
        self._writer.write_batch(_batch(columns, self._schema, self._dictionaries))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def write_table(path: Path, table: Table) -> None:
    """Write the table to a Parquet file."""
    sink = ParquetSink(path, table.types, table.names)
    for chunk in table.chunks:
        sink.write(chunk)
    sink.close()


def frame_of(table: Table) -> pd.DataFrame:
    """Return the table as a pandas frame; names become categories."""
    import pyarrow as pa

    schema, dictionaries = _schema(table.types, table.names), _dictionaries(table.names)
    batches = [_batch(chunk, schema, dictionaries) for chunk in table.chunks]
    frame: pd.DataFrame = pa.Table.from_batches(batches, schema).to_pandas()
    return frame


def read_frame(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the Parquet file, or some of its columns, as a pandas frame."""
    from pyarrow import parquet

    chosen = None if columns is None else list(columns)
    # Each column's Arrow copy is freed as soon as pandas has its own.
    frame: pd.DataFrame = parquet.read_table(path, columns=chosen).to_pandas(
        split_blocks=True, self_destruct=True
    )
    return frame


def _schema(types: Mapping[str, str], names: Mapping[str, tuple[str, ...]]) -> Any:
    import pyarrow as pa

    def arrow_type(name: str, code: str) -> Any:
        if code == TEXT:
            return pa.string()
        plain = pa.from_numpy_dtype(np.dtype(code))
        return pa.dictionary(plain, pa.string()) if name in names else plain

    return pa.schema([(name, arrow_type(name, code)) for name, code in types.items()])


def _dictionaries(names: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    import pyarrow as pa

    return {column: pa.array(values, pa.string()) for column, values in names.items()}


def _batch(columns: Columns, schema: Any, dictionaries: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    arrays = []
    for field in schema:
        values = columns[field.name]
        if field.name in dictionaries:
            none = values < 0
            codes = pa.array(values, mask=none) if none.any() else pa.array(values)
            arrays.append(pa.DictionaryArray.from_arrays(codes, dictionaries[field.name]))
        else:
            arrays.append(pa.array(values, field.type))
    return pa.record_batch(arrays, schema=schema)
