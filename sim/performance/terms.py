"""One coefficient set per accelerator: a fitted step time for dense models it was not fitted to.

``t = layer L + weights W + kv K + compute C + sequence B``: layers, time to read the weights and
the KV cache once at data-sheet bandwidth, time of the products at data-sheet peak, and sequences.
The multipliers are effective numbers of one accelerator with its host and engine, good as a set
only: they lump kernel efficiency, launch overhead and tensor-parallel communication together.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from sim.catalog.catalog import Accelerator, Model
from sim.performance.roofline import roofline
from sim.performance.steptime import StepTime
from sim.plant.memory_fit import WEIGHT_BYTES


@dataclass(frozen=True, slots=True)
class AcceleratorTerms:
    """Multipliers of one accelerator.

    Attributes:
        layer_s: per layer and step [s].
        weights: of the time to read the weights [1].
        kv: of the time to read the KV cache [1].
        compute: of the time of the matrix products [1].
        sequence_s: per decoding sequence [s].
        kind: measured, fitted, vendor, analyst or guess.
        source: where the numbers come from.
        batch_low: smallest batch of the data.
        batch_high: largest batch of the data.
        time_low: lower end of the 90 % interval of true over predicted step time, models left out.
        time_high: upper end of that interval [1].
        context_high: longest context of the data [tokens].
        engine: inference engine of the data.
        engine_version: of that engine, empty where nobody wrote it down.
    """

    layer_s: float
    weights: float
    kv: float
    compute: float
    sequence_s: float
    kind: str = "fitted"
    source: str = ""
    batch_low: float = 0.0
    batch_high: float = inf
    time_low: float = 1.0
    time_high: float = 1.0
    context_high: float = inf
    engine: str = "vllm"
    engine_version: str = ""


def covers(model: Model, precision: str) -> bool:
    """Return whether such sets are good for a model: dense, bf16, attention over everything."""
    return not model.experts and precision == "bf16" and not model.latent_kv


def unit_times(model: Model, accelerator: Accelerator, group: int) -> tuple[float, float, float]:
    """Return the data-sheet times of weights [s], a KV token [s] and a new token [s]."""
    bandwidth = group * accelerator.bandwidth_bytes_per_s
    return (
        model.params * WEIGHT_BYTES["bf16"] / bandwidth,
        model.kv_bytes_per_token / bandwidth,
        2.0 * model.active_params / (group * accelerator.flops["bf16"]),
    )


def step_time_from_terms(
    terms: AcceleratorTerms, model: Model, accelerator: Accelerator, tensor_parallel: int
) -> StepTime:
    """Return the step time of a dense bf16 model on a group of accelerators.

    Args:
        terms: multipliers of the accelerator.
        model: shape of the model.
        accelerator: one accelerator.
        tensor_parallel: accelerators that share each layer [1].
    """
    weights_s, kv_s, token_s = unit_times(model, accelerator, tensor_parallel)
    return StepTime(
        a_s=terms.layer_s * model.layers + terms.weights * weights_s,
        b_s_per_token=terms.compute * token_s,
        c_s_per_kv_token=terms.kv * kv_s,
        e_s_per_token2=roofline(model, accelerator, tensor_parallel).e_s_per_token2,
        f_s_per_seq=terms.sequence_s,
        kind=terms.kind,
        basis="scaled",
        source=terms.source,
        engine=terms.engine,
        engine_version=terms.engine_version,
        batch_low=terms.batch_low,
        batch_high=terms.batch_high,
        context_high=terms.context_high,
        time_low=terms.time_low,
        time_high=terms.time_high,
    )
