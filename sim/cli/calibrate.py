"""``loadbank calibrate``: coefficients from a user's own measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.workspace import put_file, write_text

if TYPE_CHECKING:
    from sim.calibration.calibrate import Calibration

FilesArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Request logs (JSONL), results of vLLM bench, GuideLLM or AIPerf, or one CSV table "
        "with batch, context_tokens, step_ms and, if measured, prompt_tokens and power_w."
    ),
]


def calibrate(  # noqa: PLR0913, PLR0917 (typer: one argument per option)
    files: FilesArgument,
    accelerator: Annotated[str, typer.Option(help="Accelerator, as in the catalogue.")],
    model: Annotated[str, typer.Option(help="Model, as in the catalogue.")],
    precision: Annotated[str, typer.Option(help="Number format of the weights.")] = "bf16",
    tensor_parallel: Annotated[int, typer.Option(min=1, help="Accelerators per replica.")] = 1,
    expert_parallel: Annotated[
        int, typer.Option(min=1, help="Groups of them that hold whole experts.")
    ] = 1,
    data_parallel: Annotated[int, typer.Option(min=1, help="Copies of attention.")] = 1,
    engine: Annotated[str, typer.Option(help="vllm, sglang or trt-llm.")] = "vllm",
    engine_version: Annotated[str, typer.Option(help="Its version, if known.")] = "",
    max_num_seqs: Annotated[int, typer.Option(min=1, help="The server's setting.")] = 256,
    max_num_batched_tokens: Annotated[
        int, typer.Option(min=1, help="The server's setting.")
    ] = 8192,
    kv_cache: Annotated[int, typer.Option(min=16, help="KV capacity in tokens.")] = 10_000_000,
    out: Annotated[Path, typer.Option(help="Coefficient file to write.")] = Path(
        "coefficients.yaml"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> int:
    """Fit step time (and power) to measurements, with held-out errors, and write the result."""
    from sim.calibration.calibrate import calibrate as fit
    from sim.calibration.replay import Limits
    from sim.catalog.catalog import load_catalog
    from sim.performance.coefficient_file import check_engine, check_precision
    from sim.performance.coefficient_text import write_coefficients
    from sim.performance.configuration import Configuration

    check_precision(precision)
    check_engine(engine)
    layout = (tensor_parallel, expert_parallel, data_parallel)
    key = Configuration(accelerator, model, precision, *layout, engine)
    limits = Limits(max_num_seqs, max_num_batched_tokens, kv_cache)
    result = fit(files, key, limits, load_catalog(), engine_version)
    text = write_coefficients(result.coefficients)
    put_file(out, lambda path: write_text(path, text))
    if as_json:
        typer.echo(json.dumps({"scores": result.scores, "notes": result.notes}, indent=2))
    else:
        _print(result, out)
    return 0


def _print(result: Calibration, out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from sim.performance.coefficient_text import LEGEND, describe_fit

    table = Table(title="Relative error of the fit")
    table.add_column("statistic")
    table.add_column("fitted", justify="right")
    table.add_column("held out", justify="right")
    for name, error in result.scores.items():
        if not name.startswith("held out "):
            held_out = result.scores.get(f"held out {name}")
            table.add_row(name, f"{error:+.1%}", "" if held_out is None else f"{held_out:+.1%}")
    Console().print(table)
    for key, step in result.coefficients.step_times.items():
        typer.echo(describe_fit(key, step))
        typer.echo(f"({LEGEND})")
    for note in result.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"wrote {out}; name it in a scenario: coefficients: [{out.name}]")
