"""``loadbank calibrate``: coefficients from a user's own measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.workspace import put_file, write_text

if TYPE_CHECKING:
    from sim.calibration.calibrate import Calibration
    from sim.calibration.replay import Limits
    from sim.performance.configuration import Configuration

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Request logs (JSONL), results of vLLM bench, GuideLLM or AIPerf, or one CSV table "
        "with batch, context_tokens, step_ms and, if measured, prompt_tokens and power_w."
    ),
]


def calibrate(  # noqa: PLR0913, PLR0917 (typer: one argument per option)
    accelerator: Annotated[str, typer.Option(help="Accelerator, as in the catalogue.")],
    model: Annotated[str, typer.Option(help="Model, as in the catalogue.")],
    files: FilesArgument = None,
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
    kv_cache: Annotated[
        int | None,
        typer.Option(min=16, help="KV capacity in tokens; what fits beside the weights if unsaid."),
    ] = None,
    kernels: Annotated[
        bool,
        typer.Option(
            "--kernels", help="From measured kernels, without files (needs loadbank[kernels])."
        ),
    ] = False,
    check: Annotated[
        Path | None,
        typer.Option(help="Coefficient file: say whether it still holds on these logs."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write a fit that misses its other half, too.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Coefficient file to write.")] = Path(
        "coefficients.yaml"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> int:
    """Fit step time (and power) to measurements, with held-out errors, and write the result."""
    from sim.calibration.calibrate import calibrate as fit
    from sim.calibration.calibrate import from_kernels
    from sim.calibration.replay import Limits
    from sim.calibration.verdict import require_good_fit
    from sim.catalog.catalog import load_catalog
    from sim.performance.coefficient_file import check_engine, check_precision
    from sim.performance.coefficient_text import write_coefficients
    from sim.performance.configuration import Configuration
    from sim.plant.memory_fit import Layout, kv_capacity_tokens

    check_precision(precision)
    check_engine(engine)
    layout = (tensor_parallel, expert_parallel, data_parallel)
    key = Configuration(accelerator, model, precision, *layout, engine)
    catalog = load_catalog()
    if kernels:
        result = from_kernels(key, catalog)
    else:
        known = accelerator in catalog.accelerators and model in catalog.models
        if kv_cache is None and known:
            shape, chip = catalog.models[model], catalog.accelerators[accelerator]
            size = (tensor_parallel, precision, max_num_batched_tokens)
            lies = Layout("bf16", expert_parallel, data_parallel)
            kv_cache = kv_capacity_tokens(shape, chip, *size, "model", lies)
            typer.echo(f"note: KV cache of {kv_cache} tokens, what fits; see --kv-cache", err=True)
        limits = Limits(max_num_seqs, max_num_batched_tokens, kv_cache or 16)
        if check is not None:
            return _checked(check, files or [], key, limits, as_json=as_json)
        result = fit(files or [], key, limits, catalog, engine_version)
        if not force:
            require_good_fit(result.scores)
    text = write_coefficients(result.coefficients)
    put_file(out, lambda path: write_text(path, text))
    if as_json:
        typer.echo(json.dumps({"scores": result.scores, "notes": result.notes}, indent=2))
    else:
        _print(result, out)
    return 0


def _checked(
    coefficients: Path, logs: list[Path], key: Configuration, limits: Limits, *, as_json: bool
) -> int:
    """Say whether a calibration still holds; 1 if not."""
    from sim.calibration.verdict import holds, still_holds

    errors = still_holds(coefficients, logs, key, limits)
    if as_json:
        typer.echo(json.dumps({"holds": holds(errors), "errors": errors}, indent=2))
    else:
        for name, error in errors.items():
            typer.echo(f"{name:10} {error:+.1%}")
        word = "still holds" if holds(errors) else "does not hold any more: calibrate anew"
        typer.echo(f"{coefficients} {word} (means and medians within 10 %)")
    return 0 if holds(errors) else 1


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
