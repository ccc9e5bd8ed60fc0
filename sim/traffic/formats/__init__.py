"""Readers of trace files, one module per family; importing this package registers them all."""

from sim.traffic.formats import (
    agents,
    azure,
    bailian,
    burstgpt,
    captures,
    gentd26,
    loadbank_csv,
    mooncake,
    parquet,
    servegen,
    simulators,
    spans,
    tracelab,
)
from sim.traffic.formats.base import TRACE_FORMATS, TraceFormat

__all__ = [
    "TRACE_FORMATS",
    "TraceFormat",
    "agents",
    "azure",
    "bailian",
    "burstgpt",
    "captures",
    "gentd26",
    "loadbank_csv",
    "mooncake",
    "parquet",
    "servegen",
    "simulators",
    "spans",
    "tracelab",
]
