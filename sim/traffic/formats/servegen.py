"""A ServeGen folder read as a trace: one day of requests drawn from its clients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from sim.rng import Streams
from sim.traffic.formats.base import TRACE_FORMATS, FileFormat
from sim.traffic.formats.rows import BadRows, RawRows
from sim.traffic.formats.servegen_folder import is_servegen, read_servegen

_DAY_S = 86_400.0


@TRACE_FORMATS.register("servegen")
class ServeGen(FileFormat):
    """Rates and length distributions of clients, from which requests are drawn with seed 0."""

    notes: ClassVar[Sequence[str]] = (
        "ServeGen has no requests, only rates: one day was drawn from them with seed 0",
    )

    def sniff(self, head: str) -> bool:
        """Return False: it is a folder."""
        return False

    def is_folder(self, path: Path) -> bool:
        """Tell whether the folder has pairs of rate and length files."""
        return is_servegen(path)

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the requests of a day."""
        streams = Streams(0)
        for piece in read_servegen(path).pieces(streams.generator):
            day = piece.arrival_s < _DAY_S
            yield RawRows(
                line=np.zeros(int(day.sum()), dtype=np.int64),
                arrival_s=piece.arrival_s[day],
                input_tokens=piece.input_tokens[day].astype(np.float64),
                output_tokens=piece.output_tokens[day].astype(np.float64),
                quote=lambda _row, column: (column, ""),
                labels={name: column.take(day) for name, column in piece.labels.items()},
            )
            if not day.all():
                return
