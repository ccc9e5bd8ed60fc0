"""``loadbank headroom``: how much more traffic until the first limit breaks."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.exits import OK
from sim.cli.folders import continued, writable
from sim.cli.plan import UncertainOption, as_changes
from sim.cli.run import SetOption
from sim.cli.sweep import ExecutorOption
from sim.workspace import workspace


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
    from sim.report import formats
    from sim.report.answers.headroom_answer import headroom_answers
    from sim.report.formats import GAP
    from sim.report.html.headroom_page import write_headroom_report
    from sim.report.html.origin import Origin

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
        for said in headroom_answers(found):
            typer.echo(said.replace(GAP, " "))
        if room is not None:
            room.put("headroom.csv", partial(found.curve.to_csv, index=False))
            asked = f"--replications {replications} --tolerance {tolerance} --seed {seed}".split()
            asked += ["--uncertain", str(uncertain)] if uncertain else []
            asked += [part for text in overrides or () for part in ("--set", text)]
            command = shlex.join(["loadbank", "headroom", scenario, *asked])
            facts = (formats.plural(replications, "replication"),)
            origin = Origin(scenario, seed, command, facts=facts)
            page = write_headroom_report(found, origin, room.folder / "headroom.html")
            typer.echo(f"page: {page}")
    return OK
