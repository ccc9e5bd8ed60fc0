"""What a lower clock does to an engine: prompts slow down at once, decoding hardly, power steeply.

Prefill is bound by arithmetic, so its rate follows the clock. Decode waits for memory, whose clock
stays: on H200 a clock lock saved up to 32 % of decode energy with little loss of throughput (arXiv
2605.11999), and a DGX H100 capped from 10.2 to 7.14 kW is modelled by its authors with prefill 1.30
times as long and decode unchanged (Splitwise, arXiv 2311.18677). The two constants are guesses
within those observations.
"""

from __future__ import annotations

from sim.serving.engine.engine import Speed

# Share of the highest clock below which decode slows too (observed between 0.5 and 0.6).
DECODE_KNEE = 0.55
# Dynamic power follows clock times voltage squared, with voltage falling less than the clock.
POWER_EXPONENT = 2.4


def speed_at(clock: float) -> Speed:
    """Return the rates and the dynamic power at a clock.

    Args:
        clock: share of the highest clock, above 0 and at most 1 [1].
    """
    return Speed(prefill=clock, decode=min(1.0, clock / DECODE_KNEE), power=clock**POWER_EXPONENT)


def clock_for_power(power: float) -> float:
    """Return the highest clock whose dynamic power is at most a share of that at full clock.

    Args:
        power: share of the dynamic power, above 0 and at most 1 [1].
    """
    return float(power ** (1.0 / POWER_EXPONENT))
