"""The table of money: every place with every chip, model, load and way to own.

study -> anchors (a cell simulated where its target holds) x site years (what a place adds)
-> ledgers -> rows -> answers
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.catalog.catalog import Catalog, load_catalog
from sim.document.document import from_mapping
from sim.document.validate import validated
from sim.document.yaml_reader import read_document
from sim.economics.anchor import Anchor, find_anchor
from sim.economics.case import CaseResult, run_case
from sim.economics.cells import Cell, cells_of
from sim.economics.fits import what_fits
from sim.economics.money import indicators, ledger_of, mean_load, shares
from sim.economics.places import SiteYear, site_years
from sim.economics.roadmap import RoadmapResult, find_roadmap
from sim.errors import Problem, ScenarioError
from sim.experiment.execution.executor import open_executor
from sim.experiment.execution.point import point_key, program_version
from sim.experiment.execution.run_folders import read_outcome, run_folder, write_json, written_aside
from sim.scenario.schema.business_case import BusinessCase
from sim.scenario.schema.economics_study import EconomicsStudy

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int, int], None]
"""Is told how many of how many parts are done."""
KEYS = ("region", "chip", "model", "pattern", "ownership")


@dataclass(frozen=True, slots=True)
class Answer:
    """The cheapest that holds the target for one model and load.

    Attributes:
        model, pattern: of what.
        best: its row.
        next_chip: the cheapest row with another chip, None without one.
        worst: the dearest row.
        same_basis: whether the best and the next chip are judged by the same kind of numbers.
        apart: whether their intervals do not meet.
    """

    model: str
    pattern: str
    best: Mapping[str, Any]
    next_chip: Mapping[str, Any] | None
    worst: Mapping[str, Any]
    same_basis: bool
    apart: bool


@dataclass(frozen=True, slots=True)
class Economics:
    """What `economics` found.

    Attributes:
        study: what was asked.
        table: a row per region, chip, model, pattern and way to own, with its indicators.
        layers: cost by layer of each row [USD/h], in long form.
        not_served: cells without an answer, and why.
        case: the fleet over years, None where the study has none.
        roadmap: what to do first, None where the study does not ask.
    """

    study: EconomicsStudy
    table: pd.DataFrame
    layers: pd.DataFrame
    not_served: pd.DataFrame
    case: CaseResult | None = None
    roadmap: RoadmapResult | None = None

    @property
    def fitting(self) -> pd.DataFrame | None:
        """How much of every row the limits of the study hold; None where it has none."""
        return None if self.study.fits is None else what_fits(self.table, self.study.fits)

    def answers(self) -> Iterator[Answer]:
        """Yield the cheapest way for each model and load, where any has a known price."""
        known = self.table[self.table["usd_per_mtoken"].notna()]
        for (model, pattern), rows in known.groupby(["model", "pattern"], sort=False):
            ordered = records(rows.sort_values("usd_per_mtoken"))
            best = ordered[0]
            others = [row for row in ordered if row["chip"] != best["chip"]]
            other = others[0] if others else None
            yield Answer(
                str(model),
                str(pattern),
                best,
                other,
                ordered[-1],
                other is None or other["basis"] == best["basis"],
                other is None or best["usd_per_mtoken_high"] < other["usd_per_mtoken_low"],
            )


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as mappings."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def load_economics_study(source: str | Path | Mapping[str, Any]) -> EconomicsStudy:
    """Return a study from its file, or from a mapping with the same keys.

    Raises:
        ScenarioError: with every problem of the file, at its line.
    """
    document = from_mapping(source) if isinstance(source, Mapping) else read_document(Path(source))
    return validated(EconomicsStudy, document)


def economics(
    study: str | Path | Mapping[str, Any] | EconomicsStudy,
    *,
    out: str | Path | None = None,
    executor: str | Executor = "processes",
    progress: Progress | None = None,
) -> Economics:
    """Compare places, chips, models, loads and ways to own in money.

    Each chip, model and load is simulated at the load at which the target just holds; where it
    stands and who owns it are then priced through the ledger, so that all places see the same runs.

    Args:
        study: a study, its file, or a mapping with its keys.
        out: folder for what was simulated, which a second call finds again; nothing is kept
            without it.
        executor: where cells are simulated: ``processes``, ``processes:N``, ``serial``,
            ``dask:...`` or any `concurrent.futures.Executor`.
        progress: told after each part.

    Raises:
        ScenarioError: the study is wrong, or the catalogue lacks something that it names.
    """
    asked = study if isinstance(study, EconomicsStudy) else load_economics_study(study)
    catalog = load_catalog()
    cells = cells_of(asked, catalog)
    kept = None if out is None else Path(out)
    with open_executor(executor) as opened:
        anchors = _all_anchors(cells, asked, kept, opened, progress)
        years = _all_years(anchors, asked, opened, progress)
        roadmap = find_roadmap(asked, catalog, kept, opened, kept_anchor)
    found = replace(_table(asked, catalog, anchors, years), roadmap=roadmap)
    if asked.case is None:
        return found
    row = _row_of(found, asked.case)
    return replace(found, case=run_case(asked, asked.case, row, anchors, years, catalog))


def _row_of(found: Economics, case: BusinessCase) -> dict[str, Any]:
    """Return the row of a case: the cheapest of those that it allows.

    Raises:
        ScenarioError: none of them has a known price.
    """
    study, rows = found.study, found.table
    asked = {
        "chip": case.chip,
        "model": case.model or study.models[0],
        "pattern": case.pattern or next(iter(study.patterns)),
        "region": case.region,
        "ownership": case.ownership,
    }
    for name, value in asked.items():
        if value is not None and not rows.empty:
            rows = rows[rows[name] == value]
    rows = rows[rows["usd_per_mtoken"].notna()]
    if rows.empty:
        told = ", ".join(value for value in asked.values() if value is not None)
        expected = "a cell that serves at a known price"
        raise ScenarioError([Problem("case", told, expected)])
    return records(rows.sort_values("usd_per_mtoken", kind="stable"))[0]


def _all_anchors(
    cells: list[Cell],
    study: EconomicsStudy,
    out: Path | None,
    executor: Executor,
    progress: Progress | None,
) -> list[Anchor]:
    futures = [executor.submit(kept_anchor, cell, study, out) for cell in cells]
    _report(futures, progress, 0, len(cells) + len(study.regions))
    return [future.result() for future in futures]


def _all_years(
    anchors: list[Anchor], study: EconomicsStudy, executor: Executor, progress: Progress | None
) -> dict[tuple[str, str], dict[float, SiteYear]]:
    """Return the year of every rack in every region, by the powers that its cells need."""
    served = [anchor for anchor in anchors if not anchor.why_not]
    futures = {
        region: executor.submit(region_years, region, served, study) for region in study.regions
    }
    _report(list(futures.values()), progress, len(anchors), len(anchors) + len(study.regions))
    return {
        (region, rack): years
        for region, future in futures.items()
        for rack, years in future.result().items()
    }


def _report(futures: list[Future[Any]], progress: Progress | None, before: int, whole: int) -> None:
    for done, _ in enumerate(as_completed(futures), start=1):
        if progress is not None:
            progress(before + done, whole)


def kept_anchor(cell: Cell, study: EconomicsStudy, out: Path | None) -> Anchor:
    """Return the anchor of a cell, from the folder if it lies there; a worker calls this."""
    if out is None:
        return find_anchor(cell, study)
    parts = study.model_dump(
        mode="json", include={"owner", "precision", "replicas", "requests", "pool"}
    )
    asked = {
        **parts,
        "replications": study.replications,
        "ownership": study.ownership,
        "pattern": study.patterns[cell.pattern].model_dump(mode="json"),
        "cell": asdict(cell),
    }
    folder = run_folder(out, point_key("economics", asked, study.seed, program_version()), 0)
    found = read_outcome(folder)
    if found is not None and not found.error:
        return Anchor.from_data(found.summary)
    anchor = find_anchor(cell, study)
    with written_aside(folder) as aside:
        write_json(aside / "point.json", json.loads(json.dumps(asked)))
        write_json(aside / "summary.json", anchor.as_data())
    return anchor


def region_years(
    region: str, anchors: list[Anchor], study: EconomicsStudy
) -> dict[str, dict[float, SiteYear]]:
    """Return the year of each rack in a region, by its power [W]; a worker calls this."""
    found: dict[str, dict[float, SiteYear]] = {}
    for rack in dict.fromkeys(anchor.cell.rack for anchor in anchors):
        mine = [anchor for anchor in anchors if anchor.cell.rack == rack]
        powers = list(dict.fromkeys(anchor.mean_rack_w(study.used) for anchor in mine))
        any_one = mine[0]
        years = site_years(any_one.cell, study, region, powers, any_one.tensor_parallel)
        found[rack] = dict(zip(powers, years, strict=True))
    return found


def _table(
    study: EconomicsStudy,
    catalog: Catalog,
    anchors: list[Anchor],
    years: Mapping[tuple[str, str], Mapping[float, SiteYear]],
) -> Economics:
    import pandas as pd

    rows, layers, missing = [], [], []
    for anchor in anchors:
        cell = anchor.cell
        if anchor.why_not:
            named = {"chip": cell.chip, "model": cell.model, "pattern": cell.pattern}
            missing.append(named | {"why": anchor.why_not})
            continue
        load = mean_load(anchor, study.used)
        for region in study.regions:
            year = years[region, cell.rack][anchor.mean_rack_w(study.used)]
            place = catalog.regions[region]
            for how in study.ownership:
                ledger = ledger_of(
                    anchor, load, how, year, place, catalog.owners[study.owner], study
                )
                names = (region, cell.chip, cell.model, cell.pattern, how)
                key = dict(zip(KEYS, names, strict=True))
                rows.append(key | indicators(anchor, load, ledger, year, place))
                parts = shares(ledger).items()
                layers += [{**key, "layer": layer, "usd_per_h": usd} for layer, usd in parts]
    why = ["chip", "model", "pattern", "why"]
    return Economics(
        study,
        pd.DataFrame(rows, columns=None if rows else [*KEYS, "usd_per_mtoken"]),
        pd.DataFrame(layers, columns=None if layers else [*KEYS, "layer", "usd_per_h"]),
        pd.DataFrame(missing, columns=why),
    )
