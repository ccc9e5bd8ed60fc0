"""What held each rack back, and when: switched off, too warm, capped, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.facility.cooling.protection import INLET, PLATE
from sim.interfaces import FloatArray, IntArray
from sim.report.charts.downsample import row_width_s
from sim.report.charts.view import at

if TYPE_CHECKING:
    from sim.result import Result

FREE, CAPPED, FEWER, HOT, OFF, TOO_HOT, TRIPPED, UNFED = range(8)
STATES = (
    *("free", "power cap", "smaller batches", "heat", "switched off"),
    *("off, too hot", "off, breaker open", "off, no power"),
)
# Which cause of an incident says why a rack was off.
OFF_CAUSES = {
    "heat": TOO_HOT,
    "breaker": TRIPPED,
    "overload": TRIPPED,
    "feed": UNFED,
    "blackout": UNFED,
}
FULL_CLOCK = 0.9995
ON_SHARE = 0.02  # of its own peak: a rack that draws less in a bin was off for nearly all of it


@dataclass(frozen=True, slots=True)
class RackHistory:
    """The racks of a run over time, arrays of shape (racks, bins).

    Attributes:
        names: of the racks, in the order of the run.
        time_s: start of each bin (bins,) [s].
        width_s: length of a bin [s].
        power_w: mean power [W].
        inlet_c: inlet air [degC].
        plate_c: cold plates, NaN for racks without [degC].
        clock: relative clock [1].
        batch_share: share of the batch limit that may be used [1].
        incidents: what went wrong in the plant, by the summary.
    """

    names: tuple[str, ...]
    time_s: FloatArray
    width_s: float
    power_w: FloatArray
    inlet_c: FloatArray
    plate_c: FloatArray
    clock: FloatArray
    batch_share: FloatArray
    incidents: Sequence[Mapping[str, Any]] = ()

    @property
    def off(self) -> NDArray[np.bool_]:
        """Return which racks were without power, by bin."""
        peak_w = np.nanmax(self.power_w, axis=1, keepdims=True, initial=0.0)
        return np.asarray(self.power_w <= ON_SHARE * peak_w)

    def of_site(self, site: str) -> NDArray[np.bool_]:
        """Return which racks stand in a site."""
        return np.array([name.split("/")[0] == site for name in self.names])


def rack_history(result: Result) -> RackHistory | None:
    """Return the racks over time, None for a run without a facility."""
    series = result.series
    if "inlet_c" not in series.columns:
        return None
    rows = series[series["kind"] == "rack"]
    if rows.empty or rows["inlet_c"].isna().all():
        return None
    names = tuple(str(name) for name in rows["name"].unique())
    columns = {}
    for column in ("power_w", "inlet_c", "plate_c", "clock", "batch_share"):
        wide = rows.pivot(index="name", columns="time_s", values=column).loc[list(names)]
        columns[column] = wide.to_numpy(dtype=np.float64)
    time_s = np.sort(rows["time_s"].unique()).astype(np.float64)
    incidents = at(result.summary, "incidents", "events") or ()
    return RackHistory(names, time_s, row_width_s(time_s), **columns, incidents=incidents)


def rack_states(history: RackHistory) -> IntArray:
    """Return the state of each rack in each bin, as a place in `STATES`.

    A slowed rack counts as hot where a temperature is above its throttle point, else as capped.
    Why a rack was off is said by the incident at its place and time, where there is one.
    """
    hot = (history.inlet_c > INLET.throttle_c) | (history.plate_c > PLATE.throttle_c)
    slowed = history.clock < FULL_CLOCK
    fewer = history.batch_share < FULL_CLOCK
    states = np.select([history.off, slowed & hot, fewer, slowed], [OFF, HOT, FEWER, CAPPED], FREE)
    for event in history.incidents:
        state = OFF_CAUSES.get(event["cause"])
        if state is not None:
            place = event["place"]
            place = place.rpartition("/")[0] if event["cause"] == "overload" else place
            below = np.array([f"{name}/".startswith(f"{place}/") for name in history.names])
            until_s = np.inf if event["until_s"] is None else event["until_s"]
            begun = history.time_s > event["time_s"] - history.width_s
            there = below[:, None] & (begun & (history.time_s < until_s))[None, :]
            states[there & (states == OFF)] = state
    return np.asarray(states)
