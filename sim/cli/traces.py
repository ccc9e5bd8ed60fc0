"""``loadbank traces``: look at request traces, fit generators to them, convert and generate."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from sim.traffic.trace import ReadReport, Trace

app = typer.Typer(help="Inspect, fit, convert and generate request traces.", no_args_is_help=True)

TraceArgument = Annotated[
    str, typer.Argument(metavar="TRACE", help="File, folder, or name of a shipped trace.")
]
FormatOption = Annotated[
    str, typer.Option("--format", help="Format of the file; recognised unless given.")
]
BadRowsOption = Annotated[
    Literal["refuse", "skip"],
    typer.Option("--bad-rows", help="Refuse malformed rows, or leave them out and count them."),
]
FromOption = Annotated[str, typer.Option("--from", help="Start of the window, such as '10 min'.")]
ToOption = Annotated[str, typer.Option("--to", help="End of the window.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of what is drawn.")]


@app.command("inspect")
def inspect(
    trace: TraceArgument,
    format_name: FormatOption = "",
    bad_rows: BadRowsOption = "skip",
    start: FromOption = "",
    end: ToOption = "",
    as_json: JsonOption = False,
) -> int:
    """Show what is in a trace: rate, burstiness, lengths, and how they hang together."""
    from sim.traffic.fitting.describe import describe

    loaded = _load(trace, format_name, bad_rows, start, end)
    found = describe(loaded)
    if as_json:
        typer.echo(_json({"report": _report(loaded.report), "statistics": asdict(found)}))
        return 0
    from rich.console import Console

    from sim.cli.trace_tables import description_tables

    console = Console()
    for table in description_tables(loaded, found):
        console.print(table)
    _notes(loaded.report)
    return 0


@app.command("fit")
def fit(
    trace: TraceArgument,
    format_name: FormatOption = "",
    bad_rows: BadRowsOption = "skip",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> int:
    """Choose a generator for a trace and show beside the trace how close it comes."""
    from sim.traffic.fitting.fit import fit as fitted_to

    loaded = _load(trace, format_name, bad_rows)
    fitted = fitted_to(loaded, seed)
    if as_json:
        from sim.cli.trace_tables import fit_summary

        typer.echo(_json({"report": _report(loaded.report), **fit_summary(fitted)}))
        return 0
    from rich.console import Console

    from sim.cli.trace_tables import fit_tables, fit_yaml

    console = Console()
    for table in fit_tables(fitted):
        console.print(table)
    for note in fitted.notes:
        console.print(f"- {note}", markup=False, highlight=False)
    console.print("To use it in a scenario:", style="bold")
    typer.echo(fit_yaml(fitted, trace))
    _notes(loaded.report)
    return 0


@app.command("convert")
def convert(  # noqa: PLR0913, PLR0917 (typer: one argument per option)
    trace: TraceArgument,
    out: Annotated[
        Path, typer.Argument(help="File to write: .csv, .parquet (snapshot) or .jsonl (Mooncake).")
    ],
    format_name: FormatOption = "",
    bad_rows: BadRowsOption = "refuse",
    start: FromOption = "",
    end: ToOption = "",
    scale: Annotated[float, typer.Option(help="Factor on the request rate.")] = 1.0,
    de_jitter: Annotated[
        bool, typer.Option("--de-jitter", help="Spread time stamps on a coarse grid.")
    ] = False,
    sessions_per_hour: Annotated[
        float, typer.Option(help="Let sessions without absolute times start at this rate.")
    ] = 0.0,
    seed: SeedOption = 0,
) -> int:
    """Convert a trace: to a plain table, a snapshot that loads fast, or Mooncake's JSON lines."""
    from sim.rng import Streams
    from sim.traffic import transforms
    from sim.traffic.fitting import quantised
    from sim.traffic.writer import write_trace

    streams = Streams(seed)
    loaded = _load(trace, format_name, bad_rows, start, end)
    if sessions_per_hour:
        chance = streams.generator("convert", "sessions")
        loaded = transforms.place_sessions(loaded, sessions_per_hour / 3600, chance)
    if de_jitter:
        step_s = quantised.grid_step_s(loaded.arrival_s)
        loaded = quantised.de_jitter(loaded, step_s, streams.generator("convert", "grid"))
    if scale != 1:
        chance = streams.generator("convert", "scaling")
        loaded = transforms.scale_rate(loaded, scale, "auto", chance)
    write_trace(loaded, out)
    typer.echo(f"wrote {len(loaded):,} requests in {loaded.span_s:,.1f} s to {out}")
    _notes(loaded.report)
    return 0


@app.command("generate")
def generate(
    source: Annotated[
        str,
        typer.Argument(help="Scenario whose traffic to draw, or a trace to fit a generator to."),
    ],
    out: Annotated[Path, typer.Argument(help="File to write: .csv, .parquet or .jsonl.")],
    duration: Annotated[str, typer.Option(help="Length, such as '1 h'.")] = "1 h",
    seed: SeedOption = 0,
    format_name: FormatOption = "",
) -> int:
    """Draw requests from a scenario's traffic or from a generator fitted to a trace."""
    from sim.traffic.writer import write_trace

    span_s = _seconds(duration, math.inf)
    if Path(source).suffix in {".yaml", ".yml"} or Path(source, "scenario.yaml").is_file():
        drawn = _of_scenario(source, span_s, seed)
    else:
        from sim.traffic.fitting.fit import fit as fitted_to

        drawn = fitted_to(_load(source, format_name, "skip")).sample(span_s, seed)
    write_trace(drawn, out)
    typer.echo(f"wrote {len(drawn):,} requests in {span_s:,.1f} s to {out}")
    return 0


def _of_scenario(source: str, span_s: float, seed: int) -> Trace:
    from sim.load import load_scenario
    from sim.rng import Streams
    from sim.traffic.build.build import build_workload, drawn_trace

    scenario = load_scenario(source, [f"run.duration={span_s!r} s", "run.warmup=0 s"])
    with scenario.positions.told():
        return drawn_trace(build_workload(scenario, Streams(seed)), scenario, span_s)


def _load(
    reference: str,
    format_name: str,
    bad_rows: Literal["refuse", "skip"],
    start: str = "",
    end: str = "",
) -> Trace:
    from sim.traffic.reader import find_trace, read_trace
    from sim.traffic.transforms import window

    path = find_trace(reference, Path())
    from_s, to_s = _seconds(start, 0.0), _seconds(end, math.inf)
    return window(read_trace(path, format_name, bad_rows, from_s, to_s), from_s, to_s)


def _seconds(text: str, default_s: float) -> float:
    from sim import units

    return units.parse(text, units.TIME) if text else default_s


def _notes(report: ReadReport) -> None:
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    if report.dropped:
        reasons = ", ".join(f"{count:,} x {reason}" for reason, count in report.dropped.items())
        count = sum(report.dropped.values())
        rows = "row" if count == 1 else "rows"
        typer.echo(f"note: left out {count:,} {rows}: {reasons}", err=True)
    for problem in report.problems[:5]:
        typer.echo(f"note: {problem}", err=True)


def _report(report: ReadReport) -> dict[str, Any]:
    return {**asdict(report), "problems": [str(problem) for problem in report.problems]}


def _json(data: Any) -> str:
    """Return JSON text; what is not a number becomes null, and keys become text."""
    return json.dumps(_plain(data), indent=2)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            f"{key:g}" if isinstance(key, float) else str(key): _plain(v)
            for key, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
