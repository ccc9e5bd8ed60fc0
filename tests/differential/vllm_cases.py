"""The work that vLLM's own scheduler and the replica get alike: limits, step time and requests.

Everything follows from the names and seeds here, so that the golden times need not carry it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True)
class Work:
    """One request.

    Attributes:
        arrival_s: when it comes [s].
        tokens: its prompt, token by token, or only how many where nobody shares any.
        answer: tokens of its answer.
        priority: lower is more urgent.
    """

    arrival_s: float
    tokens: int | tuple[int, ...]
    answer: int
    priority: int = 0

    @property
    def length(self):
        """Tokens of the prompt."""
        return self.tokens if isinstance(self.tokens, int) else len(self.tokens)


@dataclass(frozen=True)
class Case:
    """Limits of one replica, its step time ``a + b new + c kv``, and the work."""

    work: tuple[Work, ...]
    blocks: int = 16_384
    block_size: int = 16
    seqs: int = 256
    budget: int = 8192
    watermark: float = 0.0
    prefix_cache: bool = False
    asynchronous: bool = False
    by_priority: bool = False
    long_prefill: int = 0
    step_s: tuple[float, float, float] = (8e-3, 25e-6, 0.06e-6)
    tags: tuple[str, ...] = field(default=())


def drawn(
    number,
    rate,
    *,
    seed=1,
    burst=1.0,
    mean=548,
    longest=8000,
    answer=127,
    priorities=1,
):
    """Return requests with lognormal lengths whose gaps are gamma with a squared variation."""
    rng, now, work = Random(seed), 0.0, []
    for _ in range(number):
        now += rng.gammavariate(1 / burst, burst / rate) if rate else 0.0
        prompt = min(longest, max(8, int(rng.lognormvariate(0.0, 0.9) * mean / 1.5)))
        reply = min(1000, max(1, int(rng.lognormvariate(0.0, 1.0) * answer / 1.65)))
        work.append(Work(now, prompt, reply, rng.randrange(priorities)))
    return tuple(work)


def alike(number, rate, *, seed=2, families=40, start=(64, 1600), rest=300, answer=60):
    """Return requests of which those of a family start with the same tokens."""
    rng, now, work = Random(seed), 0.0, []
    lengths = [rng.randrange(*start) for _ in range(families)]
    for serial in range(number):
        now += rng.expovariate(rate)
        family = int(families * rng.random() ** 2)
        known = tuple(family * 10_000 + place for place in range(lengths[family]))
        own = range(rng.randrange(1, rest))
        tokens = known + tuple(10_000_000 + serial * 10_000 + place for place in own)
        work.append(Work(now, tokens, rng.randrange(1, 2 * answer)))
    return tuple(work)


def _same(length, *arrivals_s, answer=4):
    return tuple(Work(when_s, tuple(range(length)), answer) for when_s in arrivals_s)


def _literal(*rows):
    return tuple(Work(*row) for row in rows)


TIGHT = {"blocks": 1500}
SLOW = (10e-3, 1e-4, 1e-7)
# Six blocks and six others do not fit into ten beside each other.
A = tuple(range(96))
B = tuple(range(1000, 1096))

CASES = {
    "ample": Case(drawn(600, 25.0)),
    "ample-bursty": Case(drawn(600, 34.0, seed=3, burst=5.0)),
    "backlog": Case(drawn(400, 0.0, seed=4)),
    "few-places": Case(drawn(400, 20.0, seed=5), seqs=24),
    "small-budget": Case(drawn(400, 20.0, seed=6), budget=512),
    "tight": Case(drawn(600, 30.0, seed=7), **TIGHT),
    "tight-watermark": Case(drawn(600, 30.0, seed=7), **TIGHT, watermark=0.01),
    "tight-priority": Case(drawn(600, 30.0, seed=8, priorities=2), **TIGHT, by_priority=True),
    "tight-long-prompts": Case(
        drawn(300, 4.0, seed=9, mean=3000, longest=16_000), blocks=1400, budget=1024
    ),
    "prefix": Case(alike(400, 30.0), prefix_cache=True),
    "prefix-evicts": Case(alike(600, 30.0), prefix_cache=True, blocks=1800),
    "prefix-tight": Case(alike(600, 45.0, seed=10, answer=120), prefix_cache=True, blocks=900),
    "prefix-unknown": Case(drawn(600, 30.0, seed=7), prefix_cache=True, **TIGHT),
    "async": Case(drawn(600, 25.0, seed=11), asynchronous=True),
    "async-few-places": Case(drawn(400, 20.0, seed=12), asynchronous=True, seqs=24),
    "async-small-budget": Case(drawn(400, 20.0, seed=13), asynchronous=True, budget=512),
    "async-tight": Case(drawn(600, 30.0, seed=14), asynchronous=True, **TIGHT),
    "async-priority": Case(
        drawn(600, 30.0, seed=15, priorities=3), asynchronous=True, by_priority=True, seqs=32
    ),
    "async-prefix": Case(alike(400, 30.0), asynchronous=True, prefix_cache=True),
    "async-prefix-evicts": Case(
        alike(600, 30.0, seed=16), asynchronous=True, prefix_cache=True, blocks=1800
    ),
    "async-prefix-tight": Case(
        alike(400, 45.0, seed=20, answer=120), asynchronous=True, prefix_cache=True, blocks=900
    ),
    "threshold": Case(drawn(600, 25.0, seed=17, mean=1500), long_prefill=512),
    "threshold-small-budget": Case(
        drawn(300, 12.0, seed=18, mean=1500), long_prefill=256, budget=1024
    ),
    "async-threshold": Case(
        drawn(300, 12.0, seed=19, mean=1500), long_prefill=256, budget=1024, asynchronous=True
    ),
    # The smallest requests on which one rule shows.
    "least-watermark": Case(_literal((0.0, 1600, 40), (1e-4, 1584, 2)), blocks=200),
    "least-async": Case(_literal((0.0, 100, 4), (0.025, 100, 4)), asynchronous=True, step_s=SLOW),
    "least-sync": Case(_literal((0.0, 100, 4), (0.025, 100, 4)), step_s=SLOW),
    "least-eviction": Case(
        _literal((0.0, A, 1), (1.0, B, 1), (2.0, A, 1)), prefix_cache=True, blocks=10
    ),
    "least-full-hit": Case(_same(160, 0.0, 0.5), prefix_cache=True),
    "least-preempted": Case(
        _literal((0.0, 100, 100), (1e-4, 100, 100)), prefix_cache=True, blocks=22
    ),
    "least-threshold": Case(
        _literal((0.0, 900, 3), (1e-3, 700, 3), (2e-3, 90, 3)), long_prefill=256, budget=512
    ),
}
