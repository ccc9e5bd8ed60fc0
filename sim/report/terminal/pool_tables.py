"""Tables of what pools did beside serving: prefix caches, and caches handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.report.charts.view import as_float, at
from sim.report.formats import count, duration, number, share
from sim.report.html.datatable import table
from sim.report.html.markup import Markup, join, tag

if TYPE_CHECKING:
    from sim.result import Result


def pool_tables(result: Result) -> Markup:
    """Return a table for each feature that some pool has."""
    pools: dict[str, Any] = at(result.summary, "pools") or {}
    return join((_prefix_caches(pools), _hand_overs(pools)))


def _prefix_caches(pools: dict[str, Any]) -> Markup:
    rows = [
        [
            name,
            count(found["looked_up_blocks"]),
            share(as_float(found["hit_ratio"])),
            count(found["input_tokens"]),
            count(found["saved_tokens"]),
            share(as_float(found["saved_share"])),
        ]
        for name, pool in pools.items()
        if (found := at(pool, "prefix_cache"))
    ]
    header = ["Pool", "Blocks looked up", "Found", "Prompt tokens", "Not processed", "Share"]
    return _titled("Prefix caches, over the whole run", header, rows)


def _hand_overs(pools: dict[str, Any]) -> Markup:
    rows = [
        [
            name,
            count(sent["requests"]),
            f"{number(as_float(sent['gb']))} GB",
            duration(as_float(sent["transfer_mean_s"])),
            share(as_float(sent["link_busy"])),
        ]
        for name, pool in pools.items()
        if (sent := at(pool, "hand_over"))
    ]
    header = ["Pool", "Requests", "KV caches", "Mean transfer", "Link busy"]
    return _titled("KV caches handed over, over the whole run", header, rows)


def _titled(title: str, header: list[str], rows: list[list[str]]) -> Markup:
    return join((tag("h3", title), table(title, header, rows))) if rows else Markup()
