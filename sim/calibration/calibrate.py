"""From files that users have to a coefficient file: reads, fits, and says how well it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sim.calibration.benchmarks import Measured, read_benchmark
from sim.calibration.least_squares import mape
from sim.calibration.logs import is_request_log, read_request_log
from sim.calibration.power_fit import fit_logistic
from sim.calibration.replay import Limits
from sim.calibration.run import METRICS, STATISTICS
from sim.calibration.run_fit import fit_runs
from sim.calibration.servers import ServerRun, fit_server, predicted_steps
from sim.calibration.table import StepTable, read_step_table
from sim.calibration.table_fit import fit_step_table
from sim.calibration.verdict import require_limits
from sim.catalog.catalog import Catalog
from sim.errors import InputError, Problem
from sim.interfaces import FloatArray
from sim.performance.configuration import Coefficients, Configuration
from sim.performance.power import catalogue_power
from sim.performance.roofline import roofline
from sim.performance.steptime import StepTime
from sim.plant.memory_fit import Layout
from sim.registry import nearest_hint
from sim.serving.kv.windows import Window, window_of

FEWEST_POINTS = 4


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted, and how far to trust it.

    Attributes:
        coefficients: ready for a coefficient file.
        scores: name -> relative error [1]; names of held-out scores start with ``held out``.
        notes: what the data could not tell.
    """

    coefficients: Coefficients
    scores: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def calibrate(
    paths: Sequence[Path],
    key: Configuration,
    limits: Limits,
    catalog: Catalog,
    engine_version: str = "",
) -> Calibration:
    """Fit the coefficients of one configuration to a user's measurements.

    Args:
        paths: request logs, benchmark results or step tables, all of one kind.
        key: what was measured.
        limits: settings of the engine, for replays.
        catalog: accelerators and models.
        engine_version: of the engine that was measured, empty if unknown.

    Raises:
        InputError: unknown names, files that cannot be read, or data that cannot support the fit.
    """
    found = _fitted(paths, key, limits, catalog)
    steps = {
        of: replace(step, engine=key.engine, engine_version=engine_version)
        for of, step in found.coefficients.step_times.items()
    }
    return replace(found, coefficients=Coefficients(steps, found.coefficients.powers))


def from_kernels(key: Configuration, catalog: Catalog) -> Calibration:
    """Return the step time that measured kernels and the engine's host give, with its interval.

    Raises:
        InputError: unknown names, the extra is not installed, or the kernels do not cover the pair.
    """
    from sim.calibration.kernels import kernel_step

    _physical(key, catalog)
    model, accelerator = catalog.models[key.model], catalog.accelerators[key.accelerator]
    step = kernel_step(key, model, accelerator)
    return Calibration(Coefficients({key: step}), {}, ("nothing was fitted to a run",))


def _fitted(
    paths: Sequence[Path], key: Configuration, limits: Limits, catalog: Catalog
) -> Calibration:
    physical = _physical(key, catalog)
    limits = replace(limits, window=window_of(catalog.models[key.model]))
    source = "calibrated from " + ", ".join(path.name for path in paths)
    tables = [path for path in paths if path.suffix == ".csv"]
    if tables:
        if len(tables) < len(paths) or len(tables) > 1:
            expected = "either one table or any number of logs and benchmark results"
            raise InputError([Problem("files", f"{len(paths)} files", expected)])
        return _from_table(read_step_table(tables[0]), key, physical, catalog, source)
    measured = Measured()
    for path in paths:
        part = (
            Measured(runs=[read_request_log(path)])
            if is_request_log(path)
            else read_benchmark(path)
        )
        measured.runs += part.runs
        measured.points += part.points
    if measured.runs:
        require_limits(measured.runs, limits)
        return _from_runs(measured, key, limits, physical, source)
    return _from_points(measured.points, key, physical, source, limits.window)


