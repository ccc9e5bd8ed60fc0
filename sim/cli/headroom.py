"""``loadbank headroom``: how much more traffic until the first limit breaks."""

from __future__ import annotations

import math
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.exits import OK
from sim.cli.folders import continued, writable
from sim.cli.plan import UncertainOption, as_changes
from sim.cli.run import SetOption
from sim.cli.sweep import ExecutorOption
from sim.workspace import workspace

if TYPE_CHECKING:
    from sim.experiment.headroom.headroom import BreakingPoint


def headroom(
    scenario: Annotated[str, typer.Argument(help="A scenario file or a shipped experiment.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for headroom.html and the curve.")
    ] = None,
    replications: Annotated[int, typer.Option(min=2, help="Independent searches.")] = 5,
    tolerance: Annotated[float, typer.Option(min=0.001, help="Width of the brackets.")] = 0.02,
    uncertain: UncertainOption = 0,
    overrides: SetOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all replications.")] = 0,
    executor: ExecutorOption = "processes",
) -> int:
    """Find how much more traffic a scenario takes until the first limit breaks."""
    from sim.experiment.headroom.headroom import headroom as find_headroom
    from sim.report.html.headroom_page import write_headroom_report

    if out is not None:
        writable(out)
    with ExitStack() as held:
        room = held.enter_context(workspace(out)) if out else None
        held.enter_context(continued(out))
        found = find_headroom(
            scenario,
            replications=replications,
            tolerance=tolerance,
            overrides=as_changes(overrides or []),
            uncertain=uncertain,
            seed=seed,
            out=out,
            executor=executor,
        )
        for place in found.breaking:
            typer.echo(_told(place))
        if room is not None:
            room.put("headroom.csv", partial(found.curve.to_csv, index=False))
            page = write_headroom_report(found, scenario, room.folder / "headroom.html")
            typer.echo(f"page: {page}")
    return OK


def _told(place: BreakingPoint) -> str:
    limit, scale = place.limit, place.scale
    bound = f"{limit.bound:g} kW" if limit.kind == "power" else f"{limit.bound:.2%}"
    head = f"{limit.kind} {limit.name} ({bound})"
    if not math.isfinite(scale.value):
        return f"{head}: holds as far as the search went"
    told = f"breaks at {scale.value:.3g} x traffic (95 %: {scale.low:.3g} to {scale.high:.3g}"
    if place.inputs:
        told += f"; over the inputs: {place.inputs.low:.3g} to {place.inputs.high:.3g}"
    return f"{head}: {told})"
