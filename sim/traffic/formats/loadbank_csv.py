"""Loadbank's own plain table, documented in traces/README.md."""

from __future__ import annotations

from typing import ClassVar

from sim.traffic.formats.base import TRACE_FORMATS, TableFormat
from sim.traffic.formats.table import Column


@TRACE_FORMATS.register("loadbank-csv")
class LoadbankCsv(TableFormat):
    """``arrival_s,input_tokens,output_tokens`` and optional columns by canonical name."""

    drops_zero: ClassVar[bool] = False
    columns: ClassVar = (
        Column("arrival_s", "arrival_s"),
        Column("input_tokens", "input_tokens"),
        Column("output_tokens", "output_tokens"),
        Column("tier", "tier", "label", required=False),
        Column("region", "region", "label", required=False),
        Column("model", "model", "label", required=False),
        Column("client", "client", "label", required=False),
    )
