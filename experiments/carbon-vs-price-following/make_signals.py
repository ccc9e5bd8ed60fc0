"""Write price.csv and carbon.csv: four made-up days of a grid with much sun.

The shapes are ours: the sun makes noon clean on all days but cheap only on every second; evenings
are dirty and dear; nights are cheap but not clean, as on a grid that burns coal.
"""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 6, 15, tzinfo=UTC)
HOURS = 98


def sun(hour: float) -> float:
    """Return the sun's height as a share of noon's."""
    return max(0.0, math.cos((hour % 24 - 12) / 24 * 2 * math.pi))


def evening(hour: float) -> float:
    """Return a peak at seven in the evening."""
    return math.exp(-(((hour % 24 - 19) / 2.2) ** 2))


def night(hour: float) -> float:
    """Return 1 between midnight and five, else 0."""
    return 1.0 if hour % 24 < 5 else 0.0


def write(name: str, values: list[float]) -> None:
    """Write one signal."""
    rows = [
        f"{(START + timedelta(hours=hour)).isoformat()},{value:.4f}"
        for hour, value in enumerate(values)
    ]
    path = Path(__file__).parent / name
    path.write_text("\n".join(["timestamp,value", *rows]) + "\n", encoding="utf-8")


prices = [
    0.13 + 0.20 * evening(h) - 0.07 * night(h) - (0.06 if h // 24 % 2 else 0.0) * sun(h)
    for h in range(HOURS)
]
carbon = [420 + 120 * evening(h) - 300 * sun(h) for h in range(HOURS)]
write("price.csv", prices)
write("carbon.csv", carbon)
