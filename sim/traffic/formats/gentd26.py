"""Alibaba GenTD26: a month of image generation; research and study terms, not to be shipped.

Prompts are counted in characters and answers are images, so lengths are stand-ins: four characters
make a token, and an answer counts its denoising steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from sim.errors import Problem, TraceError
from sim.traffic.formats.base import TRACE_FORMATS, FileFormat, TableFormat
from sim.traffic.formats.rows import BadRows, RawRows
from sim.traffic.formats.table import Column, header_names

_CHARACTERS_PER_TOKEN = 4


@TRACE_FORMATS.register("gentd26")
class GenTd26(TableFormat):
    """Requests for images."""

    notes: ClassVar[Sequence[str]] = (
        "image generation: input is characters / 4 and output is denoising steps x images",
    )
    columns: ClassVar = (
        Column("gmt_create", "arrival_s", "clock"),
        Column("prompt_length", "input_tokens"),
        Column("num_inference_steps", "output_tokens"),
        Column("num_images_per_prompt", "images"),
        Column("exec_time_seconds", "e2e_s"),
        Column("groupId", "client", "label"),
        Column("checkpoint_model_version_id", "model", "label"),
        Column("predict_status", "kind", "label"),
    )

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the requests with the stand-ins as lengths."""
        for raw in super().rows(path, bad):
            tokens = np.ceil(raw.input_tokens / _CHARACTERS_PER_TOKEN)
            images = np.nan_to_num(raw.extras["images"], nan=1.0)
            yield replace(raw, input_tokens=tokens, output_tokens=raw.output_tokens * images)


@TRACE_FORMATS.register("gentd26-metrics")
class GenTd26Metrics(FileFormat):
    """Measurements of containers; recognised so that a message can say what they are."""

    def sniff(self, head: str) -> bool:
        """Tell whether the header is that of a metrics file."""
        return {"timestamp_anon", "value"} <= set(header_names(head))

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Refuse the file.

        Raises:
            TraceError: always.
        """
        got = "measurements over time"
        expected = "requests: take the request file of the same data set"
        raise TraceError([Problem("", got, expected, str(path), 1)])
