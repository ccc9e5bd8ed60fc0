"""Traces of other simulators: Vidur, splitwise-sim and SageServe.

Sources: github.com/microsoft/vidur (MIT), github.com/Mutinifni/splitwise-sim (MIT) and SageServe
(arXiv 2502.14617).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from sim.traffic.formats.base import TRACE_FORMATS, TableFormat
from sim.traffic.formats.rows import BadRows, RawRows
from sim.traffic.formats.table import Column


@TRACE_FORMATS.register("vidur")
class Vidur(TableFormat):
    """Arrivals in seconds with prefill and decode tokens."""

    columns: ClassVar = (
        Column("arrived_at", "arrival_s"),
        Column("num_prefill_tokens", "input_tokens"),
        Column("num_decode_tokens", "output_tokens"),
    )


@TRACE_FORMATS.register("vidur-lengths")
class VidurLengths(TableFormat):
    """Prefill and decode tokens without times; good as a table of lengths."""

    notes: ClassVar[Sequence[str]] = (
        "the file has no times: requests were placed one second apart",
    )
    columns: ClassVar = (
        Column("num_prefill_tokens", "input_tokens"),
        Column("num_decode_tokens", "output_tokens"),
        Column("pd_ratio", "pd_ratio"),
    )

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the rows, each a second after the one before."""
        count = 0
        for raw in super().rows(path, bad):
            yield replace(raw, arrival_s=count + np.arange(len(raw.line), dtype=float), extras={})
            count += len(raw.line)


@TRACE_FORMATS.register("splitwise")
class Splitwise(TableFormat):
    """Traces of splitwise-sim."""

    columns: ClassVar = (
        Column("arrival_timestamp", "arrival_s"),
        Column("prompt_size", "input_tokens"),
        Column("token_size", "output_tokens"),
        Column("request_type", "kind", "label"),
        Column("application_id", "client", "label"),
        Column("request_id", "request_id"),
    )


@TRACE_FORMATS.register("sageserve")
class SageServe(TableFormat):
    """A week from Monday 00:00 with regions and tiers.

    ``prod`` is interactive and ``dev`` is not. Regions are strings of digits, and stay strings.
    """

    columns: ClassVar = (
        Column("arrival_timestamp", "arrival_s"),
        Column("prompt_size", "input_tokens"),
        Column("token_size", "output_tokens"),
        Column("regions", "region", "label"),
        Column("workload_type", "tier", "label"),
        Column("model_type", "model", "label"),
        Column("client_tenant", "client", "label", required=False),
        Column("scenario", "kind", "label", required=False),
    )
