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
