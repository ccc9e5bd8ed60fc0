"""Tables and summaries of traces and of generators fitted to them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sim.traffic.fitting.fingerprint import ABSOLUTE, TOLERANCE
from sim.traffic.fitting.goodness_of_fit import REQUIRED

if TYPE_CHECKING:
    from rich.table import Table

    from sim.traffic.fitting.describe import Description, Spread
    from sim.traffic.fitting.fit import FittedWorkload
    from sim.traffic.trace import Trace

_NAMES: Mapping[str, str] = {
    "idc_1s": "dispersion, 1 s",
    "idc_10s": "dispersion, 10 s",
    "idc_60s": "dispersion, 60 s",
    "idc_300s": "dispersion, 300 s",
    "empty_seconds": "empty seconds",
    "gap_cv": "gap CV",
    "rate_input": "rate-input correlation",
    "rate_output": "rate-output correlation",
    "wait_p50": "wait p50, s",
    "wait_p95": "wait p95, s",
    "wait_p99": "wait p99, s",
}


def description_tables(trace: Trace, found: Description) -> Iterator[Table]:
    """Yield the tables that `loadbank traces inspect` shows."""
    arrivals = _table(f"{trace.report.file} ({trace.report.format})", "arrivals", "")
    arrivals.add_row("requests", f"{found.requests:,}")
    arrivals.add_row("span", f"{found.span_s:,.1f} s")
    arrivals.add_row("mean rate", f"{found.rate_per_s:.4g} req/s")
    for window_s, ratio in found.peak_to_mean.items():
        arrivals.add_row(f"peak over mean, {window_s:g} s", _number(ratio))
    for window_s, value in found.dispersion.items():
        arrivals.add_row(f"index of dispersion, {window_s:g} s", _number(value))
    arrivals.add_row("empty seconds", f"{found.empty_seconds:.1%}")
    arrivals.add_row("gap CV", _number(found.gap_cv))
    arrivals.add_row("gap p10 / p50 / p90 / p99, s", _joined(found.gaps_s))
    for window_s, value in found.autocorrelation.items():
        arrivals.add_row(f"autocorrelation of {window_s:g} s counts", _number(value))
    arrivals.add_row("grid of the clock", _grid(found))
    for name, count in found.labels.items():
        arrivals.add_row(f"distinct {name}", f"{count:,}")
    yield arrivals
    yield _sizes(found)
    if found.block_hits:
        yield _hits(found)


def _sizes(found: Description) -> Table:
    table = _table("Sizes", "", "input, tokens", "output, tokens")
    columns = (found.input_tokens, found.output_tokens)
    table.add_row("mean (CV)", *(f"{spread.mean:,.1f} ({spread.cv:.2f})" for spread in columns))
    for level in found.input_tokens.quantiles:
        table.add_row(f"p{level * 100:g}", *(_tokens(s, level) for s in columns))
    table.add_row("largest", *(f"{spread.largest:,.0f}" for spread in columns))
    table.add_row(
        "correlation with the rate", _number(found.rate_input), _number(found.rate_output)
    )
    table.add_row("correlation with each other", _number(found.input_output), "")
    waits = " / ".join(_number(wait) for wait in found.waits_s.values())
    table.add_row("FIFO wait at 70 % load, p50 / p95 / p99, s", waits, "")
    return table


def _hits(found: Description) -> Table:
    table = _table("Prefix cache", "capacity, blocks", "block hit ratio")
    for capacity, ratio in found.block_hits.items():
        table.add_row("no limit" if math.isinf(capacity) else f"{capacity:,.0f}", f"{ratio:.4f}")
    return table


def fit_tables(fitted: FittedWorkload) -> Iterator[Table]:
    """Yield the tables that `loadbank traces fit` shows."""
    chosen = fitted.chosen
    table = _table(f"Chosen: {_title(fitted)}", "", "trace", "generator", "error", "verdict")
    for name, value in fitted.reference.values.items():
        error = chosen.error(name)
        fails = abs(error) > TOLERANCE[name]
        verdict = ("[red]fails[/]" if name in REQUIRED else "[yellow]off[/]") if fails else "ok"
        table.add_row(
            _NAMES[name], _number(value), _number(chosen.mean(name)), _error(name, error), verdict
        )
    yield table
    others = _table("Usual models, error against the trace", "", *_columns(fitted))
    for name in fitted.reference.values:
        errors = (_error(name, verdict.error(name)) for verdict in fitted.others)
        others.add_row(_NAMES[name], *errors)
    yield others
    held = _table("Fitted to a random half, judged by the other", "", "generator", "halves differ")
    for name in REQUIRED:
        if name in fitted.held_out.error:
            floor = fitted.held_out.floor.get(name, math.nan)
            held.add_row(_NAMES[name], f"{fitted.held_out.error[name]:.1%}", f"{floor:.1%}")
    yield held


def _columns(fitted: FittedWorkload) -> list[str]:
    return [verdict.candidate.name for verdict in fitted.others]


def _title(fitted: FittedWorkload) -> str:
    settings = fitted.chosen.candidate.settings
    if fitted.name != "cycles":
        return fitted.name + " " + ", ".join(f"{k} {v:.4g}" for k, v in settings.items())
    stretch = (
        "the whole trace" if math.isinf(settings["stretch_s"]) else _span(settings["stretch_s"])
    )
    cycle = f"cycles of {settings['cycle_s']:g} s" if settings["cycle_s"] else "single requests"
    return f"{cycle}, shuffled within {stretch}"


def _span(span_s: float) -> str:
    return f"{span_s:g} s"


def fit_summary(fitted: FittedWorkload) -> dict[str, Any]:
    """Return what a fit found, as plain data for JSON."""
    verdicts = (fitted.chosen, *fitted.others)
    return {
        "chosen": fitted.name,
        "settings": dict(fitted.chosen.candidate.settings),
        "trace": dict(fitted.reference.values),
        "generator": {name: fitted.chosen.mean(name) for name in fitted.reference.values},
        "errors": {
            verdict.candidate.name: {n: verdict.error(n) for n in fitted.reference.values}
            for verdict in reversed(verdicts)
        },
        "tolerance": dict(TOLERANCE),
        "required": list(REQUIRED),
        "fails": list(fitted.chosen.failures),
        "held_out": {"error": fitted.held_out.error, "halves": fitted.held_out.floor},
        "notes": list(fitted.notes),
    }


def fit_yaml(fitted: FittedWorkload, reference: str) -> str:
    """Return the lines of a scenario's workload that use the generator."""
    settings = fitted.chosen.candidate.settings
    if fitted.name == "cycles":
        stretch_s = settings["stretch_s"]
        stretch = "" if math.isinf(stretch_s) else f", stretch: {stretch_s:g} s"
        return f"    fitted: {{path: {reference}{stretch}, cycle: {settings['cycle_s']:g} s}}"
    return (
        f"    arrivals: {{process: {fitted.name}, {_arrivals_yaml(settings)}}}\n"
        f"    lengths: {{empirical: {reference}}}"
    )


