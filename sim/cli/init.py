"""``loadbank init``: a first project of one's own, from what is needed to files that run."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.exits import OK
from sim.errors import Problem, ScenarioError

if TYPE_CHECKING:
    from sim.start.requirements import Requirements

SCENARIO, STUDY = "scenario.yaml", "study.yaml"
DEFAULT_FOLDER = "my-fleet"
WITH_VALUE = ("requirements", "trace")
HALL = "density-30-60-100"  # the shipped experiment that is a hall and little else


def init(
    where: Annotated[
        str | None,
        typer.Argument(metavar="[FOLDER]", help="New folder for the files [default: my-fleet]."),
    ] = None,
    value: Annotated[
        str | None, typer.Argument(metavar="[VALUE]", help="What --from asks for.")
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="KIND",
            help="requirements TEXT, trace FILE, hall, or the name of a shipped experiment; "
            "questions without it.",
        ),
    ] = "",
) -> int:
    """Write a first scenario and a study: from questions, a line of text, a trace or an example."""
    if source in WITH_VALUE and value is None:
        where, value = None, where
    if not source:
        value = _asked()
        source = "requirements"
    folder = Path(where or DEFAULT_FOLDER)
    _refuse_taken(folder)
    if source in WITH_VALUE:
        _from_needs(folder, source, value)
    else:
        _from_shipped(folder, HALL if source == "hall" else source)
    typer.echo(f"{folder / SCENARIO}: the scenario, with comments")
    if (folder / STUDY).is_file():
        typer.echo(f"{folder / STUDY}: a study of it")
    typer.echo("next:")
    for verb in ("show", "run", "headroom"):
        typer.echo(f"  loadbank {verb} {folder / SCENARIO}")
    return OK


def _asked() -> str:
    """Ask for what a scenario needs, and return it as one line.

    Raises:
        BadParameter: nobody is there to answer.
    """
    from sim.start.requirements import EXAMPLE

    if not sys.stdin.isatty():
        text = f"expected --from requirements {EXAMPLE!r}, or a terminal to ask on"
        raise typer.BadParameter(text, param_hint="--from")
    rate = typer.prompt("Requests per second", default="20")
    kind = typer.prompt("Kind of traffic (chat, code, documents, batch)", default="chat")
    model = typer.prompt("Model, by name or size", default="70B")
    chip = typer.prompt("Accelerator", default="h100-sxm")
    target = typer.prompt("Target", default="p99 TTFT 1 s")
    return f"{rate} req/s {kind} {model} {chip}, {target}"


def _refuse_taken(folder: Path) -> None:
    taken = [folder / name for name in (SCENARIO, STUDY) if (folder / name).exists()]
    if taken:
        expected = "a folder without one: nothing is overwritten"
        raise ScenarioError([Problem("", "a file that exists", expected, file=str(taken[0]))])


def _from_needs(folder: Path, source: str, value: str | None) -> None:
    from sim.start.files import first_fleet, scenario_text, study_text
    from sim.workspace import write_text

    needed = _needed(source, value)
    fleet = first_fleet(needed)
    folder.mkdir(parents=True, exist_ok=True)
    if needed.trace:
        needed = replace(needed, trace=Path(os.path.relpath(needed.trace, folder)).as_posix())
    write_text(folder / SCENARIO, scenario_text(needed, fleet))
    write_text(folder / STUDY, study_text(needed, fleet))


def _needed(source: str, value: str | None) -> Requirements:
    from sim.catalog.catalog import load_catalog
    from sim.start.requirements import EXAMPLE, WORKLOADS, Requirements, read_requirements

    if not value:
        expected = f"a text such as {EXAMPLE!r}" if source == "requirements" else "a trace file"
        raise typer.BadParameter(f"expected {expected} after it", param_hint=f"--from {source}")
    if source == "requirements":
        catalog = load_catalog()
        return read_requirements(
            value, [*catalog.models], [*catalog.accelerators], [*catalog.regions]
        )
    path = Path(value)
    if not path.is_file():
        raise ScenarioError([Problem("", "no such file", "a trace file", file=value)])
    chat = WORKLOADS[0]
    targets = dict(chat.targets_s)
    trace = str(path.resolve())
    return Requirements(chat, 1.0, "llama-3.1-70b", targets_s=targets, trace=trace)


def _from_shipped(folder: Path, name: str) -> None:
    from sim.registry import nearest_hint
    from sim.scenario.shipped import locate, shipped

    found = locate("experiments", name, Path())
    if found is None or not found.is_file():
        known = [*WITH_VALUE, "hall", *shipped("experiments")]
        raise ScenarioError(
            [
                Problem(
                    "--from",
                    repr(name),
                    "one of " + ", ".join(known),
                    hint=nearest_hint(name, known),
                )
            ]
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(found.parent.glob("*.yaml")):
        text = file.read_text(encoding="utf-8").replace("$schema=../", "$schema=./")
        (folder / file.name).write_text(text, encoding="utf-8")
    for file in sorted(found.parent.glob("*.csv")):
        shutil.copyfile(file, folder / file.name)
