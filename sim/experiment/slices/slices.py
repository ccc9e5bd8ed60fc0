"""A long run cut into time slices that run side by side and are merged again.

Each slice starts early, by an overlap in which the site fills up and nothing is counted, and runs
on until the last request that arrived in it is answered. All slices draw the requests of the
unsliced run (`run.from`); what else the cut changes is measured by `checked`, not assumed. Slices
are the points of a sweep, so they run on any executor and an interrupted run continues.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError, ModelLimitError, Problem
from sim.experiment.execution.point import override_texts
from sim.experiment.execution.run_folders import SUMMARY, write_json
from sim.experiment.slices.portions import difference, merged, portion
from sim.experiment.study.results_table import put_table
from sim.experiment.study.study import find_scenario
from sim.experiment.study.sweep import Progress, SweepResult, sweep
from sim.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.schema.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Cutting:
    """How a run is cut.

    Attributes:
        slices: into how many slices.
        overlap_s: warm-up of each slice but the first, whose warm-up is that of the run [s].
        checked: so many slices from the start are also run in one piece, and compared.
    """

    slices: int
    overlap_s: float
    checked: int = 0

    def problems(self, duration_s: float) -> Iterator[Problem]:
        """Yield what does not fit a run of this length [s]."""
        if self.slices < 1:
            yield Problem("slices", str(self.slices), "1 or more")
        if not 0 <= self.checked <= max(self.slices, 0):
            yield Problem("check", f"{self.checked} slices", f"0 to {self.slices}")
        if not 0.0 <= self.overlap_s < duration_s:
            yield Problem("overlap", f"{self.overlap_s:g} s", f"0 s to less than {duration_s:g} s")


@dataclass(frozen=True, slots=True)
class Slice:
    """One stretch of a run.

    Attributes:
        start_s: where it starts in the whole, without its overlap [s].
        length_s: how long it is [s].
        overlap_s: how much earlier its run starts [s].
    """

    start_s: float
    length_s: float
    overlap_s: float

    @property
    def end_s(self) -> float:
        """Where it ends [s]."""
        return self.start_s + self.length_s


@dataclass(frozen=True, slots=True)
class Sliced:
    """What the slices of a run found.

    Attributes:
        summary: merged figures, keyed as in summary.json; how it was cut is under ``slices``.
        slices: a row per slice: where it lies, requests, latencies, energy and what it cost.
        check: the differences to an unsliced run, None where none was asked for.
    """

    summary: dict[str, Any]
    slices: pd.DataFrame
    check: Check | None = None

    def save(self, room: Workspace) -> None:
        """Write the table of the slices and summary.json, which has the differences, too."""
        check = {"check": asdict(self.check)} if self.check else {}
        put_table(room, "slices", self.slices)
        room.put(SUMMARY, lambda path: write_json(path, self.summary | check))


@dataclass(frozen=True, slots=True)
class Check:
    """Slices against an unsliced run of the same stretch.

    Attributes:
        length_s: how long the stretch is, from the start of the run [s].
        slices: into how many slices it was cut.
        sliced: merged figures of the slices.
        whole: the same figures of the unsliced run.
        difference: relative difference of each number by its dotted name.
    """

    length_s: float
    slices: int
    sliced: dict[str, Any]
    whole: dict[str, Any]
    difference: dict[str, float]

    def largest(self, number: int = 5) -> list[tuple[str, float]]:
        """Return the numbers that differ most, the largest difference first."""
        return sorted(self.difference.items(), key=lambda item: -abs(item[1]))[:number]


def cut(to_s: float, slices: int, overlap_s: float, warmup_s: float = 0.0) -> list[Slice]:
    """Return equal slices of a run; an overlap never reaches back before its start.

    Args:
        to_s: end of the run [s].
        slices: how many.
        overlap_s: how much earlier each run starts [s].
        warmup_s: start of the first slice, before which nothing counts [s].
    """
    edges = np.linspace(warmup_s, to_s, slices + 1).tolist()
    return [Slice(start, end - start, min(overlap_s, start)) for start, end in pairwise(edges)]


def simulate_in_slices(
    scenario: str | Path,
    cutting: Cutting,
    *,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    executor: str | Executor = "processes",
    report: Callable[[Progress], None] | None = None,
) -> Sliced:
    """Run a scenario in slices and return the merged figures.

    Args:
        scenario: a scenario file, or a shipped experiment's name.
        cutting: how it is cut.
        overrides: changes to the scenario by dotted path.
        seed: seed of every slice.
        out: folder for the portions, which a second call finds again.
        executor: where the slices run.
        report: is told of the progress after every slice.

    Raises:
        InputError: something in the scenario remembers more of the past than an overlap holds, or
            the cutting does not fit the run.
        ModelLimitError: a slice failed; the text has the reason.
    """
    from sim.load import load_scenario

    base, changes = find_scenario(scenario), dict(overrides or {})
    loaded = load_scenario(base, override_texts(changes))
    problems = [*cutting.problems(_duration_s(loaded)), *_what_remembers(loaded)]
    if problems:
        raise InputError(problems)
    parts = cut(_duration_s(loaded), cutting.slices, cutting.overlap_s, loaded.run.warmup_s)
    wanted = list(parts)
    if cutting.checked:
        last = parts[cutting.checked - 1]
        wanted.append(replace(parts[0], length_s=last.end_s - parts[0].start_s))
    study = {
        "name": "slices",
        "base": str(base.resolve()),
        "seed": seed,
        "set": changes,
        "replications": 1,
        "sweep": {"list": [_changes(part, loaded.run.from_s) for part in wanted]},
    }
    found = sweep(study, out, executor=executor, retry_failed=True, report=report, run=run_slice)
    portions = [_portion_of(found, number) for number in range(len(wanted))]
    told = {
        "scenario": {"name": loaded.name, "description": loaded.description},
        "seed": seed,
        "slices": {"number": cutting.slices, "overlap_s": cutting.overlap_s},
    }
    return _put_together(told, parts, portions, cutting.checked)


def run_slice(base: Path, overrides: Sequence[str], seed: int, replication: int) -> Any:
    """Run one slice and return its portion as the ``summary`` of a result.

    Args:
        base: the scenario file.
        overrides: changes as texts, those that cut the slice out among them.
        seed: seed of the run.
        replication: index of the replication.
    """
    from sim.load import load_scenario
    from sim.simulate import simulate

    scenario = load_scenario(base, overrides=list(overrides))
    with TemporaryDirectory() as folder:  # of the requests only some columns come back to memory
        spool = Path(folder) / "requests.parquet"
        result = simulate(scenario, seed, replication=replication, spool=spool)
        found = portion(result, scenario.run.warmup_s, _duration_s(scenario))
    del result
    gc.collect()  # a world is a cycle: without this a worker keeps those of earlier slices
    return SimpleNamespace(summary=found)


def _changes(part: Slice, from_s: float) -> dict[str, Any]:
    """Return what cuts a slice out of its scenario, by dotted path."""
    return {
        "run.from": f"{from_s + part.start_s - part.overlap_s!r} s",
        "run.warmup": f"{part.overlap_s!r} s",
        "run.duration": f"{part.overlap_s + part.length_s!r} s",
        "run.drain": True,
    }


def _duration_s(scenario: Scenario) -> float:
    if scenario.run.duration_s is None:
        expected = "a duration, so that it can be cut"
        raise InputError([Problem("run.duration", "nothing", expected)])
    return scenario.run.duration_s


def _what_remembers(scenario: Scenario) -> Iterator[Problem]:
    """Yield what carries more from one hour to the next than an overlap rebuilds."""
    paths = [name for name in ("facility", "faults") if getattr(scenario, name) is not None]
    for name, workload in scenario.traffic.items():
        wanting = [part for part in ("sessions", "usage") if getattr(workload, part) is not None]
        paths += [f"traffic.{name}.{part}" for part in wanting]
    paths += [f"tiers.{name}.usage" for name, tier in scenario.tiers.items() if tier.usage]
    paths += [
        f"pools.{name}.autoscaling" for name, pool in scenario.pools.items() if pool.autoscaling
    ]
    for path in paths:
        got = "a part that remembers more than an overlap rebuilds"
        yield Problem(path, got, "a scenario without it, or a run in one piece")


def _portion_of(found: SweepResult, number: int) -> dict[str, Any]:
    summaries = found.summaries(number)
    if not summaries:
        rows = found.failures
        reason = rows.loc[rows["variant"] == number, "error"].iloc[0]
        raise ModelLimitError(f"slice {number + 1} failed: {reason}")
    return dict(summaries[0])


def _put_together(
    told: Mapping[str, Any],
    parts: Sequence[Slice],
    portions: Sequence[dict[str, Any]],
    check_slices: int,
) -> Sliced:
    import pandas as pd

    table = pd.DataFrame([_row(*each) for each in zip(parts, portions, strict=False)])
    found = Sliced({**told, **merged(portions[: len(parts)])}, table)
    if not check_slices:
        return found
    sliced, whole = merged(portions[:check_slices]), merged(portions[-1:])
    end_s = parts[check_slices - 1].end_s
    check = Check(end_s, check_slices, sliced, whole, difference(sliced, whole))
    return replace(found, check=check)


def _row(part: Slice, found: dict[str, Any]) -> dict[str, Any]:
    figures = merged([found])
    latency = figures["latency"]["all"]
    levels = {
        f"{name}.{level}": latency.get(name, {}).get(level, float("nan"))
        for name in ("ttft_s", "tpot_s")
        for level in ("p50", "p99")
    }
    tiers = {f"attainment.{name}": each["attainment"] for name, each in figures["sla"].items()}
    return {
        "start_s": part.start_s,
        "length_s": part.length_s,
        "overlap_s": part.overlap_s,
        "requests": figures["requests"]["arrived"],
        "output_tokens": found["output_tokens"],
        "mean_kw": found["energy_j"] / part.length_s / 1e3,
        **levels,
        **tiers,
        **{name: found["performance"].get(name) for name in ("wall_s", "cpu_s", "peak_rss_mb")},
    }
