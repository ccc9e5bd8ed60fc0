"""Token lengths: laws from which the input and output length of each request are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray, IntArray
from sim.traffic.trace import TokenArray, Trace

Lengths = tuple[IntArray, IntArray]


class LengthLaw(Protocol):
    """Says how long prompts and answers are."""

    def draw(self, arrival_s: FloatArray, generator: Generator) -> Lengths:
        """Return input and output lengths [tokens], each at least 1, for these arrivals."""
        ...


@dataclass(frozen=True, slots=True)
class ConstantLengths:
    """Every request is the same.

    Args:
        input_tokens: prompt length [tokens].
        output_tokens: answer length [tokens].
    """

    input_tokens: int
    output_tokens: int

    def draw(self, arrival_s: FloatArray, generator: Generator) -> Lengths:
        """Return the same two lengths for all."""
        count = len(arrival_s)
        return np.full(count, self.input_tokens), np.full(count, self.output_tokens)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A lognormal length by its mean and coefficient of variation.

    Args:
        mean_tokens: mean [tokens], above 0.
        cv: standard deviation over mean.
    """

    mean_tokens: float
    cv: float

    def draw(self, count: int, generator: Generator) -> IntArray:
        """Return ``count`` lengths, rounded, at least 1 [tokens]."""
        variance = math.log1p(self.cv**2)
        normal = generator.standard_normal(count) * math.sqrt(variance)
        tokens = self.mean_tokens * np.exp(normal - variance / 2)
        return np.maximum(np.rint(tokens), 1).astype(np.int64)


@dataclass(frozen=True, slots=True)
class LognormalLengths:
    """Input and output lengths are lognormal and independent.

    Args:
        input_law: prompt length.
        output_law: answer length.
    """

    input_law: Lognormal
    output_law: Lognormal

    def draw(self, arrival_s: FloatArray, generator: Generator) -> Lengths:
        """Return lengths for these arrivals."""
        count = len(arrival_s)
        return self.input_law.draw(count, generator), self.output_law.draw(count, generator)


@dataclass(frozen=True, slots=True)
class EmpiricalLengths:
    """Pairs of lengths drawn from those of a trace, so input and output stay joined.

    Args:
        input_tokens: prompt lengths of the source [tokens].
        output_tokens: answer lengths, row by row [tokens].
    """

    input_tokens: TokenArray
    output_tokens: TokenArray

    @classmethod
    def of(cls, trace: Trace) -> EmpiricalLengths:
        """Return the law whose table is the rows of ``trace``."""
        return cls(trace.input_tokens, trace.output_tokens)

    def draw(self, arrival_s: FloatArray, generator: Generator) -> Lengths:
        """Return rows drawn with replacement."""
        rows = generator.integers(len(self.input_tokens), size=len(arrival_s))
        return (
            self.input_tokens[rows].astype(np.int64),
            self.output_tokens[rows].astype(np.int64),
        )


@dataclass(frozen=True, slots=True)
class MixtureLengths:
    """Each request follows one of several laws, chosen at random.

    Args:
        laws: the laws.
        shares: probability of each.
    """

    laws: tuple[LengthLaw, ...]
    shares: tuple[float, ...]

    def draw(self, arrival_s: FloatArray, generator: Generator) -> Lengths:
        """Return lengths for these arrivals."""
        edges = np.cumsum(self.shares)[:-1] / sum(self.shares)
        chosen = np.searchsorted(edges, generator.random(len(arrival_s)), side="right")
        prompts = np.empty(len(arrival_s), dtype=np.int64)
        answers = np.empty(len(arrival_s), dtype=np.int64)
        for index, law in enumerate(self.laws):
            rows = chosen == index
            prompts[rows], answers[rows] = law.draw(arrival_s[rows], generator)
        return prompts, answers


@dataclass(frozen=True, slots=True)
class RateBandLengths:
    """Pairs drawn from the rows that a trace had at a similar local rate.

    Where sizes follow the load, lengths drawn without regard to it overstate the p99 wait several
    times, because in such a trace answers get shorter as the rate rises.

    Args:
        bands: the rows of the trace by local rate, from slow to fast.
        edges: local rates between the bands, relative to the mean rate.
        window_s: length of the windows in which the local rate is counted [s].
        rate_per_s: mean rate of the arrivals for which lengths are drawn [requests/s].
    """

    bands: tuple[EmpiricalLengths, ...]
    edges: tuple[float, ...]
    window_s: float
    rate_per_s: float

    @classmethod
    def of(cls, trace: Trace, bands: int, window_s: float, rate_per_s: float) -> RateBandLengths:
        """Return the law with the rows of a trace, in bands of equal numbers of requests."""
        rate = local_rate(trace.arrival_s, window_s) / trace.rate_per_s
        edges = np.unique(np.quantile(rate, np.arange(1, bands) / bands))
        band = np.searchsorted(edges, rate, side="right")
        kept = np.unique(band)
        return cls(
            tuple(EmpiricalLengths.of(trace.take(band == index)) for index in kept.tolist()),
            tuple(edges[kept[1:] - 1].tolist()),
            window_s,
            rate_per_s,
        )

    def draw(self, arrival_s: FloatArray, generator: Generator) -> Lengths:
        """Return lengths for these arrivals, by the rate at which they come."""
        rate = local_rate(arrival_s, self.window_s) / self.rate_per_s
        band = np.searchsorted(self.edges, rate, side="right")
        uniform = generator.random(len(arrival_s))
        prompts = np.empty(len(arrival_s), dtype=np.int64)
        answers = np.empty(len(arrival_s), dtype=np.int64)
        for index, table in enumerate(self.bands):
            rows = np.flatnonzero(band == index)
            picked = (uniform[rows] * len(table.input_tokens)).astype(np.int64)
            prompts[rows] = table.input_tokens[picked]
            answers[rows] = table.output_tokens[picked]
        return prompts, answers


def local_rate(arrival_s: FloatArray, window_s: float) -> FloatArray:
    """Return the rate in the window in which each arrival falls [requests/s].

    The first and the last window count with the part that the arrivals cover, though at least a
    tenth of it.
    """
    if len(arrival_s) == 0:
        return np.empty(0)
    index = np.floor(arrival_s / window_s).astype(np.int64)
    index -= index[0]
    count = np.bincount(index)
    covered_s = np.full(len(count), window_s)
    covered_s[0] -= arrival_s[0] % window_s
    covered_s[-1] -= window_s - arrival_s[-1] % window_s
    return np.asarray((count / np.maximum(covered_s, window_s / 10))[index])
