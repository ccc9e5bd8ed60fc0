"""A cell of the comparison as a scenario: one rack of a chip that serves one model under one load.

The chips of a cell are simulated once; where they stand only changes what energy costs, how much
of it cooling takes and what it emits, which `sim.economics.places` and `sim.economics.money` add.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.catalog.catalog import Catalog
from sim.errors import Problem, ScenarioError
from sim.registry import nearest_hint
from sim.scenario.schema.economics_study import EconomicsStudy, Pattern, Target

SITE, POOL, TIER, LOAD = "site", "pool", "users", "load"


@dataclass(frozen=True, slots=True)
class Cell:
    """What is simulated.

    Attributes:
        chip: accelerator or rack type, as the study names it.
        rack: rack type.
        model: model of the catalogue.
        pattern: name of the load.
    """

    chip: str
    rack: str
    model: str
    pattern: str

    def __str__(self) -> str:
        """Return the cell in words."""
        return f"{self.model} on {self.chip}, {self.pattern}"


def cells_of(study: EconomicsStudy, catalog: Catalog) -> list[Cell]:
    """Return the cells of a study in the order chips, models, patterns.

    Raises:
        ScenarioError: the catalogue has no such chip, model, region or owner; all at once.
    """
    problems = [
        *_unknown("regions", study.regions, catalog.regions),
        *_unknown("models", study.models, catalog.models),
        *_unknown("chips", study.chips, {**catalog.accelerators, **catalog.racks}),
        *_unknown("owner", (study.owner,), catalog.owners),
    ]
    if problems:
        raise ScenarioError(problems)
    racks = {chip: rack_of(chip, catalog) for chip in study.chips}
    if missing := [chip for chip, rack in racks.items() if rack is None]:
        expected = "a chip that some rack type of the catalogue has"
        raise ScenarioError([Problem("chips", repr(chip), expected) for chip in missing])
    return [
        Cell(chip, rack, model, pattern)
        for chip, rack in racks.items()
        if rack is not None
        for model in study.models
        for pattern in study.patterns
    ]


def rack_of(chip: str, catalog: Catalog) -> str | None:
    """Return the rack type of a chip, liquid-cooled where one is; None without any."""
    if chip in catalog.racks:
        return chip
    mine = [
        name for name, rack in catalog.racks.items() if catalog.nodes[rack.node].accelerator == chip
    ]
    liquid = [name for name in mine if catalog.racks[name].cooling == "liquid"]
    return next(iter([*liquid, *mine]), None)


def scenario_of(
    cell: Cell,
    study: EconomicsStudy,
    *,
    tensor_parallel: int,
    rate_per_s: float,
    duration_s: float,
    warmup_s: float,
) -> dict[str, Any]:
    """Return a cell as the data of a scenario.

    Args:
        cell: what is simulated.
        study: the study that it belongs to.
        tensor_parallel: accelerators of a replica.
        rate_per_s: requests, or starts of sessions [1/s].
        duration_s: of the arrivals [s].
        warmup_s: start of the measuring window [s].
    """
    pattern = study.patterns[cell.pattern]
    return {
        "version": 1,
        "name": "economics",
        "topology": _topology(cell.rack),
        "tiers": {TIER: {"slo": _slo(pattern.slo), "target": pattern.slo.share}},
        "traffic": {
            LOAD: {
                "model": cell.model,
                "regions": {"here": "100 %"},
                "tiers": {TIER: "100 %"},
                **_load(pattern, rate_per_s),
            }
        },
        "pools": {POOL: _pool(cell, study, pattern, tensor_parallel)},
        "economics": {"owner": study.owner, "unplaced": "others"},
        "run": {"duration": f"{duration_s!r} s", "warmup": f"{warmup_s!r} s"},
    }


def _topology(rack: str) -> dict[str, Any]:
    return {
        "name": "economics",
        "regions": {"here": {"lat": 0.0, "lon": 0.0}},
        "sites": {
            SITE: {
                "kind": "metro",
                "lat": 0.0,
                "lon": 0.0,
                "halls": {"hall": {"rows": {"row": {"racks": {"type": rack}}}}},
            }
        },
        "links": [{"from": "here", "to": SITE, "latency": "1 ms"}],
    }


def _slo(target: Target) -> dict[str, str]:
    limits = {"ttft": target.ttft_s, "tpot": target.tpot_s, "e2e": target.e2e_s}
    return {name: f"{limit!r} s" for name, limit in limits.items() if limit is not None}


def _load(pattern: Pattern, rate_per_s: float) -> dict[str, Any]:
    rate = f"{rate_per_s!r} req/s"
    mean = {"mean": f"{pattern.input_tokens} tokens", "cv": pattern.spread}
    answer = {"mean": f"{pattern.output_tokens} tokens", "cv": pattern.spread}
    if pattern.arrivals != "sessions":
        arrivals: dict[str, Any] = {"process": pattern.arrivals, "rate": rate}
        if pattern.arrivals == "gamma":
            arrivals["cv"] = pattern.cv
        return {"arrivals": arrivals, "lengths": {"lognormal": {"input": mean, "output": answer}}}
    return {
        "sessions": {
            "starts": {"process": "poisson", "rate": rate},
            "dialogue": {
                "turns": {"least": 1, "most": 2 * pattern.turns - 1},
                "first_input": mean,
                "new_input": {"mean": f"{pattern.new_input_tokens} tokens", "cv": pattern.spread},
                "output": answer,
                "think": {"mean": "20 s", "cv": 1.0},
                "tool": {"mean": "3 s", "cv": 1.0},
                "tool_share": "90 %",
            },
        }
    }


def _pool(
    cell: Cell, study: EconomicsStudy, pattern: Pattern, tensor_parallel: int
) -> dict[str, Any]:
    pool: dict[str, Any] = {
        "site": SITE,
        "model": cell.model,
        "precision": study.precision,
        "tensor_parallel": tensor_parallel,
        "replicas": study.replicas,
    }
    if pattern.arrivals == "sessions":  # every engine serves agents with its prefix cache on
        pool["batching"] = {"prefix_cache": {}}
        pool["queue"] = {"dispatch": "prefix-affinity"}
    return pool | study.pool


def _unknown(path: str, names: tuple[str, ...], known: Any) -> list[Problem]:
    names_known = list(known)
    return [
        Problem(
            path,
            repr(name),
            "a name of the catalogue: loadbank catalog",
            hint=nearest_hint(name, names_known),
        )
        for name in names
        if name not in known
    ]
