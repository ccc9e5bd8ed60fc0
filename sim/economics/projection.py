"""A fleet month by month: demand, purchases, power, what is served, and the cash of it all.

Vectorised over draws of everything that may be off: shape (months, draws), and (months + 1, draws)
for cash, of which flow 0 is today and the rest come at the end of a month. Nominal, before tax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.economics.fleet import Unit
from sim.economics.inputs import Values
from sim.economics.returns import (
    MONTHS_PER_YEAR,
    internal_rates,
    monthly,
    net_present_value,
    payback_periods,
    present_values,
)
from sim.interfaces import FloatArray
from sim.scenario.schema.business_case import BusinessCase
from sim.units import H_PER_MONTH, H_PER_YEAR, TOKENS_PER_MTOKEN, W_PER_KW

DAYS_PER_MONTH = H_PER_YEAR / 24.0 / MONTHS_PER_YEAR
RESIDUAL_SHAPE = 0.1  # value left at the end of a life whose residual is a tenth: 0.1 ** age
WHOLE = 1e-9  # of an accelerator: less is rounding


@dataclass(frozen=True)
class Projection:
    """What a fleet does and earns.

    Attributes:
        demand, served: answer tokens a month.
        price_usd_per_token: income per answer token, prompt included.
        bought, installed, running: accelerators; those that are installed and do not run have no
            power.
        income, energy, upkeep, rent: money of a month [USD].
        outlay, salvage: money at the begin of each month, and at the end [USD].
        flows: cash, with what everything is still worth at the end [USD].
        cost_of_capital: per month, by draw.
    """

    demand: FloatArray
    served: FloatArray
    price_usd_per_token: FloatArray
    bought: FloatArray
    installed: FloatArray
    running: FloatArray
    income: FloatArray
    energy: FloatArray
    upkeep: FloatArray
    rent: FloatArray
    outlay: FloatArray
    salvage: FloatArray
    cost_of_capital: FloatArray

    @cached_property
    def spent(self) -> FloatArray:
        """Cash that goes out less what is sold [USD], shape (months + 1, draws)."""
        running = self.energy + self.upkeep + self.rent
        nothing = np.zeros((1, running.shape[1]))
        found: FloatArray = self.outlay - self.salvage + np.concatenate([nothing, running])
        return found

    @cached_property
    def flows(self) -> FloatArray:
        """Cash by month [USD], shape (months + 1, draws)."""
        nothing = np.zeros((1, self.income.shape[1]))
        found: FloatArray = np.concatenate([nothing, self.income]) - self.spent
        return found

    @cached_property
    def npv_usd(self) -> FloatArray:
        """Net present value at the cost of capital [USD]."""
        return net_present_value(self.flows, self.cost_of_capital)

    @cached_property
    def irr_per_year(self) -> FloatArray:
        """Rate of return per year; NaN where there is none, or several."""
        found: FloatArray = (1.0 + internal_rates(self.flows)) ** MONTHS_PER_YEAR - 1.0
        return found

    @cached_property
    def payback_months(self) -> FloatArray:
        """Discounted payback [months]; NaN for never within the time."""
        return payback_periods(self.flows, self.cost_of_capital)

    @cached_property
    def usd_per_mtoken(self) -> FloatArray:
        """All cost over all tokens, both at their present value [USD]; NaN for no tokens."""
        cost = net_present_value(self.spent, self.cost_of_capital)
        nothing = np.zeros((1, self.served.shape[1]))
        tokens = net_present_value(np.concatenate([nothing, self.served]), self.cost_of_capital)
        with np.errstate(divide="ignore", invalid="ignore"):
            found: FloatArray = cost / tokens * TOKENS_PER_MTOKEN
        return found

    @cached_property
    def usd_per_month(self) -> FloatArray:
        """The even bill that is worth as much as all cost [USD/month]."""
        months = len(self.income)
        even = np.concatenate([np.zeros((1, 1)), np.ones((months, 1))])
        parts = present_values(np.repeat(even, len(self.cost_of_capital), 1), self.cost_of_capital)
        found: FloatArray = net_present_value(self.spent, self.cost_of_capital) / parts.sum(axis=0)
        return found

    @cached_property
    def margin(self) -> FloatArray:
        """Present value of all cash over that of the income [1]; NaN without any."""
        nothing = np.zeros((1, self.income.shape[1]))
        income = net_present_value(np.concatenate([nothing, self.income]), self.cost_of_capital)
        with np.errstate(divide="ignore", invalid="ignore"):
            found: FloatArray = self.npv_usd / income
        return found


def project(
    case: BusinessCase,
    units: Sequence[Unit],
    values: Values,
    price_usd_per_token: float,
    used: float,
    first_purchase: int = 0,
) -> Projection:
    """Return a fleet month by month.

    Args:
        case: policies and dates; its numbers are taken from ``values``.
        units: what is bought from which month on, the first of them from month 0.
        values: the numbers, by draw.
        price_usd_per_token: income per answer token in the first month, prompt included.
        used: mean load over the one at which the target holds.
        first_purchase: month before which nothing is bought or rented.
    """
    demand, price = demand_and_price(case, values, price_usd_per_token)
    return _Fleet(case, units, values, used, first_purchase).run(demand, price)


def demand_and_price(
    case: BusinessCase, values: Values, price_usd_per_token: float
) -> tuple[FloatArray, FloatArray]:
    """Return the tokens that users ask for and what they pay per token, by month and draw.

    ``D(t) = D0 (1 + g)^t (P(t - lag) / P0)^-e``: constant elasticity on the price of some months
    before.
    """
    years = np.arange(case.months)[:, None] / MONTHS_PER_YEAR
    before = np.maximum(years - case.lag / MONTHS_PER_YEAR, 0.0)
    fall = 1.0 - values["price_decay"][None, :]
    moved = fall ** (before * -values["elasticity"][None, :])
    grown = (1.0 + values["growth"][None, :]) ** years
    demand = values["tokens_per_day"][None, :] * DAYS_PER_MONTH * grown * moved
    return demand, price_usd_per_token * fall**years


class _Fleet:
    """A fleet that is bought month by month.

    Args:
        case: policies and dates.
        units: what is bought.
        values: the numbers, by draw.
        used: mean load over the one at which the target holds.
        first_purchase: month before which nothing is bought.
    """

    def __init__(
        self,
        case: BusinessCase,
        units: Sequence[Unit],
        values: Values,
        used: float,
        first_purchase: int,
    ) -> None:
        self._case, self._units, self._values, self._used = case, units, values, used
        self._first = first_purchase
        self._draws = len(values["cost_of_capital"])
        self._cohorts = np.zeros((case.months, self._draws))
        self._hall_w = np.zeros(self._draws)
        self._life = np.maximum(1.0, np.rint(values["it_life_y"] * MONTHS_PER_YEAR))
        self._it_usd = [self._priced(unit.it_usd) for unit in units]
        self._hall_usd = [self._priced(unit.hall_usd) for unit in units]
        self._land_usd = [self._priced(_only_land(unit)) for unit in units]
        self._upkeep_usd = [self._priced(unit.upkeep_usd) for unit in units]
        shape, cash = (case.months, self._draws), (case.months + 1, self._draws)
        names = ("served", "bought", "installed", "running", "income", "energy", "upkeep", "rent")
        self._months = {name: np.zeros(shape) for name in names}
        self._outlay, self._salvage = np.zeros(cash), np.zeros(cash)

    def run(self, demand: FloatArray, price: FloatArray) -> Projection:
        """Return what happens to the fleet under a demand."""
        for month in range(self._case.months):
            self._sell_the_old(month)
            if month >= self._first:
                self._buy(month, demand)
            self._serve(month, demand[month])
        self._sell_the_rest()
        self._months["income"][:] = self._months["served"] * price
        return Projection(
            demand=demand,
            price_usd_per_token=price,
            outlay=self._outlay,
            salvage=self._salvage,
            cost_of_capital=monthly(self._values["cost_of_capital"]),
            **self._months,
        )

    def _priced(self, layers: Mapping[str, float]) -> FloatArray:
        """Return the price of layers together; servers and network follow the accelerators."""
        found = np.zeros(self._draws)
        bound = self._values.get("accelerators", np.ones(self._draws))
        for layer, usd in layers.items():
            factor = self._values.get(layer, np.ones(self._draws))
            found += usd * factor * (bound if layer in ("servers", "network") else 1.0)
        return found

    def _generation(self, month: int) -> int:
        return max(at for at, unit in enumerate(self._units) if unit.month <= month)

    def _capacity(self, generation: int, month: int) -> FloatArray:
        """Return the answer tokens that an accelerator serves in a month."""
        gain = (1.0 + self._values["software"]) ** (month / MONTHS_PER_YEAR)
        gain = np.minimum(gain, self._case.software_most)
        full = self._units[generation].tokens_per_month * self._used
        found: FloatArray = full * gain / self._values["step_time"]
        return found

    def _alive(self, month: int) -> FloatArray:
        """Return the accelerators of each cohort that stand, shape (months so far, draws)."""
        age = month - np.arange(month + 1)[:, None]
        return np.where(age < self._life[None, :], self._cohorts[: month + 1], 0.0)

    def _sell_the_old(self, month: int) -> None:
        ages = month - np.arange(month + 1)
        for cohort, age in enumerate(ages):
            if age:
                gone = np.where(self._life == age, self._cohorts[cohort], 0.0)
                self._salvage[month] += gone * self._worth(cohort, np.ones(self._draws))

    def _worth(self, cohort: int, age: FloatArray) -> FloatArray:
        """Return what an accelerator of a cohort brings at an age as a share of its life [USD].

        ``0.1^age`` for a residual of a tenth, which is the published path of an H100's value (0.63,
        0.40, 0.25, 0.16, 0.10 after one to five years), stretched to end at another residual.
        """
        residual = self._values["it_residual"]
        shape = (RESIDUAL_SHAPE**age - RESIDUAL_SHAPE) / (1.0 - RESIDUAL_SHAPE)
        left = residual + (1.0 - residual) * shape
        paid = self._price(cohort) * self._it_usd[self._generation(cohort)]
        found: FloatArray = left * paid
        return found

    def _price(self, month: int) -> FloatArray:
        """Return the price of hardware over that of today."""
        found: FloatArray = (1.0 - self._values["hardware_decay"]) ** (month / MONTHS_PER_YEAR)
        return found

    def _power_w(self, month: int) -> float:
        steps = self._case.power
        reached = [step.power_w for step in steps if step.month <= month]
        return reached[-1] if reached else (0.0 if steps else np.inf)

    def _buy(self, month: int, demand: FloatArray) -> None:
        generation = self._generation(month)
        unit, ahead = self._units[generation], min(month + self._case.order_ahead, len(demand) - 1)
        alive = self._alive(month)
        capacity = self._all_capacity(month)
        have = (alive * capacity).sum(axis=0)
        wanted = np.maximum(demand[month], demand[ahead]) - have
        number = np.ceil(np.maximum(wanted, 0.0) / capacity[month] / unit.group - WHOLE)
        number *= unit.group
        if self._case.wait_for_power and unit.rated_w:
            rated = np.array([self._unit_at(cohort).rated_w for cohort in range(month + 1)])
            left_w = self._power_w(month) - (alive * rated[:, None]).sum(axis=0)
            fits = np.floor(np.maximum(left_w, 0.0) / unit.rated_w / unit.group + WHOLE)
            number = np.minimum(number, fits * unit.group)
        self._cohorts[month] = number
        self._months["bought"][month] = number
        self._outlay[month] += number * self._it_usd[generation] * self._price(month)
        self._build(month, generation)

    def _build(self, month: int, generation: int) -> None:
        """Build as much hall as stands in no hall yet."""
        rated = np.array([self._unit_at(cohort).rated_w for cohort in range(month + 1)])
        needed_w = (self._alive(month) * rated[:, None]).sum(axis=0)
        more_w = np.maximum(needed_w - self._hall_w, 0.0)
        unit = self._units[generation]
        if not unit.rated_w:
            return
        self._hall_w += more_w
        number = more_w / unit.rated_w
        cost = number * self._hall_usd[generation]
        land = number * self._land_usd[generation]
        self._outlay[month] += cost
        left = (self._case.months - month) / MONTHS_PER_YEAR / self._values["facility_life_y"]
        self._salvage[-1] += land + (cost - land) * np.maximum(1.0 - left, 0.0)

    def _unit_at(self, month: int) -> Unit:
        return self._units[self._generation(month)]

    def _all_capacity(self, month: int) -> FloatArray:
        """Return the capacity of an accelerator of each cohort, shape (months so far, draws)."""
        by_unit = [self._capacity(at, month) for at in range(len(self._units))]
        return np.stack([by_unit[self._generation(cohort)] for cohort in range(month + 1)])

    def _serve(self, month: int, demand: FloatArray) -> None:
        """Let the newest run first, as far as there is power, and serve what is asked for."""
        alive, capacity = self._alive(month), self._all_capacity(month)
        left_w = np.full(self._draws, self._power_w(month))
        left = demand.copy()
        growth = (1.0 + self._values["energy_growth"]) ** (month / MONTHS_PER_YEAR)
        usd_per_kwh = self._values["usd_per_kwh"] * growth
        now = self._months
        for cohort in range(month, -1, -1):
            unit, generation = self._unit_at(cohort), self._generation(cohort)
            runs = alive[cohort]
            if unit.rated_w:
                runs = np.minimum(runs, np.floor(left_w / unit.rated_w + WHOLE))
                left_w = left_w - runs * unit.rated_w
            done = np.minimum(left, runs * capacity[cohort])
            left = left - done
            # share of the load at which the target holds; power is a line from idle to there
            load = done / (capacity[cohort] / self._used)
            watts = runs * unit.idle_w + load * (unit.full_w - unit.idle_w)
            now["served"][month] += done
            now["running"][month] += runs
            now["installed"][month] += alive[cohort]
            now["energy"][month] += watts / W_PER_KW * H_PER_MONTH * usd_per_kwh
            now["upkeep"][month] += alive[cohort] * self._upkeep_usd[generation]
            now["rent"][month] += alive[cohort] * self._rent(unit)
            if unit.rent_usd:  # paid by the hour: nothing is kept for the next month
                self._cohorts[cohort] = 0.0

    def _rent(self, unit: Unit) -> FloatArray:
        factor: FloatArray = self._values.get("rent", np.ones(self._draws))
        return unit.rent_usd * factor

    def _sell_the_rest(self) -> None:
        end = self._case.months
        for cohort in range(end):
            age = (end - cohort) / self._life
            left = np.where(age <= 1.0, self._cohorts[cohort], 0.0)
            self._salvage[end] += left * self._worth(cohort, np.minimum(age, 1.0))


def _only_land(unit: Unit) -> dict[str, float]:
    return {layer: usd for layer, usd in unit.hall_usd.items() if layer == "land"}
