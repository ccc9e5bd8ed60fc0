"""Azure's public LLM inference traces: 2023, the 2024 week, and the multimodal one.

Source: github.com/Azure/AzurePublicDataset, CC-BY 4.0.
"""

from __future__ import annotations

from typing import ClassVar

from sim.traffic.formats.base import TRACE_FORMATS, TableFormat
from sim.traffic.formats.table import Column


@TRACE_FORMATS.register("azure")
class Azure(TableFormat):
    """Wall-clock stamps with or without fraction and zone; the image count is optional."""

    columns: ClassVar = (
        Column("TIMESTAMP", "arrival_s", "clock"),
        Column("ContextTokens", "input_tokens"),
        Column("GeneratedTokens", "output_tokens"),
        Column("NumImages", "images", required=False),
    )
