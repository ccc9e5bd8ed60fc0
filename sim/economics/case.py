"""A business case: a cell of the table over years, what it competes with, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.catalog.catalog import Catalog
from sim.economics.anchor import Anchor
from sim.economics.breakeven import (
    Flip,
    Way,
    api_way,
    fleet_way,
    flip,
    months_to_repay,
    rent_by_the_hour_use,
)
from sim.economics.fleet import Unit, unit_of
from sim.economics.inputs import Input, drawn, inputs_of, one_by_one, taken
from sim.economics.places import SiteYear
from sim.economics.projection import Projection, project
from sim.errors import Problem, ScenarioError
from sim.interfaces import FloatArray
from sim.scenario.schema.business_case import BusinessCase
from sim.scenario.schema.economics_study import EconomicsStudy

LEVELS = (5.0, 50.0, 95.0)
CURVE_DECADES, CURVE_POINTS = 2.0, 161  # of tokens a day, either side of the case


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of the case with the range of its draws.

    Attributes:
        value: with every input as it is taken; NaN where there is none.
        low, middle, high: 5th, 50th and 95th percentile of the draws that have one.
        known: share of the draws that have one.
    """

    value: float
    low: float
    middle: float
    high: float
    known: float


@dataclass(frozen=True, slots=True)
class Swing:
    """What one input does to the case alone.

    Attributes:
        input: the input, with the ends of its range.
        npv_usd: net present value at its low and its high end.
        usd_per_mtoken: cost of tokens there.
    """

    input: Input
    npv_usd: tuple[float, float]
    usd_per_mtoken: tuple[float, float]

    @property
    def width_usd(self) -> float:
        """How much of the net present value hangs on it [USD]."""
        return abs(self.npv_usd[1] - self.npv_usd[0])


