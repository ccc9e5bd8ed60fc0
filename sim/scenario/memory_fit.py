"""Whether a model fits on a group of accelerators, and how much KV cache is left beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sim.errors import Problem, ScenarioError
from sim.scenario.catalog_entries import Accelerator, Model

# 4-bit formats carry an 8-bit scale for every 16 weights (nvfp4; mxfp4 and AWQ take a little less).
WEIGHT_BYTES: Final[Mapping[str, float]] = {
    "bf16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "fp4": 0.5625,
    "int4": 0.5625,
}
# Peak of a step's intermediate results: about 16 bf16 vectors of the model's width per token that
# is processed together (kind guess: fits the 1.2 GB that vLLM reports for an 8B model).
ACTIVATION_BYTES: Final = 32.0
LARGEST_GROUP: Final = 1024
GB: Final = 1e9


@dataclass(frozen=True, slots=True)
class MemoryFit:
    """Memory of one accelerator of a tensor-parallel group, and what the group can cache.

    Attributes:
        memory_bytes: all of it [bytes].
        weights_bytes: its share of the weights [bytes].
        overhead_bytes: runtime, communication buffers and intermediate results [bytes].
        kv_bytes_per_token: what one token of context takes of it [bytes].
    """

    memory_bytes: float
    weights_bytes: float
    overhead_bytes: float
    kv_bytes_per_token: float

    @property
    def free_bytes(self) -> float:
        """What is left for the KV cache; negative where the model does not fit [bytes]."""
        return self.memory_bytes - self.weights_bytes - self.overhead_bytes

    @property
    def kv_tokens(self) -> int:
        """Tokens of context that the group can hold, 0 where the model does not fit [tokens]."""
        return max(0, int(self.free_bytes // self.kv_bytes_per_token))


def memory_fit(
    model: Model,
    accelerator: Accelerator,
    tensor_parallel: int,
    precision: str,
    max_num_batched_tokens: int = 8192,
) -> MemoryFit:
    """Return how the memory of each accelerator of a group is used.

    Weights are split evenly. The KV cache is split by heads, as far as there are KV heads; a
    latent cache (MLA) has none to split and is copied to every accelerator. Held back: the
    runtime's own memory and the communication buffers (rule of ai-dynamo/aiconfigurator), and the
    intermediate results of the largest step. The cache stays bf16 whatever the weights are, as is
    vLLM's default, and layers with a window are counted in full.

    Args:
        model: what runs.
        accelerator: on what.
        tensor_parallel: accelerators in the group [1].
        precision: of the weights.
        max_num_batched_tokens: most tokens in one step [tokens].
    """
    kv_shares = 1 if model.latent_kv else min(tensor_parallel, model.kv_heads)
    return MemoryFit(
        memory_bytes=accelerator.memory_bytes,
        weights_bytes=model.params * WEIGHT_BYTES[precision] / tensor_parallel,
        overhead_bytes=accelerator.reserved_bytes
        + _buffers(accelerator, tensor_parallel)
        + max_num_batched_tokens * model.hidden * ACTIVATION_BYTES / tensor_parallel,
        kv_bytes_per_token=model.kv_bytes_per_token / kv_shares,
    )


def _buffers(accelerator: Accelerator, tensor_parallel: int) -> float:
    """Return communication buffers [bytes]: of the largest listed group that is not larger."""
    listed = [size for size in accelerator.collective_bytes if size <= tensor_parallel]
    return accelerator.collective_bytes[max(listed)] if listed else 0.0


def kv_capacity_tokens(
    model: Model,
    accelerator: Accelerator,
    tensor_parallel: int,
    precision: str,
    max_num_batched_tokens: int = 8192,
    path: str = "",
) -> int:
    """Return how many tokens of context one replica can hold [tokens].

    Args:
        model: what runs.
        accelerator: on what.
        tensor_parallel: accelerators of the replica [1].
        precision: of the weights.
        max_num_batched_tokens: most tokens in one step [tokens].
        path: where the combination is asked for, for messages.

    Raises:
        ScenarioError: the model does not fit; says by how many GB, and what would fit.
    """
    fit = memory_fit(model, accelerator, tensor_parallel, precision, max_num_batched_tokens)
    if fit.kv_tokens > 0:
        return fit.kv_tokens
    needed = fit.weights_bytes + fit.overhead_bytes + fit.kv_bytes_per_token
    got = f"{model.name} in {precision} with tensor_parallel {tensor_parallel}"
    expected = (
        f"a model that fits into {accelerator.name}: each accelerator needs {needed / GB:.1f} GB "
        f"(weights {fit.weights_bytes / GB:.1f}, other {fit.overhead_bytes / GB:.1f}) and has "
        f"{fit.memory_bytes / GB:.1f} GB, {(needed - fit.memory_bytes) / GB:.1f} GB too little"
    )
    hint = _what_fits(model, accelerator, tensor_parallel, precision, max_num_batched_tokens)
    raise ScenarioError([Problem(path, got, expected, hint=hint)])


def _what_fits(
    model: Model, accelerator: Accelerator, tensor_parallel: int, precision: str, batched: int
) -> str:
    """Return the next larger group and the largest smaller precision with which it would fit."""
    found = []
    group = tensor_parallel
    while (group := 2 * group) <= LARGEST_GROUP:
        if memory_fit(model, accelerator, group, precision, batched).kv_tokens:
            found.append(f"tensor_parallel {group}")
            break
    for smaller in ("fp8", "int4"):
        cheaper = WEIGHT_BYTES[smaller] < WEIGHT_BYTES[precision]
        fit = memory_fit(model, accelerator, tensor_parallel, smaller, batched)
        if cheaper and fit.kv_tokens:
            found.append(f"precision {smaller}")
            break
    return f"would fit: {' or '.join(found)}" if found else "it fits on no group of these"
