"""ServeGen: a service as a composition of clients, each bursty and long-winded in its own way.

A folder holds two files per client: ``chunk-N-trace.csv`` with the rate every ten minutes, and
``chunk-N-dataset.json`` with the length distributions of every six hours. Source:
github.com/alibaba/ServeGen (Apache-2.0), arXiv 2505.09999.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray, IntArray
from sim.traffic.arrivals.ratetable import RateTable
from sim.traffic.lengths import Lengths

GAMMA, WEIBULL = "Gamma", "Weibull"


@dataclass(frozen=True, slots=True)
class GapLaw:
    """Gaps of mean 1, gamma or Weibull of a given shape."""

    family: str
    shape: float

    def gaps(self, count: int, generator: Generator) -> FloatArray:
        """Return ``count`` gaps of mean 1."""
        if self.family == WEIBULL:
            return np.asarray(generator.weibull(self.shape, count) / math.gamma(1 + 1 / self.shape))
        return np.asarray(generator.standard_gamma(self.shape, count) / self.shape)


@dataclass(frozen=True, slots=True)
class ClientArrivals:
    """Renewal arrivals of one client whose rate and burstiness change from window to window.

    Gaps are drawn with mean 1 and stretched by the rate of the window, so each window has its rate
    whatever its shape.

    Args:
        table: rate in each window.
        laws: gap law of each window.
    """

    table: RateTable
    laws: tuple[GapLaw, ...]

    @property
    def rate_per_s(self) -> float:
        """Mean rate over all windows [requests/s]."""
        return self.table.mean_per_s

    def times(self, generator: Generator) -> Iterator[FloatArray]:
        """Yield the arrivals of one window after the other [s]."""
        ends = np.cumsum(self.table.rates_per_s * np.diff(self.table.edges_s))
        if ends[-1] <= 0:
            return
        start = 0.0
        following = float(self.laws[0].gaps(1, generator)[0]) * generator.random()
        while True:
            for end, law in zip((start + ends).tolist(), self.laws, strict=True):
                expected, following = _until(end, following, law, generator)
                if len(expected):
                    yield self.table.time_of(expected)
            start += float(ends[-1])


def _until(
    end: float, following: float, law: GapLaw, generator: Generator
) -> tuple[FloatArray, float]:
    """Return the arrivals before ``end`` and the first one after it, in expected arrivals."""
    parts: list[FloatArray] = []
    while following < end:
        count = int(end - following) + 16
        later = following + np.cumsum(law.gaps(count, generator))
        parts.append(np.concatenate([[following], later[:-1]]))
        following = float(later[-1])
    if not parts:
        return np.empty(0), following
    drawn = np.concatenate([*parts, [following]])
    inside = int(np.searchsorted(drawn, end))
    return drawn[:inside], float(drawn[inside])


@dataclass(frozen=True, slots=True)
class CountTable:
    """A distribution over whole numbers.

    Attributes:
        values: the numbers.
        cumulative: probability of each or a smaller one, ending at 1.
    """

    values: IntArray
    cumulative: FloatArray

    @classmethod
    def of(cls, shares: Mapping[int, float]) -> CountTable:
        """Return the table of probabilities by value, scaled to sum 1."""
        order = sorted(shares)
        cumulative = np.cumsum([shares[value] for value in order])
        return cls(np.array(order, dtype=np.int64), cumulative / cumulative[-1])

    def draw(self, count: int, generator: Generator) -> IntArray:
        """Return ``count`` numbers."""
        return self.values[np.searchsorted(self.cumulative, generator.random(count), side="right")]


@dataclass(frozen=True, slots=True)
class LengthWindow:
    """Length distributions of a client during some hours.

    Attributes:
        text: text tokens of the prompt.
        media: for each kind of media, how many of them and tokens of each.
        output: tokens of the answer.
    """

    text: CountTable
    media: tuple[tuple[CountTable, CountTable], ...]
    output: CountTable

    def draw(self, count: int, generator: Generator) -> Lengths:
        """Return input and output lengths, media tokens counted as input."""
        prompts = self.text.draw(count, generator)
        for number, tokens in self.media:
            items = number.draw(count, generator)
            owner = np.repeat(np.arange(count), items)
            each = tokens.draw(len(owner), generator)
            prompts = prompts + np.bincount(owner, weights=each, minlength=count).astype(np.int64)
        answers = self.output.draw(count, generator)
        return np.maximum(prompts, 1), np.maximum(answers, 1)


@dataclass(frozen=True, slots=True)
class ClientLengths:
    """Lengths of one client, by time of day.

    Args:
        starts_s: start of each window, from 0 [s].
        windows: distributions in each.
        span_s: length of the cycle after which they repeat [s].
    """

    starts_s: FloatArray
    windows: tuple[LengthWindow, ...]
    span_s: float

    def draw(self, arrival_s: FloatArray, generator: Generator) -> Lengths:
        """Return lengths for these arrivals."""
        place = np.searchsorted(self.starts_s, np.mod(arrival_s, self.span_s), side="right") - 1
        prompts = np.empty(len(arrival_s), dtype=np.int64)
        answers = np.empty(len(arrival_s), dtype=np.int64)
        for index in np.unique(place).tolist():
            rows = place == index
            prompts[rows], answers[rows] = self.windows[index].draw(int(rows.sum()), generator)
        return prompts, answers
