"""Requests that are longer than any KV cache that may hold them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np

from sim.explain.load import answers_at
from sim.interfaces import ArrivalBlock, IntArray
from sim.world import World


def fitting(world: World, sample: list[ArrivalBlock]) -> list[ArrivalBlock]:
    """Return the requests of a sample that at least one pool can hold."""
    longest = _longest_tokens(world)
    columns = [column.name for column in fields(ArrivalBlock) if column.name != "prefix"]
    kept = []
    for block in sample:
        fits = _last_context(block) <= longest[block.model, block.tier]
        some = {name: getattr(block, name)[fits] for name in columns}
        kept.append(replace(block, prefix=None, **some))
    return kept


def length_warnings(world: World, sample: list[ArrivalBlock]) -> Iterator[str]:
    """Yield a warning for each tier and model whose requests no pool may be able to hold."""
    longest = _longest_tokens(world)
    for t, tier in enumerate(world.scenario.tiers):
        for m, model in enumerate(world.models):
            contexts = np.concatenate(
                [_last_context(b)[(b.tier == t) & (b.model == m)] for b in sample] or [[]]
            )
            most = int(longest[m, t])
            share = float(np.mean(contexts > most)) if len(contexts) else 0.0
            if share and most:
                yield (
                    f"tier {tier}: {100.0 * share:.3g} % of requests for {model} need a context "
                    f"of more than the {most:,} tokens that the largest KV cache has, up to "
                    f"{int(contexts.max()):,}: they will be rejected"
                )


def _last_context(block: ArrivalBlock) -> IntArray:
    """Return the context before the last token of each answer [tokens], which has to fit."""
    return np.asarray(block.input_tokens.astype(np.int64) + block.output_tokens - 1)


def _longest_tokens(world: World) -> IntArray:
    """Return the longest context that a pool can hold [tokens], by model and tier; 0 for none."""
    scenario = world.scenario
    engines = [pool.engine.longest_tokens for pool in world.pools]
    longest = [min(tokens, engines[answers_at(scenario, i)]) for i, tokens in enumerate(engines)]
    sections = list(scenario.pools.values())
    found = np.zeros((len(world.models), len(scenario.tiers)), dtype=np.int64)
    for m, model in enumerate(world.models):
        for t, tier in enumerate(scenario.tiers):
            held = [n for n, s in zip(longest, sections, strict=True) if s.serves(model, tier)]
            found[m, t] = max(held, default=0)
    return found
