"""Pools: hardware, features, and what a saturated replica gets through."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.explain.views import PoolView
from sim.interfaces import ArrivalBlock, FloatArray
from sim.performance.engines import CURRENT_VLLM, EngineRelease
from sim.scenario.schema.pools import Pool as PoolSection
from sim.serving.engine.handover import PrefillPool
from sim.serving.engine.saturation import saturated_rate_per_s
from sim.world import World

UNSEEN_LENGTHS = (512.0, 256.0)  # prompt and answer where the sample has none of a model [tokens]


def mean_lengths(sample: list[ArrivalBlock], models: int) -> FloatArray:
    """Return mean prompt and answer length by model, shape (models, 2) [tokens]."""
    lengths = np.tile(UNSEEN_LENGTHS, (models, 1))
    for model in range(models):
        mine = [(block, rows) for block in sample if (rows := block.model == model).any()]
        if mine:
            inputs = np.concatenate([block.input_tokens[rows] for block, rows in mine])
            outputs = np.concatenate([block.output_tokens[rows] for block, rows in mine])
            lengths[model] = inputs.mean(), outputs.mean()
    return lengths


def pool_views(world: World, lengths: FloatArray) -> Iterator[PoolView]:
    """Yield every pool, with its capacity for requests of mean length."""
    for pool, numbers, name in zip(
        world.pools, world.pool_numbers, world.scenario.pools, strict=True
    ):
        section = numbers.section
        known = section.model in world.models
        inputs, outputs = lengths[world.models.index(section.model)] if known else UNSEEN_LENGTHS
        rate_per_s, step_s = saturated_rate_per_s(numbers, inputs, outputs)
        capacity_per_s = rate_per_s * pool.replicas
        if isinstance(pool, PrefillPool):
            capacity_per_s = min(capacity_per_s, pool.sends_per_s(inputs))
        yield PoolView(
            name,
            section.site,
            section.model,
            numbers.accelerator.name,
            pool.cooling,
            pool.replicas,
            section.tensor_parallel,
            numbers.kv_tokens,
            capacity_per_s,
            step_s,
            numbers.step_time.kind,
            numbers.step_time.source,
            tuple(_features(section)),
        )


def _features(section: PoolSection) -> Iterator[str]:
    engine = EngineRelease(section.engine, section.engine_version)
    if engine != CURRENT_VLLM:
        yield str(engine)
    if section.hand_over is not None:
        yield f"prompts only, then to {section.hand_over.to}"
    if section.role == "decode":
        yield "answers only"
    if section.batching.prefix_cache is not None:
        yield "prefix cache"
    if section.kv_precision != "bf16":
        yield f"{section.kv_precision} KV cache"
    if section.expert_parallel > 1:
        yield f"experts on {section.expert_parallel}"
    if section.data_parallel > 1:
        yield f"attention in {section.data_parallel} copies"
    drafted = section.speculative
    if drafted is not None:
        source = drafted.draft_model or "prompt look-up"
        yield f"{drafted.tokens} tokens drafted by {source}"
