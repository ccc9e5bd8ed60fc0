"""Runs one replica of the simulator over a given list of requests or at a fixed concurrency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.calibration.run import Run
from sim.clock import Clock
from sim.interfaces import FloatArray, IntArray, PowerCurve, Request
from sim.serving.engine import CHUNKED, Engine
from sim.serving.power import constant_decode
from sim.serving.queues import FcfsQueue
from sim.serving.replica import Replica
from sim.serving.steptime import StepTime

BLOCK_SIZE = 16
# Fits of step time alone need no watts.
NO_POWER = constant_decode(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings of the engine that served a run.

    Attributes:
        max_num_seqs: most requests in a batch.
        max_num_batched_tokens: most new tokens in a step.
        kv_tokens: KV-cache capacity [tokens].
    """

    max_num_seqs: int = 256
    max_num_batched_tokens: int = 8192
    kv_tokens: int = 10_000_000


def replay(run: Run, step_time: StepTime, limits: Limits) -> Run:
    """Return what the simulator makes of the arrivals and lengths of a run.

    Args:
        run: requests sorted by arrival; their token times are ignored.
        step_time: coefficients of one engine step.
        limits: settings of the engine.
    """
    clock, queue = Clock(), FcfsQueue()
    replica = Replica(0, clock, _engine(step_time, limits, NO_POWER), queue, [], _ignore)
    requests = _requests(run.arrival_s, run.input_tokens, run.output_tokens)

    def arrive(request: Request) -> Callable[[Any], None]:
        def enqueue(_event: Any) -> None:
            request.queued_s = clock.now
            queue.push(request)
            replica.nudge()

        return enqueue

    for request in requests:
        clock.call_at(request.arrival_s, arrive(request))
    clock.run()
    return Run(
        run.arrival_s,
        run.input_tokens,
        run.output_tokens,
        np.array([request.first_token_s for request in requests]),
        np.array([request.finished_s for request in requests]),
    )


def _engine(step_time: StepTime, limits: Limits, curve: PowerCurve) -> Engine:
    return Engine(
        step_time,
        curve,
        mode=CHUNKED,
        max_num_seqs=limits.max_num_seqs,
        max_num_batched_tokens=limits.max_num_batched_tokens,
        kv_blocks=limits.kv_tokens // BLOCK_SIZE,
        block_size=BLOCK_SIZE,
    )


def _requests(
    arrival_s: FloatArray | Sequence[float], inputs: IntArray, outputs: IntArray
) -> list[Request]:
    columns = zip(arrival_s, inputs.tolist(), outputs.tolist(), strict=True)
    return [Request(number, float(when), i, o) for number, (when, i, o) in enumerate(columns)]


def _ignore(_request: Request) -> None:
    """Nobody waits for the end of a single request."""
