"""BurstGPT: traffic of Azure OpenAI services to a campus, several months.

Source: github.com/HPMLL/BurstGPT (arXiv 2401.17644). The clock ticks in whole seconds from local
midnight of day 0; requests in the same second were sent one after the other.
"""

from __future__ import annotations

from typing import ClassVar

from sim.traffic.formats.base import TRACE_FORMATS, TableFormat
from sim.traffic.formats.table import Column


@TRACE_FORMATS.register("burstgpt")
class BurstGpt(TableFormat):
    """Files 1 to 3; the third adds sessions and the measured end-to-end time."""

    columns: ClassVar = (
        Column("Timestamp", "arrival_s"),
        Column("Request tokens", "input_tokens"),
        Column("Response tokens", "output_tokens"),
        Column("Model", "model", "label", required=False),
        Column("Log Type", "kind", "label", required=False),
        Column("Session ID", "session", "label", required=False),
        Column("Elapsed time", "e2e_s", required=False),
    )
