"""The physical step time: data-sheet times over measured kernel efficiencies, fitted to no pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from sim.catalog.entries import Accelerator, Model
from sim.performance.engines import (
    BLOCK_SCALED_S_PER_LAYER,
    DEFAULT_ENGINE,
    HOST_S_PER_SEQ,
)
from sim.performance.experts import covered_share
from sim.performance.steptime import StepTime
from sim.plant.memory_fit import EVEN_SPLIT, WEIGHT_BYTES, Layout, kv_bytes_per_token

# Of bf16 peak, where an accelerator has no figure for a format.
FALLBACK_COMPUTE = 0.4
BF16_BYTES = 2.0
TYPICAL_CONTEXT_TOKENS = 1024
# True over predicted step time of ML.ENERGY runs that none of the numbers here was fitted to, the
# widest of each model and chip: docs/kernels.md tells how they hold on models and chips left out.
# Copies of attention wait for each other's prompts, of which one model was measured.
DENSE_INTERVAL = (0.7, 1.8)
EXPERTS_INTERVAL = (0.65, 1.7)
COPIES_INTERVAL = (0.65, 5.0)
UNJUDGED = (0.8, 1.25)  # more for engines of which no measurement was at hand: a guess
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
    accelerators from a latency and bandwidth table, host time per layer and per sequence. A product
    reads its weights while it computes, so the longer of the two counts, for dense layers and for
    routed experts each; experts are read as far as the step's new tokens, prompts included, cover
    them (`covered_share`). Exchanges, KV reads and host are not overlapped. Efficiencies:
    ai-dynamo/aiconfigurator kernel tables.

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
    latency_s, exchange_s = exchanges(model, accelerator, tensor_parallel, layout)
    products = _Products(model, accelerator, tensor_parallel, precision, layout)
    kv_bytes = kv_bytes_per_token(model, shares, layout.kv_precision) / layout.data_parallel
    attention_rate = group * accelerator.flops["bf16"] * efficiency.prefill_attention
    low, high = _interval(model, layout, engine)
    layer_s = efficiency.layer_overhead_s
    if model.experts and precision == "fp8":
        layer_s += BLOCK_SCALED_S_PER_LAYER[engine]
    one_s = products.seconds(1.0)
    return StepTime(
        a_s=model.layers * layer_s + one_s + latency_s,
        b_s_per_token=products.token_s + exchange_s,
        c_s_per_kv_token=kv_bytes / (accelerator.bandwidth_bytes_per_s * efficiency.kv_read),
        e_s_per_token2=4.0 * model.layers * model.heads * model.head_dim / attention_rate,
        f_s_per_seq=HOST_S_PER_SEQ[engine] / layout.data_parallel,
        curve=tuple(
            (tokens, products.seconds(tokens) - one_s + exchange_s * tokens)
            for tokens in products.knots()
        ),
        kind="guess",
        basis="physical",
        source=ROOFLINE_SOURCE,
        engine=engine,
        time_low=low,
        time_high=high,
    )


def _interval(model: Model, layout: Layout, engine: str) -> tuple[float, float]:
    """Return the 90 % interval of true over predicted step time."""
    low, high = EXPERTS_INTERVAL if model.experts else DENSE_INTERVAL
    if layout.data_parallel > 1:
        low, high = COPIES_INTERVAL
    if engine != DEFAULT_ENGINE:
        low, high = low * UNJUDGED[0], high * UNJUDGED[1]
    return low, high


class _Products:
    """Time of a step's matrix products: the longer of weight reads and arithmetic.

    Args:
        model: shape of the model.
        accelerator: one accelerator with its efficiencies.
        group: accelerators of the replica [1].
        precision: of the weights.
        layout: how the model lies on the group.
    """

    def __init__(
        self, model: Model, accelerator: Accelerator, group: int, precision: str, layout: Layout
    ) -> None:
        self._model, self._groups = model, layout.expert_parallel
        byte_s = WEIGHT_BYTES[precision] / (
            accelerator.bandwidth_bytes_per_s * accelerator.efficiency.bandwidth
        )
        product_s = 2.0 / (group * _flops(accelerator, precision))
        dense = model.params - model.expert_params
        self._dense_s = dense * byte_s * layout.data_parallel / group
        self._dense_token_s = min(dense, model.active_params) * product_s
        self._experts_s = model.expert_params * byte_s / group
        self._experts_token_s = max(0.0, model.active_params - dense) * product_s

    @property
    def token_s(self) -> float:
        """Time of one more token where arithmetic is the limit [s]."""
        return self._dense_token_s + self._experts_token_s

    def seconds(self, tokens: float) -> float:
        """Return the time of the products of a step with so many new tokens [s]."""
        dense_s = max(self._dense_s, tokens * self._dense_token_s)
        if not self._experts_s:
            return dense_s
        share = covered_share(
            self._model.experts or 1, self._model.top_k or 1, np.array([tokens]), self._groups
        )
        read_s = self._experts_s * float(share[0])
        return dense_s + max(read_s, tokens * self._experts_token_s)

    def knots(self) -> list[float]:
        """Return the tokens between which `seconds` is nearly straight, the first of them 1."""
        turns = [self._dense_s / self._dense_token_s]
        if self._experts_s:
            turns.append(self._experts_s / self._experts_token_s)
            doublings = int(np.log2(max(turns))) + 1
            turns += (2.0 ** np.arange(1, doublings)).tolist()
        return [1.0, *sorted(turn for turn in turns if turn > 1.0)]


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
