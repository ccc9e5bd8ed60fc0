"""Run all variants of an experiment, print what comes out as a table, and draw its picture.

    python experiments/run_variants.py experiments/heat-wave

``variants.yaml`` in the folder names the variants with their ``--set`` changes, the columns of the
table as paths into the summary, and what the picture shows. Beside the summary a path may begin
with ``racks``: the shares of rack time that were capped, hot or off, and the extremes of inlet,
cold plate and clock.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sim import load_scenario, simulate
from sim.report.rack_states import CAPPED, HOT, OFF, rack_history, rack_states
from sim.report.variant_plots import save_figures, save_over_time
from sim.result import Result
from sim.scenario.yaml_reader import read_document


def main(folder: Path) -> None:
    """Run, print and draw."""
    plan = read_document(folder / "variants.yaml").data
    results, table = {}, {}
    for name, changes in plan["variants"].items():
        result = simulate(load_scenario(folder / "scenario.yaml", changes or []))
        figures = {**result.summary, "racks": rack_figures(result)}
        results[name] = result
        table[name] = {title: at(figures, path) for title, path in plan["table"].items()}
        print(f"{name}: {result.summary['performance']['wall_s']:.1f} s", file=sys.stderr)
    print(markdown(table))
    picture = plan["picture"]
    if "over_time" in picture:
        shown = picture.get("variants", list(results))
        chosen = {name: results[name] for name in shown}
        save_over_time(chosen, picture["over_time"], folder / "picture.png")
    else:
        save_figures(table, picture["figures"], folder / "picture.png")


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
        "off": float((states == OFF).mean()),
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


def markdown(table: dict[str, dict[str, float]]) -> str:
    """Return the table as Markdown."""
    titles = list(next(iter(table.values())))
    lines = [["variant", *titles], ["---"] * (len(titles) + 1)]
    lines += [[name, *(f"{value:.4g}" for value in row.values())] for name, row in table.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
