"""Fits one coefficient set to all dense models of an accelerator, and scores it model by model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sim.calibration.least_squares import fit_relative_absolute
from sim.calibration.servers import ServerRun, median_prompt_tokens
from sim.catalog.catalog import Accelerator, Model
from sim.interfaces import FloatArray
from sim.performance.configuration import Configuration
from sim.performance.terms import AcceleratorTerms, unit_times

Runs = Mapping[Configuration, Sequence[ServerRun]]


def term_columns(
    runs: Runs, models: Mapping[str, Model], accelerator: Accelerator
) -> tuple[FloatArray, FloatArray, list[str]]:
    """Return the terms and the inter-token time of each run, and the name of its model.

    Args:
        runs: operating points by configuration, all of one accelerator.
        models: catalogue of models.
        accelerator: the accelerator.
    """
    rows, target, names = [], [], []
    for key, points in runs.items():
        model = models[key.model]
        weights_s, kv_s, token_s = unit_times(model, accelerator, key.tensor_parallel)
        for run in points:
            kv_tokens = run.batch * (run.prompt_tokens + 0.5 * run.output_tokens)
            new_tokens = run.batch + median_prompt_tokens(run)
            rows.append(
                (model.layers, weights_s, kv_s * kv_tokens, token_s * new_tokens, run.batch)
            )
            target.append(run.itl_s)
            names.append(key.model)
    return np.array(rows, dtype=np.float64), np.array(target), names


def fit_terms(columns: FloatArray, target: FloatArray) -> AcceleratorTerms:
    """Return the multipliers with the least mean absolute relative error."""
    layer, weights, kv, compute, sequence = fit_relative_absolute(columns, target).tolist()
    return AcceleratorTerms(layer, weights, kv, compute, sequence)


def leave_one_out(
    columns: FloatArray, target: FloatArray, names: Sequence[str]
) -> dict[str, FloatArray]:
    """Return predicted over measured time of each model, fitted without any of its rows.

    Models of one shape (Llama 3.1 and 3.3 at 70B) count as two, as published scores do.
    """
    ratios = {}
    for name in dict.fromkeys(names):
        out = np.array([other == name for other in names])
        terms = fit_relative_absolute(columns[~out], target[~out])
        ratios[name] = columns[out] @ terms / target[out]
    return ratios
