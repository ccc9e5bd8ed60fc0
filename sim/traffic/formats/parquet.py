"""Parquet files: Loadbank's own snapshot of a trace, and Baseten's exports.

Parquet needs pyarrow, which is only imported when such a file is read or written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sim.errors import Problem, TraceError
from sim.interfaces import FloatArray, PrefixBlocks
from sim.reasons import unreadable
from sim.traffic.formats.base import TRACE_FORMATS, FileFormat
from sim.traffic.formats.jsonlines import number
from sim.traffic.formats.rows import BadRows, RawRows
from sim.traffic.trace import (
    LABEL_COLUMNS,
    OPTIONAL_COLUMNS,
    AnyArray,
    Labels,
    Trace,
)

MAGIC = b"PAR1"
_ROWS_PER_GROUP = 1 << 20
_REQUIRED = ("arrival_s", "input_tokens", "output_tokens")
_BASETEN = ("timestamp_start_unix_ms", "input_tokens", "output_tokens")
_METADATA = b"loadbank"


def is_parquet(path: Path) -> bool:
    """Tell whether a file starts as Parquet does."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise TraceError([unreadable(path, error, "a readable trace file")]) from error


def parquet_columns(path: Path) -> list[str]:
    """Return the names of the columns of a file."""
    return list(_open(path).schema_arrow.names)


@TRACE_FORMATS.register("snapshot")
class Snapshot(FileFormat):
    """A trace as Loadbank saves it: compact columns that load fast."""

    drops_zero: ClassVar[bool] = False

    def sniff(self, head: str) -> bool:
        """Return False; it is no text, see `sniff_columns`."""
        return False

    def sniff_columns(self, names: Sequence[str]) -> bool:
        """Tell whether a Parquet file has the columns."""
        return set(_REQUIRED) <= set(names)

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the rows, a row group at a time."""
        file = _open(path)
        names = file.schema_arrow.names
        _check_columns(path, names, _REQUIRED)
        extras = [name for name in OPTIONAL_COLUMNS if name in names]
        labels = [name for name in LABEL_COLUMNS if name in names]
        about = _metadata(file)
        block_tokens = int(about.get("block_tokens", 0))
        line = 1
        for batch in _batches(file, path):
            yield RawRows(
                line=np.arange(line, line + batch.num_rows),
                arrival_s=_times_s(batch, "arrival_s", 1.0),
                input_tokens=_numbers(batch, "input_tokens"),
                output_tokens=_numbers(batch, "output_tokens"),
                quote=_quote(batch, {name: name for name in _REQUIRED}),
                extras={name: _numbers(batch, name) for name in extras},
                labels={name: _labels(batch, name) for name in labels},
                blocks=_blocks(batch, "blocks", block_tokens) if block_tokens else None,
                origin_unix_s=about.get("origin_unix_s"),
                span_s=number(about.get("span_s", 0.0)),
            )
            line += batch.num_rows


@TRACE_FORMATS.register("baseten")
class Baseten(FileFormat):
    """Completion traces exported by Baseten: Unix milliseconds, lengths, block hashes."""

    ordered: ClassVar[bool] = False
    absolute: ClassVar[bool] = True

    def sniff(self, head: str) -> bool:
        """Return False; it is no text, see `sniff_columns`."""
        return False

    def sniff_columns(self, names: Sequence[str]) -> bool:
        """Tell whether a Parquet file has the columns."""
        return set(_BASETEN) <= set(names)

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the requests, a batch at a time."""
        file = _open(path)
        names = file.schema_arrow.names
        _check_columns(path, names, _BASETEN)
        time = {"arrival_s": "timestamp_start_unix_ms"}
        sources = {"session": "provided_session_id", "model": "model_name", "client": "org_id"}
        line = 1
        for batch in _batches(file, path):
            yield RawRows(
                line=np.arange(line, line + batch.num_rows),
                arrival_s=_times_s(batch, "timestamp_start_unix_ms", 1000.0),
                input_tokens=_numbers(batch, "input_tokens"),
                output_tokens=_numbers(batch, "output_tokens"),
                quote=_quote(batch, {name: time.get(name, name) for name in _REQUIRED}),
                labels={to: _labels(batch, name) for to, name in sources.items() if name in names},
            )
            line += batch.num_rows


def write_snapshot(trace: Trace, path: Path) -> None:
    """Save a trace as a snapshot.

    Args:
        trace: the trace.
        path: file to write, usually ending in ``.parquet``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {
        "arrival_s": trace.arrival_s,
        "input_tokens": trace.input_tokens,
        "output_tokens": trace.output_tokens,
        **trace.extras,
    }
    for name, column in trace.labels.items():
        codes = pa.array(column.codes, mask=column.codes < 0)
        columns[name] = pa.DictionaryArray.from_arrays(codes, list(column.names))
    about = {"span_s": trace.span_s, "origin_unix_s": trace.report.origin_unix_s}
    if trace.blocks is not None:
        columns["blocks"] = pa.LargeListArray.from_arrays(trace.blocks.offsets, trace.blocks.ids)
        about["block_tokens"] = trace.blocks.block_tokens
    table = pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(about)})
    pq.write_table(table, path, compression="zstd", row_group_size=_ROWS_PER_GROUP)


def _open(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise TraceError([_damaged(path)]) from error


def _batches(file: Any, path: Path) -> Iterator[Any]:
    import pyarrow as pa

    try:
        yield from file.iter_batches(batch_size=_ROWS_PER_GROUP)
    except (OSError, pa.ArrowException) as error:
        raise TraceError([_damaged(path)]) from error


def _damaged(path: Path) -> Problem:
    return Problem("", "a damaged Parquet file", "a complete one", str(path))


def _check_columns(path: Path, names: Sequence[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in names]
    if missing:
        got = "columns " + ",".join(names)[:120]
        raise TraceError([Problem(m, got, f"a column {m!r}", str(path)) for m in missing])


def _metadata(file: Any) -> dict[str, Any]:
    text = (file.schema_arrow.metadata or {}).get(_METADATA, b"{}")
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _numbers(batch: Any, name: str) -> FloatArray:
    """Return a column as floats; NaN where it has no number."""
    import pyarrow as pa

    column, kind = batch.column(name), batch.column(name).type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return np.full(batch.num_rows, np.nan)
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _times_s(batch: Any, name: str, ticks_per_s: float) -> FloatArray:
    """Return a column of times in seconds: numbers of ticks, or stamps that state their unit."""
    import pyarrow as pa

    column = batch.column(name)
    if not (pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type)):
        return _numbers(batch, name) / ticks_per_s
    per_s = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[column.type.unit]
    ticks = column.cast(pa.int64())
    return np.asarray(ticks.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)) / per_s


def _labels(batch: Any, name: str) -> Labels:
    import pyarrow as pa

    column = batch.column(name)
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Labels(codes, tuple(str(value) for value in column.dictionary.to_pylist()))


def _blocks(batch: Any, name: str, block_tokens: int) -> PrefixBlocks:
    column = batch.column(name)
    ids: AnyArray = column.flatten().to_numpy(zero_copy_only=False)
    counts = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return PrefixBlocks(ids.astype(np.int64), offsets, block_tokens)


def _quote(batch: Any, names: dict[str, str]) -> Any:
    def quote(row: int, column: str) -> tuple[str, str]:
        name = names[column]
        return name, str(batch.column(name)[row].as_py())

    return quote
