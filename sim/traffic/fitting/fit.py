"""Chooses a generator for a trace and fits it; says where it fails.

Plain renewal processes are tried first. Where one cannot be told from the trace, the simplest is
chosen. Otherwise the trace's own cycles are shuffled (`sim.traffic.arrivals.cycles`), over
stretches of time as long as its burstiness and its waits allow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sim.errors import TraceError
from sim.rng import Streams
from sim.traffic.arrivals.arrivals import ArrivalProcess
from sim.traffic.arrivals.cycles import CycleShuffle
from sim.traffic.demand import Draw, Requests, SyntheticDemand
from sim.traffic.fitting.fingerprint import Fingerprint, fingerprint
from sim.traffic.fitting.fit_models import fit_gamma, fit_mmpp, fit_poisson, fit_weibull
from sim.traffic.fitting.goodness_of_fit import REQUIRED, Candidate, Verdict, draws, judge, sample
from sim.traffic.fitting.quantised import grid_step_s, smooth
from sim.traffic.lengths import EmpiricalLengths
from sim.traffic.trace import Trace
from sim.traffic.transforms import observed

STRETCHES_S = (
    *(math.inf, 3600.0, 1800.0, 900.0, 600.0, 300.0, 120.0),
    *(60.0, 30.0, 20.0, 10.0, 5.0, 2.0),
)
CYCLES_S = (0.0, 0.3, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 100.0)
FEWEST_CYCLES_PER_STRETCH = 2.5
FEWEST_REQUESTS = 100
MOST_REQUESTS = 150_000
_SPLITS = 4
_LITTLE_FREEDOM = 200.0
_NEARLY_REPLAY_S = 10.0
_UNSTEADY = 0.5


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A test on requests that the fit did not see: one random half against the other.

    Attributes:
        error: mean absolute error of the generator fitted to one half, judged by the other.
        floor: mean absolute difference of the two halves themselves.
    """

    error: dict[str, float]
    floor: dict[str, float]


@dataclass(frozen=True, slots=True)
class FittedWorkload:
    """The generator that was chosen for a trace; itself a `Demand`.

    Attributes:
        chosen: the generator and how close it comes.
        others: the usual models, for comparison.
        held_out: the test on requests that the fit did not see.
        notes: what a user of the generator should know.
    """

    chosen: Verdict
    others: tuple[Verdict, ...]
    held_out: HeldOut
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the generator."""
        return self.chosen.candidate.name

    @property
    def reference(self) -> Fingerprint:
        """Fingerprint of the trace."""
        return self.chosen.reference

    def pieces(self, draw: Draw) -> Iterator[Requests]:
        """Yield requests without end."""
        return self.chosen.candidate.demand.pieces(draw)

    def sample(self, span_s: float, seed: int = 0) -> Trace:
        """Return ``span_s`` seconds of generated requests."""
        return sample(self, span_s, draws(Streams(seed), 0))


def fit(trace: Trace, seed: int = 0) -> FittedWorkload:
    """Return the generator that suits a trace.

    Args:
        trace: at least `FEWEST_REQUESTS` requests.
        seed: seed of the draws by which generators are judged.

    Raises:
        TraceError: the trace is too short to fit anything.
    """
    if len(trace) < FEWEST_REQUESTS or trace.arrival_s[-1] <= trace.arrival_s[0]:
        raise TraceError(
            f"a fit needs at least {FEWEST_REQUESTS} requests at different times; "
            f"the trace has {len(trace)}"
        )
    streams, trace = Streams(seed), observed(trace)
    spread, notes = smooth(trace, streams.generator("fit", "grid")), []
    if spread is not trace:
        step_s = grid_step_s(trace.arrival_s)
        notes.append(
            f"time stamps lie on a grid of {step_s:g} s; they were spread inside each tick"
        )
    part = _excerpt(spread)
    if len(part) < len(trace):
        notes.append(f"chosen on {len(part):,} requests from the middle of the trace")
    reference = fingerprint(part)
    others = tuple(judge(c, reference, part.span_s, streams) for c in _models(part))
    adequate = (verdict for verdict in others if verdict.is_close or verdict.is_adequate)
    chosen = next(adequate, None) or _shuffle(part, reference, streams)
    held_out = _held_out(chosen.candidate, part, streams)
    notes += _limits(chosen, part)
    final = replace(chosen, candidate=_refit(chosen.candidate, spread))
    return FittedWorkload(final, others, held_out, tuple(notes))


def cycle_shuffle(trace: Trace, stretch_s: float, cycle_s: float) -> Candidate:
    """Return the generator that shuffles a trace's cycles (`CycleShuffle`)."""
    settings = {"stretch_s": stretch_s, "cycle_s": cycle_s}
    return Candidate("cycles", CycleShuffle(trace, stretch_s, cycle_s), settings)


def _excerpt(trace: Trace) -> Trace:
    """Return the trace, or as much from its middle as can be judged in reasonable time."""
    if len(trace) <= MOST_REQUESTS:
        return trace
    first = (len(trace) - MOST_REQUESTS) // 2
    part = trace.take(np.arange(first, first + MOST_REQUESTS))
    start_s, end_s = float(part.arrival_s[0]), float(trace.arrival_s[first + MOST_REQUESTS])
    return replace(part, arrival_s=part.arrival_s - start_s, span_s=end_s - start_s)


