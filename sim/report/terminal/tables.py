"""The table that ends a run in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sim.report import formats
from sim.report.charts.view import as_float, at, joules_between
from sim.report.verdict.brief import brief
from sim.report.verdict.findings import further, headline, state
from sim.report.verdict.readings import FATES, MISSES, misses, site_powers

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

QUANTILES = {"p50": "p50", "p90": "p90", "p99": "p99", "p99_9": "p99.9"}
LATENCIES = {"ttft_s": "TTFT", "tpot_s": "TPOT", "e2e_s": "E2E"}


def summary_table(summary: Mapping[str, Any]) -> RenderableType:
    """Return the figures of a run for a terminal.

    Args:
        summary: as in `Result.summary`; what it lacks is left out.

    Returns:
        Something that ``rich.console.Console.print`` takes.
    """
    from rich.console import Group  # costs 100 ms, so only a terminal pays for it

    tables = [_figures(summary), _latencies(summary), _sites(summary)]
    return Group(*_head(summary), *(part for part in tables if part.row_count))


def _head(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Yield the headline, what else went wrong, and the answer, as on the page."""
    from rich.text import Text

    said = headline(summary)
    if not said:
        return
    style = {"bad": "bold red", "fair": "bold yellow", "good": "bold green"}[state(summary)]
    yield Text(said, style=style)
    for words in further(summary):
        yield Text(f"- {words}")
    made = _table("", "")
    made.show_header = False
    made.columns[1].justify = "left"
    made.columns[1].no_wrap = False
    for title, words in brief(summary):
        made.add_row(title, _plain(words))
    yield made


def _table(*columns: str, title: str | None = None) -> Table:
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for place, name in enumerate(columns):
        made.add_column(name, justify="right" if place else "left", no_wrap=place > 0)
    return made


def _plain(text: str) -> Any:
    """Return text in which square brackets are not markup: names come from users' files."""
    from rich.text import Text

    return Text(text)


def _figures(summary: Mapping[str, Any]) -> Table:
    made = _table("", "")
    made.show_header = False
    made.columns[1].justify = "left"
    made.columns[1].no_wrap = False
    for name, value in _figure_rows(summary):
        made.add_row(_plain(name), _plain(value))
    return made


def _figure_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    arrived = as_float(at(summary, "requests", "arrived"))
    if arrived is not None:
        fates = [
            f"{formats.count(number)} {name}"
            for fate, name in FATES.items()
            if (number := as_float(at(summary, "requests", fate)))
        ]
        yield "Requests", f"{formats.count(arrived)}: {', '.join(fates)}"
    good = as_float(at(summary, "throughput", "goodput_per_s"))
    if good is not None:
        served = as_float(at(summary, "throughput", "requests_per_s"))
        yield "Goodput", f"{formats.number(good)} of {formats.number(served)} req/s"
    for tier in at(summary, "sla") or {}:
        reasons = misses(summary, str(tier))
        if reasons:
            told = [
                f"{formats.count(number)} {MISSES[reason]}" for reason, number in reasons.items()
            ]
            yield f"Missed {tier}", ", ".join(told)
    yield from _energy_rows(summary)
    yield from _cost_rows(summary)
    yield from _speed_rows(summary)


def _energy_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    it_kwh = as_float(at(summary, "energy", "it_kwh"))
    if it_kwh is None:
        return
    pue = as_float(at(summary, "energy", "pue"))
    per_token = as_float(at(summary, "energy", "j_per_output_token"))
    told = [f"{formats.energy(it_kwh)} IT"]
    told += [f"PUE {pue:.2f}"] if pue is not None else []
    if per_token is not None:
        told.append(f"{formats.number(per_token)} J per output token{_between(summary)}")
    yield "Energy", ", ".join(told)


def _between(summary: Mapping[str, Any]) -> str:
    ends = joules_between(summary)
    if ends is None:
        return ""
    return f" ({formats.number(ends[0])} to {formats.number(ends[1])}, nine times in ten)"


def _cost_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    ledger = at(summary, "ledger") or {}
    per_hour = as_float(at(ledger, "cost_usd_per_h"))
    if per_hour is not None:
        per_token = formats.usd(as_float(at(ledger, "usd_per_mtoken")))
        capital = formats.usd(as_float(at(ledger, "sides", "capital")))
        told = f"{formats.usd(per_hour)} per hour, of which capital {capital}"
        yield "Cost, all in", f"{told}; {per_token} per million output tokens"
    elif unknown := at(ledger, "unknown"):
        known = formats.usd(as_float(at(ledger, "known_cost_usd_per_h")))
        yield "Cost", f"not known: {unknown[0]}; the rest is {known} per hour"
    margin = as_float(at(ledger, "gross_margin"))
    if margin is not None:
        income = formats.usd(as_float(at(ledger, "income_usd_per_h")))
        yield "Income", f"{income} per hour, gross margin {formats.share(margin)}"


def _speed_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wall_s = as_float(at(summary, "performance", "wall_s"))
    speed = as_float(at(summary, "performance", "requests_per_cpu_s"))
    if wall_s is not None:
        rate = f", {formats.count(speed)} requests per CPU-second" if speed is not None else ""
        yield "Simulated in", f"{formats.span(wall_s)}{rate}"


def _latencies(summary: Mapping[str, Any]) -> Table:
    made = _table("Latency", "Tier", "Mean", *QUANTILES.values())
    made.columns[1].justify = "left"
    tiers = at(summary, "latency", "tiers") or {}
    for key, title in LATENCIES.items():
        name = title
        for tier, metrics in [*tiers.items(), ("all", at(summary, "latency", "all"))]:
            values = at(metrics or {}, key)
            if values is None or (tier == "all" and len(tiers) == 1):
                continue
            cells = [formats.duration(as_float(values.get(q))) for q in ("mean", *QUANTILES)]
            made.add_row(name, _plain(str(tier)), *cells)
            name = ""
    return made


def _sites(summary: Mapping[str, Any]) -> Table:
    made = _table("Site", "Peak power", "Limit", "Share", "Busy", "KV used", "Batch")
    for site in site_powers(summary):
        use = at(summary, "utilisation", site.name) or {}
        made.add_row(
            _plain(site.name),
            formats.power_kw(site.peak_kw),
            formats.power_kw(site.limit_kw),
            formats.share(site.fullness if site.limit_kw else None),
            formats.share(as_float(use.get("accelerator_busy"))),
            formats.share(as_float(use.get("kv_used"))),
            formats.number(as_float(use.get("batch_mean"))),
        )
    return made
