"""What the labels of a replayed trace mean: a tier, a region or a model of the scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np

from sim.errors import Problem, TraceError
from sim.interfaces import IntArray
from sim.scenario.schema.scenario import Scenario
from sim.scenario.topology import network_graph, reachable
from sim.traffic.trace import Trace
from sim.traffic.workload import Shares, Spread

LABELS_SHOWN = 5
_ELSE = {
    "tier": "the tiers of the entry decide",
    "region": "the regions of the entry decide",
    "model": "they ask for the model of the entry",
}


def spread_by_label(
    column: str, shares: Mapping[str, float], names: tuple[str, ...], chosen: Mapping[str, str]
) -> Spread:
    """Return how replayed requests spread: by mapped label, else by equal name, else by shares.

    Args:
        column: column of the labels, such as ``tier``.
        shares: shares by name, for requests without a label that is known.
        names: what the scenario has of the kind; a label that equals one of them means it.
        chosen: name by label where the user says so.
    """
    meant = dict(zip(names, names, strict=True)) | dict(chosen)
    by_label = {label: names.index(name) for label, name in meant.items()}
    return Spread(Shares.of(shares, names), column, by_label)


def unknown_labels(trace: Trace, spreads: tuple[Spread, ...]) -> Iterator[str]:
    """Yield a sentence for each column with labels that nothing knows, with rows per label."""
    for spread in spreads:
        labels = trace.labels.get(spread.column)
        if labels is None:
            continue
        rows = np.bincount(labels.codes[labels.codes >= 0], minlength=len(labels.names)).tolist()
        unknown = {
            name: count
            for name, count in zip(labels.names, rows, strict=True)
            if count and name not in spread.by_label
        }
        if not unknown:
            continue
        by_rows = sorted(unknown.items(), key=lambda entry: -entry[1])
        shown = ", ".join(f"{name!r} {count:,}" for name, count in by_rows[:LABELS_SHOWN])
        more = f" and {len(unknown) - LABELS_SHOWN:,} more" if len(unknown) > LABELS_SHOWN else ""
        count = sum(unknown.values())
        yield (
            f"{count:,} {'row' if count == 1 else 'rows'} of the trace with a {spread.column} that "
            f"the scenario does not know ({shown}{more}): {_ELSE[spread.column]}, unless "
            f"trace.{spread.column}s says what the label means"
        )


def refuse_unserved(
    scenario: Scenario, models: tuple[str, ...], trace: Trace, spreads: tuple[Spread, ...], at: str
) -> None:
    """Refuse a trace with labels that lead requests to where no pool may serve them.

    Args:
        scenario: the validated scenario.
        models: names of the models, by index.
        trace: the trace.
        spreads: those over tiers, regions and models.
        at: dotted path of the trace in the user's document.

    Raises:
        TraceError: with one problem per combination of tier, region and model.
    """
    names = (tuple(scenario.tiers), tuple(scenario.topology.regions), models)
    graph, problems = network_graph(scenario.topology), []
    for kind, count in _kinds(trace, spreads, [len(own) for own in names]):
        # Shares decide what the labels leave open, so each of their places may come up.
        open_to = [
            spread.shares.index if place < 0 else (place,)
            for place, spread in zip(kind, spreads, strict=True)
        ]
        for places in product(*open_to):
            tier, region, model = (own[i] for own, i in zip(names, places, strict=True))
            near = reachable(graph, region) & scenario.allowed_sites(region, tier)
            pools = scenario.pools.values()
            if not any(pool.serves(model, tier) and pool.site in near for pool in pools):
                rows = f"{count:,} {'row' if count == 1 else 'rows'}"
                got = f"{rows} with {tier!r} requests from {region!r} for {model}"
                hint = "map its labels with tiers, regions and models"
                problems.append(Problem(at, got, "requests that some pool may serve", hint=hint))
    if problems:
        raise TraceError(problems)


def _kinds(
    trace: Trace, spreads: tuple[Spread, ...], sizes: list[int]
) -> Iterator[tuple[list[int], int]]:
    """Yield what labels say, index by spread with -1 for nothing, and of how many rows.

    Rows of which no label says anything are left out: the scenario's own check has seen those.
    """
    kind: IntArray = np.zeros(len(trace), dtype=np.int64)
    for spread, size in zip(spreads, sizes, strict=True):
        labels = trace.labels.get(spread.column)
        kind *= size + 1
        if labels is not None:
            kind += spread.said(labels) + 1
    rows = np.bincount(kind)
    for number in np.flatnonzero(rows).tolist():
        if number:
            places = np.unravel_index(number, [size + 1 for size in sizes])
            yield [int(place) - 1 for place in places], int(rows[number])
