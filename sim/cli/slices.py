"""``loadbank slices``: a long run, cut into slices that run side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.exits import OK
from sim.cli.folders import continued, writable
from sim.cli.progress import watched
from sim.cli.run import ScenarioArgument, SetOption
from sim.cli.sweep import ExecutorOption, StudyMeter
from sim.errors import InputError
from sim.workspace import workspace

if TYPE_CHECKING:
    from sim.experiment.slices.slices import Sliced


def slices(
    scenario: ScenarioArgument,
    number: Annotated[int, typer.Argument(metavar="N", help="How many slices.")],
    overlap: Annotated[str, typer.Option(help="Warm-up of each slice, such as '5 min'.")] = "5 min",
    check: Annotated[
        int, typer.Option(help="Also run so many slices in one piece, and compare.")
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the results.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random streams.")] = 0,
    overrides: SetOption = None,
    executor: ExecutorOption = "processes",
) -> int:
    """Cut a long run into N time slices that run side by side, and merge them again.

    A second call continues where the first one ended.
    """
    from sim.experiment.slices.slices import Cutting, simulate_in_slices
    from sim.report.html.slices_page import write_slices_report
    from sim.units import TIME, parse

    try:
        cutting = Cutting(number, parse(overlap, TIME), check)
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="--overlap") from error
    folder = writable(out or Path("runs") / f"{Path(scenario).stem}-slices" / f"seed={seed}")
    with workspace(folder) as room, continued(folder):
        with StudyMeter(visible=watched(quiet=False)) as meter:
            found = simulate_in_slices(
                scenario,
                cutting,
                overrides=_changes(overrides or ()),
                seed=seed,
                out=folder / "slices",
                executor=executor,
                report=meter,
            )
        found.save(room)
        page = write_slices_report(found, folder / "report.html")
    _print(found, page)
    return OK


def _changes(texts: Sequence[str]) -> dict[str, Any]:
    """Return ``dotted.path=value`` texts as values by path."""
    from sim.scenario.overrides import parse_overrides

    paths = [text.partition("=")[0].strip() for text in texts]
    return {path: change.value for path, change in zip(paths, parse_overrides(texts), strict=True)}


def _print(found: Sliced, page: Path) -> None:
    from rich.console import Console

    from sim.report.terminal.tables import summary_table

    console = Console(soft_wrap=True, highlight=False)
    console.print(summary_table(found.summary))
    if found.check:
        told = f"the first {found.check.slices} slices against the same stretch in one piece"
        console.print(f"{told}, largest differences:")
        for name, gap in found.check.largest():
            console.print(f"  {name}: {100 * gap:+.2f} %")
    console.print(f"report: {page}")
