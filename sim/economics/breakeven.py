"""Where one way to have tokens becomes cheaper than another: by tokens a day, use and month.

Ways are compared by what has to be reserved: a fleet comes in whole replicas, which are paid for
whether they are busy or not, and an API by the token.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.cost.finance import capital_recovery_factor
from sim.economics.fleet import Unit
from sim.economics.inputs import Values
from sim.economics.projection import DAYS_PER_MONTH
from sim.economics.returns import MONTHS_PER_YEAR
from sim.interfaces import FloatArray
from sim.units import H_PER_MONTH, W_PER_KW


@dataclass(frozen=True, slots=True)
class Way:
    """A way to have tokens, by draw; money is per month.

    Attributes:
        name: in words.
        step_tokens: answer tokens a month that one step of capacity serves; infinite for an API.
        step_usd: what a step costs whether it is used or not.
        token_usd: what each token costs on top.
        outlay_usd: what is paid when a step is bought.
        cash_usd: what a step costs a month without its capital.
    """

    name: str
    step_tokens: FloatArray
    step_usd: FloatArray
    token_usd: FloatArray
    outlay_usd: FloatArray
    cash_usd: FloatArray

    def usd_per_month(self, tokens_per_day: float) -> FloatArray:
        """Return the bill for a number of answer tokens a day."""
        tokens = tokens_per_day * DAYS_PER_MONTH
        steps = np.ceil(tokens / self.step_tokens - 1e-12)
        found: FloatArray = steps * self.step_usd + tokens * self.token_usd
        return found


@dataclass(frozen=True, slots=True)
class Flip:
    """Where a fleet becomes cheaper than paying by the token, by draw.

    Attributes:
        first_per_day: answer tokens a day at which it first is; infinite for never.
        lasting_per_day: from which it stays so: a new replica that is almost idle may be dearer
            again.
        use: share of a replica's capacity at which both cost the same; above 1 for never.
    """

    first_per_day: FloatArray
    lasting_per_day: FloatArray
    use: FloatArray


def fleet_way(name: str, unit: Unit, values: Values, used: float) -> Way:
    """Return a replica of a fleet as a way.

    Args:
        name: in words.
        unit: its accelerator.
        values: the numbers, by draw.
        used: greatest mean load over the one at which the target holds.
    """
    number = float(unit.group)
    rate = values["cost_of_capital"]
    one = np.ones(len(rate))
    price = values.get("accelerators", one)
    it = sum(
        (
            usd * values.get(layer, one) * (price if layer in ("servers", "network") else 1.0)
            for layer, usd in unit.it_usd.items()
        ),
        np.zeros(len(rate)),
    )
    hall = sum(
        (usd * values.get(k, one) for k, usd in unit.hall_usd.items() if k != "land"),
        np.zeros(len(rate)),
    )
    land = unit.hall_usd.get("land", 0.0) * values.get("land", one)
    upkeep = sum(
        (usd * values.get(layer, one) for layer, usd in unit.upkeep_usd.items()),
        np.zeros(len(rate)),
    )
    capital = _annuities(it, rate, values["it_life_y"], values["it_residual"])
    capital += _annuities(hall, rate, values["facility_life_y"], 0.0 * rate) + land * rate
    idle = unit.idle_w / W_PER_KW * H_PER_MONTH * values["usd_per_kwh"]
    cash = upkeep + idle + unit.rent_usd * values.get("rent", one)
    full = unit.tokens_per_month / values["step_time"]
    more_w = (unit.full_w - unit.idle_w) / W_PER_KW * H_PER_MONTH
    return Way(
        name,
        step_tokens=number * used * full,
        step_usd=number * (capital / MONTHS_PER_YEAR + cash),
        token_usd=more_w * values["usd_per_kwh"] / full,
        outlay_usd=number * (it + hall + land),
        cash_usd=number * cash,
    )


def _annuities(
    price: FloatArray, rate: FloatArray, years: FloatArray, residual_share: FloatArray
) -> FloatArray:
    """Return the yearly cost of capital and its loss of value, as `sim.cost.finance.annuity`."""
    factor = np.array(
        [capital_recovery_factor(float(r), float(n)) for r, n in zip(rate, years, strict=True)]
    )
    residual = residual_share * price
    found: FloatArray = (price - residual) * factor + residual * rate
    return found


def api_way(name: str, usd_per_token: float, draws: int) -> Way:
    """Return a price list as a way; ``usd_per_token`` is per answer token, prompt included."""
    nothing = np.zeros(draws)
    endless = np.full(draws, np.inf)
    return Way(name, endless, nothing, np.full(draws, usd_per_token), nothing, nothing)


def flip(fleet: Way, api: Way) -> Flip:
    """Return where a fleet becomes cheaper than an API.

    With F a month and c tokens per replica and the API dearer by p per token, n replicas are
    cheaper from ``n F / p`` on, which lies within their reach where ``F < p c``. The step to n + 1
    does not undo that from ``n = F / (p c - F)`` on.
    """
    more = api.token_usd - fleet.token_usd
    with np.errstate(divide="ignore", invalid="ignore"):
        use = np.where(more > 0.0, fleet.step_usd / (more * fleet.step_tokens), np.inf)
        ever = use < 1.0
        least = np.where(more > 0.0, fleet.step_usd / more, np.inf)
        replicas = np.maximum(1.0, np.ceil(use / (1.0 - use) - 1e-12))
    never = np.full_like(use, np.inf)
    return Flip(
        np.where(ever, least, never) / DAYS_PER_MONTH,
        np.where(ever, np.where(ever, replicas, 1.0) * least, never) / DAYS_PER_MONTH,
        use,
    )


def rent_by_the_hour_use(fleet: Way, rented: Way) -> FloatArray:
    """Return the share of hours above which owning is cheaper than renting for those hours alone.

    Both are a replica of the same chip; energy of a busy hour is in the rent.
    """
    busy = fleet.token_usd * fleet.step_tokens
    with np.errstate(divide="ignore", invalid="ignore"):
        found = fleet.step_usd / (rented.step_usd - busy)
    return np.where(found > 0.0, found, np.inf)


def months_to_repay(fleet: Way, other: Way, tokens_per_day: float) -> FloatArray:
    """Return after how many months the outlay is saved against another way; infinite for never.

    Undiscounted, at an even number of tokens; what the hardware is still worth is left out.
    """
    tokens = tokens_per_day * DAYS_PER_MONTH
    steps = np.ceil(tokens / fleet.step_tokens - 1e-12)
    running = steps * fleet.cash_usd + tokens * fleet.token_usd
    saved = other.usd_per_month(tokens_per_day) - running
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(saved > 0.0, steps * fleet.outlay_usd / saved, np.inf)
