"""A request trace as columns: the canonical form that every reader produces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import Problem
from sim.interfaces import FloatArray, PrefixBlocks

TokenArray = NDArray[np.int32]
AnyArray = NDArray[Any]

#: Optional numeric columns by name; a reader fills those that its format has.
OPTIONAL_COLUMNS: Mapping[str, str] = {
    "reasoning_tokens": "part of the output that the user never sees [tokens]",
    "images": "images in the prompt",
    "turn": "position of the request in its session, from 0",
    "request_id": "number that the source gives the request",
    "parent_id": "request_id of the request that this one continues, -1 for none",
    "think_s": "pause between the end of the parent and this request [s]",
    "e2e_s": "latency that the source measured [s]",
}
#: Optional columns of names.
LABEL_COLUMNS = ("model", "client", "tier", "region", "kind", "session")


@dataclass(frozen=True, slots=True)
class Labels:
    """A column of names: ``names[codes[i]]`` belongs to request i; code -1 means none."""

    codes: TokenArray
    names: tuple[str, ...]

    def take(self, rows: AnyArray) -> Labels:
        """Return the labels of the chosen rows."""
        return Labels(self.codes[rows], self.names)


@dataclass(frozen=True, slots=True)
class ReadReport:
    """What a reader did with a file.

    Attributes:
        file: the file as the user named it.
        format: name of the format that was used.
        kept: requests in the trace.
        seen: requests of the file as far as it was read, inside the window or not.
        seen_all: it was read to its end.
        dropped: requests left out, by reason; of the window where the file is in order of time.
        dropped_lines: the first lines of each reason.
        counts_whole_file: ``dropped`` counts rows before and after the window, too.
        problems: the first malformed rows, each with its line.
        notes: things that a reader of results should know.
        origin_unix_s: wall-clock time of arrival 0 [s], None for relative clocks.
        closed_loop: arrivals are only relative to the start of their session.
    """

    file: str = ""
    format: str = ""
    kept: int = 0
    seen: int = 0
    seen_all: bool = True
    dropped: Mapping[str, int] = field(default_factory=dict)
    dropped_lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    counts_whole_file: bool = False
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    origin_unix_s: float | None = None
    closed_loop: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests in order of arrival, as columns of one length.

    Attributes:
        arrival_s: time since the start of the trace [s], non-decreasing.
        input_tokens: prompt length [tokens], at least 1.
        output_tokens: answer length [tokens], at least 1.
        span_s: length of the observation; every arrival lies in [0, span_s) [s].
        extras: optional numeric columns, see `OPTIONAL_COLUMNS`.
        labels: optional columns of names, see `LABEL_COLUMNS`.
        blocks: prefix-cache blocks, where the format has them.
        report: what the reader did.
    """

    arrival_s: FloatArray
    input_tokens: TokenArray
    output_tokens: TokenArray
    span_s: float
    extras: Mapping[str, AnyArray] = field(default_factory=dict)
    labels: Mapping[str, Labels] = field(default_factory=dict)
    blocks: PrefixBlocks | None = None
    report: ReadReport = field(default_factory=ReadReport)

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self.arrival_s)

    @property
    def rate_per_s(self) -> float:
        """Mean arrival rate over the span [requests/s]."""
        return len(self) / self.span_s if self.span_s > 0 else 0.0

    def take(self, rows: AnyArray) -> Trace:
        """Return the trace of the chosen rows (a mask, a slice as indices, or an order)."""
        return replace(
            self,
            arrival_s=self.arrival_s[rows],
            input_tokens=self.input_tokens[rows],
            output_tokens=self.output_tokens[rows],
            extras={name: column[rows] for name, column in self.extras.items()},
            labels={name: column.take(rows) for name, column in self.labels.items()},
            blocks=self.blocks.take(rows) if self.blocks is not None else None,
        )


def make_trace(arrival_s: Any, input_tokens: Any, output_tokens: Any, span_s: float = 0.0) -> Trace:
    """Build a trace from three sequences of one length.

    Args:
        arrival_s: arrival times [s], non-decreasing.
        input_tokens: prompt lengths [tokens].
        output_tokens: answer lengths [tokens].
        span_s: length of the observation [s]; 0 for `natural_span_s`.
    """
    arrivals = np.asarray(arrival_s, dtype=np.float64)
    return Trace(
        arrival_s=arrivals,
        input_tokens=np.asarray(input_tokens, dtype=np.int32),
        output_tokens=np.asarray(output_tokens, dtype=np.int32),
        span_s=span_s or natural_span_s(arrivals),
    )


def natural_span_s(arrival_s: FloatArray) -> float:
    """Return the last arrival plus one mean inter-arrival time [s].

    A trace has no closing mark, so the last request is given the room that each had on average;
    a looped trace then keeps its rate.
    """
    if len(arrival_s) == 0:
        return 0.0
    last = float(arrival_s[-1])
    elapsed = last - float(arrival_s[0])
    gap = elapsed / (len(arrival_s) - 1) if elapsed > 0 else 1.0
    return last + gap


def concatenate(parts: Sequence[Trace]) -> Trace:
    """Join traces row after row, with the optional columns that all of them have.

    The span is the longest of the parts; nothing is sorted.
    """
    first = parts[0]
    blocks = [part.blocks for part in parts if part.blocks is not None]
    return replace(
        first,
        arrival_s=np.concatenate([part.arrival_s for part in parts]),
        input_tokens=np.concatenate([part.input_tokens for part in parts]),
        output_tokens=np.concatenate([part.output_tokens for part in parts]),
        span_s=max(part.span_s for part in parts),
        extras={
            name: np.concatenate([part.extras[name] for part in parts])
            for name in first.extras
            if all(name in part.extras for part in parts)
        },
        labels={
            name: joined
            for name in first.labels
            if all(name in part.labels for part in parts)
            and (joined := _concatenate_labels([part.labels[name] for part in parts])).names
        },
        blocks=PrefixBlocks.concatenate(blocks) if len(blocks) == len(parts) else None,
    )


def _concatenate_labels(parts: Sequence[Labels]) -> Labels:
    names: dict[str, int] = {}
    codes = []
    for part in parts:
        # An empty name means none, as the code -1 does.
        table = [names.setdefault(name, len(names)) if name else -1 for name in part.names]
        codes.append(np.array([*table, -1], dtype=np.int32)[part.codes])
    return Labels(np.concatenate(codes), tuple(names))
