"""Run all variants of an experiment, print what comes out as a table, and draw its picture.

    python experiments/run_variants.py experiments/heat-wave

``variants.yaml`` in the folder names the variants with their ``--set`` changes, the columns of the
table as paths into the summary, and what the picture shows. Beside the summary a path may begin
with ``racks``: the shares of rack time that were capped, hot or off, and the extremes of inlet,
cold plate and clock; or with ``windows`` and the name of a window of time that the file gives:
attainment (of all, or of a tier) and goodput of the requests that arrived in it; or ``tokens``.
With ``seeds: 5`` each variant runs five times, and the table has means with the half-widths of
their 95 % intervals.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sim import load_scenario, simulate
from sim.document.yaml_reader import read_document
from sim.experiment.statistics.intervals import Interval, replication_interval
from sim.report.charts.rack_states import CAPPED, HOT, OFF, rack_history, rack_states
from sim.report.figures.variant_curves import save_curves
from sim.report.figures.variant_plots import attained, save_figures, save_over_time
from sim.result import Result
from sim.units import TIME, parse


def main(folder: Path) -> None:
    """Run, print and draw."""
    plan = read_document(folder / "variants.yaml").data
    windows = {name: tuple(map(seconds, ends)) for name, ends in plan.get("windows", {}).items()}
    results, table = {}, {}
    for name, changes in plan["variants"].items():
        scenario = load_scenario(folder / "scenario.yaml", changes or [])
        rows = []
        for seed in range(plan.get("seeds", 1)):
            result = simulate(scenario, seed)
            figures = {
                **result.summary,
                "racks": rack_figures(result),
                "windows": window_figures(result, windows),
                "tokens": token_figures(result),
            }
            rows.append({title: at(figures, path) for title, path in plan["table"].items()})
            results.setdefault(name, result)
            print(f"{name}: {result.summary['performance']['wall_s']:.1f} s", file=sys.stderr)
        table[name] = {
            title: replication_interval([row[title] for row in rows]) for title in plan["table"]
        }
    print(markdown(table))
    picture = plan["picture"]
    if "over_time" in picture:
        shown = picture.get("variants", list(results))
        chosen = {name: results[name] for name in shown}
        save_over_time(chosen, picture["over_time"], folder / "picture.png")
    elif "curves" in picture:
        cells = {
            name: {title: (cell.value, cell.half_width) for title, cell in row.items()}
            for name, row in table.items()
        }
        save_curves(cells, picture["against"], picture["curves"], folder / "picture.png")
    else:
        means = {name: {t: cell.value for t, cell in row.items()} for name, row in table.items()}
        save_figures(means, picture["figures"], folder / "picture.png")


def seconds(text: str) -> float:
    """Return a time such as ``5 min`` in seconds."""
    return parse(str(text), TIME)


def window_figures(
    result: Result, windows: dict[str, tuple[float, float]]
) -> dict[str, dict[str, Any]]:
    """Return attainment and goodput of the requests that arrived in each window [s]."""
    if not windows:
        return {}
    requests = result.request_columns("arrival_s", "tier")
    good = attained(result)
    found = {}
    for name, (start_s, end_s) in windows.items():
        inside = (requests["arrival_s"] >= start_s) & (requests["arrival_s"] < end_s)
        by_tier = good[inside].groupby(requests["tier"][inside], observed=True).mean()
        found[name] = {
            "attainment": float(good[inside].mean()),
            "tiers": by_tier.to_dict(),
            "arrivals_per_s": int(inside.sum()) / (end_s - start_s),
            "goodput_per_s": int(good[inside].sum()) / (end_s - start_s),
        }
    return found


def token_figures(result: Result) -> dict[str, float]:
    """Return prompt and answer tokens per second of the completed requests, warm-up left out."""
    requests = result.request_columns("status", "warmup", "input_tokens", "output_tokens")
    counted = requests[(requests["status"] == "completed") & ~requests["warmup"]]
    length_s = result.summary["window"]["length_s"]
    return {
        f"{name}_per_s": float(counted[f"{name}_tokens"].sum()) / length_s
        for name in ("input", "output")
    }


def rack_figures(result: Result) -> dict[str, float]:
    """Return how long racks were held back, as shares of all rack time, and their extremes."""
    history = rack_history(result)
    if history is None:
        return {}
    states = rack_states(history)
    plates = history.plate_c[~np.isnan(history.plate_c)]
    return {
        "capped": float((states == CAPPED).mean()),
        "hot": float((states == HOT).mean()),
        "off": float((states >= OFF).mean()),
        "inlet_max_c": float(history.inlet_c.max()),
        "plate_max_c": float(plates.max()) if plates.size else math.nan,
        "clock_min": float(history.clock.min()),
        "clock_mean": float(history.clock.mean()),
    }


def at(figures: Any, path: str) -> float:
    """Return the number at a dotted path, NaN where the run has none."""
    for step in path.split("."):
        if isinstance(figures, list):
            figures = figures[int(step)] if int(step) < len(figures) else None
        else:
            figures = (figures or {}).get(step)
    return float(figures) if isinstance(figures, int | float) else math.nan


def cell(interval: Interval) -> str:
    """Return a mean with its half-width, where there is one, as text."""
    if not math.isfinite(interval.half_width):
        return f"{interval.value:.4g}"
    return f"{interval.value:.4g} ± {interval.half_width:.2g}"


def markdown(table: dict[str, dict[str, Interval]]) -> str:
    """Return the table as Markdown."""
    titles = list(next(iter(table.values())))
    lines = [["variant", *titles], ["---"] * (len(titles) + 1)]
    lines += [[name, *map(cell, row.values())] for name, row in table.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
