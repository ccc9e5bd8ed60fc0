"""Judges a generator: draws from it many times and compares with the trace."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from sim.rng import Streams
from sim.traffic.demand import Demand, Draw
from sim.traffic.fitting.fingerprint import TOLERANCE, Fingerprint, fingerprint
from sim.traffic.trace import Trace, make_trace

#: Statistics that a generator has to reproduce to be chosen; the others are shown.
REQUIRED = ("idc_1s", "idc_10s", "idc_60s", "idc_300s", "wait_p99", "empty_seconds")

RENEWALS = ("poisson", "gamma", "weibull")
SEEDS = 12
_SAFE_PART = 0.5
_ALLOWED_MISSES = 1
_HOPELESS = 3.0
_NOISE_DEVIATIONS = 2.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A generator that might be chosen.

    Attributes:
        name: its kind, such as ``poisson`` or ``cycles``.
        demand: the generator.
        settings: what was fitted, by name with unit.
    """

    name: str
    demand: Demand
    settings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How close a generator comes to a trace, over several seeds.

    Attributes:
        candidate: the generator.
        samples: fingerprint of each drawn stream.
        reference: fingerprint of the trace.
    """

    candidate: Candidate
    samples: tuple[Fingerprint, ...]
    reference: Fingerprint

    def mean(self, name: str) -> float:
        """Return the mean of a statistic over the seeds."""
        return float(np.mean(self._drawn(name))) if self._drawn(name) else math.nan

    def error(self, name: str) -> float:
        """Return the mean signed error of a statistic, as `TOLERANCE` has it."""
        errors = self._errors(name)
        return float(np.mean(errors)) if errors else math.nan

    def strain(self, name: str) -> float:
        """Return the root mean square error over the seeds in units of the tolerance."""
        errors = self._errors(name)
        return float(np.sqrt(np.mean(np.square(errors)))) / TOLERANCE[name] if errors else 0.0

    @property
    def worst(self) -> float:
        """The largest strain among the required statistics."""
        return max((self.strain(name) for name in self._required()), default=0.0)

    @property
    def is_close(self) -> bool:
        """Whether nearly every seed reproduces every required statistic, with room to spare."""
        misses = sum(
            any(abs(error) > TOLERANCE[name] for name, error in sample.items() if name in REQUIRED)
            for sample in (drawn.errors(self.reference) for drawn in self.samples)
        )
        return self.worst <= _SAFE_PART and misses <= _ALLOWED_MISSES

    @property
    def is_adequate(self) -> bool:
        """Whether the generator is a renewal process of which the trace could be one more draw.

        Each required statistic of the trace lies within 2.5 standard deviations of the draws, or
        within the tolerance of their mean.
        """
        return self.candidate.name in RENEWALS and all(
            abs(self.error(name)) <= TOLERANCE[name]
            or abs(self.mean(name) - self.reference.values[name])
            <= _NOISE_DEVIATIONS * float(np.std(self._drawn(name), ddof=1))
            for name in self._required()
        )

    @property
    def failures(self) -> tuple[str, ...]:
        """Statistics that the generator misses on average by more than the tolerance."""
        return tuple(
            name for name in self.reference.values if abs(self.error(name)) > TOLERANCE[name]
        )

    def _required(self) -> list[str]:
        return [name for name in REQUIRED if name in self.reference.values]

    def _drawn(self, name: str) -> list[float]:
        return [sample.values[name] for sample in self.samples if name in sample.values]

    def _errors(self, name: str) -> list[float]:
        errors = (sample.errors(self.reference) for sample in self.samples)
        return [error[name] for error in errors if name in error]


def judge(
    candidate: Candidate,
    reference: Fingerprint,
    span_s: float,
    streams: Streams,
    seeds: int = SEEDS,
) -> Verdict:
    """Return how close a generator comes to a trace of this fingerprint and span.

    A generator that is far off after two seeds is not drawn again, unless its spread decides.
    """
    samples: list[Fingerprint] = []
    for seed in range(seeds):
        samples.append(fingerprint(sample(candidate.demand, span_s, draws(streams, seed))))
        hopeless = seed == 1 and Verdict(candidate, tuple(samples), reference).worst > _HOPELESS
        if hopeless and candidate.name not in RENEWALS:
            break
    return Verdict(candidate, tuple(samples), reference)


def draws(streams: Streams, seed: int) -> Draw:
    """Return generators by purpose for one of several draws."""

    def draw(purpose: str) -> Generator:
        return streams.generator("fit", str(seed), purpose)

    return draw


def sample(demand: Demand, span_s: float, draw: Draw) -> Trace:
    """Return the requests of a demand before ``span_s`` [s] as a trace."""
    arrivals: list[np.ndarray] = []
    prompts: list[np.ndarray] = []
    answers: list[np.ndarray] = []
    for piece in demand.pieces(draw):
        count = int(np.searchsorted(piece.arrival_s, span_s))
        arrivals.append(piece.arrival_s[:count])
        prompts.append(piece.input_tokens[:count])
        answers.append(piece.output_tokens[:count])
        if count < len(piece):
            break
    return make_trace(_joined(arrivals), _joined(prompts), _joined(answers), span_s)


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0)
