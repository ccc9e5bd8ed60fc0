"""Speed and memory of the whole simulator, against the bare segment engine.

python experiments/scale/bench.py            # 1 M requests at 64 replicas, the bare engine
python experiments/scale/bench.py --all      # also 1,024 replicas and the memory of 5 M requests
python experiments/scale/bench.py --profile  # where the time goes
"""

from __future__ import annotations

import argparse
import cProfile
import json
import math
import multiprocessing
import pstats
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from sim import load_scenario, simulate
from sim.clock import Clock
from sim.interfaces import ArrivalBlock
from sim.performance.power import constant_decode
from sim.performance.steptime import StepTime
from sim.provenance import compiled
from sim.rng import Streams
from sim.serving.engine.engine import CHUNKED, Engine
from sim.serving.queues.pool import Pool, QueueSettings
from sim.traffic.source import Source

Measurement = Callable[[int, int], dict[str, float]]
HERE = Path(__file__).parent
PER_REPLICA = 20.0  # requests/s


def whole(requests: int, replicas: int) -> dict[str, float]:
    """Run the experiment with everything on and return its performance."""
    rate = PER_REPLICA * replicas
    overrides = [
        f"traffic.chat.arrivals.rate={rate} req/s",
        f"run.duration={requests / rate} s",
        f"pools.metro.replicas={replicas // 2}",
        f"pools.remote.replicas={replicas // 4}",
        f"pools.edge.replicas={replicas // 4}",
    ]
    scenario = load_scenario(HERE / "scenario.yaml", overrides)
    with tempfile.TemporaryDirectory() as folder:
        result = simulate(scenario, spool=Path(folder) / "requests.parquet")
    return result.summary["performance"] | {"requests": result.summary["requests"]["arrived"]}


class Nothing:
    """A log that forgets."""

    def extend(self, row: object) -> None:
        """Forget a row of activity."""

    def ended(self, request: object) -> None:
        """Forget a request."""


class Fixed:
    """The experiment's traffic without regions and tiers."""

    def __init__(self, requests: int, rate: float) -> None:
        self.requests, self.rate = requests, rate

    def blocks(self) -> Iterator[ArrivalBlock]:
        """Yield blocks of 8,192 requests."""
        generator = np.random.default_rng(0)
        sigma = math.sqrt(math.log(2.0))
        now = 0.0
        for start in range(0, self.requests, 8192):
            count = min(8192, self.requests - start)
            arrival_s = now + np.cumsum(generator.exponential(1.0 / self.rate, count))
            now = arrival_s[-1]
            lengths = [
                np.maximum(1, generator.lognormal(math.log(mean) - sigma**2 / 2, sigma, count))
                for mean in (512, 256)
            ]
            none = np.zeros(count, dtype=np.int64)
            inputs, outputs = (values.astype(np.int64) for values in lengths)
            yield ArrivalBlock(arrival_s, inputs, outputs, *[none] * 4)


def bare(requests: int, replicas: int) -> dict[str, float]:
    """Run replicas behind power-of-two dispatch and nothing else."""
    clock, log = Clock(), Nothing()
    engine = Engine(
        StepTime(6.54e-3, 7.9e-5),
        constant_decode(100.0, 650.0, 500.0),
        mode=CHUNKED,
        max_num_seqs=256,
        max_num_batched_tokens=8192,
        kv_blocks=30_000,
        block_size=16,
    )
    pool = Pool(
        0,
        0,
        "air",
        0,
        replicas,
        engine,
        QueueSettings(dispatch="power-of-two"),
        clock=clock,
        activity=log,
        requests=log,
        uniform=Streams(0).uniform("dispatch"),
    )
    traffic = Fixed(requests, PER_REPLICA * replicas)
    source = Source(clock, traffic, [0], pool.submit, math.inf)
    started = time.process_time()
    source.start()
    clock.advance(math.inf)
    cpu_s = time.process_time() - started
    return {"requests": requests, "cpu_s": cpu_s, "requests_per_cpu_s": requests / cpu_s}


def _apart(function: Measurement, *arguments: int) -> dict[str, float]:
    """Run in a process of its own, so that peak memory is the run's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    """Print one JSON object per measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    if chosen.profile:
        profile = cProfile.Profile()
        profile.runcall(whole, chosen.requests // 4, 64)
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
        return
    runs = [("bare", bare, chosen.requests, 64), ("whole", whole, chosen.requests, 64)]
    if chosen.all:
        runs += [("whole-1024", whole, chosen.requests, 1024), ("whole-5M", whole, 5_000_000, 64)]
    for name, function, requests, replicas in runs:
        found = _apart(function, requests, replicas)
        print(json.dumps({"run": name, "compiled": compiled(), **found}), flush=True)


if __name__ == "__main__":
    main()
