"""Workloads: demand with a tier, a region and a model on every request, merged in time order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from sim.interfaces import ArrivalBlock, IntArray, PrefixBlocks, Workload
from sim.rng import Streams
from sim.traffic.arrivals.timeorder import Rows, in_time_order
from sim.traffic.demand import Demand, Requests
from sim.traffic.prompt_blocks import BlockNames, BlockSettings
from sim.traffic.trace import Labels


@dataclass(frozen=True, slots=True)
class Shares:
    """How requests spread over named places.

    Attributes:
        index: index of each place in the run's list of names.
        share: its part of the requests; they sum to 1.
    """

    index: tuple[int, ...]
    share: tuple[float, ...]

    @classmethod
    def of(cls, shares: Mapping[str, float], names: Sequence[str]) -> Shares:
        """Return shares by name as shares by position in ``names``, scaled to sum 1."""
        total = sum(shares.values())
        order = list(names)
        return cls(
            tuple(order.index(name) for name in shares),
            tuple(part / total for part in shares.values()),
        )

    def pick(self, count: int, generator: Generator) -> IntArray:
        """Return the index of a place for each of ``count`` requests."""
        # Drawn even for a single place, so that a second one does not move later numbers.
        uniform = generator.random(count)
        edges = np.cumsum(self.share)[:-1]
        return np.array(self.index, dtype=np.int64)[np.searchsorted(edges, uniform, side="right")]


@dataclass(frozen=True, slots=True)
class Spread:
    """How the requests of a workload get their tier, region or model.

    Attributes:
        shares: spread of the requests that no label places.
        column: column of labels that may say otherwise.
        by_label: index of the place of the requests that have such a label.
    """

    shares: Shares
    column: str = ""
    by_label: Mapping[str, int] = field(default_factory=dict)

    def places(self, piece: Requests, generator: Generator) -> IntArray:
        """Return the index of the place of each request."""
        picked = self.shares.pick(len(piece), generator)
        labels = piece.labels.get(self.column)
        if not self.by_label or labels is None:
            return picked
        said = self.said(labels)
        return np.where(said >= 0, said, picked)

    def said(self, labels: Labels) -> IntArray:
        """Return the index of the place that each label means, -1 where the shares decide."""
        table = np.array([*(self.by_label.get(name, -1) for name in labels.names), -1])
        return table[labels.codes]


@dataclass(frozen=True, slots=True)
class NamedWorkload:
    """One entry of a scenario's traffic: demand spread over tiers and regions.

    Arrivals, lengths, tiers and regions draw from streams of their own, named after the
    workload, so that changing one never moves another.

    Args:
        name: name of the entry.
        demand: its requests.
        models: spread over the models that they ask for.
        tiers: spread over tiers.
        regions: spread over regions.
        streams: the run's random streams.
        from_s: requests that arrive before this time are left out, and it becomes time 0 [s].
        until_s: no request arrives at or after this time, before it is moved to 0 [s].
        tenant: index of the entry in the scenario.
        system_tokens: start that all prompts have in common, on top of the demand's [tokens].
        block_settings: what the blocks of the prompts are; None if nobody asks.
    """

    name: str
    demand: Demand
    models: Spread
    tiers: Spread
    regions: Spread
    streams: Streams
    from_s: float = 0.0
    until_s: float = math.inf
    tenant: int = 0
    system_tokens: int = 0
    block_settings: BlockSettings | None = None

    def blocks(self) -> Iterator[ArrivalBlock]:
        """Yield the requests in order of time; each call starts again with the same ones."""
        for_tiers, for_regions = self._generator("tiers"), self._generator("regions")
        for_models = self._generator("models")
        names = None if self.block_settings is None else BlockNames(self.block_settings)
        for piece in self.demand.pieces(self._generator):
            first, last = np.searchsorted(piece.arrival_s, (self.from_s, self.until_s)).tolist()
            rows, count = slice(first, last), last - first
            tier = self.tiers.places(piece, for_tiers)
            region = self.regions.places(piece, for_regions)
            model = self.models.places(piece, for_models)
            if count > 0:
                inputs = piece.input_tokens + self.system_tokens
                prefix = None if names is None else _name_blocks(names, piece, inputs)
                yield ArrivalBlock(
                    arrival_s=piece.arrival_s[rows] - self.from_s,
                    input_tokens=inputs[rows],
                    output_tokens=piece.output_tokens[rows],
                    tier=tier[rows],
                    region=region[rows],
                    model=model[rows],
                    tenant=np.full(count, self.tenant, dtype=np.int64),
                    prefix=None if prefix is None else prefix.take(rows),
                )
            if last < len(piece):
                return

    def _generator(self, purpose: str) -> Generator:
        return self.streams.generator("traffic", self.name, purpose)


def _name_blocks(names: BlockNames, piece: Requests, input_tokens: IntArray) -> PrefixBlocks:
    if piece.blocks is not None:
        return names.of_trace(piece.blocks)
    return names.of_prompts(input_tokens, piece.output_tokens)


@dataclass(frozen=True, slots=True)
class MergedWorkload:
    """Several workloads as one, in time order; ties keep the order of the workloads.

    Args:
        parts: the workloads, finite or endless.
    """

    parts: tuple[Workload, ...]

    def blocks(self) -> Iterator[ArrivalBlock]:
        """Yield merged blocks; at most one block of each part is held at a time."""
        return in_time_order([part.blocks() for part in self.parts], _rows, _join)


def merge(workloads: Sequence[Workload]) -> Workload:
    """Return one workload with the requests of all, in time order and bounded memory."""
    return workloads[0] if len(workloads) == 1 else MergedWorkload(tuple(workloads))


def _rows(block: ArrivalBlock, rows: Rows) -> ArrivalBlock:
    return ArrivalBlock(
        block.arrival_s[rows],
        block.input_tokens[rows],
        block.output_tokens[rows],
        block.tier[rows],
        block.region[rows],
        block.model[rows],
        block.tenant[rows],
        None if block.prefix is None else block.prefix.take(rows),
    )


def _join(blocks: list[ArrivalBlock]) -> ArrivalBlock:
    prefixes = [block.prefix for block in blocks if block.prefix is not None]
    return ArrivalBlock(
        np.concatenate([block.arrival_s for block in blocks]),
        np.concatenate([block.input_tokens for block in blocks]),
        np.concatenate([block.output_tokens for block in blocks]),
        np.concatenate([block.tier for block in blocks]),
        np.concatenate([block.region for block in blocks]),
        np.concatenate([block.model for block in blocks]),
        np.concatenate([block.tenant for block in blocks]),
        PrefixBlocks.concatenate(prefixes) if prefixes else None,
    )