@dataclass(frozen=True, slots=True)
class Comparison:
    """A fleet against another way, at the first month's prices.

    Attributes:
        fleet, other: their names.
        per_day: answer tokens a day from which the fleet stays cheaper; NaN for never.
        use: share of a replica's capacity, or of hours, from which it is.
        months: until the outlay is saved at the case's tokens; NaN for never.
        usd_per_month: bills of both at the case's tokens.
    """

    fleet: str
    other: str
    per_day: Figure
    use: Figure
    months: Figure
    usd_per_month: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Wait:
    """Buying a later chip only, against buying now: the case with its first purchase later.

    Attributes:
        chip: that is waited for.
        month: of the first purchase.
        gain_usd: net present value of waiting less that of buying now.
    """

    chip: str
    month: int
    gain_usd: Figure


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a business case comes to.

    Attributes:
        case: the assumptions.
        key: region, chip, model, pattern and ownership.
        units: what is bought, the first chip first.
        inputs: every number that it rests on.
        plan: months with all inputs as taken (one draw).
        draws: months of every draw.
        swings: what each input does alone, the greatest first.
        comparisons: fleet against rent and API.
        waits: buy now or wait, by later chip.
        per_day: answer tokens a day, for `curves`.
        curves: bill of each way to have them by its name [USD/month], as taken.
    """

    case: BusinessCase
    key: Mapping[str, str]
    units: tuple[Unit, ...]
    inputs: tuple[Input, ...]
    plan: Projection
    draws: Projection
    swings: tuple[Swing, ...]
    comparisons: tuple[Comparison, ...]
    waits: tuple[Wait, ...]
    per_day: FloatArray
    curves: Mapping[str, FloatArray]

    def figure(self, name: str) -> Figure:
        """Return a number of `Projection` that has one value per draw, such as ``npv_usd``."""
        return figure(getattr(self.plan, name), getattr(self.draws, name))

    @property
    def loss_chance(self) -> float:
        """Share of the draws whose net present value is below zero."""
        return float(np.mean(self.draws.npv_usd < 0.0))


def figure(value: FloatArray, draws: FloatArray) -> Figure:
    """Return a number with the range of its draws."""
    known = draws[np.isfinite(draws)]
    low, middle, high = np.percentile(known, LEVELS) if len(known) else (np.nan,) * 3
    at = float(value[0]) if np.isfinite(value[0]) else np.nan
    return Figure(at, float(low), float(middle), float(high), len(known) / len(draws))


def run_case(
    study: EconomicsStudy,
    case: BusinessCase,
    row: Mapping[str, Any],
    anchors: Sequence[Anchor],
    years: Mapping[tuple[str, str], Mapping[float, SiteYear]],
    catalog: Catalog,
) -> CaseResult:
    """Return what a business case comes to.

    Args:
        study: the study that simulated it.
        case: the assumptions.
        row: of the table, from which the case takes chip, place and way to own.
        anchors: of the study.
        years: of its places, by region and rack, then power of the rack [W].
        catalog: prices.

    Raises:
        ScenarioError: a price is unknown, or a later chip does not serve the load.
    """
    key = {name: str(row[name]) for name in ("region", "chip", "model", "pattern", "ownership")}
    find = _Units(study, key, anchors, years, catalog)
    units = (
        find.unit(key["chip"], key["ownership"], 0, "case"),
        *(
            find.unit(later.chip, key["ownership"], later.month, f"case.generations[{at}].chip")
            for at, later in enumerate(case.generations)
        ),
    )
    rivals = find.rivals(key["chip"])
    owner, region = catalog.owners[study.owner], catalog.regions[key["region"]]
    accelerator = catalog.accelerators[find.accelerator(key["chip"])]
    inputs = inputs_of(case, [*units, *rivals.values()], accelerator, owner, region)
    income = find.usd_per_token(study.price) if study.price else 0.0
    point, many = taken(inputs), drawn(inputs, case.draws, study.seed)
    moved, ends = one_by_one(inputs)

    def projected(values: Mapping[str, FloatArray], bought: Sequence[Unit], first: int = 0) -> Any:
        return project(case, bought, values, income, study.used, first)

    plan, draws, swung = (projected(values, units) for values in (point, many, ends))
    waits = []
    for later in units[1:]:
        only = [_from_the_start(later)]
        gain = [
            projected(values, only, later.month).npv_usd - now.npv_usd
            for values, now in ((point, plan), (many, draws))
        ]
        waits.append(Wait(later.chip, later.month, figure(*gain)))
    return CaseResult(
        case,
        key,
        units,
        tuple(inputs),
        plan,
        draws,
        tuple(_swings(moved, swung)),
        tuple(_comparisons(study, case, rivals, find, point, many)),
        tuple(waits),
        *_curves(study, case, rivals, find, point),
    )


def _from_the_start(unit: Unit) -> Unit:
    return replace(unit, month=0)


class _Units:
    """Finds accelerators of a case among what the study simulated.

    Args:
        study: the study.
        key: region, model and pattern of the case.
        anchors: of the study.
        years: of its places.
        catalog: prices.
    """

    def __init__(
        self,
        study: EconomicsStudy,
        key: Mapping[str, str],
        anchors: Sequence[Anchor],
        years: Mapping[tuple[str, str], Mapping[float, SiteYear]],
        catalog: Catalog,
    ) -> None:
        self._study, self._key, self._years, self._catalog = study, key, years, catalog
        self._anchors = {
            anchor.cell.chip: anchor
            for anchor in anchors
            if (anchor.cell.model, anchor.cell.pattern) == (key["model"], key["pattern"])
        }

    def unit(self, chip: str, how: str, month: int, path: str) -> Unit:
        """Return an accelerator whose prices are all known.

        Raises:
            ScenarioError: they are not, or the chip does not serve the load.
        """
        anchor = self._anchors[chip]
        if anchor.why_not:
            raise ScenarioError(
                [Problem(path, repr(chip), f"a chip that serves: {anchor.why_not}")]
            )
        unit = self._unit(anchor, how, month)
        if unit.missing:
            lacks = ", ".join(unit.missing)
            hint = "give it under constants in the catalogue's files, or take another chip"
            expected = f"a chip with known prices; unknown: {lacks}"
            raise ScenarioError([Problem(path, repr(chip), expected, hint=hint)])
        return unit

    def rivals(self, chip: str) -> dict[str, Unit]:
        """Return the chip by every way to own of the study whose prices are known."""
        found = {how: self._unit(self._anchors[chip], how, 0) for how in self._study.ownership}
        return {how: unit for how, unit in found.items() if not unit.missing}

    def accelerator(self, chip: str) -> str:
        """Return the accelerator of a chip that may be named by its rack type."""
        if chip in self._catalog.accelerators:
            return chip
        return self._catalog.nodes[self._catalog.racks[chip].node].accelerator

    def usd_per_token(self, price: Any) -> float:
        """Return a price per answer token, with the prompt tokens that come with it."""
        anchor = self._anchors[self._key["chip"]]
        ratio = sum(anchor.input_tokens_per_s) / sum(anchor.output_tokens_per_s)
        return float(price.output_usd_per_token + ratio * price.input_usd_per_token)

    def _unit(self, anchor: Anchor, how: str, month: int) -> Unit:
        region = self._key["region"]
        year = self._years[region, anchor.cell.rack][anchor.mean_rack_w(self._study.used)]
        catalog = self._catalog
        owner = catalog.owners[self._study.owner]
        return unit_of(anchor, how, year, catalog.regions[region], owner, month)


def _swings(moved: Sequence[Input], swung: Projection) -> list[Swing]:
    npv, cost = swung.npv_usd, swung.usd_per_mtoken
    found = [
        Swing(
            each,
            (float(npv[2 * at]), float(npv[2 * at + 1])),
            (float(cost[2 * at]), float(cost[2 * at + 1])),
        )
        for at, each in enumerate(moved)
    ]
    return sorted(found, key=lambda swing: -swing.width_usd)


def _comparisons(
    study: EconomicsStudy,
    case: BusinessCase,
    rivals: Mapping[str, Unit],
    find: _Units,
    point: Mapping[str, FloatArray],
    many: Mapping[str, FloatArray],
) -> list[Comparison]:
    """Return every fleet against the API, and every fleet that is bought against rent."""
    both = [point, many]
    fleets = {
        how: [fleet_way(how, unit, values, study.used) for values in both]
        for how, unit in rivals.items()
    }
    found = []
    if case.api is not None:
        price = find.usd_per_token(case.api)
        apis = [api_way(case.api.name, price, len(v["cost_of_capital"])) for v in both]
        for ways in fleets.values():
            flips = [flip(way, api) for way, api in zip(ways, apis, strict=True)]
            found.append(_comparison(case, ways, apis, flips))
    if "rented" in fleets:
        rented = fleets["rented"]
        for how, ways in fleets.items():
            if how != "rented":
                uses = [rent_by_the_hour_use(w, r) for w, r in zip(ways, rented, strict=True)]
                never = [np.full_like(use, np.nan) for use in uses]
                flips = [Flip(n, n, u) for n, u in zip(never, uses, strict=True)]
                found.append(_comparison(case, ways, rented, flips))
    return found


def _curves(
    study: EconomicsStudy,
    case: BusinessCase,
    rivals: Mapping[str, Unit],
    find: _Units,
    point: Mapping[str, FloatArray],
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return tokens a day around the case's, and the bill of every way for them."""
    per_day = case.tokens_per_day * np.logspace(-CURVE_DECADES, CURVE_DECADES, CURVE_POINTS)
    ways = [fleet_way(how, unit, point, study.used) for how, unit in rivals.items()]
    if case.api is not None:
        ways.append(api_way(case.api.name, find.usd_per_token(case.api), 1))
    return per_day, {
        way.name: np.array([float(way.usd_per_month(t)[0]) for t in per_day.tolist()])
        for way in ways
    }


def _comparison(
    case: BusinessCase, fleet: Sequence[Way], other: Sequence[Way], flips: Sequence[Flip]
) -> Comparison:
    per_day = case.tokens_per_day
    months = [months_to_repay(f, o, per_day) for f, o in zip(fleet, other, strict=True)]
    bills = (fleet[0].usd_per_month(per_day), other[0].usd_per_month(per_day))
    return Comparison(
        fleet[0].name,
        other[0].name,
        figure(*(each.lasting_per_day for each in flips)),
        figure(*(each.use for each in flips)),
        figure(*months),
        (float(bills[0][0]), float(bills[1][0])),
    )
