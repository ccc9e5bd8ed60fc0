"""A progress line on standard error, only where somebody watches."""

from __future__ import annotations

import sys
import time
from math import isfinite
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.world import Progress

REFRESH_S = 0.1


class Meter:
    """Shows simulated time, requests, rate and remaining time, at most ten times a second."""

    def __init__(self, *, visible: bool) -> None:
        self._visible = visible
        self._bar: Any = None
        self._task: Any = None
        self._started = self._shown = time.monotonic()

    def __enter__(self) -> Meter:
        """Start the clock; the bar itself appears with the first report."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how far the run is."""
        now = time.monotonic()
        if not self._visible or now - self._shown < REFRESH_S:
            return
        self._shown = now
        if self._bar is None:
            self._open(progress)
        rate = progress.ended / max(now - self._started, 1e-9)
        text = f"{progress.ended:,} requests, {rate:,.0f}/s"
        if not isfinite(progress.end_s):
            text += f", {progress.simulated_s:,.0f} s simulated"
        self._bar.update(self._task, completed=progress.simulated_s, description=text)

    def _open(self, progress: Progress) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        total = progress.end_s if isfinite(progress.end_s) else None
        self._task = self._bar.add_task("", total=total)


def watched(quiet: bool) -> bool:
    """Return whether progress should be shown: on a terminal, unless asked to be quiet."""
    return not quiet and sys.stderr.isatty()
