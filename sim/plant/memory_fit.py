"""Whether a model fits on a group of accelerators, and how much KV cache is left beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Final

from sim.catalog.entries import Accelerator, Model
from sim.errors import Problem, ScenarioError
from sim.scenario.schema.pools import Pool

# 4-bit formats carry an 8-bit scale for every 16 weights (nvfp4; mxfp4 and AWQ take a little less).
WEIGHT_BYTES: Final[Mapping[str, float]] = {
    "bf16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "fp4": 0.5625,
    "int4": 0.5625,
}
BF16_BYTES: Final = 2.0
LARGEST_GROUP: Final = 1024
ON_CHIP_BYTES: Final = 1e9  # accelerators with less have no memory beside that on the chip
GB: Final = 1e9


@dataclass(frozen=True, slots=True)
class MemoryFit:
    """Memory of one accelerator of a replica's group, and what the group can cache.

    Attributes:
        memory_bytes: all of it [bytes].
        weights_bytes: its share of the weights, those of a draft model included [bytes].
        context_bytes: what the runtime takes [bytes].
        buffers_bytes: communication buffers [bytes].
        activation_bytes: intermediate results of the largest step [bytes].
        kv_bytes_per_token: what one token of context takes of it [bytes].
        copies: groups of accelerators that each hold the cache of other requests.
    """

    memory_bytes: float
    weights_bytes: float
    context_bytes: float
    buffers_bytes: float
    activation_bytes: float
    kv_bytes_per_token: float
    copies: int = 1

    @property
    def overhead_bytes(self) -> float:
        """What neither weights nor cache take [bytes]."""
        return self.context_bytes + self.buffers_bytes + self.activation_bytes

    @property
    def free_bytes(self) -> float:
        """What is left for the KV cache; negative where the model does not fit [bytes]."""
        return self.memory_bytes - self.weights_bytes - self.overhead_bytes

    @property
    def kv_tokens(self) -> int:
        """Tokens of context that the group can hold, 0 where the model does not fit [tokens]."""
        return max(0, self.copies * int(self.free_bytes // self.kv_bytes_per_token))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a model lies on the accelerators of a replica, beside their number.

    Attributes:
        kv_precision: number format of the KV cache.
        expert_parallel: groups of accelerators that hold whole experts; 1 splits each over all.
        data_parallel: copies of the attention and dense layers within the replica; routed experts
            are spread over all accelerators.
        draft: model that drafts tokens, if any; its weights are as precise as the model's.
    """

    kv_precision: str = "bf16"
    expert_parallel: int = 1
    data_parallel: int = 1
    draft: Model | None = None


EVEN_SPLIT: Final = Layout()


def layout_of(pool: Pool, models: Mapping[str, Model]) -> Layout:
    """Return how a pool's model lies on the accelerators of a replica."""
    name = pool.speculative.draft_model if pool.speculative else None
    draft = models[name] if name else None
    return Layout(pool.kv_precision, pool.expert_parallel, pool.data_parallel, draft)


def splits_heads(model: Model, accelerator: Accelerator, shares: int) -> bool:
    """Return whether engines can spread the attention of a model over so many accelerators.

    Each gets as many query heads, and whole key/value heads or a copy of one: vLLM refuses other
    sizes (``ModelConfig.verify_with_parallel_config``, and the attention of its models). Where
    weights lie in on-chip memory, a compiler spreads layers and not heads.
    """
    if accelerator.memory_bytes < ON_CHIP_BYTES:
        return True
    larger, smaller = max(shares, model.kv_heads), min(shares, model.kv_heads)
    return model.heads % shares == 0 and (model.latent_kv or larger % smaller == 0)


def memory_fit(
    model: Model,
    accelerator: Accelerator,
    tensor_parallel: int,
    precision: str,
    max_num_batched_tokens: int = 8192,
    layout: Layout = EVEN_SPLIT,
) -> MemoryFit:
    """Return how the memory of each accelerator of a group is used.

    Weights are split evenly, but for the copies of attention and dense layers that data parallel
    attention asks for. The KV cache is split by heads, as far as there are KV heads; a latent
    cache (MLA) has none to split and is copied to every accelerator. Held back: the runtime's own
    memory and the communication buffers (rule of ai-dynamo/aiconfigurator), and the intermediate
    results of the largest step, see `activation_values`.

    Args:
        model: what runs.
        accelerator: on what.
        tensor_parallel: accelerators in the group [1].
        precision: of the weights.
        max_num_batched_tokens: most tokens in one step [tokens].
        layout: how the model lies on them.
    """
    shares = tensor_parallel // layout.data_parallel
    weights = model.expert_params / tensor_parallel
    weights += (model.params - model.expert_params) / shares
    kv_bytes = kv_bytes_per_token(model, shares, layout.kv_precision)
    if layout.draft is not None:
        weights += layout.draft.params / shares
        kv_bytes += kv_bytes_per_token(layout.draft, shares, layout.kv_precision)
    return MemoryFit(
        memory_bytes=accelerator.memory_bytes,
        weights_bytes=weights * WEIGHT_BYTES[precision],
        context_bytes=accelerator.reserved_bytes,
        buffers_bytes=_buffers(accelerator, tensor_parallel),
        activation_bytes=max_num_batched_tokens * activation_values(model, shares) * BF16_BYTES,
        kv_bytes_per_token=kv_bytes,
        copies=layout.data_parallel,
    )


