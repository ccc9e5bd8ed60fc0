"""Writes traces: Loadbank's plain table, its snapshot, and Mooncake's JSON lines."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from sim.errors import Problem, TraceError
from sim.traffic.formats.parquet import write_snapshot
from sim.traffic.trace import LABEL_COLUMNS, Trace

ENDINGS = (".csv", ".csv.gz", ".parquet", ".jsonl", ".jsonl.gz")
_BLOCK_TOKENS = 512
_CSV_LABELS = tuple(name for name in LABEL_COLUMNS if name not in ("kind", "session"))


def write_trace(trace: Trace, path: Path) -> None:
    """Write a trace in the format that the name of the file says.

    Args:
        trace: the trace.
        path: ending in ``.csv`` (`loadbank-csv`), ``.parquet`` (snapshot) or ``.jsonl``
            (Mooncake); ``.gz`` after the text formats packs them.

    Raises:
        TraceError: the file name ends in something else.
    """
    name = path.name
    if not name.endswith(ENDINGS):
        expected = "a file name that ends in " + ", ".join(ENDINGS)
        raise TraceError([Problem("", repr(name), expected)])
    if name.endswith(".parquet"):
        write_snapshot(trace, path)
        return
    lines = _csv_lines(trace) if ".csv" in name else _mooncake_lines(trace)
    with _open_text(path) as stream:
        stream.writelines(lines)


def _open_text(path: Path) -> IO[str]:
    if path.name.endswith(".gz"):
        # Without a time stamp, so that the same trace gives the same bytes.
        packed = gzip.GzipFile(path, "wb", mtime=0)
        return io.TextIOWrapper(packed, encoding="utf-8", newline="\n")
    return path.open("w", encoding="utf-8", newline="\n")


def _csv_lines(trace: Trace) -> Iterator[str]:
    labels = [name for name in _CSV_LABELS if name in trace.labels]
    yield ",".join(["arrival_s", "input_tokens", "output_tokens", *labels]) + "\n"
    named = [[*trace.labels[name].names, ""] for name in labels]
    columns = [trace.labels[name].codes.tolist() for name in labels]
    rows = zip(
        trace.arrival_s.tolist(),
        trace.input_tokens.tolist(),
        trace.output_tokens.tolist(),
        *columns,
        strict=True,
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for arrival_s, prompt, answer, *codes in rows:
        names = [table[code] for table, code in zip(named, codes, strict=True)]
        writer.writerow([arrival_s, prompt, answer, *names])
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def _mooncake_lines(trace: Trace) -> Iterator[str]:
    """Yield records with times in milliseconds.

    Readers want block ids for the whole prompt; a trace without them gets ids that no other
    request shares.
    """
    needed = -(-trace.input_tokens.astype(np.int64) // _BLOCK_TOKENS)
    first = np.cumsum(needed) - needed
    for row in range(len(trace)):
        blocks = (
            trace.blocks.of(row).tolist()
            if trace.blocks is not None and trace.blocks.block_tokens == _BLOCK_TOKENS
            else list(range(int(first[row]), int(first[row] + needed[row])))
        )
        record = {
            "timestamp": round(float(trace.arrival_s[row]) * 1000, 3),
            "input_length": int(trace.input_tokens[row]),
            "output_length": int(trace.output_tokens[row]),
            "hash_ids": blocks,
        }
        yield json.dumps(record) + "\n"
