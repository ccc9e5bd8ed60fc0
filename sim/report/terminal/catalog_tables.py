"""Tables of the catalogue for the terminal: entries in short, or every number with its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from sim.catalog.catalog import SECTIONS, Catalog, Entry
from sim.catalog.entries import KINDS
from sim.errors import Problem, ScenarioError
from sim.registry import nearest_hint

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.calibration.accuracy import Score

# What the short list shows of each section: attribute, heading, factor to the shown unit.
COLUMNS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "accelerators": (
        ("memory_bytes", "memory GB", 1e-9),
        ("bandwidth_bytes_per_s", "bandwidth TB/s", 1e-12),
        ("flops.bf16", "bf16 TFLOP/s", 1e-12),
        ("flops.fp8", "fp8 TFLOP/s", 1e-12),
        ("tdp_w", "TDP W", 1.0),
        ("idle_w", "idle W", 1.0),
    ),
    "models": (
        ("params", "params B", 1e-9),
        ("active_params", "active B", 1e-9),
        ("layers", "layers", 1.0),
        ("experts", "experts", 1.0),
        ("kv_bytes_per_token", "KV kB/token", 1e-3),
    ),
    "nodes": (
        ("accelerator", "accelerator", 1.0),
        ("count", "count", 1.0),
        ("fixed_w", "fixed W", 1.0),
    ),
    "racks": (
        ("node", "node", 1.0),
        ("nodes", "nodes", 1.0),
        ("cooling", "cooling", 1.0),
        ("limit_w", "limit kW", 1e-3),
    ),
    "owners": (
        ("cost_of_capital", "capital %", 100.0),
        ("server_share", "server %", 100.0),
        ("network_share", "network %", 100.0),
        ("power_usd_per_w", "power USD/W", 1.0),
        ("building_usd_per_w", "building USD/W", 1.0),
    ),
    "regions": (("usd_per_kwh", "USD/kWh", 1.0), ("gco2_per_kwh", "gCO2/kWh", 1.0)),
}


def catalog_rows(
    catalog: Catalog, section: str | None = None, name: str | None = None, kind: str | None = None
) -> list[dict[str, Any]]:
    """Return entries with all of their numbers, each with kind, source and date.

    Args:
        catalog: what to list.
        section: only this section.
        name: only entries whose name contains this.
        kind: only numbers of this kind.

    Raises:
        ScenarioError: there is no such section, entry or kind.
    """
    if kind is not None and kind not in KINDS:
        raise _unknown(kind, "one of " + ", ".join(KINDS), KINDS)
    entries = [
        (part, key, entry)
        for part in ([section] if section else SECTIONS)
        for key, entry in catalog.entries(part).items()
    ]
    wanted = [found for found in entries if not name or name.lower() in found[1].lower()]
    if not wanted:
        names = [key for _, key, _ in entries]
        raise _unknown(str(name), f"a name, or part of one, in {section or 'the catalogue'}", names)
    rows = [_row(part, key, entry, kind) for part, key, entry in wanted]
    return [row for row in rows if row["numbers"] or kind is None]


def _unknown(name: str, expected: str, known: Sequence[str]) -> ScenarioError:
    return ScenarioError([Problem("", repr(name), expected, hint=nearest_hint(name, list(known)))])


def _row(section: str, name: str, entry: Entry, kind: str | None) -> dict[str, Any]:
    values = dict(_leaves(entry))
    numbers = [
        {
            "field": field,
            "value": values.get(field),
            "kind": mark.kind,
            "source": mark.source,
            "date": mark.date,
            "low": mark.low,
            "high": mark.high,
            "note": mark.note,
        }
        for field, mark in entry.sources.items()
        if kind is None or mark.kind == kind
    ]
    return {
        "section": section,
        "name": name,
        "title": entry.title,
        "values": values,
        "numbers": numbers,
    }


def catalog_tables(rows: list[dict[str, Any]], *, detailed: bool) -> Iterator[RenderableType]:
    """Yield a table per section, or, detailed, a table per entry with every number's source."""
    if detailed:
        yield from (_detail(row) for row in rows)
        return
    for section in dict.fromkeys(row["section"] for row in rows):
        yield _short(section, [row for row in rows if row["section"] == section])


def accuracy_table(scores: Iterable[Score]) -> RenderableType:
    """Return the published scores: data, subject, statistic, error and what it was fitted on."""
    from rich.table import Table

    table = Table(title="accuracy (docs/validation.md has the measured values)")
    for heading in ("data", "subject", "statistic", "error", "promised", "fitted on"):
        right = heading in {"error", "promised"}
        table.add_column(heading, justify="right" if right else "left")
    for score in scores:
        promised = f"{score.bar:.1%}" if isfinite(score.bar) else ""
        missed = isfinite(score.bar) and abs(score.error) > score.bar
        error = f"{score.error:+.1%}" + (" missed" if missed else "")
        table.add_row(score.data, score.subject, score.statistic, error, promised, score.basis)
    return table


def _short(section: str, rows: list[dict[str, Any]]) -> RenderableType:
    from rich.table import Table

    table = Table(title=f"{section} ({len(rows)})", title_justify="left")
    table.add_column("name", no_wrap=True)
    columns = COLUMNS[section]
    for _, heading, _ in columns:
        table.add_column(heading, justify="right", overflow="fold")
    for row in rows:
        cells = [_cell(row["values"].get(field), factor) for field, _, factor in columns]
        table.add_row(row["name"], *cells)
    return table


def _detail(row: Mapping[str, Any]) -> RenderableType:
    from rich.table import Table

    table = Table(title=f"{row['section']}: {row['name']} ({row['title']})", title_justify="left")
    for heading in ("number", "value", "kind", "source", "range and note"):
        table.add_column(heading, no_wrap=heading in {"value", "kind"}, overflow="fold")
    for number in row["numbers"]:
        low, high = number["low"], number["high"]
        span = f"{low:.3g} to {high:.3g}" if low is not None and high is not None else ""
        table.add_row(
            number["field"],
            _cell(number["value"], 1.0),
            number["kind"],
            f"{number['source']}, {number['date']}",
            "; ".join(part for part in (span, number["note"]) if part),
        )
    return table


def _cell(value: Any, factor: float) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int | float):
        return f"{value * factor:,.4g}"
    return str(value)


def _leaves(entry: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every plain value of an entry with its dotted field name."""
    for field in fields(entry):
        if field.name == "sources":
            continue
        value = getattr(entry, field.name)
        if is_dataclass(value):
            yield from _leaves(value, f"{prefix}{field.name}.")
        elif isinstance(value, Mapping):
            yield prefix + field.name, dict(value)
            for key, part in value.items():
                yield f"{prefix}{field.name}.{key}", part
        else:
            yield prefix + field.name, value