def _physical(key: Configuration, catalog: Catalog) -> StepTime:
    problems = [
        Problem(
            what,
            repr(name),
            f"a name out of the catalogue's {what}s",
            hint=nearest_hint(name, list(known)),
        )
        for what, name, known in (
            ("accelerator", key.accelerator, catalog.accelerators),
            ("model", key.model, catalog.models),
        )
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    model, accelerator = catalog.models[key.model], catalog.accelerators[key.accelerator]
    layout = Layout("bf16", key.expert_parallel, key.data_parallel)
    return roofline(model, accelerator, key.tensor_parallel, key.precision, layout, key.engine)


def _from_runs(
    measured: Measured, key: Configuration, limits: Limits, physical: StepTime, source: str
) -> Calibration:
    fit = fit_runs(measured.runs, limits, physical)
    scores = {**_named("", fit.error), **_named("held out ", fit.held_out)}
    notes = ["prefill attention kept physical: such a log cannot tell it"]
    if measured.points:
        notes.append(f"{len(measured.points)} results without times per request were not used")
    step = _marked(fit.step_time, source, 1.0 / (1.0 + fit.held_out.ravel()))
    return Calibration(Coefficients({key: step}), scores, tuple(notes))


def _named(prefix: str, errors: FloatArray) -> dict[str, float]:
    """Return the worst run's error of each statistic, by name."""
    worst = np.take_along_axis(errors, np.abs(errors).argmax(axis=0)[None], axis=0)[0]
    return {
        f"{prefix}{metric} {statistic}": float(worst[row, column])
        for row, metric in enumerate(METRICS)
        for column, statistic in enumerate(STATISTICS)
    }


def _from_points(
    points: Sequence[ServerRun],
    key: Configuration,
    physical: StepTime,
    source: str,
    window: Window | None,
) -> Calibration:
    batches = sorted(point.batch for point in points)
    if len(points) < FEWEST_POINTS or batches[-1] < 2.0 * batches[0]:
        got = f"{len(points)} results at batch {batches[0]:.1f} to {batches[-1]:.1f}"
        expected = f"results at {FEWEST_POINTS} loads or more whose batches span a factor of two"
        hint = "or one result with times per request (--save-detailed)"
        raise InputError([Problem("files", got, expected, hint=hint)])
    step = fit_server(points, physical, window)
    held_out = [
        _point_error(
            fit_server([*points[:at], *points[at + 1 :]], physical, window), [point], window
        )
        for at, point in enumerate(points)
    ]
    scores = {
        "step time": _point_error(step, points, window),
        "held out step time": float(np.mean(held_out)),
    }
    notes = ("time per KV token kept physical: averages do not tell the context",)
    ratios = np.array([1.0 - max(held_out), 1.0 + max(held_out)])
    return Calibration(Coefficients({key: _marked(step, source, ratios)}), scores, notes)


def _point_error(step: StepTime, points: Sequence[ServerRun], window: Window | None) -> float:
    return mape(*predicted_steps(points, step, window))


def _from_table(
    table: StepTable, key: Configuration, physical: StepTime, catalog: Catalog, source: str
) -> Calibration:
    fit = fit_step_table(table, physical)
    scores = {"step time": fit.error, "held out step time": fit.held_out}
    notes = list(fit.notes)
    step = _marked(fit.step_time, source, np.array([1 - 2 * fit.held_out, 1 + 2 * fit.held_out]))
    measured = np.isfinite(table.power_w) & (table.prompt_tokens == 0) & (table.batch > 0)
    powers = {}
    if measured.any():
        start = catalogue_power(catalog.accelerators[key.accelerator])
        curve = fit_logistic(table.batch[measured], table.power_w[measured], start)
        powers[key] = replace(curve, kind="fitted", source=source)
        predicted = [curve.decode_w(float(batch)) for batch in table.batch[measured]]
        scores["power"] = mape(predicted, table.power_w[measured])
        notes.append("idle and prefill power are the catalogue's")
    return Calibration(Coefficients({key: step}, powers), scores, tuple(notes))


def _marked(step: StepTime, source: str, ratios: FloatArray) -> StepTime:
    return replace(
        step,
        kind="fitted",
        basis="fitted",
        source=source,
        time_low=max(0.05, min(1.0, float(ratios.min()))),
        time_high=max(1.0, float(ratios.max())),
    )
