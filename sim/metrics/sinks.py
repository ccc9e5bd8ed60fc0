"""Where the request table goes while the run goes on."""

from __future__ import annotations

from typing import Protocol

from sim.table import Columns


class RequestSink(Protocol):
    """Takes the request table chunk by chunk."""

    def write(self, columns: Columns) -> None:
        """Take one chunk; its arrays belong to the sink from now on."""
        ...

    def close(self) -> None:
        """Make what was written complete; called once, also when a run is interrupted."""
        ...


class MemorySink:
    """Keeps the chunks, some 85 bytes per request."""

    def __init__(self) -> None:
        self.chunks: list[Columns] = []

    def write(self, columns: Columns) -> None:
        """Keep the chunk."""
        self.chunks.append(columns)

    def close(self) -> None:
        """Do nothing: memory is always complete."""
