"""Makes conversation-sample.csv: an hour of synthetic chat traffic with drift and size coupling.

No row of any real trace is used, only published statistics of one (see README.md). Run

    python traces/make_conversation_sample.py

to write the file again; it comes out the same each time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.random import PCG64DXSM, Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEED = 321  # of the first 1,000, the one that comes closest to the statistics aimed at
SPAN_S = 3600.0
RATE_PER_S = 5.53
TICK_S = 0.1

# Slow modulation of the rate: standard deviation of the log rate, and correlation time [s].
MODULATION = ((0.26, 900.0), (0.10, 40.0), (0.14, 1.5))

# Shares of requests by input class (rows) and output class (columns).
INPUT_EDGES = (1, 256, 1024, 4096, 14_050)
OUTPUT_EDGES = (1, 64, 128, 256, 512, 1000)
SHARES = np.array(
    [
        [0.018, 0.035, 0.080, 0.002, 0.000],
        [0.037, 0.227, 0.029, 0.074, 0.006],
        [0.076, 0.086, 0.054, 0.232, 0.023],
        [0.010, 0.009, 0.002, 0.000, 0.000],
    ]
)
# Quantiles of each length; the flat pieces are the caps at 4,142 and 396 tokens.
INPUT_QUANTILES = (
    (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.979, 0.98, 0.997, 1.0),
    (20, 207, 396, 1020, 1189, 2734, 4083, 4096, 4142, 4142, 14_050),
)
OUTPUT_QUANTILES = (
    (0.0, 0.1, 0.25, 0.4, 0.5, 0.65, 0.74, 0.76, 0.8, 0.9, 0.95, 0.99, 1.0),
    (8, 54, 85, 108, 129, 256, 390, 396, 411, 424, 451, 601, 1000),
)
# How the mix of classes leans when the rate is one standard deviation above its mean.
OUTPUT_TILT = -0.12
INPUT_TILT = 0.10


def modulated_rate(generator: Generator) -> Array:
    """Return the rate in each tick [requests/s]: a product of lognormal Ornstein-Uhlenbeck paths.

    Args:
        generator: source of randomness.
    """
    ticks = int(SPAN_S / TICK_S)
    log_rate = np.zeros(ticks)
    for deviation, memory_s in MODULATION:
        keep = np.exp(-TICK_S / memory_s)
        noise = generator.standard_normal(ticks)
        path = np.empty(ticks)
        state = noise[0]
        for tick in range(ticks):
            state = keep * state + np.sqrt(1 - keep**2) * noise[tick]
            path[tick] = state
        log_rate += deviation * path
    rate = np.exp(log_rate)
    return RATE_PER_S * rate / rate.mean()


def arrivals(rate: Array, generator: Generator) -> Array:
    """Return arrival times [s] of an inhomogeneous Poisson process with this rate per tick."""
    per_tick = generator.poisson(rate * TICK_S)
    tick = np.repeat(np.arange(len(rate)), per_tick)
    return np.sort((tick + generator.random(len(tick))) * TICK_S)


def class_shares(load: Array) -> Array:
    """Return the shares of the classes for each request, shape (requests, 4, 5).

    Classes lean with the load by exponential tilting; the mean over all requests is then
    scaled back to `SHARES` by iterative proportional fitting.

    Args:
        load: standardised slow rate at each request.
    """
    rows = np.arange(4) - (SHARES.sum(axis=1) * np.arange(4)).sum()
    columns = np.arange(5) - (SHARES.sum(axis=0) * np.arange(5)).sum()
    lean = INPUT_TILT * rows[:, None] + OUTPUT_TILT * columns[None, :]
    tilted = np.exp(load[:, None, None] * lean)
    weights = SHARES.copy()
    for _ in range(50):
        shares = weights * tilted
        shares /= shares.sum(axis=(1, 2), keepdims=True)
        mean = shares.mean(axis=0)
        weights *= np.divide(SHARES, mean, out=np.zeros_like(mean), where=mean > 0)
    return shares


def lengths_within(
    quantiles: tuple[tuple[float, ...], tuple[int, ...]], low: Array, high: Array, uniform: Array
) -> Array:
    """Return lengths between ``low`` (excluded) and ``high`` [tokens], by the quantile table."""
    level, tokens = np.array(quantiles[0]), np.array(quantiles[1], dtype=np.float64)
    # Logarithms follow the long tails better; the small slope keeps flat pieces invertible.
    scale = np.log(tokens) + np.arange(len(tokens)) * 1e-9
    first = np.interp(np.log(low), scale, level)
    last = np.interp(np.log(high) + 1e-8, scale, level)
    drawn = np.exp(np.interp(first + uniform * (last - first), level, scale))
    return np.clip(np.rint(drawn), np.maximum(low + 1, tokens[0]), high)


def sample(seed: int = SEED) -> tuple[Array, Array, Array]:
    """Return arrival times [s], input lengths and output lengths [tokens]."""
    generator = Generator(PCG64DXSM(seed))
    rate = modulated_rate(generator)
    arrival_s = np.round(arrivals(rate, generator), 3)
    window = int(60 / TICK_S)
    slow = np.convolve(np.pad(rate, window // 2, mode="edge"), np.ones(window) / window, "valid")
    load = slow[np.minimum((arrival_s / TICK_S).astype(np.int64), len(slow) - 1)]
    load = (load - load.mean()) / load.std()
    edges = class_shares(load).reshape(len(load), -1).cumsum(axis=1)
    uniform = generator.random(len(load)) * edges[:, -1]
    row, column = np.divmod((uniform[:, None] >= edges).sum(axis=1), 5)
    inputs, outputs = np.array(INPUT_EDGES, dtype=float), np.array(OUTPUT_EDGES, dtype=float)
    input_tokens = lengths_within(
        INPUT_QUANTILES, inputs[row], inputs[row + 1], generator.random(len(load))
    )
    output_tokens = lengths_within(
        OUTPUT_QUANTILES, outputs[column], outputs[column + 1], generator.random(len(load))
    )
    return arrival_s, input_tokens, output_tokens


def main() -> None:
    """Write the file next to this script."""
    columns = zip(*(column.tolist() for column in sample()), strict=True)
    lines = [f"{arrival:.3f},{prompt:.0f},{answer:.0f}\n" for arrival, prompt, answer in columns]
    target = Path(__file__).with_name("conversation-sample.csv")
    target.write_text("arrival_s,input_tokens,output_tokens\n" + "".join(lines), newline="\n")


if __name__ == "__main__":
    main()
