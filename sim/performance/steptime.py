"""Step time of one engine iteration: its coefficients, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np


@dataclass(frozen=True, slots=True)
class StepTime:
    """Coefficients of one engine iteration of a replica.

    ``t = a + b new_tokens + c kv_tokens + d sqrt(decoding) + e sum(chunk (done + chunk / 2))
    + f decoding``, where ``new_tokens`` = prompt tokens of the step + decoding sequences,
    ``kv_tokens`` = context tokens that the decoding sequences hold before the step, ``decoding`` =
    decoding sequences, and ``done`` = prompt tokens of a sequence that earlier steps processed.
    A ``curve`` replaces ``b new_tokens`` where small steps cost less per token than large ones.

    Attributes:
        a_s: fixed part: weights, launches, collectives [s].
        b_s_per_token: per new token [s].
        c_s_per_kv_token: per context token read by decode attention [s].
        d_s_per_sqrt_seq: per square root of the decoding sequences; mixture of experts [s].
        e_s_per_token2: per prompt token and token of its context, prefill attention [s].
        f_s_per_seq: per decoding sequence, sampling and host work [s].
        curve: points (new tokens, seconds) joined by lines from (0, 0); ``b`` is the slope behind
            the last one. One point (n, 0) means that n tokens ride free with the weights.
        batch_curve: points (decoding sequences, seconds) joined by lines from (0, 0), in place of
            ``d`` and ``f`` where measured batches follow no smooth curve; level behind the last.
        kind: measured, fitted, vendor, analyst or guess.
        basis: given (by the user), fitted (to this configuration), kernels
            (measured, and the engine's host), scaled (from others) or
            physical (fitted to none).
        source: where the numbers come from.
        engine: inference engine that the numbers were measured on.
        engine_version: of that engine, empty where nobody wrote it down.
        batch_low: smallest batch that the numbers were seen to hold for.
        batch_high: largest such batch.
        context_high: longest mean context of a sequence that they were seen to hold for [tokens].
        time_low: lower end of the 90 % interval of true over predicted step time [1].
        time_high: upper end of that interval [1].
    """

    a_s: float
    b_s_per_token: float
    c_s_per_kv_token: float = 0.0
    d_s_per_sqrt_seq: float = 0.0
    e_s_per_token2: float = 0.0
    f_s_per_seq: float = 0.0
    curve: tuple[tuple[float, float], ...] = ()
    batch_curve: tuple[tuple[float, float], ...] = ()
    kind: str = "guess"
    basis: str = "fitted"
    source: str = ""
    engine: str = "vllm"
    engine_version: str = ""
    batch_low: float = 0.0
    batch_high: float = inf
    context_high: float = inf
    time_low: float = 1.0
    time_high: float = 1.0

    def new_tokens_s(self, new_tokens: float) -> float:
        """Return the part of a step that its new tokens take [s]."""
        left_n = left_s = 0.0
        for right_n, right_s in self.curve:
            if new_tokens < right_n:
                return left_s + (right_s - left_s) * (new_tokens - left_n) / (right_n - left_n)
            left_n, left_s = right_n, right_s
        return left_s + self.b_s_per_token * (new_tokens - left_n)

    def batch_s(self, decoding: float) -> float:
        """Return the part of a step that depends on the decoding sequences alone [s]."""
        if not decoding:
            return 0.0
        if self.batch_curve:
            batches, seconds = zip((0.0, 0.0), *self.batch_curve, strict=True)
            return float(np.interp(decoding, batches, seconds))
        return self.f_s_per_seq * decoding + self.d_s_per_sqrt_seq * sqrt(decoding)

    def seconds(
        self, new_tokens: float, kv_tokens: float, decoding: float = 0.0, attention: float = 0.0
    ) -> float:
        """Return the duration of one step [s].

        Args:
            new_tokens: prompt tokens of the step plus decoding sequences [tokens].
            kv_tokens: context tokens of the decoding sequences before the step [tokens].
            decoding: sequences that decode [1].
            attention: sum over prompt chunks of ``chunk (done + chunk / 2)`` [tokens^2].
        """
        return (
            self.a_s
            + self.new_tokens_s(new_tokens)
            + self.c_s_per_kv_token * kv_tokens
            + self.batch_s(decoding)
            + self.e_s_per_token2 * attention
        )

    def scaled(self, factor: float) -> StepTime:
        """Return the coefficients of steps that take ``factor`` times as long."""
        if factor == 1.0:
            return self
        return replace(
            self,
            a_s=self.a_s * factor,
            b_s_per_token=self.b_s_per_token * factor,
            c_s_per_kv_token=self.c_s_per_kv_token * factor,
            d_s_per_sqrt_seq=self.d_s_per_sqrt_seq * factor,
            e_s_per_token2=self.e_s_per_token2 * factor,
            f_s_per_seq=self.f_s_per_seq * factor,
            curve=tuple((tokens, seconds * factor) for tokens, seconds in self.curve),
            batch_curve=tuple((batch, seconds * factor) for batch, seconds in self.batch_curve),
        )

    def in_range(self, batch: float) -> bool:
        """Return whether the coefficients were seen to hold for ``batch`` sequences."""
        return self.batch_low <= batch <= self.batch_high
