"""Tables of what a scenario or topology comes to, for ``loadbank show``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from sim.explain import Explanation

MOST_PLACES = 3  # of a level that are shown; --json has all


def explanation_tables(explanation: Explanation) -> Iterator[RenderableType]:
    """Yield the tables: sites, fullest places, pools, load and, for a topology, links."""
    yield _sites(explanation)
    yield _places(explanation)
    if explanation.pools:
        yield _pools(explanation)
    if explanation.loads:
        yield _loads(explanation)
        yield _site_loads(explanation)
    if not explanation.pools:
        yield _links(explanation)


def _table(title: str, *headings: str, words: Collection[str] = ()) -> Table:
    """Return an empty table: names first, numbers to the right; ``words`` may be folded."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        is_text = place == 0 or heading in words
        table.add_column(
            heading,
            justify="left" if is_text else "right",
            no_wrap=heading not in words,
            overflow="fold",
        )
    return table


def _kw(watts: float | None) -> str:
    return "–" if watts is None else f"{watts / 1e3:,.1f}"


def _sites(explanation: Explanation) -> RenderableType:
    table = _table(
        f"{explanation.name}: sites; power with {explanation.power_basis}",
        "site",
        "kind",
        "halls",
        "racks",
        "nodes",
        "idle kW",
        "peak kW",
        "limit kW",
        words=("kind",),
    )
    for site in explanation.sites:
        table.add_row(
            site.name,
            site.kind,
            f"{site.halls}",
            f"{site.racks}",
            f"{site.nodes}",
            _kw(site.idle_w),
            _kw(site.peak_w),
            _kw(site.limit_w),
        )
    return table


def _places(explanation: Explanation) -> RenderableType:
    headings = ("level", "name", "idle kW", "peak kW", "limit kW", "peak /\nlimit")
    table = _table("fullest halls, rows and racks at that peak", *headings, words=("name",))
    for level, places in groupby(explanation.places, key=lambda place: place.level):
        for place in islice(places, MOST_PLACES):
            table.add_row(
                level,
                place.name,
                _kw(place.idle_w),
                _kw(place.peak_w),
                _kw(place.limit_w),
                f"{place.peak_w / place.limit_w:.0%}" if place.limit_w else "–",
            )
    return table


def _pools(explanation: Explanation) -> RenderableType:
    table = _table(
        "pools",
        "pool",
        "model",
        "replicas",
        "KV\ntokens",
        "capacity\nreq/s",
        "full\nstep ms",
        "step\ntime",
        words=("model", "replicas"),
    )
    for pool in explanation.pools:
        table.add_row(
            pool.name,
            pool.model,
            ", ".join(
                (
                    f"{pool.replicas} on {pool.tensor_parallel} x {pool.accelerator}",
                    *(pool.cooling, *pool.features),
                )
            ),
            f"{pool.kv_tokens:,}",
            f"{pool.capacity_per_s:,.1f}",
            f"{pool.step_s * 1e3:.1f}",
            pool.coefficients,
        )
    return table


def _loads(explanation: Explanation) -> RenderableType:
    table = _table(
        "offered load against the pools that may serve it",
        "tier",
        "model",
        "req/s",
        "tokens\nin",
        "tokens\nout",
        "share of\ncapacity",
        "fastest\nTTFT ms",
        "fastest\nTPOT ms",
        words=("model",),
    )
    for load in explanation.loads:
        table.add_row(
            load.tier,
            load.model,
            f"{load.requests_per_s:,.1f}",
            f"{load.input_tokens:,.0f}",
            f"{load.output_tokens:,.0f}",
            f"{load.share:.0%}",
            f"{load.fastest_ttft_s * 1e3:,.1f}",
            f"{load.fastest_tpot_s * 1e3:,.1f}",
        )
    return table


def _site_loads(explanation: Explanation) -> RenderableType:
    table = _table(
        "that load by site, if every request went to the nearest",
        "site",
        "tier",
        "model",
        "req/s",
        "share of\ncapacity",
        words=("tier", "model"),
    )
    for load in explanation.site_loads:
        rate, share = f"{load.requests_per_s:,.1f}", f"{load.share:.0%}"
        table.add_row(load.site, load.tier, load.model, rate, share)
    return table


def _links(explanation: Explanation) -> RenderableType:
    table = _table("links", "from", "to", "latency ms", "jitter ms", "egress USD/GB", words=("to",))
    for link in explanation.links:
        table.add_row(
            link["from"],
            link["to"],
            f"{link['latency_s'] * 1e3:.2f}",
            f"{link['jitter_s'] * 1e3:.2f}",
            f"{link['egress_usd_per_gb']:g}",
        )
    return table
