"""What a run returns: a value to look at, to save and to load again.

A run folder is complete when it has its ``summary.json``: that file is removed first and written
last, and every file appears under its name only when it is whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, Problem
from sim.metrics.parquet import frame_of, read_frame, write_table
from sim.reasons import json_value
from sim.table import Table
from sim.workspace import Workspace, workspace

if TYPE_CHECKING:
    import pandas as pd

REQUESTS, SERIES, RACKS = "requests.parquet", "series.parquet", "racks.parquet"
SCENARIO_LOCK, REPORT, SUMMARY = "scenario.lock.yaml", "report.html", "summary.json"


class Result:
    """The outcome of one run.

    The tables are read, or put together, when they are first asked for.

    Args:
        summary: every figure of the run, as plain values (keys: DESIGN, public contract).
        scenario_lock: the resolved scenario as YAML.
        requests: the request table, or the Parquet file into which it was spooled.
        series: the time series, or their file.
        racks: a row per rack, or its file.
    """

    def __init__(
        self,
        summary: Mapping[str, Any],
        scenario_lock: str,
        *,
        requests: Table | Path,
        series: Table | Path,
        racks: Table | Path,
    ) -> None:
        self.summary = dict(summary)
        self.scenario_lock = scenario_lock
        self._tables: dict[str, Table | Path] = {
            REQUESTS: requests,
            SERIES: series,
            RACKS: racks,
        }
        self._frames: dict[str, pd.DataFrame] = {}

    @property
    def requests(self) -> pd.DataFrame:
        """A row per request, in the order of arrival; NaN where something has not happened."""
        if REQUESTS not in self._frames:
            frame = self._frame(REQUESTS)
            self._frames[REQUESTS] = frame.sort_values("request", ignore_index=True)
        return self._frames[REQUESTS]

    def request_columns(self, *names: str) -> pd.DataFrame:
        """Return some columns of the request table, in no particular order of rows.

        On a run of millions of requests this takes a fraction of the memory of `requests`.
        """
        table = self._tables[REQUESTS]
        if isinstance(table, Path) and REQUESTS not in self._frames:
            return read_frame(table, names)
        return self.requests[list(names)]

    @property
    def series(self) -> pd.DataFrame:
        """Power, batch, queue and more over time: a row per bin and site, row, rack or pool."""
        return self._frame(SERIES)

    @property
    def racks(self) -> pd.DataFrame:
        """A row per rack: mean and peak power against its limit."""
        return self._frame(RACKS)

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions, seed, scenario hash, sources and guesses."""
        return dict(self.summary.get("provenance") or {})

    @property
    def sources(self) -> list[dict[str, Any]]:
        """The sources of the catalogue numbers that the run used."""
        return list(self.provenance.get("sources") or [])

    @property
    def warnings(self) -> list[str]:
        """What a reader of the figures should know."""
        return list(self.summary.get("warnings") or [])

    @property
    def topology(self) -> dict[str, Any]:
        """Regions, sites and links, for a map."""
        return dict(self.summary.get("topology") or {})

    def save(
        self, folder: str | Path | Workspace, report: Callable[[Result], str] | None = None
    ) -> Path:
        """Write the run folder and return it.

        Args:
            folder: where to; made if it does not exist. Nothing is written outside. A command that
                holds a workspace already gives that.
            report: makes the text of ``report.html`` from this result; no report without it.

        Raises:
            InputError: another command writes into the folder.
            EnvironmentLimitError: the disk is full or fails; the files before that are kept.
        """
        if isinstance(folder, Workspace):
            return self._save(folder, report)
        with workspace(folder) as room:
            return self._save(room, report)

    def _save(self, room: Workspace, report: Callable[[Result], str] | None) -> Path:
        (room.folder / SUMMARY).unlink(missing_ok=True)
        for name in (REQUESTS, SERIES, RACKS):  # what was spooled only needs its name: no space
            self._save_table(room, name)
        room.put_text(SCENARIO_LOCK, self.scenario_lock)
        if report is not None:
            room.put_text(REPORT, report(self))
        text = json.dumps(self.summary, indent=2, ensure_ascii=False, allow_nan=False)
        room.put_text(SUMMARY, text + "\n")
        return room.folder

    @classmethod
    def load(cls, folder: str | Path) -> Result:
        """Return the result that was saved in a run folder.

        Raises:
            InputError: the folder is not that of a complete run.
        """
        folder = Path(folder)
        missing = [
            Problem("", "no such file", "a complete run folder", file=str(folder / name))
            for name in (SUMMARY, SCENARIO_LOCK, REQUESTS, SERIES, RACKS)
            if not (folder / name).is_file()
        ]
        if missing:
            raise InputError(missing)
        return cls(
            _read_summary(folder / SUMMARY),
            (folder / SCENARIO_LOCK).read_text(encoding="utf-8"),
            requests=folder / REQUESTS,
            series=folder / SERIES,
            racks=folder / RACKS,
        )

    def __repr__(self) -> str:
        """Return a line that says which run this is."""
        scenario = self.summary.get("scenario") or {}
        requests = self.summary.get("requests") or {}
        return (
            f"<Result of {scenario.get('name')!r}, seed {self.summary.get('seed')}: "
            f"{requests.get('completed')} of {requests.get('arrived')} requests completed>"
        )

    def _repr_html_(self) -> str:
        """Return the SLA and latency of each tier as a table, for notebooks."""
        latency = (self.summary.get("latency") or {}).get("tiers") or {}
        columns = ("tier", "attainment", "TTFT p50 [s]", "TTFT p99 [s]", "E2E p99 [s]")
        rows = ["".join(f"<th>{escape(column)}</th>" for column in columns)]
        for tier, sla in (self.summary.get("sla") or {}).items():
            ladders = latency.get(tier) or {}
            ttft, e2e = ladders.get("ttft_s") or {}, ladders.get("e2e_s") or {}
            figures = (sla.get("attainment"), ttft.get("p50"), ttft.get("p99"), e2e.get("p99"))
            cells = "".join(f"<td>{'–' if f is None else format(f, '.4g')}</td>" for f in figures)
            rows.append(f"<th>{escape(str(tier))}</th>{cells}")
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><caption>{escape(repr(self))}</caption>{body}</table>"

    def _frame(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            table = self._tables[name]
            self._frames[name] = read_frame(table) if isinstance(table, Path) else frame_of(table)
        return self._frames[name]

    def _save_table(self, room: Workspace, name: str) -> None:
        table = self._tables[name]
        if not isinstance(table, Path):
            room.put(name, lambda path: write_table(path, table))
        elif table.parent == room.scratch:  # spooled in this workspace: it only lacks its place
            self._tables[name] = room.place(table)
        else:
            room.put(name, lambda path: shutil.copyfile(table, path))


def _read_summary(path: Path) -> dict[str, Any]:
    summary = json_value(path.read_bytes(), str(path), "a JSON object")
    if not isinstance(summary, dict):
        got = type(summary).__name__
        raise InputError([Problem("", got, "a JSON object", file=str(path))])
    return summary
