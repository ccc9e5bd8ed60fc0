"""Speculative decoding: a small model drafts tokens, the large one verifies them in one step.

In every step that decodes, a draft model proposes ``k`` tokens for each sequence, one after the
other, and the target model processes these and one more together. It keeps the longest run of
proposals that it agrees with, and adds a token of its own. If each proposal is kept with the
probability ``a``, independently, a step yields ``m = (1 - a^(k + 1)) / (1 - a)`` tokens on average
(Leviathan, Kalman, Matias 2023, arXiv:2211.17192, equation 1).

Here the yield is a schedule, not a draw: by its j-th step that decodes a replica has given
``T(j) = floor(j m)`` tokens to each sequence that was there from the start, so each step gives all
of them the same whole number of tokens, ``floor(m)`` or one more, and the mean is right after every
step. All sequences thus advance in lockstep, which is what lets a segment of many steps have a
closed form; a draw for each sequence would end every segment after one step. What is lost is the
spread between requests of equal length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from math import sqrt
from typing import Any

from sim.interfaces import PowerCurve
from sim.performance.steptime import StepTime
from sim.serving.engine.engine import Engine

FINEST = 1000  # denominators up to this: the mean yield is right to a part in a million


def expected_tokens(drafted: int, acceptance: float) -> float:
    """Return the mean number of tokens of a verified step (arXiv:2211.17192, equation 1).

    Args:
        drafted: proposals per step and sequence.
        acceptance: probability that a proposal is kept, 0 to 1.
    """
    if acceptance == 1.0:
        return drafted + 1.0
    return (1.0 - acceptance ** (drafted + 1)) / (1.0 - acceptance)


class TokenSchedule:
    """How many tokens each sequence has after a number of steps: ``T(j) = floor(j m)``.

    Args:
        mean: tokens per step, at least 1.
    """

    __slots__ = ("_before", "_period", "_yield")

    def __init__(self, mean: float) -> None:
        share = Fraction(mean).limit_denominator(FINEST)
        self._yield, self._period = share.numerator, share.denominator
        # Sums of T over the first steps of a period, so that any sum takes a look-up.
        self._before = list(accumulate(map(self.tokens, range(self._period)), initial=0))

    def tokens(self, steps: int) -> int:
        """Return the tokens after ``steps`` steps."""
        return steps * self._yield // self._period

    def steps(self, tokens: int) -> int:
        """Return the fewest steps that yield ``tokens`` tokens."""
        return -(-tokens * self._period // self._yield)

    def sum(self, steps: int) -> int:
        """Return ``T(0) + ... + T(steps - 1)``."""
        periods, rest = divmod(steps, self._period)
        whole = periods * self._before[-1] + self._period * self._yield * (
            periods * (periods - 1) // 2
        )
        return whole + self._before[rest] + rest * periods * self._yield


@dataclass(frozen=True, slots=True)
class Speculation:
    """What a replica drafts.

    Attributes:
        drafted: proposals per step and sequence.
        acceptance: probability that a proposal is kept.
        draft_time: step time of the draft model; None if proposals cost nothing, as those that
            are looked up in the prompt.
    """

    drafted: int
    acceptance: float
    draft_time: StepTime | None = None

    @property
    def mean_tokens(self) -> float:
        """Tokens that a step yields per sequence, on average."""
        return expected_tokens(self.drafted, self.acceptance)


class SpeculativeTime:
    """How long the steps of a replica take that speculates.

    A step that decodes n sequences costs a step of the target with n (k + 1) new tokens, one
    reading of the KV cache, and k steps of the draft model with n new tokens, the i-th of which
    reads i tokens more of each sequence. Prompts are processed by both models. Scheduling is paid
    for once, so that the draft model's time per sequence does not count.

    Args:
        target: step time of the model.
        speculation: what is drafted.
    """

    __slots__ = ("_draft", "_drafted", "_target", "kv_s_per_token")

    def __init__(self, target: StepTime, speculation: Speculation) -> None:
        self._target, self._drafted = target, speculation.drafted
        draft = speculation.draft_time or StepTime(0.0, 0.0)
        self._draft = replace(draft, f_s_per_seq=0.0)
        self.kv_s_per_token = target.c_s_per_kv_token + self._drafted * draft.c_s_per_kv_token

    def products_s(self, sequences: float, prompt_tokens: float) -> float:
        """Return the time of a step's products in both models [s].

        Args:
            sequences: places of the batch that decode.
            prompt_tokens: new tokens of prompts.
        """
        seconds = self._target.new_tokens_s(sequences * (self._drafted + 1) + prompt_tokens)
        seconds += self._draft.new_tokens_s(sequences + prompt_tokens)
        if sequences:
            seconds += (self._drafted - 1) * self._draft.new_tokens_s(sequences)
        return seconds

    def attention_s(self, attention: float) -> float:
        """Return the time of prefill attention in both models [s], see `StepTime.seconds`."""
        return (self._target.e_s_per_token2 + self._draft.e_s_per_token2) * attention

    def fixed_s(self, sequences: float) -> float:
        """Return the time of a step apart from products and stored KV cache [s]."""
        target, draft, k = self._target, self._draft, self._drafted
        if not sequences:
            return target.a_s + draft.a_s
        if target.batch_curve:
            verified = target.batch_s(sequences)
        else:
            verified = target.f_s_per_seq * sequences
            verified += target.d_s_per_sqrt_seq * sqrt(sequences * (k + 1))  # all of them route
        passes = k * (draft.a_s + draft.batch_s(sequences))
        own_s = draft.c_s_per_kv_token * sequences * (k * (k - 1) // 2)
        return target.a_s + verified + passes + own_s

    def seconds(
        self, prompt_tokens: float, kv_tokens: float, sequences: float, attention: float
    ) -> float:
        """Return the duration of one step [s].

        Args:
            prompt_tokens: new tokens of prompts.
            kv_tokens: context of the decoding sequences before the step [tokens].
            sequences: sequences that decode.
            attention: of the prompts, see `StepTime.seconds` [tokens^2].
        """
        products = self.products_s(sequences, prompt_tokens) + self.attention_s(attention)
        return products + self.fixed_s(sequences) + self.kv_s_per_token * kv_tokens


class SpeculativeEngine(Engine):
    """The constants of replicas that speculate.

    Power follows the tokens that a step processes: n sequences with k drafted tokens each draw
    what a batch of n (k + 1) draws.

    Args:
        speculation: what is drafted.
        step_time: coefficients of the target model.
        curve: power of one accelerator by load.
        options: as of `Engine`.
    """

    __slots__ = ("schedule", "times")

    def __init__(
        self, speculation: Speculation, step_time: StepTime, curve: PowerCurve, **options: Any
    ) -> None:
        super().__init__(step_time, curve, **options)
        self.drafted = k = speculation.drafted
        self.schedule = TokenSchedule(speculation.mean_tokens)
        self.tokens_per_step = speculation.mean_tokens
        self.longest_tokens -= k  # a request's last step writes beyond its end
        self.times = SpeculativeTime(step_time, speculation)
        batches = range(self.max_num_seqs + 1)
        self.compute_s = [self.times.products_s(n, 0) for n in batches]
        self.memory_s = [self.times.fixed_s(n) for n in batches]
        self.decode_w = [curve.idle_w, *(curve.decode_w(n * (k + 1)) for n in batches[1:])]


def engine_maker(speculation: Speculation | None) -> Callable[..., Engine]:
    """Return what makes the engine of a pool: plain, or one that speculates."""
    if speculation is None:
        return Engine

    def make(*args: Any, **options: Any) -> Engine:
        return SpeculativeEngine(speculation, *args, **options)

    return make
