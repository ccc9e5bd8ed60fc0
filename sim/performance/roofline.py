"""The physical step time: data-sheet times over measured kernel efficiencies, fitted to no pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import lgamma

import numpy as np
from numpy.typing import NDArray

from sim.catalog.entries import Accelerator, Model
from sim.interfaces import FloatArray
from sim.performance.engines import DEFAULT_ENGINE, HOST_S_PER_SEQ
from sim.performance.steptime import StepTime
from sim.plant.memory_fit import EVEN_SPLIT, WEIGHT_BYTES, Layout, kv_bytes_per_token

# Of bf16 peak, where an accelerator has no figure for a format.
FALLBACK_COMPUTE = 0.4
BF16_BYTES = 2.0
TYPICAL_CONTEXT_TOKENS = 1024
# Fitted to the ML.ENERGY runs of 12 models on H100 and B200: how much longer than at full
# efficiency the weights of routed experts take to read.
EXPERT_READ = 1.25
# True over predicted step time on every measured configuration, each judged by the others'
# errors: these intervals hold nine in ten (docs/validation.md).
DENSE_INTERVAL = (0.75, 2.85)
EXPERTS_INTERVAL = (0.75, 3.1)
ROOFLINE_SOURCE = "roofline with measured kernel efficiencies, uncalibrated"


def roofline(
    model: Model,
    accelerator: Accelerator,
    tensor_parallel: int = 1,
    precision: str = "bf16",
    layout: Layout = EVEN_SPLIT,
    engine: str = DEFAULT_ENGINE,
) -> StepTime:
    """Return the physical step time of a model on a group of accelerators.

    Every term is a data-sheet time divided by the measured efficiency of its kernels: weights and
    KV cache over bandwidth, products and prefill attention over peak, exchanges between
    accelerators from a latency and bandwidth table, host time per layer and per sequence. Routed
    experts are read as far as the batch covers them. Efficiencies: ai-dynamo/aiconfigurator kernel
    tables; without the host time the end-to-end time of a real server came out 27 to 39 % short.

    Layers with a window read and attend to all of the context here; `sim.serving.kv.windows` takes
    off what lies behind the window.

    Args:
        model: shape of the model.
        accelerator: one accelerator with its efficiencies.
        tensor_parallel: accelerators of the group [1].
        precision: of the weights.
        layout: precision of the KV cache, and how the model lies on the group.
        engine: inference engine, whose host schedules the sequences of each copy of attention.
    """
    group = float(tensor_parallel)
    shares = tensor_parallel // layout.data_parallel  # of attention and dense layers
    efficiency = accelerator.efficiency
    bytes_each = WEIGHT_BYTES[precision]
    weight_rate = accelerator.bandwidth_bytes_per_s * efficiency.bandwidth
    dense_s = (model.params - model.expert_params) * bytes_each / (shares * weight_rate)
    experts_s = EXPERT_READ * model.expert_params * bytes_each / (group * weight_rate)
    expert_a, expert_d = _expert_terms(model, experts_s, layout.expert_parallel)
    latency_s, exchange_s = exchanges(model, accelerator, tensor_parallel, layout)
    kv_bytes = kv_bytes_per_token(model, shares, layout.kv_precision) / layout.data_parallel
    attention_rate = group * accelerator.flops["bf16"] * efficiency.prefill_attention
    low, high = EXPERTS_INTERVAL if model.experts else DENSE_INTERVAL
    return StepTime(
        a_s=model.layers * efficiency.layer_overhead_s + dense_s + expert_a + latency_s,
        b_s_per_token=2.0 * model.active_params / (group * _flops(accelerator, precision))
        + exchange_s,
        c_s_per_kv_token=kv_bytes / (accelerator.bandwidth_bytes_per_s * efficiency.kv_read),
        d_s_per_sqrt_seq=expert_d,
        e_s_per_token2=4.0 * model.layers * model.heads * model.head_dim / attention_rate,
        f_s_per_seq=HOST_S_PER_SEQ[engine] / layout.data_parallel,
        kind="guess",
        basis="physical",
        source=ROOFLINE_SOURCE,
        engine=engine,
        time_low=low,
        time_high=high,
    )


def computes_in(accelerator: Accelerator, precision: str) -> str:
    """Return the format of the products: that of the weights if the accelerator has it, or bf16.

    Weight-only formats such as AWQ's int4 are read in theirs and unpacked for the product.
    """
    return precision if precision in accelerator.flops else "bf16"


def _flops(accelerator: Accelerator, precision: str) -> float:
    """Return the rate that matrix products reach [1/s]."""
    used = computes_in(accelerator, precision)
    share = accelerator.efficiency.compute.get(used, FALLBACK_COMPUTE)
    return accelerator.flops[used] * share


def exchanges(
    model: Model, accelerator: Accelerator, group: int, layout: Layout
) -> tuple[float, float]:
    """Return latency per step [s] and time per token [s] of what accelerators exchange.

    Split evenly, each layer sums its attention and its feed-forward part over the group: two
    all-reduces, of which each accelerator sends ``2 (n - 1) / n`` of a token's ``h`` numbers
    (Shoeybi et al. 2019, arXiv:1909.08053). Experts as a whole change nothing there: each
    accelerator adds what its experts gave. With data parallel attention the sum goes over one copy
    only, and the experts' part becomes two all-to-alls, dispatch and combine: each of the ``n``
    accelerators sends its ``1 / n`` of the tokens to the accelerators with their experts
    (Lepikhin et al. 2020, arXiv:2006.16668), ``n (1 - (1 - 1/n)^k)`` of them if ``k`` experts are
    chosen evenly, of which one in ``n`` is itself. Both kinds of exchange take bytes over bus
    bandwidth, as nccl-tests defines it.

    Args:
        model: shape of the model.
        accelerator: with its tables of latency and bus bandwidth.
        group: accelerators of the replica [1].
        layout: how the model lies on them.
    """
    copies = layout.data_parallel
    shares = group // copies
    parts = [_all_reduce(model, accelerator, shares)]
    if copies == 1:
        parts.append(parts[0])
    else:
        parts += [_all_to_all(model, accelerator, group)] * 2
    latency_s = sum(latency for latency, _ in parts)
    per_token_s = parts[0][1] / copies + sum(seconds for _, seconds in parts[1:])
    return model.layers * latency_s, model.layers * per_token_s


def _all_reduce(model: Model, accelerator: Accelerator, group: int) -> tuple[float, float]:
    """Return latency [s] and time per token [s] of one sum over a group."""
    if group == 1:
        return 0.0, 0.0
    latency_s, bytes_per_s = _link(accelerator, group)
    return latency_s, 2.0 * (group - 1) / group * model.hidden * BF16_BYTES / bytes_per_s


def _all_to_all(model: Model, accelerator: Accelerator, group: int) -> tuple[float, float]:
    """Return latency [s] and time per token of the whole batch [s] of one dispatch or combine."""
    latency_s, bytes_per_s = _link(accelerator, group)
    reached = group * (1.0 - (1.0 - 1.0 / group) ** (model.top_k or 1))
    sent = reached * (group - 1) / group * model.hidden * BF16_BYTES
    return latency_s, sent / group / bytes_per_s


def _link(accelerator: Accelerator, group: int) -> tuple[float, float]:
    """Return latency [s] and bus bandwidth [bytes/s] of exchanges in a group."""
    efficiency = accelerator.efficiency
    latency_s = _at_group(efficiency.allreduce_latency_s, group)
    return latency_s, _at_group(efficiency.allreduce_bytes_per_s, group)


def _at_group(table: Mapping[int, float], group: int) -> float:
    """Return a table's value at a group size, linear between sizes and flat outside."""
    sizes = sorted(table)
    return float(np.interp(group, sizes, [table[size] for size in sizes]))


