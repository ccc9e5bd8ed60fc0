"""Loadbank's own plain table, documented in traces/README.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from sim.traffic.formats.base import TRACE_FORMATS, TableFormat
from sim.traffic.formats.rows import BadRows, Mask, RawRows, chosen
from sim.traffic.formats.table import Column
from sim.traffic.trace import Labels

_SUCCESS = ("", "ok", "success", "succeeded", "completed", "true")


@TRACE_FORMATS.register("loadbank-csv")
class LoadbankCsv(TableFormat):
    """``arrival_s,input_tokens,output_tokens`` and optional columns by canonical name.

    A row is one request of a user: rows whose ``status`` is a failure are left out, and so are
    repeated ones, which have time, lengths and ``request_id`` of the row before them.
    """

    drops_zero: ClassVar[bool] = False
    columns: ClassVar = (
        Column("arrival_s", "arrival_s"),
        Column("input_tokens", "input_tokens"),
        Column("output_tokens", "output_tokens"),
        Column("tier", "tier", "label", required=False),
        Column("region", "region", "label", required=False),
        Column("model", "model", "label", required=False),
        Column("client", "client", "label", required=False),
        Column("request_id", "id", "label", required=False),
        Column("status", "status", "label", required=False),
    )

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the rows of a file that are requests."""
        for raw in super().rows(path, bad):
            labels = dict(raw.labels)
            ids, status = labels.pop("id", None), labels.pop("status", None)
            failed = _failed(status) if status is not None else np.zeros(len(raw.line), dtype=bool)
            again = _repeated(raw, ids) if ids is not None else np.zeros(len(raw.line), dtype=bool)
            bad.dropped("failed request", raw.line[failed].tolist())
            bad.dropped("repeated row", raw.line[again & ~failed].tolist())
            yield chosen(replace(raw, labels=labels), ~failed & ~again)


def _failed(status: Labels) -> Mask:
    """Return which states are failures: HTTP's from 300 on and below 200, and other words."""
    failures = np.array([not _succeeded(name) for name in status.names] or [False])
    return np.asarray(failures[status.codes])


def _succeeded(name: str) -> bool:
    text = name.strip().lower()
    return text in _SUCCESS or (len(text) == 3 and text.isdigit() and text.startswith("2"))


def _repeated(raw: RawRows, ids: Labels) -> Mask:
    """Return which rows are the one before them once more; rows without an id are none."""
    named = np.array([bool(name) for name in ids.names] or [False])[ids.codes]
    same = (np.diff(ids.codes) == 0) & named[1:]
    for column in (raw.arrival_s, raw.input_tokens, raw.output_tokens):
        same &= np.diff(column) == 0
    return np.concatenate([np.zeros(min(1, len(ids.codes)), dtype=bool), same])
