"""A served run as columns, measured or simulated, and the statistics on which both are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.interfaces import FloatArray, IntArray

METRICS = ("ttft", "tpot", "e2e")
STATISTICS = ("mean", "p50", "p90", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Run:
    """Requests that one replica served, sorted by arrival; every array has the same length.

    Attributes:
        arrival_s: the request enters the queue of the engine [s].
        input_tokens: prompt length [tokens].
        output_tokens: answer length [tokens].
        first_token_s: the first token is out [s].
        last_token_s: the last token is out [s].
    """

    arrival_s: FloatArray
    input_tokens: IntArray
    output_tokens: IntArray
    first_token_s: FloatArray
    last_token_s: FloatArray

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self.arrival_s)

    def part(self, rows: slice) -> Run:
        """Return some of the requests."""
        return Run(
            self.arrival_s[rows],
            self.input_tokens[rows],
            self.output_tokens[rows],
            self.first_token_s[rows],
            self.last_token_s[rows],
        )

    def statistics(self) -> FloatArray:
        """Return mean, p50, p90, p95 and p99 (columns) of TTFT, TPOT and E2E (rows) [s].

        TTFT = first token - arrival, E2E = last token - arrival, TPOT = (last - first) /
        max(output - 1, 1); percentiles are linear.
        """
        after_first = np.maximum(self.output_tokens - 1, 1)
        rows = (
            self.first_token_s - self.arrival_s,
            (self.last_token_s - self.first_token_s) / after_first,
            self.last_token_s - self.arrival_s,
        )
        return np.array([[row.mean(), *np.percentile(row, (50, 90, 95, 99))] for row in rows])
