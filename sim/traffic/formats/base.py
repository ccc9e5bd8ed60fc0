"""What a trace format has to offer, and the table of formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from sim.interfaces import FloatArray
from sim.registry import Registry
from sim.traffic.formats.rows import BadRows, RawRows
from sim.traffic.formats.table import Column, missing_columns, table_rows


class TraceFormat(Protocol):
    """Reads one family of trace files."""

    ordered: ClassVar[bool]
    """File order is time order, so an arrival that goes back is a bad row."""
    drops_zero: ClassVar[bool]
    """A zero length marks a failed request, which is dropped and counted, not refused."""
    closed_loop: ClassVar[bool]
    """Arrivals are relative to the start of their session."""
    absolute: ClassVar[bool]
    """Arrivals are seconds since 1970 in any order; the earliest becomes 0."""
    notes: ClassVar[Sequence[str]]
    """What users of the format should know."""

    def sniff(self, head: str) -> bool:
        """Tell from the first lines of a file whether it has this format."""
        ...

    def sniff_columns(self, names: Sequence[str]) -> bool:
        """Tell from the columns of a Parquet file whether it has this format."""
        ...

    def is_folder(self, path: Path) -> bool:
        """Tell whether a folder as a whole has this format."""
        ...

    def lacks(self, head: str) -> Sequence[str]:
        """Return what is missing for this format, if the file nearly has it; else nothing."""
        ...

    def doubts_clock(self, arrival_s: FloatArray) -> tuple[str, str] | None:
        """Return what was got and expected if the arrivals are no times of this format."""
        ...

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the rows of a file, in chunks of bounded size."""
        ...


TRACE_FORMATS: Registry[TraceFormat] = Registry("trace format")


class FileFormat:
    """What most formats have in common: one file, in order of time, zero lengths are failures."""

    ordered: ClassVar[bool] = True
    drops_zero: ClassVar[bool] = True
    closed_loop: ClassVar[bool] = False
    absolute: ClassVar[bool] = False
    notes: ClassVar[Sequence[str]] = ()

    def sniff_columns(self, names: Sequence[str]) -> bool:
        """Return False: most formats are text."""
        return False

    def is_folder(self, path: Path) -> bool:
        """Return False: most formats are one file."""
        return False

    def lacks(self, head: str) -> Sequence[str]:
        """Return nothing: most formats have no header."""
        return ()

    def doubts_clock(self, arrival_s: FloatArray) -> tuple[str, str] | None:
        """Return None: most formats state the unit of their clock."""
        return None


class TableFormat(FileFormat):
    """A format that is a comma-separated table with a header line."""

    columns: ClassVar[Sequence[Column]] = ()

    def sniff(self, head: str) -> bool:
        """Tell whether the header has every required column."""
        return not missing_columns(head, self.columns)

    def lacks(self, head: str) -> Sequence[str]:
        """Return the missing columns if at least half of those required are there."""
        missing = missing_columns(head, self.columns)
        required = sum(column.required for column in self.columns)
        return missing if 2 * len(missing) <= required else ()

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the rows of a file."""
        return table_rows(path, self.columns, bad)
