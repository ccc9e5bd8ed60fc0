"""``loadbank sweep``: a study, run by run, and found again after an interrupt."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.console import wide_console
from sim.cli.exits import ASSERTION, LIMIT, OK
from sim.cli.folders import continued, writable
from sim.cli.progress import REFRESH_S, watched

if TYPE_CHECKING:
    from rich.console import Console

    from sim.experiment.study.sweep import Progress, SweepResult

StudyArgument = Annotated[Path, typer.Argument(help="A study file.")]
ExecutorOption = Annotated[
    str,
    typer.Option(help="processes[:N], serial, dask:local[:N] or dask:tcp://HOST:PORT."),
]
SLOWEST = 5
FEWEST = 4  # runs below which an interval says little about itself


def sweep(
    study: StudyArgument,
    out: Annotated[Path | None, typer.Option(help="Folder for runs and tables.")] = None,
    executor: ExecutorOption = "processes",
    shard: Annotated[str, typer.Option(metavar="I/N", help="Run the I-th of N parts.")] = "1/1",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run again what failed before.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the metrics over the axes, into a PNG or SVG file.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no table.")] = False,
) -> int:
    """Run every variant of a study; a second call continues where the first one ended."""
    from sim.experiment.study.study import load_study
    from sim.experiment.study.sweep import sweep as run_study
    from sim.report import write_report

    loaded = load_study(study)
    folder = writable(out or Path("runs") / loaded.study.name)
    with continued(folder), StudyMeter(visible=watched(quiet)) as meter:
        result = run_study(
            loaded,
            folder,
            executor=executor,
            shard=read_shard(shard),
            retry_failed=retry_failed,
            report=meter,
            page=write_report,
        )
    page = _write_page(result, folder) if shard == "1/1" else None
    if picture is not None:
        from sim.report.figures.study_plots import save_study_picture

        save_study_picture(result, picture)
    if not quiet:
        _print_study(result, folder)
        if page:
            typer.echo(f"report: {page}")
    return _code(result)


def _code(result: SweepResult) -> int:
    """Return 0, 1 where some runs failed, 4 where all did; a table with holes is no success."""
    failed, done = result.progress.failed, result.progress.done
    if not failed:
        return OK
    reason = result.failures["error"].iloc[0]
    typer.echo(f"error: {failed} of {done} runs failed; the first: {reason}", err=True)
    return LIMIT if failed == done else ASSERTION


def read_shard(text: str) -> tuple[int, int]:
    """Return (i, n) of ``i/n``.

    Raises:
        BadParameter: it is not two whole numbers with a slash.
    """
    number, _, of = text.partition("/")
    if not (number.isdigit() and of.isdigit()):
        raise typer.BadParameter(f"got {text!r}, expected I/N such as 2/8", param_hint="--shard")
    return int(number), int(of)


class StudyMeter:
    """Shows runs done, rate and remaining time, at most ten times a second."""

    def __init__(self, *, visible: bool) -> None:
        self._visible = visible
        self._bar: Any = None
        self._task: Any = None
        self._shown = 0.0

    def __enter__(self) -> StudyMeter:
        """The bar itself appears with the first run."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how far the study is."""
        now = time.monotonic()
        if not self._visible or now - self._shown < REFRESH_S:
            return
        self._shown = now
        if self._bar is None:
            self._open()
        rate = (progress.done - progress.found) / max(progress.elapsed_s, 1e-9)
        text = f"{progress.done}/{progress.planned} runs, {rate:.2f}/s, {progress.failed} failed"
        self._bar.update(
            self._task, completed=progress.done, total=progress.planned, description=text
        )

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task("")


def _write_page(result: SweepResult, folder: Path) -> Path:
    from sim.report.html.study_page import write_study_report

    return write_study_report(result, folder / "report.html")


def _print_study(result: SweepResult, folder: Path) -> None:
    from sim.report.answers.study_answer import study_answers

    console = wide_console()
    progress = result.progress
    console.print(
        f"{len(result.variants)} variants, {progress.done} runs"
        f" ({progress.found} found, {progress.failed} failed), {progress.elapsed_s:.1f} s"
    )
    for answer in study_answers(result):
        console.print(answer, markup=False, highlight=False)
    if result.loaded.study.metrics:
        _print_metrics(result, console)
    for row in result.failures.itertuples():
        console.print(f"failed: variant {row.variant} replication {row.replication}: {row.error}")
    slowest = result.timings.head(SLOWEST)
    for row in slowest.itertuples():
        console.print(
            f"slow: variant {row.variant} replication {row.replication}: {row.wall_s:.2f} s"
        )
    console.print(f"tables: {folder / 'results-runs.csv'}")


def _print_metrics(result: SweepResult, console: Console) -> None:
    """Print a table per metric, a row per variant with its interval."""
    from sim.experiment.study.axes import axes_of
    from sim.report.answers.words import axis_name
    from sim.report.charts.study_scales import metric_title, writer

    axes = axes_of(result.loaded.study, result.variants)
    header = [*(axis_name(axis) for axis in axes), "mean", "95 % interval", "runs"]
    for metric, rows in result.intervals.groupby("metric", sort=False):
        write = writer(str(metric))
        cells = [
            [
                *(axis.texts[axis.places[row["variant"]]] for axis in axes),
                write(row["value"]),
                f"{write(row['low'])} to {write(row['high'])}"
                if row["n"] >= FEWEST
                else "too few runs",
                str(row["n"]),
            ]
            for row in rows.to_dict("records")
        ]
        console.print(f"\n{metric_title(str(metric))}", markup=False)
        console.print(text_table(header, cells))


def frame_table(frame: Any) -> Any:
    """Return a table for the terminal, numbers with four digits."""
    rows = frame.itertuples(index=False)
    cells = ([f"{c:.4g}" if isinstance(c, float) else str(c) for c in row] for row in rows)
    return text_table([str(column) for column in frame.columns], cells)


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Any:
    """Return texts as a table for the terminal; columns are as wide as their longest cell."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(header):
        made.add_column(Text(column), justify="right" if place else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made