def _arrivals_yaml(settings: Mapping[str, float]) -> str:
    """Return the settings of a fitted arrival process as they stand in a scenario."""
    states = sum(key.startswith("sojourn_") for key in settings)
    if states:
        each = (
            f"{{rate: {settings[f'rate_{i}_per_s']:.6g} req/s, "
            f"sojourn: {settings[f'sojourn_{i}_s']:.6g} s}}"
            for i in range(states)
        )
        return f"states: [{', '.join(each)}]"
    shape = {k: v for k, v in settings.items() if k in {"cv", "shape"}}
    more = "".join(f", {name}: {value:.6g}" for name, value in shape.items())
    return f"rate: {settings['rate_per_s']:.6g} req/s{more}"


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    return table


def _grid(found: Description) -> str:
    if not found.grid_s:
        return "none"
    return f"{found.grid_s:g} s" + (" (coarse: use --de-jitter)" if found.is_coarse else "")


def _tokens(spread: Spread, level: float) -> str:
    return f"{spread.quantiles[level]:,.0f}"


def _joined(values: Mapping[float, float]) -> str:
    return " / ".join(_number(value) for value in values.values())


def _error(name: str, error: float) -> str:
    return f"{error:+.2f}" if name in ABSOLUTE else f"{error:+.1%}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"
