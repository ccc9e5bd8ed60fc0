"""What to do first: actions found one after the other by runs, no saving counted twice.

Each round tries every action that is left on top of those already taken, all with the same random
numbers, and takes the one that saves most. An action whose saving the replications do not tell from
nothing is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.catalog.catalog import Catalog
from sim.economics.anchor import Anchor
from sim.economics.cells import Cell, rack_of
from sim.economics.money import indicators, ledger_of, mean_load
from sim.economics.places import site_years
from sim.experiment.statistics.intervals import replication_interval
from sim.scenario.schema.economics_study import EconomicsStudy
from sim.scenario.schema.roadmap import Action

if TYPE_CHECKING:
    import pandas as pd

AnchorOf = Callable[[Cell, EconomicsStudy, Path | None], Anchor]
HALF_PERCENT = 0.005  # less is not worth an action


@dataclass(frozen=True, slots=True)
class Stand:
    """A fleet as it is after some actions.

    Attributes:
        study: the study with what they changed.
        chip, region, ownership: what and where it is.
        row: its indicators; empty where nothing serves.
        costs: USD per million tokens of each replication.
        why_not: why nothing serves.
    """

    study: EconomicsStudy
    chip: str
    region: str
    ownership: str
    row: Mapping[str, Any]
    costs: tuple[float, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """An action on top of those before it.

    Attributes:
        name: of the action.
        saving: share of the cost per token before it [1].
        low, high: its 95 % interval over the replications, with common random numbers.
        alone: what it would save as the first action [1]; NaN where it serves nothing.
        before, after: indicators.
        cost_usd: what it costs once.
        note: of the action.
        taken: whether it is worth it.
        why_not: why it does nothing.
    """

    name: str
    saving: float
    low: float
    high: float
    alone: float
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    cost_usd: float
    note: str
    taken: bool
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class RoadmapResult:
    """What to do, in order.

    Attributes:
        start: indicators before anything is done.
        steps: actions in their order; then those that are not worth it.
    """

    start: Mapping[str, Any]
    steps: tuple[Step, ...]

    @property
    def taken(self) -> tuple[Step, ...]:
        """The actions that are worth it."""
        return tuple(step for step in self.steps if step.taken)

    @property
    def saving(self) -> float:
        """Share of the cost that all of them save together [1]."""
        taken = self.taken
        if not taken:
            return 0.0
        return 1.0 - float(taken[-1].after["usd_per_mtoken"]) / float(self.start["usd_per_mtoken"])

    @property
    def saving_of_parts(self) -> float:
        """What adding up the savings of each alone would promise [1]."""
        return float(sum(step.alone for step in self.taken))


def find_roadmap(
    study: EconomicsStudy,
    catalog: Catalog,
    out: Path | None,
    executor: Executor,
    anchor_of: AnchorOf,
) -> RoadmapResult | None:
    """Return the actions of a study in the order in which they save most; None without any.

    Args:
        study: with a roadmap.
        catalog: prices.
        out: folder for what was simulated.
        executor: where it is.
        anchor_of: finds an anchor, or has it; a worker calls it.
    """
    plan = study.roadmap
    if plan is None:
        return None
    work = _Work(study, catalog, out, anchor_of)
    now = work.look(Stand(study, plan.chip, plan.region, plan.ownership, {}))
    if now.why_not:
        return RoadmapResult({}, (_nothing("(as it is)", Action(used=1.0), now),))
    start, left, steps = now, dict(plan.actions), []
    alone: dict[str, float] = {}
    while left:
        futures = {
            name: executor.submit(work.look, _changed(now, action)) for name, action in left.items()
        }
        tried = {name: future.result() for name, future in futures.items()}
        found = [_step(name, left[name], now, tried[name], alone) for name in left]
        alone = alone or {step.name: step.saving for step in found}
        best = max(found, key=lambda step: step.saving if step.taken else -np.inf)
        if not best.taken:
            steps += sorted(found, key=lambda step: -step.saving)
            break
        steps.append(_with_alone(best, alone))
        now = tried[best.name]
        del left[best.name]
    return RoadmapResult(start.row, tuple(_with_alone(step, alone) for step in steps))


class _Work:
    """Looks at a fleet; goes to workers as it is.

    Args:
        study: the study.
        catalog: prices.
        out: folder for what was simulated.
        anchor_of: finds an anchor.
    """

    def __init__(
        self, study: EconomicsStudy, catalog: Catalog, out: Path | None, anchor_of: AnchorOf
    ) -> None:
        plan = study.roadmap
        self._model = (plan.model if plan else None) or study.models[0]
        self._pattern = (plan.pattern if plan else None) or next(iter(study.patterns))
        self._catalog, self._out, self._anchor_of = catalog, out, anchor_of

    def look(self, stand: Stand) -> Stand:
        """Return the stand with its indicators."""
        study, catalog = stand.study, self._catalog
        rack = rack_of(stand.chip, catalog)
        if rack is None:
            return _failed(stand, "no rack type has this chip")
        cell = Cell(stand.chip, rack, self._model, self._pattern)
        anchor = self._anchor_of(cell, study, self._out)
        if anchor.why_not:
            return _failed(stand, anchor.why_not)
        power_w = anchor.mean_rack_w(study.used)
        (year,) = site_years(cell, study, stand.region, [power_w], anchor.tensor_parallel)
        place, owner = catalog.regions[stand.region], catalog.owners[study.owner]
        load = mean_load(anchor, study.used)
        ledger = ledger_of(anchor, load, stand.ownership, year, place, owner, study)
        row = indicators(anchor, load, ledger, year, place)
        if row["usd_per_mtoken"] is None:
            return _failed(stand, f"unknown price: {row['unknown']}")
        mean = sum(anchor.output_tokens_per_s) / len(anchor.output_tokens_per_s)
        costs = tuple(row["usd_per_mtoken"] * mean / each for each in anchor.output_tokens_per_s)
        return Stand(study, stand.chip, stand.region, stand.ownership, row, costs)


def _failed(stand: Stand, why: str) -> Stand:
    return Stand(stand.study, stand.chip, stand.region, stand.ownership, {}, (), why)


def _changed(now: Stand, action: Action) -> Stand:
    """Return a fleet after an action, not looked at yet."""
    changes: dict[str, Any] = {
        name: value for name in ("precision", "used") if (value := getattr(action, name))
    }
    if action.pool:
        changes["pool"] = {**now.study.pool, **action.pool}
    return Stand(
        now.study.model_copy(update=changes),
        action.chip or now.chip,
        action.region or now.region,
        action.ownership or now.ownership,
        {},
    )


def _step(
    name: str, action: Action, before: Stand, after: Stand, alone: Mapping[str, float]
) -> Step:
    if after.why_not:
        return _nothing(name, action, after, before.row)
    savings = [1.0 - a / b for a, b in zip(after.costs, before.costs, strict=True)]
    found = replication_interval(savings)
    saving = 1.0 - after.row["usd_per_mtoken"] / before.row["usd_per_mtoken"]
    same = before.costs == after.costs or max(savings) - min(savings) < 1e-12  # priced only
    low, high = (saving, saving) if same else (found.low, found.high)
    return Step(
        name, saving, low, high, alone.get(name, saving), before.row, after.row, action.cost,
        action.note, saving > HALF_PERCENT and low > 0.0,
    )  # fmt: skip


def _nothing(
    name: str, action: Action, after: Stand, before: Mapping[str, Any] | None = None
) -> Step:
    none = float("nan")
    return Step(
        name, -np.inf, none, none, none, before or {}, {}, action.cost, action.note, False,
        after.why_not,
    )  # fmt: skip


def _with_alone(step: Step, alone: Mapping[str, float]) -> Step:
    return replace(step, alone=alone.get(step.name, step.alone))


def roadmap_table(found: RoadmapResult) -> pd.DataFrame:
    """Return the steps as rows, with cost, tail and energy before and after each."""
    import pandas as pd

    shown = ("usd_per_mtoken", "ttft_p99_s", "wh_per_request", "output_tokens_per_s")
    rows = [
        {
            "action": step.name,
            "taken": step.taken,
            "saving": step.saving if np.isfinite(step.saving) else None,
            "saving_low": step.low,
            "saving_high": step.high,
            "saving_alone": step.alone,
            "cost_usd": step.cost_usd,
            **{f"{name}_before": step.before.get(name) for name in shown},
            **{f"{name}_after": step.after.get(name) for name in shown},
            "why_not": step.why_not,
            "note": step.note,
        }
        for step in found.steps
    ]
    return pd.DataFrame(rows)
