"""Demand: requests in time order that do not yet know their tier, region or model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray, IntArray, PrefixBlocks
from sim.traffic.arrivals.arrivals import ArrivalProcess
from sim.traffic.arrivals.timeorder import Rows, in_time_order
from sim.traffic.lengths import LengthLaw
from sim.traffic.trace import Labels, Trace

PIECE_ROWS = 8192

Draw = Callable[[str], Generator]
"""Gives the generator for a purpose, such as ``arrivals`` or ``lengths``."""


@dataclass(frozen=True, slots=True)
class Requests:
    """A stretch of demand as columns.

    Attributes:
        arrival_s: arrival times [s], non-decreasing.
        input_tokens: prompt lengths [tokens].
        output_tokens: answer lengths [tokens].
        labels: columns of names where the source has them, such as ``tier``.
        blocks: prefix-cache blocks, where a trace has them.
    """

    arrival_s: FloatArray
    input_tokens: IntArray
    output_tokens: IntArray
    labels: Mapping[str, Labels] = field(default_factory=dict)
    blocks: PrefixBlocks | None = None

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self.arrival_s)


class Demand(Protocol):
    """A stream of requests in time order, finite or endless."""

    def pieces(self, draw: Draw) -> Iterator[Requests]:
        """Yield the requests in order of time, some thousands at once."""
        ...


@dataclass(frozen=True, slots=True)
class SyntheticDemand:
    """Arrivals from a process, lengths from a law, each with its own randomness.

    Args:
        arrivals: when requests come.
        lengths: how long they are.
    """

    arrivals: ArrivalProcess
    lengths: LengthLaw

    def pieces(self, draw: Draw) -> Iterator[Requests]:
        """Yield requests without end."""
        for_arrivals, for_lengths = draw("arrivals"), draw("lengths")
        for arrival_s in self.arrivals.times(for_arrivals):
            yield Requests(arrival_s, *self.lengths.draw(arrival_s, for_lengths))


@dataclass(frozen=True, slots=True)
class ClientMix:
    """The requests of several clients, each with its own arrivals and lengths.

    Lengths are thereby conditioned on the client, and the mix shifts with whoever is active.

    Args:
        clients: demand by name of the client; each draws from streams under its name.
    """

    clients: Mapping[str, Demand]

    def pieces(self, draw: Draw) -> Iterator[Requests]:
        """Yield the requests of all clients in order of time, labelled ``client``."""
        names = tuple(self.clients)
        streams = [self._of(code, names, draw) for code in range(len(names))]
        return in_time_order(streams, _rows, _join)

    def _of(self, code: int, names: tuple[str, ...], draw: Draw) -> Iterator[Requests]:
        name = names[code]
        for piece in self.clients[name].pieces(lambda purpose: draw(f"{name}/{purpose}")):
            client = Labels(np.full(len(piece), code, dtype=np.int32), names)
            yield replace(piece, labels={"client": client})


def _rows(piece: Requests, rows: Rows) -> Requests:
    return Requests(
        piece.arrival_s[rows],
        piece.input_tokens[rows],
        piece.output_tokens[rows],
        {name: Labels(column.codes[rows], column.names) for name, column in piece.labels.items()},
    )


def _join(pieces: list[Requests]) -> Requests:
    return Requests(
        np.concatenate([piece.arrival_s for piece in pieces]),
        np.concatenate([piece.input_tokens for piece in pieces]),
        np.concatenate([piece.output_tokens for piece in pieces]),
        {
            name: Labels(np.concatenate([p.labels[name].codes for p in pieces]), column.names)
            for name, column in pieces[0].labels.items()
        },
    )


@dataclass(frozen=True, slots=True)
class Scaled:
    """Independent copies of a demand laid over each other, the last one thinned.

    Args:
        demand: the demand; a replay gives the same requests in every copy.
        factor: multiple of its rate, above 0.
    """

    demand: Demand
    factor: float

    def pieces(self, draw: Draw) -> Iterator[Requests]:
        """Yield the requests of all copies in order of time."""
        copies, share = int(self.factor), self.factor - int(self.factor)
        streams = [self.demand.pieces(_of_copy(draw, copy)) for copy in range(copies)]
        if share > 0:
            streams.append(_thinned(self.demand, share, _of_copy(draw, copies)))
        return in_time_order(streams, _rows, _join)


def _of_copy(draw: Draw, copy: int) -> Draw:
    # The first copy draws as the demand alone does, so a factor of 1 changes nothing.
    return draw if copy == 0 else lambda purpose: draw(f"copy {copy}/{purpose}")


def _thinned(demand: Demand, share: float, draw: Draw) -> Iterator[Requests]:
    keep = draw("thinning")
    for piece in demand.pieces(draw):
        yield _rows(piece, np.flatnonzero(keep.random(len(piece)) < share))


@dataclass(frozen=True, slots=True)
class ReplayDemand:
    """Requests of a trace at their own times.

    Args:
        trace: the trace.
        loop: start again after each span, without end.
    """

    trace: Trace
    loop: bool = False

    def pieces(self, draw: Draw) -> Iterator[Requests]:
        """Yield the requests of the trace."""
        trace, start_s = self.trace, 0.0
        while len(trace):
            for first in range(0, len(trace), PIECE_ROWS):
                yield requests_of(trace, slice(first, first + PIECE_ROWS), start_s)
            if not self.loop:
                return
            start_s += trace.span_s
            if trace.blocks is not None:  # other users come than in the time before
                trace = replace(trace, blocks=trace.blocks.apart())


def requests_of(trace: Trace, rows: Rows, start_s: float = 0.0) -> Requests:
    """Return rows of a trace as requests, with the trace starting at ``start_s`` [s]."""
    return Requests(
        trace.arrival_s[rows] + start_s,
        trace.input_tokens[rows].astype(np.int64),
        trace.output_tokens[rows].astype(np.int64),
        {name: Labels(column.codes[rows], column.names) for name, column in trace.labels.items()},
        None if trace.blocks is None else trace.blocks.take(rows),
    )
