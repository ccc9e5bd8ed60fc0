"""Traffic that switches between states of different rate: Markov-modulated and ON/OFF."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray, IntArray

_SOJOURNS = 1024


@dataclass(frozen=True, slots=True)
class State:
    """A state of the traffic.

    Attributes:
        rate_per_s: Poisson rate while in it [requests/s], 0 for silence.
        mean_s: mean time spent in it [s].
        cv: coefficient of variation of that time: 1 is exponential, others are lognormal.
    """

    rate_per_s: float
    mean_s: float
    cv: float = 1.0

    def sojourns(self, count: int, generator: Generator) -> FloatArray:
        """Return times spent in the state [s]."""
        if self.cv == 1:
            return self.mean_s * generator.standard_exponential(count)
        variance = math.log1p(self.cv**2)
        normal = generator.standard_normal(count) * math.sqrt(variance)
        return np.asarray(self.mean_s * np.exp(normal - variance / 2))


@dataclass(frozen=True, slots=True)
class Switching:
    """Poisson arrivals whose rate depends on a state that changes at random times.

    States follow each other in the order given, round and round, unless ``transitions`` says
    otherwise. With exponential sojourns this is the Markov-modulated Poisson process (W. Fischer
    and K. Meier-Hellstern, Performance Evaluation 18, 1993, doi 10.1016/0166-5316(93)90035-S);
    with a silent second state it is ON/OFF traffic.

    Args:
        states: the states.
        transitions: probability of each next state, one row per state; None for a round.
    """

    states: tuple[State, ...]
    transitions: tuple[tuple[float, ...], ...] | None = None

    @property
    def rate_per_s(self) -> float:
        """Long-run mean rate [requests/s]."""
        visits = _stationary(np.array(self.transitions or _round(len(self.states))))
        times = visits * [state.mean_s for state in self.states]
        return float(times @ [state.rate_per_s for state in self.states] / times.sum())

    def times(self, generator: Generator) -> Iterator[FloatArray]:
        """Yield blocks of arrival times [s]."""
        rates = np.array([state.rate_per_s for state in self.states])
        chain = _Chain(self, generator)
        clock_s = 0.0
        while True:
            visited = chain.next_states(_SOJOURNS)
            lasting_s = np.empty(_SOJOURNS)
            for index, state in enumerate(self.states):
                here = visited == index
                lasting_s[here] = state.sojourns(int(here.sum()), generator)
            starts_s = clock_s + np.concatenate([[0.0], np.cumsum(lasting_s)])
            arrived = generator.poisson(rates[visited] * lasting_s)
            which = np.repeat(np.arange(_SOJOURNS), arrived)
            block = starts_s[which] + generator.random(len(which)) * lasting_s[which]
            clock_s = float(starts_s[-1])
            if len(block):
                yield np.sort(block)


class _Chain:
    """The sequence of states, drawn in blocks; the first one by its share of time."""

    def __init__(self, process: Switching, generator: Generator) -> None:
        states = process.states
        transitions = np.array(process.transitions or _round(len(states)))
        time_share = _stationary(transitions) * [state.mean_s for state in states]
        self._state = int(generator.choice(len(states), p=time_share / time_share.sum()))
        self._steps = None if process.transitions is None else np.cumsum(transitions, axis=1)
        self._states = len(states)
        self._generator = generator

    def next_states(self, count: int) -> IntArray:
        if self._steps is None:
            visited = (self._state + np.arange(count)) % self._states
            self._state = (self._state + count) % self._states
            return visited
        visited = np.empty(count, dtype=np.int64)
        for i, uniform in enumerate(self._generator.random(count).tolist()):
            visited[i] = self._state
            following = int(np.searchsorted(self._steps[self._state], uniform, side="right"))
            self._state = min(following, self._states - 1)
        return visited


def _round(states: int) -> tuple[tuple[float, ...], ...]:
    return tuple(
        tuple(1.0 if j == (i + 1) % states else 0.0 for j in range(states)) for i in range(states)
    )


def _stationary(transitions: FloatArray) -> FloatArray:
    """Return the share of visits of each state in the long run."""
    states = len(transitions)
    balance = np.vstack([transitions.T - np.eye(states), np.ones(states)])
    target = np.concatenate([np.zeros(states), [1.0]])
    shares: FloatArray = np.linalg.lstsq(balance, target, rcond=None)[0]
    return np.asarray(np.clip(shares, 0, None) / np.clip(shares, 0, None).sum())
