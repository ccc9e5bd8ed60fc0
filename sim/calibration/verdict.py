"""Whether a fit may be used, and whether an old one still holds on a new log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sim.calibration.logs import read_request_log
from sim.calibration.replay import Limits
from sim.calibration.run import METRICS, STATISTICS, Run
from sim.calibration.run_fit import most_running, statistics_error
from sim.errors import InputError, Problem
from sim.performance.coefficient_file import read_coefficients
from sim.performance.configuration import Configuration

WORST = 0.10  # of a mean, on requests that the fit had not seen


def require_limits(runs: Sequence[Run], limits: Limits) -> None:
    """Refuse limits that the logs themselves contradict.

    Raises:
        InputError: more requests ran at once than the server is said to allow, or more context.
    """
    problems = []
    running = max(most_running(run) for run in runs)
    if running > limits.max_num_seqs:
        got = f"--max-num-seqs {limits.max_num_seqs}"
        expected = f"the server's own setting: {running} requests of the log ran at once"
        problems.append(Problem("max_num_seqs", got, expected))
    longest = max(int((run.input_tokens + run.output_tokens).max()) for run in runs)
    if longest > limits.kv_tokens:
        got = f"--kv-cache {limits.kv_tokens}"
        expected = f"the server's own size: a request of the log holds {longest} tokens"
        problems.append(Problem("kv_cache", got, expected))
    if problems:
        raise InputError(problems)


def require_good_fit(scores: Mapping[str, float]) -> None:
    """Refuse a fit whose means are far off on the half that it had not seen.

    Args:
        scores: relative errors by name, see `Calibration`.

    Raises:
        InputError: with the worst mean and the likely cause.
    """
    means = {name: scores[name] for name in scores if name.startswith("held out ")}
    means = {name: error for name, error in means.items() if name.endswith((" mean", "step time"))}
    if not means:
        return
    name, error = max(means.items(), key=lambda item: abs(item[1]))
    if abs(error) <= WORST:
        return
    cause = "the model, the chip or the layout is another one, or the server changed half way"
    if name.startswith("held out ttft"):
        cause = "requests waited otherwise than said: check --max-num-seqs and --kv-cache"
    got = f"{name.removeprefix('held out ')} {error:+.0%} on the half that the fit had not seen"
    hint = f"{cause}; --force writes it all the same"
    raise InputError([Problem("fit", got, f"at most {WORST:.0%}", hint=hint)])


def still_holds(
    coefficients: Path, logs: Sequence[Path], key: Configuration, limits: Limits
) -> dict[str, float]:
    """Return the relative error of each statistic of new logs under an old calibration.

    Args:
        coefficients: file that `loadbank calibrate` wrote.
        logs: request logs, such as after an upgrade of the engine.
        key: what was measured.
        limits: settings of the server.

    Raises:
        InputError: the file has no set of this configuration.
    """
    sets = read_coefficients(coefficients).step_times
    if key not in sets:
        known = ", ".join(str(each) for each in sorted(sets)) or "none"
        raise InputError([Problem("coefficients", f"sets of {known}", f"one of {key}")])
    runs = [read_request_log(path) for path in logs]
    require_limits(runs, limits)
    errors = np.array([statistics_error(run, slice(None), limits, sets[key]) for run in runs])
    worst = np.take_along_axis(errors, np.abs(errors).argmax(axis=0)[None], axis=0)[0]
    return {
        f"{metric} {statistic}": float(worst[row, column])
        for row, metric in enumerate(METRICS)
        for column, statistic in enumerate(STATISTICS)
    }


def holds(errors: Mapping[str, float]) -> bool:
    """Return whether every mean and median is within `WORST`."""
    middle = [error for name, error in errors.items() if name.endswith(("mean", "p50"))]
    return max(map(abs, middle)) <= WORST
