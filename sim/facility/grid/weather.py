"""Weather: outdoor and wet-bulb temperature from a file, or from a climate with heat waves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import atan, cos, exp, pi, sin, sqrt

from sim.signals import Signal

YEAR_S = 365.25 * 86_400.0
DAY_S = 86_400.0
_WARMEST_DAY_S = 200 * DAY_S  # 19 July
_WARMEST_HOUR_S = 15 * 3600.0


@dataclass(frozen=True, slots=True)
class HeatWave:
    """A half sine on top of the climate.

    Attributes:
        start_s: when it begins, in simulated time [s].
        end_s: when it is over [s].
        rise_k: how much warmer it gets in its middle [K].
    """

    start_s: float
    end_s: float
    rise_k: float

    def at(self, time_s: float) -> float:
        """Return how much warmer it is [K]."""
        if not self.start_s < time_s < self.end_s:
            return 0.0
        return self.rise_k * sin(pi * (time_s - self.start_s) / (self.end_s - self.start_s))

    def mean(self, start_s: float, end_s: float) -> float:
        """Return the mean of an interval [K]; that of the instant if it is empty."""
        if end_s <= start_s:
            return self.at(start_s)
        length_s = self.end_s - self.start_s
        into = [
            min(max(at_s - self.start_s, 0.0), length_s) / length_s for at_s in (start_s, end_s)
        ]
        area = self.rise_k * length_s / pi * (cos(pi * into[0]) - cos(pi * into[1]))
        return area / (end_s - start_s)


class Climate:
    """Outdoor temperature as two sines, over the year and over the day, and heat waves.

    Warmest on 19 July (or half a year later in the south) at 15:00 of local time.

    Args:
        start: instant of simulated time 0 in local time.
        mean_c: mean of the year [degC].
        yearly_k: amplitude over the year [K].
        daily_k: amplitude over the day [K].
        southern: whether the warm season is in January.
        waves: heat waves.
    """

    def __init__(
        self,
        start: datetime,
        mean_c: float,
        yearly_k: float,
        daily_k: float,
        *,
        southern: bool = False,
        waves: Sequence[HeatWave] = (),
    ) -> None:
        into_day_s = start.hour * 3600.0 + start.minute * 60.0 + start.second
        into_year_s = (start.timetuple().tm_yday - 1) * DAY_S + into_day_s
        self._year_s = into_year_s - _WARMEST_DAY_S + (0.5 * YEAR_S if southern else 0.0)
        self._day_s = into_day_s - _WARMEST_HOUR_S
        self._mean_c, self._yearly_k, self._daily_k = mean_c, yearly_k, daily_k
        self._waves = tuple(waves)

    def at(self, time_s: float) -> float:
        """Return the outdoor temperature [degC]."""
        year = self._yearly_k * cos(2.0 * pi * (time_s + self._year_s) / YEAR_S)
        day = self._daily_k * cos(2.0 * pi * (time_s + self._day_s) / DAY_S)
        return self._mean_c + year + day + sum(wave.at(time_s) for wave in self._waves)

    def mean(self, start_s: float, end_s: float) -> float:
        """Return the exact mean temperature of an interval [degC]; that of the instant if empty."""
        middle_s, half_s = 0.5 * (start_s + end_s), 0.5 * (end_s - start_s)
        year = self._yearly_k * _mean_of_wave(middle_s + self._year_s, half_s, YEAR_S)
        day = self._daily_k * _mean_of_wave(middle_s + self._day_s, half_s, DAY_S)
        waves = sum(wave.mean(start_s, end_s) for wave in self._waves)
        return self._mean_c + year + day + waves


def _mean_of_wave(middle_s: float, half_s: float, period_s: float) -> float:
    """Return the mean of a cosine over an interval: its middle, times sin(x)/x of its half."""
    angle = 2.0 * pi * half_s / period_s
    damped = sin(angle) / angle if angle > 1e-9 else 1.0
    return damped * cos(2.0 * pi * middle_s / period_s)


@dataclass(frozen=True, slots=True)
class Weather:
    """What it is like outside.

    Attributes:
        dry_bulb: outdoor temperature [degC].
        wet_bulb: wet-bulb temperature [degC], or None to compute it from the dew point.
        dew_point_c: dew point of the air where the wet bulb is not given [degC].
    """

    dry_bulb: Signal
    wet_bulb: Signal | None = None
    dew_point_c: float = 10.0

    def over(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Return mean dry-bulb and wet-bulb temperature over an interval [degC]."""
        dry_c = self.dry_bulb.mean(start_s, end_s)
        if self.wet_bulb is not None:
            return dry_c, self.wet_bulb.mean(start_s, end_s)
        return dry_c, wet_bulb_c(dry_c, relative_humidity(dry_c, self.dew_point_c))


def relative_humidity(temperature_c: float, dew_point_c: float) -> float:
    """Return relative humidity from the dew point by the Magnus formula [1].

    Args:
        temperature_c: of the air [degC].
        dew_point_c: of the air; above the temperature it counts as saturated [degC].
    """
    pressures = [exp(17.625 * c / (243.04 + c)) for c in (dew_point_c, temperature_c)]
    return min(pressures[0] / pressures[1], 1.0)


def wet_bulb_c(temperature_c: float, humidity: float) -> float:
    """Return the wet-bulb temperature at sea level [degC], within about 0.6 K.

    Stull, J. Appl. Meteorol. Climatol. 50 (2011), doi 10.1175/JAMC-D-11-0143.1.

    Args:
        temperature_c: of the air, -20 to 50 [degC].
        humidity: relative, 0.05 to 0.99; beyond that the end of the range is used [1].
    """
    percent = 100.0 * min(max(humidity, 0.05), 0.99)
    celsius = temperature_c
    wet_c: float = (
        celsius * atan(0.151977 * sqrt(percent + 8.313659))
        + atan(celsius + percent)
        - atan(percent - 1.676331)
        + 0.00391838 * percent**1.5 * atan(0.023101 * percent)
        - 4.686035
    )
    return min(wet_c, celsius)
