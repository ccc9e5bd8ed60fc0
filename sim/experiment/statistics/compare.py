"""What differs between runs, with an interval and a plain verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, Problem
from sim.experiment.statistics.numbers import better, matching
from sim.experiment.statistics.pairs import paired_difference
from sim.experiment.statistics.replicate import Replicated
from sim.experiment.statistics.run_samples import Samples, read_samples
from sim.experiment.study.sweep import SweepResult
from sim.performance.ranking import footing_of, may_turn

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    *("metric", "baseline", "variant", "value", "variant_value", "difference", "low", "high", "n"),
    *("unit", "relative", "variance_reduction", "verdict", "more_replications"),
)


# Numbers that rise with step time where a fleet is busy.
FOLLOW_STEP_TIME = (("cost", "usd_per_mtoken"), ("energy", "j_per_output_token"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences of variants against a baseline.

    Attributes:
        table: a row per metric and variant, see `COLUMNS`.
        notes: what has to be known to read it, such as traffic that is not the same.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()


def compare(
    runs: Sequence[str | Path] | SweepResult | Mapping[str, Samples | Replicated | pd.DataFrame],
    *,
    metrics: Sequence[str] = (),
    baseline: str | None = None,
) -> Comparison:
    """Compare runs, or the variants of a study, that saw the same random numbers.

    A folder with replications is compared replication by replication. A folder of a single run
    is cut into batches of the same requests and of the same stretches of time.

    Args:
        runs: run folders, of which the first is the baseline; or a study's result; or, by name,
            replications of each variant (`replicate`), tables with a row per replication, or
            samples.
        metrics: dotted names (``*`` stands for anything); all that the runs share by default.
        baseline: name of the variant that the others are compared with; the first by default.

    Raises:
        InputError: a folder has no runs, or fewer than two variants are given.
    """
    samples = _given(runs) if isinstance(runs, Mapping) else _samples(runs)
    if len(samples) < 2:
        raise InputError([Problem("compare", f"{len(samples)} run", "two runs or more")])
    first = baseline if baseline is not None else next(iter(samples))
    if first not in samples:
        expected = "one of " + ", ".join(samples)
        raise InputError([Problem("baseline", repr(first), expected)])
    notes: list[str] = []
    rows: list[dict[str, object]] = []
    for name, sample in samples.items():
        if name != first:
            if not samples[first].pairs_with(sample):
                notes.append(
                    f"{first} and {name} did not see the same requests: their difference is taken"
                    " between batches that are not alike, and its interval is wider for it"
                )
            rows += _rows(first, samples[first], name, sample, metrics)
    told = {} if isinstance(runs, Mapping) else _summaries(runs)
    for name, summary in told.items():
        if name != first and first in told:
            notes += footing_notes(first, told[first], name, summary)
    import pandas as pd

    return Comparison(pd.DataFrame(rows, columns=list(COLUMNS)), tuple(notes))


def footing_notes(
    first: str, before: Mapping[str, Any], name: str, after: Mapping[str, Any]
) -> list[str]:
    """Return a note where the order of two runs rests on step times of two kinds and may turn.

    Args:
        first: name of the baseline.
        before: its summary.
        name: of the variant.
        after: its summary.
    """
    left, right = footing_of(before), footing_of(after)
    if left is None or right is None:
        return []
    turned = []
    for section, key in FOLLOW_STEP_TIME:
        told = [(each.get(section) or {}).get(key) for each in (before, after)]
        values = [float(value) for value in told if isinstance(value, int | float) and value > 0.0]
        if len(values) < 2:
            continue
        better, worse = (left, right) if values[0] <= values[1] else (right, left)
        if may_turn(better, worse, max(values) / min(values)):
            turned.append(f"{section}.{key}")
    if not turned:
        return []
    return [
        f"{first} rests on {left}, {name} on {right}: the order of {', '.join(turned)} may turn"
    ]


def _summaries(runs: Sequence[str | Path] | SweepResult) -> dict[str, Mapping[str, Any]]:
    """Return a summary of each run that has one, by the name in the comparison."""
    found: dict[str, Mapping[str, Any]] = {}
    if isinstance(runs, SweepResult):
        return found  # variants of a study are read by its page
    for folder in runs:
        path = Path(folder) / "summary.json"
        if path.is_file():
            found[str(folder)] = json.loads(path.read_text(encoding="utf-8"))
    return found


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return each name without the parts of its path that all of them share."""
    parts = [Path(name).parts for name in names]
    if len(set(names)) < 2 or any(len(part) < 2 for part in parts):
        return {name: name for name in names}
    head = _shared(parts)
    tail = _shared([part[head:][::-1] for part in parts])
    return {
        name: "/".join(part[head : len(part) - tail]) or name
        for name, part in zip(names, parts, strict=True)
    }


def _shared(parts: Sequence[Sequence[str]]) -> int:
    """Return how many leading parts all of them share."""
    return len(list(takewhile(lambda each: len(set(each)) == 1, zip(*parts, strict=False))))


def _given(runs: Mapping[str, Samples | Replicated | pd.DataFrame]) -> dict[str, Samples]:
    """Return samples by name; a table has a row per replication, and its columns are numbers."""
    found = {}
    for name, each in runs.items():
        if isinstance(each, Samples):
            found[name] = each
        elif isinstance(each, Replicated):
            found[name] = Samples.of_summaries(each.result.summaries())
        else:
            numbers = each.select_dtypes("number")
            values = {str(column): numbers[column].to_numpy(float) for column in numbers}
            found[name] = Samples(values, tuple(enumerate(each.index)))
    return found


def _samples(runs: Sequence[str | Path] | SweepResult) -> dict[str, Samples]:
    if not isinstance(runs, SweepResult):
        return {str(folder): read_samples(Path(folder)) for folder in runs}
    first = runs.variants[0].changes
    same = {
        path
        for path, value in first.items()
        if len(runs.variants) > 1
        and all(variant.changes.get(path) == value for variant in runs.variants)
    }
    names = {
        variant.index: variant.label
        or _told({path: value for path, value in variant.changes.items() if path not in same})
        for variant in runs.variants
    }
    return {
        name: Samples.of_summaries(runs.summaries(index))
        for index, name in names.items()
        if runs.summaries(index)
    }


def _told(changes: Mapping[str, object]) -> str:
    return ", ".join(f"{path}={value}" for path, value in changes.items()) or "base"


def _rows(
    first: str, before: Samples, name: str, after: Samples, metrics: Sequence[str]
) -> list[dict[str, object]]:
    shared = [metric for metric in before.values if metric in after.values]
    rows: list[dict[str, object]] = []
    for metric in matching(shared, metrics):
        old, new = before.values[metric], after.values[metric]
        count = min(len(old), len(new))
        direction = better(metric)
        pair = paired_difference(old[:count], new[:count], lower_is_better=direction == "lower")
        verdict = pair.verdict
        if direction == "neither" and verdict in ("better", "worse"):
            verdict = "more" if pair.difference.value > 0 else "less"
        numbers = (pair.difference.value, pair.difference.low, pair.difference.high)
        values = (float(old[:count].mean()), float(new[:count].mean()), *numbers)
        judged = (pair.relative, pair.variance_reduction, verdict, pair.more_replications)
        row = (metric, first, name, *values, pair.difference.n, after.unit, *judged)
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows
