"""The seams between the parts: Protocols and the few plain types that cross them.

`traffic`, `routing`, `serving`, `facility` and `metrics` never import each other. They meet here,
and `sim.simulate` wires them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from mypy_extensions import mypyc_attr
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Fates of a request. Requests in = the sum over these, always.
IN_FLIGHT, COMPLETED, REJECTED, TIMED_OUT, FAILED = range(5)
STATUS_NAMES = ("in_flight", "completed", "rejected", "timed_out", "failed")

NOT_YET = -1.0  # a time stamp that has not happened; times are never negative


@dataclass(frozen=True, slots=True)
class PrefixBlocks:
    """Prefix-cache block ids of each request: ``ids[offsets[i]:offsets[i + 1]]``.

    An id stands for all tokens up to the end of its block, so two requests that share the id of a
    block have the same tokens up to there.

    Attributes:
        ids: all block ids, request after request.
        offsets: start of each request in ``ids``, one more entry than requests.
        block_tokens: size of a block [tokens].
    """

    ids: IntArray
    offsets: IntArray
    block_tokens: int

    def of(self, row: int) -> IntArray:
        """Return the block ids of one request."""
        return self.ids[self.offsets[row] : self.offsets[row + 1]]

    def take(self, rows: slice | NDArray[Any]) -> PrefixBlocks:
        """Return the blocks of the chosen rows."""
        chosen = np.arange(len(self.offsets) - 1)[rows]
        counts = self.offsets[chosen + 1] - self.offsets[chosen]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        source = np.repeat(self.offsets[chosen] - offsets[:-1], counts)
        return PrefixBlocks(self.ids[source + np.arange(offsets[-1])], offsets, self.block_tokens)

    def apart(self) -> PrefixBlocks:
        """Return the blocks of requests that share as much, but nothing with these."""
        codes = np.unique(self.ids, return_inverse=True)[1]
        beyond = int(self.ids.max(initial=-1)) + 1
        return PrefixBlocks(codes.astype(np.int64) + beyond, self.offsets, self.block_tokens)

    @staticmethod
    def concatenate(parts: Sequence[PrefixBlocks]) -> PrefixBlocks:
        """Return the blocks of several stretches of requests, one after the other."""
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        ids = np.concatenate([part.ids for part in parts])
        return PrefixBlocks(ids, offsets, parts[0].block_tokens)


@dataclass(frozen=True, slots=True)
class ArrivalBlock:
    """A stretch of traffic as columns, sorted by arrival time.

    Attributes:
        arrival_s: time at which the user's request leaves its region [s], non-decreasing.
        input_tokens: prompt length [tokens], at least 1.
        output_tokens: answer length [tokens], at least 1.
        tier: index into the scenario's tier names.
        region: index into the topology's region names.
        model: index into the scenario's model names.
        tenant: index of the entry of the scenario's traffic that the request belongs to.
        prefix: blocks of the prompts, and of the answers where their content is known; None where
            no pool has a prefix cache.
    """

    arrival_s: FloatArray
    input_tokens: IntArray
    output_tokens: IntArray
    tier: IntArray
    region: IntArray
    model: IntArray
    tenant: IntArray
    prefix: PrefixBlocks | None = None

    def __len__(self) -> int:
        """Return the number of requests in the block."""
        return len(self.arrival_s)


class Workload(Protocol):
    """A stream of requests in time order, finite or endless."""

    def blocks(self) -> Iterator[ArrivalBlock]:
        """Yield blocks; the arrival times of one block never precede those of the one before."""
        ...


@mypyc_attr(acyclic=True)
class Request:
    """One request and its timeline, the single object that travels through the run.

    Times are in seconds of simulated time and `NOT_YET` until they happen. The fields after
    ``replica`` belong to the replica that serves it.
    """

    __slots__ = (
        "admit_order",
        "admitted_s",
        "arrival_s",
        "context_tokens",
        "downlink_s",
        "finish_step",
        "finished_s",
        "first_token_s",
        "input_tokens",
        "model",
        "number",
        "offered_s",
        "output_tokens",
        "pool",
        "preemptions",
        "prefill_tokens",
        "prefix_blocks",
        "priority",
        "queued_s",
        "region",
        "remaining_tokens",
        "replica",
        "sent_s",
        "session",
        "shared_tokens",
        "status",
        "tenant",
        "tier",
    )

    admit_order: int
    finish_step: int

    def __init__(
        self,
        number: int,
        arrival_s: float,
        input_tokens: int,
        output_tokens: int,
        tier: int = 0,
        region: int = 0,
        model: int = 0,
        priority: int = 0,
    ) -> None:
        self.number = number
        self.arrival_s = self.sent_s = arrival_s  # a later attempt at the same is sent later
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.tier = tier
        self.region = region
        self.model = model
        self.priority = priority
        self.status = IN_FLIGHT
        self.queued_s = NOT_YET  # entered the queue of its pool
        self.offered_s = NOT_YET  # entered the queue in which it waits now
        self.admitted_s = NOT_YET  # left the queue for a batch, the first time
        self.first_token_s = NOT_YET  # at the replica; the user sees it downlink_s later
        self.finished_s = NOT_YET  # last token at the replica, or the end of a failed request
        self.downlink_s = 0.0
        self.prefill_tokens = input_tokens  # to process before the next token can be shown
        self.context_tokens = 0  # of which processed
        self.remaining_tokens = output_tokens  # to show, as of the last change of the batch
        self.pool = -1
        self.replica = -1
        self.tenant = 0  # entry of the traffic that it belongs to
        self.session = -1  # conversation that it belongs to; -1 for none
        self.preemptions = 0
        # Ids of its whole blocks, see `PrefixBlocks`: of the prompt and perhaps the answer.
        self.prefix_blocks: Sequence[int] = ()
        self.shared_tokens = 0  # tokens of its context in blocks that other requests may use


class Scheduler(Protocol):
    """Runs plain calls at absolute simulated times; `sim.clock.Clock` is one."""

    @property
    def now(self) -> float:
        """Current simulated time [s]."""
        ...

    def call_at(
        self, when_s: float, action: Callable[[Any], None], argument: object = None
    ) -> None:
        """Run ``action(argument)`` at ``when_s`` [s]."""
        ...

    def call_in_background(self, when_s: float, action: Callable[[Any], None]) -> None:
        """Run ``action(None)`` at ``when_s`` [s] if anything else is still to happen by then."""
        ...


# One row of the activity log: what one replica did between two instants. Rows of one replica
# are contiguous in time and never overlap; together they cover the whole run.
ACTIVITY_COLUMNS = (
    "replica",  # index of the replica
    "start_s",  # [s]
    "end_s",  # [s]
    "accelerator_w",  # power of ONE of its accelerators during the row [W]
    "batch",  # sequences that are decoding or in prefill
    "kv_tokens",  # mean KV-cache tokens held during the row [tokens]
    "prompt_tokens",  # prompt tokens processed during the row [tokens]
    "output_tokens",  # output tokens produced during the row [tokens]
)


class ActivityLog(Protocol):
    """Takes activity rows: the `ACTIVITY_COLUMNS` packed as native doubles."""

    def extend(self, row: bytes, /) -> None:
        """Append one row."""
        ...


class PowerCurve(Protocol):
    """Power of one accelerator of a replica by what the replica is doing."""

    @property
    def idle_w(self) -> float:
        """Weights loaded, nothing running [W]."""
        ...

    @property
    def prefill_w(self) -> float:
        """A step that only processes prompts [W]."""
        ...

    def decode_w(self, batch: int) -> float:
        """Power while ``batch`` sequences decode [W]."""
        ...


class Station(Protocol):
    """Something that accepts requests: a pool as the router sees it."""

    index: int
    site: int
    replicas: int
    outstanding: int
    """Requests sent here that have not ended, those still on the wire included."""
    slots: int
    """Requests that its replicas in service can run at the same time."""
    in_service: int
    """Replicas that take requests."""
    cooling: str
    """``air`` or ``liquid``: how the racks of its replicas are cooled."""
    usd_per_token: float
    """What an output token of a full batch costs here [USD]; infinite where it is not known."""
    gco2_per_token: float
    """Carbon of an output token of a full batch here [g]; infinite where it is not known."""
    headroom: float
    """Share of the power limit above it that is not used, 0 to 1."""

    def decode_step_s(self, batch: float) -> float:
        """Return the time of a step in which ``batch`` sequences decode on a replica [s]."""
        ...

    def prefill_s(self, tokens: int) -> float:
        """Return the time of a step that processes a prompt of ``tokens`` alone [s]."""
        ...

    def submit(self, request: Request) -> None:
        """Take the request now; its fate is reported through the recorder."""
        ...

    def cancel(self, request: Request) -> None:
        """Stop work on a request that was sent here and has not ended: its user has gone."""
        ...


class PlacementPolicy(Protocol):
    """Chooses the pool for a request; one method, one class, no other file to change."""

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return one of ``candidates`` or None to reject the request.

        Args:
            request: the request at its front door.
            candidates: pools that can serve its model, nearest to its region first.
        """
        ...


class RequestLog(Protocol):
    """Is told of every request that ended, whatever its fate."""

    def ended(self, request: Request) -> None:
        """Record the request; called exactly once per request."""
        ...