def windows_at_typical_context(step_time: StepTime, model: Model) -> StepTime:
    """Return the coefficients for a replica that does not follow windows: a typical share of them.

    A window takes the KV reads and the prefill attention of its layers down to their share at a
    context of 1,024 tokens, whatever the context is.
    """
    if model.window_tokens is None:
        return step_time
    inside = min(1.0, model.window_tokens / TYPICAL_CONTEXT_TOKENS)
    seen = 1.0 - model.window_share * (1.0 - inside)
    return replace(
        step_time,
        c_s_per_kv_token=step_time.c_s_per_kv_token * seen,
        e_s_per_token2=step_time.e_s_per_token2 * seen,
    )


def _expert_terms(model: Model, all_experts_s: float, groups: int) -> tuple[float, float]:
    """Return fixed time [s] and time per square root of the batch [s] of reading experts.

    A batch of n tokens touches ``p = 1 - (1 - k / E)^n`` of the experts if they are chosen evenly.
    Whole experts on ``g`` groups of accelerators make the step wait for the group that reads most:
    the largest of ``g`` binomial counts of ``E / g`` experts, in the mean. The two terms are the
    least-squares line of the share read over ``sqrt(n)``, n = 1 to 256.
    """
    if not model.experts or not model.top_k:
        return 0.0, 0.0
    batch = 2.0 ** np.linspace(0.0, 8.0, 33)
    covered = 1.0 - (1.0 - model.top_k / model.experts) ** batch
    if groups > 1:
        covered = _largest_share(max(1, model.experts // groups), covered, groups)
    slope, fixed = np.polyfit(np.sqrt(batch), covered, 1)
    return all_experts_s * float(fixed), all_experts_s * float(slope)


def _largest_share(experts: int, chance: FloatArray, groups: int) -> FloatArray:
    """Return the mean of the largest of ``groups`` binomial counts, as a share of ``experts``.

    Args:
        experts: trials of each count.
        chance: probability of each trial, shape (n,).
        groups: independent counts.
    """
    counts = np.arange(experts + 1)
    at_most = np.cumsum(_binomial(counts, experts, chance), axis=1)[:, :-1]
    return np.asarray(np.sum(1.0 - np.clip(at_most, 0.0, 1.0) ** groups, axis=1) / experts)


def _binomial(counts: NDArray[np.int64], trials: int, chance: FloatArray) -> FloatArray:
    """Return the probability of each count (columns) at each chance (rows)."""
    logs = np.array([lgamma(count + 1) for count in range(trials + 1)])
    chosen = logs[trials] - logs[counts] - logs[trials - counts]
    kept = np.clip(chance, 1e-15, 1.0 - 1e-15)[:, None]
    return np.asarray(np.exp(chosen + counts * np.log(kept) + (trials - counts) * np.log1p(-kept)))