def kv_bytes_per_token(model: Model, shares: int, kv_precision: str = "bf16") -> float:
    """Return what one token of context takes of each accelerator [bytes].

    Args:
        model: whose cache it is.
        shares: accelerators that share its heads [1].
        kv_precision: number format of the cache.
    """
    kv_shares = 1 if model.latent_kv else min(shares, model.kv_heads)
    return model.kv_bytes_per_token * WEIGHT_BYTES[kv_precision] / BF16_BYTES / kv_shares


def activation_values(model: Model, shares: int) -> float:
    """Return the numbers that a step holds at once per new token, on each accelerator.

    Inference keeps one layer's results at a time (the layer of Korthikanti et al. 2022,
    arXiv:2205.05198, section 4, without what training keeps for later): the residual stream and
    its normalised copy, ``2 h``, and whichever is larger of attention (queries, keys, values and
    result, ``2 (heads + kv heads) d``) and feed-forward part (gate, up and their product,
    ``3 f``), both split over the group. Mixtures of experts also collect ``top_k`` results of
    width ``h`` before they add them up, as vLLM's fused kernel does. ``f`` follows from the active
    weights: what attention does not take is ``3 h f`` per layer. It thus carries the embeddings
    too, which stand for the logits here.
    """
    attention = 2.0 * (model.heads + model.kv_heads) * model.head_dim
    feed_forward = model.active_params / (model.layers * model.hidden) - attention
    collected = model.hidden * (model.top_k or 0)
    return 2.0 * model.hidden + collected + max(feed_forward, attention) / shares


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
    layout: Layout = EVEN_SPLIT,
    largest_group: int = LARGEST_GROUP,
) -> int:
    """Return how many tokens of context one replica can hold [tokens].

    Args:
        model: what runs.
        accelerator: on what.
        tensor_parallel: accelerators of the replica [1].
        precision: of the weights.
        max_num_batched_tokens: most tokens in one step [tokens].
        path: where the combination is asked for, for messages.
        layout: how the model lies on them.
        largest_group: most accelerators that the message may propose [1].

    Raises:
        ScenarioError: the model does not fit; says by how many GB, and what would fit.
    """

    def fit_of(group: int, weights: str) -> MemoryFit:
        return memory_fit(model, accelerator, group, weights, max_num_batched_tokens, layout)

    fit = fit_of(tensor_parallel, precision)
    if fit.kv_tokens > 0:
        return fit.kv_tokens
    needed = fit.weights_bytes + fit.overhead_bytes + fit.kv_bytes_per_token
    drafted = f" and {layout.draft.name}" if layout.draft else ""
    got = f"{model.name}{drafted} in {precision} with tensor_parallel {tensor_parallel}"
    expected = (
        f"a model that fits into {accelerator.name}: each accelerator needs {needed / GB:.1f} GB "
        f"(weights {fit.weights_bytes / GB:.1f}, activations {fit.activation_bytes / GB:.1f}, "
        f"buffers {fit.buffers_bytes / GB:.1f}, runtime {fit.context_bytes / GB:.1f}) and has "
        f"{fit.memory_bytes / GB:.1f} GB, {(needed - fit.memory_bytes) / GB:.1f} GB too little"
    )

    def fits(group: int, weights: str) -> bool:
        spread = splits_heads(model, accelerator, group // layout.data_parallel)
        return spread and fit_of(group, weights).kv_tokens > 0

    hint = _what_fits(fits, tensor_parallel, precision, largest_group)
    raise ScenarioError([Problem(path, got, expected, hint=hint)])


def _what_fits(
    fits: Callable[[int, str], bool], tensor_parallel: int, precision: str, largest_group: int
) -> str:
    """Return the next larger group and the next smaller precision that would do, or both."""
    doublings = range(1, (largest_group // tensor_parallel).bit_length())
    groups = [tensor_parallel << times for times in doublings]
    smaller = [name for name in ("fp8", "int4") if WEIGHT_BYTES[name] < WEIGHT_BYTES[precision]]
    larger = (f"tensor_parallel {group}" for group in groups if fits(group, precision))
    cheaper = (f"precision {name}" for name in smaller if fits(tensor_parallel, name))
    both = (
        f"tensor_parallel {group} with precision {name}"
        for name, group in product(smaller, groups)
        if fits(group, name)
    )
    found = [text for text in (next(larger, ""), next(cheaper, "")) if text] or list(
        islice(both, 1)
    )
    return f"would fit: {' or '.join(found)}" if found else "it fits on no group of these"
