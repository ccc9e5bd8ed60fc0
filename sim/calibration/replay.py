"""Runs one replica of the simulator over a given list of requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.calibration.run import Run
from sim.clock import Clock
from sim.interfaces import FloatArray, PowerCurve, Request
from sim.performance.power import constant_decode
from sim.performance.steptime import StepTime
from sim.serving.engine.activity import ActivityBuffer
from sim.serving.engine.engine import CHUNKED, Engine
from sim.serving.kv.windows import Window, window_engine_maker
from sim.serving.queues.pool import Pool, QueueSettings

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
        window: layers of the model that read no further back, None without them.
    """

    max_num_seqs: int = 256
    max_num_batched_tokens: int = 8192
    kv_tokens: int = 10_000_000
    window: Window | None = None


class _NoLog:
    """Nobody waits for the end of a single request."""

    def ended(self, request: Request) -> None:
        """Forget the request."""


def replay(run: Run, step_time: StepTime, limits: Limits) -> Run:
    """Return what the simulator makes of the arrivals and lengths of a run.

    Args:
        run: requests sorted by arrival; their token times are ignored.
        step_time: coefficients of one engine step.
        limits: settings of the engine.
    """
    return replay_with_power(run, step_time, limits, NO_POWER)[0]


def replay_with_power(
    run: Run, step_time: StepTime, limits: Limits, curve: PowerCurve
) -> tuple[Run, FloatArray]:
    """Return the simulated run and the replica's activity rows, shape (n, 8).

    Args:
        run: requests sorted by arrival; their token times are ignored.
        step_time: coefficients of one engine step.
        limits: settings of the engine.
        curve: power of one accelerator.
    """
    clock = Clock()
    activity = ActivityBuffer()
    engine = (window_engine_maker(limits.window) if limits.window else Engine)(
        step_time,
        curve,
        mode=CHUNKED,
        max_num_seqs=limits.max_num_seqs,
        max_num_batched_tokens=limits.max_num_batched_tokens,
        kv_blocks=limits.kv_tokens // BLOCK_SIZE,
        block_size=BLOCK_SIZE,
    )
    settings = QueueSettings(shared=False, order="fcfs", dispatch="round-robin", limit=np.inf)
    pool = Pool(
        index=0,
        site=0,
        cooling="air",
        first_replica=0,
        replicas=1,
        engine=engine,
        settings=settings,
        clock=clock,
        activity=activity,
        requests=_NoLog(),
        uniform=lambda: 0.0,
    )
    requests = _requests(run)
    for request in requests:
        clock.call_at(request.arrival_s, _submit(pool, request))
    clock.run()
    simulated = Run(
        run.arrival_s,
        run.input_tokens,
        run.output_tokens,
        np.array([request.first_token_s for request in requests]),
        np.array([request.finished_s for request in requests]),
    )
    return simulated, activity.take()


def _requests(run: Run) -> list[Request]:
    columns = (run.arrival_s, run.input_tokens, run.output_tokens)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Request(number, when, i, o) for number, (when, i, o) in enumerate(rows)]


def _submit(pool: Pool, request: Request) -> Callable[[Any], None]:
    def arrive(_event: Any) -> None:
        pool.submit(request)

    return arrive
