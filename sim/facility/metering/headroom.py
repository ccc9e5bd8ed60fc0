"""Where power is stranded: per row, what was provisioned, what binds, and how even the load is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.facility.metering.meter import PowerMeter
from sim.facility.power.stranded import CAUSES, Ceilings, imbalance, stranded
from sim.interfaces import FloatArray, IntArray
from sim.plant.plant import Plant


@dataclass(frozen=True, slots=True)
class RowHeadroom:
    """What keeps the limit of one row from being used.

    Attributes:
        name: name of the row.
        binding: the tightest constraint, empty where the whole limit can be used.
        stranded_w: what each constraint takes from the limit, by cause [W].
        imbalance: worst deviation of a rack's mean power from that of the row [1].
    """

    name: str
    binding: str
    stranded_w: dict[str, float]
    imbalance: float


def row_headroom(
    plant: Plant,
    meter: PowerMeter,
    densest_w: FloatArray,
    *,
    stages_w: FloatArray | None = None,
    cooling_w: FloatArray | None = None,
    sla_share: FloatArray | None = None,
) -> list[RowHeadroom]:
    """Return the headroom of every row that has a limit.

    Space is what the installed racks may draw; power the row's part of its hall's and site's limit
    and of what the site's stages promise with their redundancy; cooling what the method can take
    out of each rack, and the row's part of what the plant can. The network is not limited, and the
    SLA only where a share is given.

    Args:
        plant: what stands where.
        meter: after the run.
        densest_w: power at which the cooling of each rack is at its end [W].
        stages_w: IT power that each site's stages promise [W].
        cooling_w: IT power whose heat each site's plant can take away [W].
        sla_share: share of each row's limit beyond which latency targets were missed.
    """
    rows = len(plant.row_names)
    limit_w = plant.row_limit_w
    endless = np.full(rows, np.inf)
    row_site = plant.hall_site[plant.row_hall]
    power_w, heat_w = _power_ceiling_w(plant), _per_row(densest_w, plant.rack_row, rows)
    if stages_w is not None:
        power_w = np.minimum(power_w, _part_w(plant, row_site, stages_w))
    if cooling_w is not None:
        heat_w = np.minimum(heat_w, _part_w(plant, row_site, cooling_w))
    ceilings = Ceilings(
        space=_per_row(plant.rack_limit_w, plant.rack_row, rows),
        power=power_w,
        cooling=heat_w,
        network=endless,
        sla=endless if sla_share is None else sla_share * limit_w,
    )
    limited = np.flatnonzero(np.isfinite(limit_w))
    parts = stranded(np.where(np.isfinite(limit_w), limit_w, 0.0), ceilings)
    rack_j = meter.energy_j[meter.points.spans["rack"]]
    uneven = imbalance(rack_j, plant.rack_row, rows)
    return [
        RowHeadroom(
            plant.row_names[row],
            CAUSES[parts.binding[row]] if parts.binding[row] >= 0 else "",
            dict(zip(CAUSES, parts.by_cause_w[:, row].tolist(), strict=True)),
            float(uneven[row]),
        )
        for row in limited.tolist()
    ]


def _per_row(rack_w: FloatArray, rack_row: IntArray, rows: int) -> FloatArray:
    return np.asarray(np.bincount(rack_row, rack_w, rows), dtype=np.float64)


def _power_ceiling_w(plant: Plant) -> FloatArray:
    """Return each row's part of the tightest limit above it, in proportion to the rows' limits."""
    hall_w = _part_w(plant, plant.row_hall, plant.hall_limit_w)
    return np.minimum(hall_w, _part_w(plant, plant.hall_site[plant.row_hall], plant.site_limit_w))


def _part_w(plant: Plant, above: IntArray, limits_w: FloatArray) -> FloatArray:
    """Return each row's part of a limit above it, in proportion to the rows' limits [W]."""
    limit_w = plant.row_limit_w
    finite_w = np.where(np.isfinite(limit_w), limit_w, 0.0)
    total_w = np.bincount(above, finite_w, minlength=len(limits_w))[above]
    share = finite_w / np.where(total_w > 0.0, total_w, 1.0)
    # A row without a limit has no part to speak of; infinity times 0 would be no number.
    return np.asarray(np.where(share > 0.0, share, 1.0) * limits_w[above])


def density_warnings(
    plant: Plant,
    meter: PowerMeter,
    methods: tuple[str, ...],
    densest_w: FloatArray,
    rated_w: FloatArray,
) -> Iterator[str]:
    """Yield a warning per site and method whose racks may draw more than the method can cool.

    Args:
        plant: what stands where.
        meter: after the run.
        methods: cooling method of each rack.
        densest_w: power at which the cooling of each rack is at its end [W].
        rated_w: most that each rack may draw [W].
    """
    peak_w = meter.peak_w[meter.points.spans["rack"]]
    for site, name in enumerate(plant.site_names):
        mine = (plant.rack_site == site) & (rated_w > densest_w * (1.0 + 1e-9))
        for method in sorted({methods[rack] for rack in np.flatnonzero(mine).tolist()}):
            here = mine & (np.array(methods) == method)
            most_w, limit_w = float(rated_w[here].max()), float(densest_w[here].min())
            yield (
                f"site {name}: {_racks(int(here.sum()))} may draw up to {most_w / 1e3:.0f} kW, "
                f"which is {(most_w - limit_w) / 1e3:.0f} kW more than {method} cooling takes "
                f"out of a rack ({limit_w / 1e3:.0f} kW); "
                f"they drew at most {float(peak_w[here].max()) / 1e3:.1f} kW"
            )


def _racks(count: int) -> str:
    return "1 rack" if count == 1 else f"{count} racks"
