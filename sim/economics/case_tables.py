"""A business case as tables: its months, its inputs with what hangs on them, its comparisons."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.economics.case import LEVELS, CaseResult
from sim.economics.returns import MONTHS_PER_YEAR
from sim.units import TOKENS_PER_MTOKEN

if TYPE_CHECKING:
    import pandas as pd

FIGURES = ("npv_usd", "irr_per_year", "payback_months", "usd_per_mtoken", "usd_per_month", "margin")


def months(result: CaseResult) -> pd.DataFrame:
    """Return the plan by month, with the range of its cash and of its cost.

    ``basis`` says where throughput comes from: simulated as it is, or projected from there by
    gains of software that nobody has measured yet. Cash is that at the end of each month, of month
    0 with what is paid today.
    """
    import pandas as pd

    plan, case = result.plan, result.case
    at = np.arange(case.months)
    gain = np.minimum((1.0 + case.software) ** (at / MONTHS_PER_YEAR), case.software_most)
    spent = result.draws.spent
    spent = np.concatenate([spent[:1] + spent[1:2], spent[2:]])
    cash = np.cumsum(result.draws.flows, axis=0)[1:]
    columns: dict[str, Any] = {
        "month": at,
        "basis": np.where(np.abs(gain - 1.0) < 1e-12, "simulated", "projected"),
        "chip": [max((u for u in result.units if u.month <= m), key=_month).chip for m in at],
        "demand_tokens": plan.demand[:, 0],
        "served_tokens": plan.served[:, 0],
        "price_usd_per_mtoken": plan.price_usd_per_token[:, 0] * TOKENS_PER_MTOKEN,
        "bought": plan.bought[:, 0],
        "installed": plan.installed[:, 0],
        "running": plan.running[:, 0],
        "without_power": plan.installed[:, 0] - plan.running[:, 0],
        "income_usd": plan.income[:, 0],
        "energy_usd": plan.energy[:, 0],
        "upkeep_usd": plan.upkeep[:, 0],
        "rent_usd": plan.rent[:, 0],
        "outlay_usd": plan.outlay[:-1, 0],
        "salvage_usd": plan.salvage[:-1, 0],
        "cash_so_far_usd": np.cumsum(plan.flows[:, 0])[1:],
    }
    for level, so_far, bill in zip(
        LEVELS, np.percentile(cash, LEVELS, axis=1), np.percentile(spent, LEVELS, axis=1),
        strict=True,
    ):  # fmt: skip
        columns[f"cash_so_far_p{level:g}_usd"] = so_far
        columns[f"spent_p{level:g}_usd"] = bill
    return pd.DataFrame(columns)


def _month(unit: Any) -> int:
    return int(unit.month)


def swings(result: CaseResult) -> pd.DataFrame:
    """Return what each input does alone, the greatest first."""
    import pandas as pd

    rows = [
        {
            **asdict(swing.input),
            "npv_at_low_usd": swing.npv_usd[0],
            "npv_at_high_usd": swing.npv_usd[1],
            "usd_per_mtoken_at_low": swing.usd_per_mtoken[0],
            "usd_per_mtoken_at_high": swing.usd_per_mtoken[1],
        }
        for swing in result.swings
    ]
    names = [*("name", "title", "value", "low", "high", "kind", "npv_at_low_usd")]
    return pd.DataFrame(rows, columns=None if rows else names)


def as_data(result: CaseResult) -> dict[str, Any]:
    """Return the case as JSON values; a number that there is not is null."""
    return {
        "of": dict(result.key),
        "figures": {name: _known(asdict(result.figure(name))) for name in FIGURES},
        "loss_chance": result.loss_chance,
        "comparisons": [_known(asdict(each)) for each in result.comparisons],
        "waits": [_known(asdict(each)) for each in result.waits],
        "swings": [_known(asdict(each)) for each in result.swings],
    }


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_known(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
