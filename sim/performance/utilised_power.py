"""Decode power where no serving run was measured: by how busy a step keeps a chip."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np

from sim.catalog.entries import Accelerator, Model
from sim.performance.experts import covered_share
from sim.performance.power import PhasePower, catalogue_power
from sim.performance.roofline import TYPICAL_CONTEXT_TOKENS, computes_in
from sim.performance.steptime import StepTime
from sim.plant.memory_fit import EVEN_SPLIT, WEIGHT_BYTES, Layout, kv_bytes_per_token

# Where between the catalogue's power of a batch of one (0) and of a saturated batch (1) a chip
# stands: constant, per root of the share of peak bandwidth, per root of the share of peak
# arithmetic. Robust fit to the ML.ENERGY runs of 12 models on H100 and B200 with the step times of
# the physical form.
POSITION = (-0.41, 0.67, 1.95)
# True over predicted power of models that the fit had not seen, 5th and 95th percentile, 277 runs.
INTERVAL = (0.78, 1.28)
BATCHES = tuple(2.0**doubling for doubling in range(12))
SOURCE = "power by utilisation within the catalogue's range, no serving run measured"


def utilised_power(
    model: Model,
    accelerator: Accelerator,
    group: int,
    precision: str,
    step: StepTime,
    layout: Layout = EVEN_SPLIT,
) -> PhasePower:
    """Return a power curve over the batch from what each step reads and computes.

    Power rises with bytes and products per second, so mixtures, whose steps read much and compute
    little, and few chips in fp8 find their place without a curve of their own. At a context of
    1,024 tokens a sequence.

    Args:
        model: shape of the model.
        accelerator: one accelerator with its power by phase.
        group: accelerators of the replica [1].
        precision: of the weights.
        step: step time of the deployment.
        layout: how the model lies on the accelerators.
    """
    ends = catalogue_power(accelerator)
    low_w, high_w = accelerator.decode_low_w, accelerator.decode_high_w
    constant, by_bytes, by_products = POSITION
    points = []
    for batch in BATCHES:
        memory, arithmetic = utilisation(model, accelerator, group, precision, step, layout, batch)
        share = constant + by_bytes * sqrt(memory) + by_products * sqrt(arithmetic)
        watts = low_w + share * (high_w - low_w)
        points.append((batch, float(np.clip(watts, ends.idle_w, accelerator.tdp_w))))
    return replace(
        ends,
        points=tuple(points),
        batch_high=BATCHES[-1],
        source=SOURCE,
        low=INTERVAL[0],
        high=INTERVAL[1],
    )


def utilisation(
    model: Model,
    accelerator: Accelerator,
    group: int,
    precision: str,
    step: StepTime,
    layout: Layout,
    batch: float,
) -> tuple[float, float]:
    """Return the shares of peak bandwidth and of peak arithmetic that a decode step reaches [1]."""
    copies, bytes_each = layout.data_parallel, WEIGHT_BYTES[precision]
    context = batch * TYPICAL_CONTEXT_TOKENS
    seconds = step.seconds(batch, context, batch)
    dense = model.params - model.expert_params
    read = dense * copies * bytes_each
    if model.experts and model.top_k:
        covered = covered_share(model.experts, model.top_k, np.array([batch]))
        read += model.expert_params * float(covered[0]) * bytes_each
    cache = kv_bytes_per_token(model, group // copies, layout.kv_precision) / copies * context
    products = 2.0 * model.active_params * batch / group
    peak = accelerator.flops[computes_in(accelerator, precision)]
    memory = (read / group + cache) / (seconds * accelerator.bandwidth_bytes_per_s)
    return min(memory, 1.0), min(products / (seconds * peak), 1.0)