def _models(trace: Trace) -> Iterator[Candidate]:
    """Yield the usual arrival models with lengths drawn from the rows, simplest first."""
    lengths = EmpiricalLengths.of(trace)

    def candidate(name: str, arrivals: ArrivalProcess, **settings: float) -> Candidate:
        return Candidate(name, SyntheticDemand(arrivals, lengths), settings)

    poisson, gamma, weibull = fit_poisson(trace), fit_gamma(trace), fit_weibull(trace)
    yield candidate("poisson", poisson, rate_per_s=poisson.rate_per_s)
    yield candidate("gamma", gamma, rate_per_s=gamma.rate_per_s, cv=gamma.cv)
    yield candidate("weibull", weibull, rate_per_s=weibull.rate_per_s, shape=weibull.shape)
    mmpp = fit_mmpp(trace)
    states = {f"rate_{i}_per_s": state.rate_per_s for i, state in enumerate(mmpp.states)}
    states |= {f"sojourn_{i}_s": state.mean_s for i, state in enumerate(mmpp.states)}
    yield candidate("mmpp", mmpp, **states)


def _shuffle(trace: Trace, reference: Fingerprint, streams: Streams) -> Verdict:
    """Return the shuffle over the longest stretches that is close, or the closest of all."""
    best: Verdict | None = None
    for stretch_s, cycle_s in _shuffles(trace):
        candidate = cycle_shuffle(trace, stretch_s, cycle_s)
        verdict = judge(candidate, reference, trace.span_s, streams)
        if verdict.is_close:
            return verdict
        if best is None or verdict.worst < best.worst:
            best = verdict
    return best or judge(cycle_shuffle(trace, math.inf, 0.0), reference, trace.span_s, streams)


def _shuffles(trace: Trace) -> list[tuple[float, float]]:
    """Return stretches and cycles to try: those with enough to shuffle first, longest first."""
    order = []
    for stretch_s in (s for s in STRETCHES_S if math.isinf(s) or s <= trace.span_s):
        for cycle_s in (c for c in CYCLES_S if c <= stretch_s / 2):
            shuffle = CycleShuffle(trace, stretch_s, cycle_s)
            per_stretch = shuffle.cycles * min(stretch_s / trace.span_s, 1.0)
            poor = per_stretch < FEWEST_CYCLES_PER_STRETCH
            order.append((poor, -stretch_s, cycle_s))
    return [(-stretch_s, cycle_s) for _, stretch_s, cycle_s in sorted(order)]


def _refit(candidate: Candidate, trace: Trace) -> Candidate:
    """Return the same kind of generator with the same freedom, fitted to another trace."""
    if candidate.name == "cycles":
        return cycle_shuffle(trace, **candidate.settings)
    return next(model for model in _models(trace) if model.name == candidate.name)


def _held_out(candidate: Candidate, trace: Trace, streams: Streams) -> HeldOut:
    """Fit to a random half of the requests and compare with the other half.

    Both halves have the same rate over time, so they differ only by chance (data thinning: A.
    Neufeld et al., J. Mach. Learn. Res. 25, 2024).
    """
    errors: dict[str, list[float]] = {}
    floors: dict[str, list[float]] = {}
    for split in range(_SPLITS):
        generator = streams.generator("fit", "split", str(split))
        kept = generator.random(len(trace)) < 0.5
        seen, unseen = trace.take(kept), fingerprint(trace.take(~kept))
        drawn = sample(_refit(candidate, seen).demand, trace.span_s, draws(streams, split))
        for name, error in fingerprint(drawn).errors(unseen).items():
            errors.setdefault(name, []).append(abs(error))
        for name, error in fingerprint(seen).errors(unseen).items():
            floors.setdefault(name, []).append(abs(error))
    return HeldOut(
        {name: float(np.mean(values)) for name, values in errors.items()},
        {name: float(np.mean(values)) for name, values in floors.items()},
    )


def _limits(verdict: Verdict, trace: Trace) -> list[str]:
    """Return what the generator cannot do, in sentences."""
    notes = []
    demand = verdict.candidate.demand
    missed = [name for name in verdict.failures if name in REQUIRED]
    if missed and verdict.is_adequate:
        notes.append(
            "the trace is too short to tell this model's " + ", ".join(missed) + " from its own"
        )
    elif missed:
        notes.append("it misses the trace in " + ", ".join(missed))
    if isinstance(demand, CycleShuffle):
        notes.append(
            "it repeats the trace's own drift: hours busier than those of the trace do not occur"
        )
        if demand.freedom < _LITTLE_FREEDOM or demand.stretch_s <= _NEARLY_REPLAY_S:
            notes.append(
                f"it shuffles {demand.cycles:,} cycles only within {demand.stretch_s:g} s, so "
                "every seed is close to a replay"
            )
    else:
        notes.append("lengths are drawn without regard to the rate")
    unsteady = _unsteady(trace)
    if unsteady:
        notes.append(
            "the two halves of the trace differ by more than half in "
            + ", ".join(unsteady)
            + ": no generator of one stands for the other"
        )
    if "session" in trace.labels:
        notes.append("sessions, turns and shared prefixes are not generated")
    return notes


def _unsteady(trace: Trace) -> list[str]:
    middle_s = trace.span_s / 2
    early = trace.take(trace.arrival_s < middle_s)
    late = trace.take(trace.arrival_s >= middle_s)
    if min(len(early), len(late)) < FEWEST_REQUESTS // 2:
        return ["rate"]
    first = fingerprint(replace(early, span_s=middle_s))
    second = fingerprint(replace(late, arrival_s=late.arrival_s - middle_s, span_s=middle_s))
    errors = first.errors(second)
    return [name for name in REQUIRED if abs(errors.get(name, 0.0)) > _UNSTEADY]
