"""Every published score of the serving model, recomputed from the measurements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.calibration.least_squares import mape, relative_error
from sim.calibration.logs import read_request_log
from sim.calibration.published import VLLM_RUNS, read_server_runs, read_splitwise
from sim.calibration.run import METRICS, STATISTICS, Run
from sim.calibration.run_fit import fit_runs, statistics_error
from sim.calibration.server_replay import simulate_server
from sim.calibration.servers import ServerRun, fit_server, follow_points, predicted_steps
from sim.calibration.shipped import (
    ACCELERATORS,
    dense_chat_runs,
    fitted_tasks,
    phase_errors,
    physical,
)
from sim.calibration.terms_fit import fit_terms, leave_one_out, term_columns
from sim.catalog.catalog import Catalog
from sim.interfaces import FloatArray
from sim.performance.configuration import Coefficients, Configuration
from sim.performance.steptime import StepTime
from sim.serving.kv.windows import Window, window_of

# How far the coefficients had seen the numbers that they are compared with.
FITTED, OTHER_HALF, LEFT_OUT, UNSEEN = "fitted on it", "other half", "left out", "not fitted"

# Two configurations whose every operating point stands on the page.
SHOWN_POINT_BY_POINT = (
    Configuration("h100-sxm", "llama-3.1-8b", "bf16", 1),
    Configuration("h100-sxm", "llama-3.1-70b", "bf16", 4),
)


@dataclass(frozen=True, slots=True)
class Score:
    """One line of the accuracy page.

    Attributes:
        data: the validation set.
        subject: what was simulated: a configuration, or a group of them.
        statistic: what is compared.
        measured: the measured value, in ``unit``; NaN for a mean over many.
        simulated: the simulated value, in ``unit``; NaN for a mean over many.
        unit: of the two.
        error: signed relative error, or a mean of absolute ones [1].
        basis: FITTED, OTHER_HALF, LEFT_OUT or UNSEEN.
        bar: largest error that we promise, NaN where none is promised [1].
    """

    data: str
    subject: str
    statistic: str
    measured: float
    simulated: float
    unit: str
    error: float
    basis: str
    bar: float = float("nan")

    @property
    def missed(self) -> bool:
        """Whether the error is beyond the bar."""
        return abs(self.error) > self.bar


def measure(data: Path, catalog: Catalog, shipped: Coefficients) -> tuple[Score, ...]:
    """Return every score, recomputed.

    Args:
        data: folder with ``ml-energy``, ``splitwise`` and ``vllm-runs``.
        catalog: accelerators and models.
        shipped: coefficient sets that come with Loadbank.
    """
    runs = read_server_runs(data / "ml-energy" / "llm_runs.csv")
    tables = read_splitwise(data / "splitwise" / "perf_model.csv")
    chosen = fitted_tasks(runs)
    return (
        *log_scores(data / "vllm-runs", catalog),
        *_accelerator_scores(runs, catalog),
        *_server_scores(chosen, shipped, catalog),
        *_phase_scores(tables, shipped),
        *_roofline_scores(chosen, tables, catalog),
    )


def log_scores(folder: Path, catalog: Catalog) -> Iterator[Score]:
    """Yield the 15 statistics of each request log, three times: fitted, half, uncalibrated."""
    bars = {"llama-3.1-8b": (0.03, 0.05, 0.05, 0.05), "qwen3-32b": (0.05, 0.05, 0.10, 0.05)}
    for name, (key, limits) in VLLM_RUNS.items():
        run = read_request_log(folder / name / "requests.jsonl")
        start = physical(key, catalog)
        fit = fit_runs([run], limits, start)
        second = run.part(slice(len(run) // 2, len(run)))
        in_sample, *half = bars[key.model]
        raw = statistics_error(run, slice(None), limits, start)
        low, high = (
            statistics_error(run, slice(None), limits, start.scaled(factor))
            for factor in (start.time_low, start.time_high)
        )
        subject = f"{key.model} on {key.tensor_parallel} x {key.accelerator}"
        yield from _statistics(subject, run, fit.error[0], FITTED, [in_sample] * 3)
        yield from _statistics(subject, second, fit.held_out[0], OTHER_HALF, half)
        yield from _statistics(subject, run, raw, UNSEEN, [float("nan")] * 3)
        outside = float(np.mean((low > 0.0) | (high < 0.0)))
        label = "share of the 15 statistics outside the interval of the uncalibrated run"
        yield _mean("vLLM request logs", subject, label, outside, UNSEEN, 0.10)


def _statistics(
    subject: str, run: Run, error: FloatArray, basis: str, bars: list[float]
) -> Iterator[Score]:
    measured = run.statistics()
    for row, metric in enumerate(METRICS):
        for column, statistic in enumerate(STATISTICS):
            value = float(measured[row, column])
            off = float(error[row, column])
            label = f"{metric.upper()} {statistic}"
            bar = bars[row]
            yield Score(
                "vLLM request logs", subject, label, value, value * (1 + off), "s", off, basis, bar
            )


def _mean(
    data: str, subject: str, statistic: str, error: float, basis: str, bar: float = float("nan")
) -> Score:
    nothing = float("nan")
    return Score(data, subject, statistic, nothing, nothing, "", float(error), basis, bar)


def _accelerator_scores(
    runs: dict[tuple[str, Configuration], list[ServerRun]], catalog: Catalog
) -> Iterator[Score]:
    bars = {"h100-sxm": (0.031, 0.065), "b200-sxm": (0.09, 0.16)}
    data = "ML.ENERGY, one set per accelerator"
    for name in ACCELERATORS:
        accelerator = catalog.accelerators[name]
        dense = dense_chat_runs(runs, name)
        columns, measured, models = term_columns(dense, catalog.models, accelerator)
        terms = fit_terms(columns, measured)
        values = (terms.layer_s, terms.weights, terms.kv, terms.compute, terms.sequence_s)
        in_sample, left_out = bars[name]
        fitted = mape(columns @ np.array(values), measured)
        subject = f"{name}, {len(set(models))} dense models, {len(measured)} points"
        yield _mean(data, subject, "inter-token latency, mean", fitted, FITTED, in_sample)
        ratios = leave_one_out(columns, measured, models)
        errors = {model: float(np.mean(np.abs(ratio - 1.0))) for model, ratio in ratios.items()}
        mean = float(np.mean(list(errors.values())))
        yield _mean(data, name, "inter-token latency, mean over models", mean, LEFT_OUT, left_out)
        for model, error in errors.items():
            yield _mean(data, f"{model} on {name}", "inter-token latency, mean", error, LEFT_OUT)


def _server_scores(
    chosen: dict[Configuration, tuple[str, list[ServerRun]]],
    shipped: Coefficients,
    catalog: Catalog,
) -> Iterator[Score]:
    data = "ML.ENERGY, one set per configuration, simulated"
    names = ("inter-token latency", "throughput", "power", "J per token")
    medians = []
    for key in sorted(chosen):
        if key not in shipped.step_times:
            continue
        window = window_of(catalog.models[key.model])
        errors = server_errors(chosen[key][1], key, shipped, window)
        medians.append(np.median(np.abs(errors), axis=0))
        subject = str(key)
        if key in SHOWN_POINT_BY_POINT:
            yield from _points(data, subject, chosen[key][1], errors)
        if shipped.step_times[key].batch_curve:
            error = _by_neighbours(chosen[key][1], physical(key, catalog), window)
            label = "steps at each batch by its neighbours, median"
            yield _mean(data, subject, label, error, LEFT_OUT)
        for name, error in zip(names, medians[-1], strict=True):
            bar = 0.05 if name != "inter-token latency" else float("nan")
            yield _mean(data, subject, f"{name}, median", error, FITTED, bar)
    overall = np.median(np.array(medians), axis=0)
    for name, error in zip(names, overall, strict=True):
        bar = 0.05 if name != "inter-token latency" else float("nan")
        yield _mean(data, f"{len(medians)} configurations", f"{name}, median", error, FITTED, bar)


def _by_neighbours(points: list[ServerRun], start: StepTime, window: Window | None) -> float:
    """Return the median error of a set that follows its points, at points that it has not seen."""
    errors = []
    for at in range(1, len(points) - 1):
        others = [*points[:at], *points[at + 1 :]]
        step = follow_points(others, fit_server(others, start, window), window)
        errors.append(relative_error(*predicted_steps([points[at]], step, window)))
    return float(np.median(np.abs(errors)))


def _points(
    data: str, subject: str, points: list[ServerRun], errors: FloatArray
) -> Iterator[Score]:
    for point, row in zip(points, errors.tolist(), strict=True):
        measured = (
            ("inter-token latency", point.itl_s, "s"),
            ("throughput", point.tokens_per_s, "tokens/s"),
            ("power of one accelerator", point.power_w, "W"),
        )
        for (name, value, unit), error in zip(measured, row[:3], strict=True):
            label = f"{name}, batch {point.batch:.0f}"
            yield Score(data, subject, label, value, value * (1 + error), unit, error, FITTED)


def server_errors(
    points: list[ServerRun], key: Configuration, shipped: Coefficients, window: Window | None
) -> FloatArray:
    """Return relative errors of latency, throughput, power and energy per point, shape (n, 4)."""
    rows = []
    for point in points:
        simulated = simulate_server(point, shipped.step_times[key], shipped.powers[key], window)
        pairs = [
            (simulated.itl_s, point.itl_s),
            (simulated.tokens_per_s, point.tokens_per_s),
            (simulated.power_w, point.power_w),
            (simulated.power_w / simulated.tokens_per_s, point.power_w / point.tokens_per_s),
        ]
        rows.append([ours / theirs - 1.0 for ours, theirs in pairs])
    return np.array(rows)


def _phase_scores(
    tables: dict[Configuration, FloatArray], shipped: Coefficients
) -> Iterator[Score]:
    data = "Splitwise table"
    every: dict[str, list[FloatArray]] = {"prefill": [], "decode": []}
    bars = {"prefill": 0.05, "decode": 0.02}
    for key, table in tables.items():
        errors = dict(zip(every, phase_errors(table, shipped.step_times[key]), strict=True))
        subject = f"{key.model} on {key.tensor_parallel} x {key.accelerator}"
        for phase, error in errors.items():
            every[phase].append(error)
            median = float(np.median(np.abs(error)))
            yield _mean(data, subject, f"{phase} time, median", median, FITTED, bars[phase])
    for phase, parts in every.items():
        median = float(np.median(np.abs(np.concatenate(parts))))
        subject = f"{len(parts)} configurations"
        yield _mean(data, subject, f"{phase} time, median", median, FITTED, bars[phase])


def _roofline_scores(
    chosen: dict[Configuration, tuple[str, list[ServerRun]]],
    tables: dict[Configuration, FloatArray],
    catalog: Catalog,
) -> Iterator[Score]:
    """Yield error and interval coverage of the physical form, which was fitted to no pair."""
    data = "Physical form, uncalibrated"
    kinds: dict[str, list[_Ratios]] = {"dense": [], "mixture of experts": []}
    for key, (_, points) in chosen.items():
        step = physical(key, catalog)
        predicted, measured = predicted_steps(points, step, window_of(catalog.models[key.model]))
        name = "mixture of experts" if catalog.models[key.model].experts else "dense"
        if key.data_parallel > 1:
            name += ", copies of attention"
        kinds.setdefault(name, []).append(_Ratios(key.accelerator, measured / predicted, step))
    old = kinds.setdefault("dense, an engine of 2023", [])
    for key, table in tables.items():
        step = physical(key, catalog)
        ratios = 1.0 / (1.0 + phase_errors(table, step)[1])
        old.append(_Ratios(key.accelerator, ratios, step))
    for name, parts in kinds.items():
        every = np.concatenate([part.ratios for part in parts])
        subject = f"{name}, {len(parts)} configurations"
        error = float(np.mean(np.abs(relative_error(1.0, every))))
        yield _mean(data, subject, "step time, mean", error, UNSEEN)
        interval = (parts[0].step.time_low, parts[0].step.time_high)
        bar = float("nan") if parts is old else 0.10  # the form is of engines of today
        yield _outside(data, subject, parts, interval, UNSEEN, bar)
        for accelerator in dict.fromkeys(part.accelerator for part in parts):
            mine = [part for part in parts if part.accelerator == accelerator]
            others = [part for part in parts if part.accelerator != accelerator]
            if not others:
                continue
            subject = f"{name} on {accelerator}, {len(mine)} configurations"
            yield _outside(data, subject, mine, interval, UNSEEN, bar)
            by_others = np.percentile(np.concatenate([part.ratios for part in others]), (0, 100))
            yield _outside(data, subject, mine, by_others.tolist(), LEFT_OUT)


@dataclass(frozen=True, slots=True)
class _Ratios:
    """Measured over physical step times of one configuration."""

    accelerator: str
    ratios: FloatArray
    step: StepTime


def _outside(
    data: str,
    subject: str,
    parts: list[_Ratios],
    interval: Sequence[float],
    basis: str,
    bar: float = float("nan"),
) -> Score:
    """Return the share of steps outside an interval, the mean over configurations."""
    low, high = interval
    shares = [np.mean((part.ratios < low) | (part.ratios > high)) for part in parts]
    label = f"share of steps outside {low:.2f} to {high:.2f} of the prediction"
    if basis == LEFT_OUT:
        label += ", the range on the other accelerators"
    return _mean(data, subject, label, float(np.mean(shares)), basis, bar)
