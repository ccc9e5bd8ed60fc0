"""The fits behind the coefficient sets that come with Loadbank, from published measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from sim.calibration.least_squares import mape
from sim.calibration.logs import read_request_log
from sim.calibration.power_fit import fit_server_power
from sim.calibration.published import VLLM_RUNS, read_server_runs, read_splitwise
from sim.calibration.run_fit import fit_runs
from sim.calibration.servers import ServerRun, fit_server, follow_points, predicted_steps
from sim.calibration.table_fit import fit_phase_table
from sim.calibration.terms_fit import fit_terms, leave_one_out, term_columns
from sim.catalog.catalog import Catalog
from sim.interfaces import FloatArray
from sim.performance.configuration import Coefficients, Configuration
from sim.performance.power import PhasePower, catalogue_power
from sim.performance.roofline import roofline
from sim.performance.steptime import StepTime
from sim.performance.terms import AcceleratorTerms
from sim.plant.memory_fit import Layout
from sim.serving.kv.windows import window_of

FEWEST_RUNS = 4
# A configuration whose steps no smooth curve follows gets the physical form and its wide interval.
WORST_ERROR = 0.30
# Above this mean error of the smooth form, a set follows its operating points one by one.
UNSMOOTH = 0.05
# Where a model ran several tasks, the first of these is fitted.
TASKS = ("lm-arena-chat", "sourcegraph-fim", "gpqa")
DENSE_CHAT = ("llama-3.1-8b", "qwen3-8b", "qwen3-32b", "llama-3.1-70b", "llama-3.3-70b")
ACCELERATORS = ("h100-sxm", "b200-sxm")


def fit_shipped(data: Path, catalog: Catalog) -> Coefficients:
    """Return the shipped sets, fitted afresh.

    Args:
        data: folder with ``ml-energy``, ``splitwise`` and ``vllm-runs``.
        catalog: accelerators and models.
    """
    runs = read_server_runs(data / "ml-energy" / "llm_runs.csv")
    table = read_splitwise(data / "splitwise" / "perf_model.csv")
    servers = _from_servers(runs, catalog)
    phases = _from_phase_tables(table, catalog)
    logs = _from_logs(data / "vllm-runs", catalog)
    terms = {
        name: _accelerator_terms(name, dense_chat_runs(runs, name), catalog)
        for name in ACCELERATORS
    }
    return Coefficients(logs, {}, terms).over(servers).over(phases)


def dense_chat_runs(
    runs: Mapping[tuple[str, Configuration], list[ServerRun]], accelerator: str
) -> dict[Configuration, list[ServerRun]]:
    """Return the chat runs of dense models on one accelerator."""
    return {
        key: points
        for (task, key), points in runs.items()
        if task == TASKS[0]
        and key.accelerator == accelerator
        and key.model in DENSE_CHAT
        and len(points) >= FEWEST_RUNS
    }


def fitted_tasks(
    runs: Mapping[tuple[str, Configuration], list[ServerRun]],
) -> dict[Configuration, tuple[str, list[ServerRun]]]:
    """Return the task and the runs from which each configuration is fitted."""
    chosen: dict[Configuration, tuple[str, list[ServerRun]]] = {}
    for task in TASKS:
        for (name, key), points in runs.items():
            if name == task and len(points) >= FEWEST_RUNS:
                chosen.setdefault(key, (task, points))
    return chosen


def physical(key: Configuration, catalog: Catalog) -> StepTime:
    """Return the roofline of a configuration."""
    model, accelerator = catalog.models[key.model], catalog.accelerators[key.accelerator]
    layout = Layout("bf16", key.expert_parallel, key.data_parallel)
    return roofline(model, accelerator, key.tensor_parallel, key.precision, layout)


def _from_servers(
    runs: Mapping[tuple[str, Configuration], list[ServerRun]], catalog: Catalog
) -> Coefficients:
    steps: dict[Configuration, StepTime] = {}
    powers: dict[Configuration, PhasePower] = {}
    for key, (task, points) in fitted_tasks(runs).items():
        window = window_of(catalog.models[key.model])
        step = fit_server(points, physical(key, catalog), window)
        fitted, measured = predicted_steps(points, step, window)
        smooth = mape(fitted, measured)
        if UNSMOOTH < smooth <= WORST_ERROR:
            step = follow_points(points, step, window)
        source = f"ML.ENERGY benchmark v3, {task}, vLLM"
        start = catalogue_power(catalog.accelerators[key.accelerator])
        powers[key] = replace(fit_server_power(points, step, start), kind="fitted", source=source)
        if smooth <= WORST_ERROR:  # the interval is that of the smooth fit, between the points too
            steps[key] = _with_interval(step, measured / fitted, source)
    return Coefficients(steps, powers)


def _from_phase_tables(
    tables: Mapping[Configuration, FloatArray], catalog: Catalog
) -> Coefficients:
    steps: dict[Configuration, StepTime] = {}
    powers: dict[Configuration, PhasePower] = {}
    for key, table in tables.items():
        step = fit_phase_table(table, physical(key, catalog))
        prefill, decode = phase_errors(table, step)
        ratios = 1.0 / (1.0 + np.concatenate([prefill, decode]))
        steps[key] = _with_interval(step, ratios, "Splitwise performance table")
        accelerator = catalog.accelerators[key.accelerator]
        powers[key] = replace(
            catalogue_power(accelerator),
            floor_w=float(np.median(table[:, 6])) * accelerator.tdp_w,
            rise_w=0.0,
            batch_low=step.batch_low,
            batch_high=step.batch_high,
            kind="fitted",
            source="Splitwise performance table, median of mean power, decode-dominated",
        )
    return Coefficients(steps, powers)


def phase_errors(table: FloatArray, step: StepTime) -> tuple[FloatArray, FloatArray]:
    """Return the relative errors of prefill and decode times of a Splitwise configuration."""
    prompt, batch, output, prompt_s, token_s = table[:, :5].T
    prefill = [step.seconds(p * b, 0.0) for p, b in zip(prompt, batch, strict=True)]
    decode = [
        step.seconds(b, b * (p + 0.5 * o), b) for p, b, o in zip(prompt, batch, output, strict=True)
    ]
    return np.array(prefill) / prompt_s - 1.0, np.array(decode) / token_s - 1.0


def _from_logs(folder: Path, catalog: Catalog) -> dict[Configuration, StepTime]:
    steps = {}
    for name, (key, limits) in VLLM_RUNS.items():
        run = read_request_log(folder / name / "requests.jsonl")
        fit = fit_runs([run], limits, physical(key, catalog))
        steps[key] = replace(
            fit.step_time,
            kind="fitted",
            basis="fitted",
            source="LLMServingSim bench, vLLM 0.19, 300 ShareGPT requests",
            batch_low=1.0,
            batch_high=float(limits.max_num_seqs),
            time_low=0.95,
            time_high=1.05,
        )
    return steps


def _accelerator_terms(
    name: str, runs: Mapping[Configuration, list[ServerRun]], catalog: Catalog
) -> AcceleratorTerms:
    columns, measured, models = term_columns(runs, catalog.models, catalog.accelerators[name])
    left_out = leave_one_out(columns, measured, models)
    low, high = np.percentile(1.0 / np.concatenate(list(left_out.values())), (5, 95))
    every = [run for points in runs.values() for run in points]
    batches = [run.batch for run in every]
    return replace(
        fit_terms(columns, measured),
        source="ML.ENERGY benchmark v3, chat, 5 dense models; not fitted to this model",
        batch_low=min(batches),
        batch_high=max(batches),
        context_high=max(run.prompt_tokens + run.output_tokens for run in every),
        time_low=float(low),
        time_high=float(high),
    )


def _with_interval(step: StepTime, ratios: FloatArray, source: str) -> StepTime:
    low, high = np.percentile(ratios, (5, 95))
    step = replace(step, kind="fitted", basis="fitted", source=source)
    return replace(step, time_low=float(low), time_high=float(high))
