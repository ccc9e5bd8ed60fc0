"""The tables of a study: tidy columns, a row per run and a row per interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sim.experiment.execution.point import yaml_text
from sim.experiment.execution.run_folders import Outcome
from sim.experiment.statistics.intervals import interval_of
from sim.experiment.statistics.numbers import matching, numbers_of
from sim.experiment.study.design import Variant
from sim.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from sim.experiment.study.sweep import SweepResult

Outcomes = Mapping[int, Mapping[int, Outcome]]
"""Outcomes by variant and replication."""


def runs_table(variants: Sequence[Variant], outcomes: Outcomes) -> pd.DataFrame:
    """Return a row per run, in the order of the design, whatever the order of finishing."""
    import pandas as pd

    rows = []
    for variant in variants:
        for replication, outcome in sorted(outcomes.get(variant.index, {}).items()):
            told = {"replication": replication, "status": outcome.status, "error": outcome.error}
            rows.append(_described(variant) | told | numbers_of(outcome.summary))
    columns = [*_described_columns(variants), "replication", "status", "error"]
    return pd.DataFrame(rows, columns=None if rows else columns)


def intervals_table(
    variants: Sequence[Variant], outcomes: Outcomes, patterns: Sequence[str]
) -> pd.DataFrame:
    """Return a row per variant and number: value, low, high, n and method of its interval.

    Args:
        variants: the design.
        outcomes: what is done.
        patterns: which numbers; all of them where it is empty.
    """
    import pandas as pd

    rows = []
    for variant in variants:
        runs = outcomes.get(variant.index, {})
        samples = [numbers_of(run.summary) for _, run in sorted(runs.items()) if not run.error]
        names = dict.fromkeys(name for sample in samples for name in sample)
        for name in matching(names, patterns):
            interval = interval_of(name, [sample.get(name, float("nan")) for sample in samples])
            numbers = {"value": interval.value, "low": interval.low, "high": interval.high}
            method = {"n": interval.n, "method": interval.method}
            rows.append(_described(variant) | {"metric": name} | numbers | method)
    columns = [*_described_columns(variants), "metric", "value", "low", "high", "n", "method"]
    return pd.DataFrame(rows, columns=None if rows else columns)


def timings_table(outcomes: Outcomes) -> pd.DataFrame:
    """Return the wall time of each run, the slowest first."""
    import pandas as pd

    rows = [
        {"variant": variant, "replication": replication, "wall_s": _wall_s(outcome)}
        for variant, runs in outcomes.items()
        for replication, outcome in runs.items()
    ]
    table = pd.DataFrame(rows, columns=["variant", "replication", "wall_s"])
    return table.sort_values("wall_s", ascending=False, ignore_index=True)


def save(result: SweepResult, room: Workspace, shard: tuple[int, int]) -> None:
    """Write the tables as Parquet and CSV; those of a shard carry its number."""
    suffix = "" if shard == (1, 1) else f"-shard-{shard[0]}-of-{shard[1]}"
    for name in ("runs", "intervals"):
        put_table(room, f"results-{name}{suffix}", getattr(result, name))
    room.put(f"timings{suffix}.csv", partial(result.timings.to_csv, index=False))


def put_table(room: Workspace, name: str, table: pd.DataFrame) -> None:
    """Write a table as CSV and as Parquet."""
    room.put(f"{name}.csv", partial(table.to_csv, index=False))
    room.put(f"{name}.parquet", partial(table.to_parquet, index=False))


def _described(variant: Variant) -> dict[str, Any]:
    changes = {path: _cell(value) for path, value in variant.changes.items()}
    return {"variant": variant.index, "label": variant.label} | changes


def _described_columns(variants: Sequence[Variant]) -> list[str]:
    return list(dict.fromkeys(name for variant in variants for name in _described(variant)))


def _cell(value: Any) -> Any:
    """Return a value that fits a table cell: mappings and lists as text."""
    return yaml_text(value) if isinstance(value, (Mapping, list, tuple)) else value


def _wall_s(outcome: Outcome) -> float:
    stored = outcome.summary.get("performance", {}).get("wall_s", 0.0)
    return outcome.wall_s or float(stored or 0.0)
