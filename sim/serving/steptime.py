"""Step time of one engine iteration: five coefficients, and their physical form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np

from sim.scenario.catalog_entries import Accelerator, Model

# Bytes of one stored weight; 4-bit formats carry one byte of scale per 16 weights.
WEIGHT_BYTES = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5625, "fp4": 0.5625}
# Formats of which an accelerator without their arithmetic still reads the smaller weights.
FALLBACK_COMPUTE = 0.4
TYPICAL_CONTEXT_TOKENS = 1024
# Fitted to the ML.ENERGY runs of 12 models on H100 and B200: scheduling and sampling of a sequence,
# and how much longer than at full efficiency the weights of routed experts take to read.
HOST_S_PER_SEQ = 20e-6
EXPERT_READ = 1.25
# True over predicted step time on every measured configuration, each judged by the others'
# errors: these intervals hold nine in ten (docs/validation.md).
DENSE_INTERVAL = (0.75, 2.85)
EXPERTS_INTERVAL = (0.75, 3.1)
ROOFLINE_SOURCE = "roofline with measured kernel efficiencies, uncalibrated"


@dataclass(frozen=True, slots=True)
class StepTime:
    """Coefficients of one engine iteration of a replica.

    ``t = a + b new_tokens + c kv_tokens + d sqrt(decoding) + e sum(chunk (done + chunk / 2))
    + f decoding``, where ``new_tokens`` = prompt tokens of the step + decoding sequences,
    ``kv_tokens`` = context tokens that the decoding sequences hold before the step, ``decoding`` =
    decoding sequences, and ``done`` = prompt tokens of a sequence that earlier steps processed.
    A ``curve`` replaces ``b new_tokens`` where small steps cost less per token than large ones.

    Attributes:
        a_s: fixed part: weights, launches, collectives [s].
        b_s_per_token: per new token [s].
        c_s_per_kv_token: per context token read by decode attention [s].
        d_s_per_sqrt_seq: per square root of the decoding sequences; mixture of experts [s].
        e_s_per_token2: per prompt token and token of its context, prefill attention [s].
        f_s_per_seq: per decoding sequence, sampling and host work [s].
        curve: points (new tokens, seconds) joined by lines from (0, 0); ``b`` is the slope behind
            the last one. One point (n, 0) means that n tokens ride free with the weights.
        kind: measured, fitted, vendor, analyst or guess.
        source: where the numbers come from.
        batch_low: smallest batch that the numbers were seen to hold for.
        batch_high: largest such batch.
        time_low: lower end of the 90 % interval of true over predicted step time [1].
        time_high: upper end of that interval [1].
    """

    a_s: float
    b_s_per_token: float
    c_s_per_kv_token: float = 0.0
    d_s_per_sqrt_seq: float = 0.0
    e_s_per_token2: float = 0.0
    f_s_per_seq: float = 0.0
    curve: tuple[tuple[float, float], ...] = ()
    kind: str = "guess"
    source: str = ""
    batch_low: float = 0.0
    batch_high: float = inf
    time_low: float = 1.0
    time_high: float = 1.0

    def new_tokens_s(self, new_tokens: float) -> float:
        """Return the part of a step that its new tokens take [s]."""
        left_n = left_s = 0.0
        for right_n, right_s in self.curve:
            if new_tokens < right_n:
                return left_s + (right_s - left_s) * (new_tokens - left_n) / (right_n - left_n)
            left_n, left_s = right_n, right_s
        return left_s + self.b_s_per_token * (new_tokens - left_n)

    def batch_s(self, decoding: float) -> float:
        """Return the part of a step that depends on the decoding sequences alone [s]."""
        if not decoding:
            return 0.0
        return self.f_s_per_seq * decoding + self.d_s_per_sqrt_seq * sqrt(decoding)

    def seconds(
        self, new_tokens: float, kv_tokens: float, decoding: float = 0.0, attention: float = 0.0
    ) -> float:
        """Return the duration of one step [s].

        Args:
            new_tokens: prompt tokens of the step plus decoding sequences [tokens].
            kv_tokens: context tokens of the decoding sequences before the step [tokens].
            decoding: sequences that decode [1].
            attention: sum over prompt chunks of ``chunk (done + chunk / 2)`` [tokens^2].
        """
        return (
            self.a_s
            + self.new_tokens_s(new_tokens)
            + self.c_s_per_kv_token * kv_tokens
            + self.batch_s(decoding)
            + self.e_s_per_token2 * attention
        )

    def scaled(self, factor: float) -> StepTime:
        """Return the coefficients of steps that take ``factor`` times as long."""
        return replace(
            self,
            a_s=self.a_s * factor,
            b_s_per_token=self.b_s_per_token * factor,
            c_s_per_kv_token=self.c_s_per_kv_token * factor,
            d_s_per_sqrt_seq=self.d_s_per_sqrt_seq * factor,
            e_s_per_token2=self.e_s_per_token2 * factor,
            f_s_per_seq=self.f_s_per_seq * factor,
            curve=tuple((tokens, seconds * factor) for tokens, seconds in self.curve),
        )

    def in_range(self, batch: float) -> bool:
        """Return whether the coefficients were seen to hold for ``batch`` sequences."""
        return self.batch_low <= batch <= self.batch_high


def roofline(
    model: Model, accelerator: Accelerator, tensor_parallel: int = 1, precision: str = "bf16"
) -> StepTime:
    """Return the physical step time of a model on a tensor-parallel group of accelerators.

    Every term is a data-sheet time divided by the measured efficiency of its kernels: weights and
    KV cache over bandwidth, products and prefill attention over peak, all-reduces from a latency
    and bandwidth table, host time per layer and per sequence. Routed experts are read as far as
    the batch covers them. Efficiencies: ai-dynamo/aiconfigurator kernel tables; without the host
    time the end-to-end time of a real server came out 27 to 39 % short.

    Args:
        model: shape of the model.
        accelerator: one accelerator with its efficiencies.
        tensor_parallel: accelerators that share each layer [1].
        precision: of the weights; the KV cache stays bf16.
    """
    shares = float(tensor_parallel)
    efficiency = accelerator.efficiency
    weight_rate = shares * accelerator.bandwidth_bytes_per_s * efficiency.bandwidth
    bytes_each = WEIGHT_BYTES[precision]
    dense_s = (model.params - model.expert_params) * bytes_each / weight_rate
    expert_a, expert_d = _expert_terms(
        model, EXPERT_READ * model.expert_params * bytes_each / weight_rate
    )
    latency_s, reduce_s_per_token = _collectives(model, accelerator, tensor_parallel)
    # Heads are split over the group; a latent cache has none to split and is copied.
    kv_shares = 1.0 if model.latent_kv else min(shares, model.kv_heads)
    kv_rate = kv_shares * accelerator.bandwidth_bytes_per_s * efficiency.kv_read
    seen = _context_share(model)
    attention_rate = shares * accelerator.flops["bf16"] * efficiency.prefill_attention
    attention_flops = 4.0 * model.layers * model.heads * model.head_dim
    low, high = EXPERTS_INTERVAL if model.experts else DENSE_INTERVAL
    return StepTime(
        a_s=model.layers * efficiency.layer_overhead_s + dense_s + expert_a + latency_s,
        b_s_per_token=2.0 * model.active_params / (shares * _flops(accelerator, precision))
        + reduce_s_per_token,
        c_s_per_kv_token=model.kv_bytes_per_token * seen / kv_rate,
        d_s_per_sqrt_seq=expert_d,
        e_s_per_token2=attention_flops * seen / attention_rate,
        f_s_per_seq=HOST_S_PER_SEQ,
        kind="guess",
        source=ROOFLINE_SOURCE,
        time_low=low,
        time_high=high,
    )


def _flops(accelerator: Accelerator, precision: str) -> float:
    """Return the rate that matrix products reach [1/s]; weight-only formats compute in bf16."""
    used = precision if precision in accelerator.flops else "bf16"
    share = accelerator.efficiency.compute.get(used, FALLBACK_COMPUTE)
    return accelerator.flops[used] * share


def _collectives(model: Model, accelerator: Accelerator, group: int) -> tuple[float, float]:
    """Return latency per step [s] and time per token [s] of two all-reduces per layer."""
    if group == 1:
        return 0.0, 0.0
    efficiency = accelerator.efficiency
    latency_s = _at_group(efficiency.allreduce_latency_s, group)
    bus_bytes_per_s = _at_group(efficiency.allreduce_bytes_per_s, group)
    per_token_bytes = 2.0 * model.hidden * 2.0 * (group - 1) / group
    return 2.0 * model.layers * latency_s, 2.0 * model.layers * per_token_bytes / bus_bytes_per_s


def _at_group(table: Mapping[int, float], group: int) -> float:
    """Return a table's value at a group size, linear between sizes and flat outside."""
    sizes = sorted(table)
    return float(np.interp(group, sizes, [table[size] for size in sizes]))


def _context_share(model: Model) -> float:
    """Return which share of its KV cache a model with windowed layers reads [1]."""
    if model.window_tokens is None:
        return 1.0
    inside = min(1.0, model.window_tokens / TYPICAL_CONTEXT_TOKENS)
    return 1.0 - model.window_share * (1.0 - inside)


def _expert_terms(model: Model, all_experts_s: float) -> tuple[float, float]:
    """Return fixed time [s] and time per square root of the batch [s] of reading experts.

    A batch of n tokens touches ``1 - (1 - k / E)^n`` of the experts if they are chosen evenly;
    the two terms are the least-squares line of that share over ``sqrt(n)``, n = 1 to 256.
    """
    if not model.experts or not model.top_k:
        return 0.0, 0.0
    batch = 2.0 ** np.linspace(0.0, 8.0, 33)
    covered = 1.0 - (1.0 - model.top_k / model.experts) ** batch
    slope, fixed = np.polyfit(np.sqrt(batch), covered, 1)
    return all_experts_s * float(fixed), all_experts_s * float(slope)
