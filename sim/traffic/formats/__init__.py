"""Readers of trace files, one module per family; importing this package registers them all."""

from sim.traffic.formats import azure, loadbank_csv
from sim.traffic.formats.base import TRACE_FORMATS, TraceFormat

__all__ = ["TRACE_FORMATS", "TraceFormat", "azure", "loadbank_csv"]
