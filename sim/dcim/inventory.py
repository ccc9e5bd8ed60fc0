"""Racks and power feeds as data-centre inventory tools export them, turned into sites.

Column names are those of NetBox's CSV export. Sites: name, latitude, longitude. Racks: site,
location (``hall`` or ``hall/row``), name, type. Power feeds: rack, type, voltage, amperage, phase,
max_utilization, and optionally site and power_panel. Panels (optional): name, feeds_from. More
columns are ignored.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sim.errors import Problem, ScenarioError
from sim.plant.power_tree import PowerTree
from sim.reasons import unreadable
from sim.registry import nearest_hint

SITE_COLUMNS = ("name", "latitude", "longitude")
RACK_COLUMNS = ("site", "location", "name", "type")
FEED_COLUMNS = ("rack", "type", "voltage", "amperage", "phase", "max_utilization")
PANEL_COLUMNS = ("name", "feeds_from")
ONLY_ROW = "row"  # for halls whose racks have no row


def topology_text(name: str, sites: Mapping[str, Any]) -> str:
    """Return imported sites as a topology file that can be run at once.

    An inventory knows no users: one region stands at the first site, a millisecond away from all
    of them, until somebody writes down the real ones.

    Args:
        name: name of the topology.
        sites: what `import_sites` returns.
    """
    first = next(iter(sites.values()))
    data = {
        "version": 1,
        "name": name,
        "regions": {"users": {"lat": first["lat"], "lon": first["lon"]}},
        "sites": dict(sites),
        "links": [{"from": "users", "to": site, "latency": "1 ms"} for site in sites],
    }
    note = "# Imported from an inventory. Region and links are placeholders: write the real ones.\n"
    return note + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a CSV file.

    Attributes:
        file: name of the file.
        number: line number, 1-based.
        cells: text by column.
    """

    file: str
    number: int
    cells: Mapping[str, str]

    def problem(self, column: str, expected: str, hint: str = "") -> Problem:
        """Return a problem with a cell."""
        got = repr(self.cells.get(column, "")) if self.cells.get(column) else "nothing"
        return Problem(column, got, expected, self.file, self.number, hint=hint)


def import_sites(
    sites: Path,
    racks: Path,
    feeds: Path | None = None,
    panels: Path | None = None,
    *,
    rack_types: Mapping[str, str],
    kind: str = "metro",
) -> dict[str, Any]:
    """Return the ``sites`` mapping of a topology; regions and links are the user's to add.

    A rack's power limit is the sum of its primary feeds, ``V A sqrt(3) max_utilization`` for three
    phases; a redundant feed stands by and adds nothing.

    Args:
        sites: CSV of sites.
        racks: CSV of racks.
        feeds: CSV of power feeds; racks without one keep the limit of their type.
        panels: CSV of power panels and what feeds them; checked to be a tree.
        rack_types: catalogue rack type by the type that the inventory names.
        kind: kind of all sites: metro, remote or edge.

    Raises:
        ScenarioError: with every problem of all files, by row.
    """
    problems: list[Problem] = []
    places = _places(list(_lines(sites, SITE_COLUMNS, problems)), problems)
    rows = _racks(list(_lines(racks, RACK_COLUMNS, problems)), places, rack_types, problems)
    if panels is not None:
        problems += _panel_problems(list(_lines(panels, PANEL_COLUMNS, problems)))
    limits: dict[tuple[str, str], float] = {}
    if feeds is not None:
        limits = _limits(list(_lines(feeds, FEED_COLUMNS, problems)), rows, problems)
    if problems:
        raise ScenarioError(problems)
    result: dict[str, Any] = {}
    for (site, name), (hall, row, rack_type) in rows.items():
        where = result.setdefault(site, {"kind": kind, **places[site], "halls": {}})
        halls = where["halls"].setdefault(hall, {"rows": {}})
        group = {"type": rack_type, "count": 1, "name": name}
        if (site, name) in limits:
            group["power_limit"] = f"{limits[site, name]:.6g} W"
        halls["rows"].setdefault(row, {"racks": []})["racks"].append(group)
    return result


def feed_power_w(volts: float, amperes: float, phases: int, share: float) -> float:
    """Return what a feed may carry [W].

    Args:
        volts: line to line for three phases [V].
        amperes: rating of its breaker [A].
        phases: 1 or 3.
        share: share of the rating that may be used all the time [1].
    """
    return volts * amperes * (math.sqrt(3.0) if phases == 3 else 1.0) * share


def _lines(path: Path, columns: tuple[str, ...], problems: list[Problem]) -> Iterator[Line]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(unreadable(path, error, "a readable CSV file"))
        return
    reader = csv.DictReader(text.splitlines())
    found = [name.strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = found
    for column in columns:
        if column not in found:
            hint = nearest_hint(column, found)
            problems.append(
                Problem(column, "no such column", f"a column {column}", str(path), 1, hint=hint)
            )
    if not set(columns) <= set(found):
        return
    for row in reader:
        cells = {str(key): (value or "").strip() for key, value in row.items() if key is not None}
        yield Line(str(path), reader.line_num, cells)


def _number(
    line: Line, column: str, low: float, high: float, unit: str, problems: list[Problem]
) -> float:
    try:
        value = float(line.cells[column])
    except ValueError:
        value = math.nan
    if low <= value <= high:
        return value
    expected = f"a number of {unit} from {low:g}" + (f" to {high:g}" if high < 1e9 else "")
    problems.append(line.problem(column, expected))
    return math.nan


def _places(lines: list[Line], problems: list[Problem]) -> dict[str, dict[str, float]]:
    places: dict[str, dict[str, float]] = {}
    for line in lines:
        name = line.cells["name"]
        if not name or name in places:
            problems.append(line.problem("name", "a name that no other site has"))
        lat = _number(line, "latitude", -90.0, 90.0, "degrees", problems)
        lon = _number(line, "longitude", -180.0, 180.0, "degrees", problems)
        places[name] = {"lat": lat, "lon": lon}
    return places


def _racks(
    lines: list[Line],
    places: Mapping[str, Any],
    rack_types: Mapping[str, str],
    problems: list[Problem],
) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Return hall, row and catalogue type by site and name of the rack."""
    racks: dict[tuple[str, str], tuple[str, str, str]] = {}
    for line in lines:
        site, name = line.cells["site"], line.cells["name"]
        if site not in places:
            known = list(places)
            expected = "one of the sites: " + ", ".join(known)
            problems.append(line.problem("site", expected, nearest_hint(site, known)))
        hall, _, row = line.cells["location"].partition("/")
        if not hall:
            problems.append(line.problem("location", "a hall, or hall/row"))
        kind = rack_types.get(line.cells["type"])
        if kind is None:
            known = list(rack_types)
            hint = nearest_hint(line.cells["type"], known)
            expected = "one of the rack types: " + ", ".join(known)
            problems.append(line.problem("type", expected, hint))
        place = (hall, row or ONLY_ROW, kind or "")
        earlier = racks.setdefault((site, name), place)
        if not name or earlier is not place:
            hint = f"it already stands in {earlier[0]}/{earlier[1]}" if name else ""
            problems.append(line.problem("name", "a rack that is in one row, once", hint))
    return racks


def _limits(
    lines: list[Line], racks: Mapping[tuple[str, str], Any], problems: list[Problem]
) -> dict[tuple[str, str], float]:
    """Return the power of the primary feeds by site and name of the rack [W]."""
    by_name: dict[str, list[tuple[str, str]]] = {}
    for key in racks:
        by_name.setdefault(key[1], []).append(key)
    limits: dict[tuple[str, str], float] = {}
    for line in lines:
        keys = by_name.get(line.cells["rack"], [])
        if line.cells.get("site"):
            keys = [key for key in keys if key[0] == line.cells["site"]]
        if len(keys) != 1:
            expected = "a site, as several have this rack" if keys else "a rack of the rack file"
            hint = nearest_hint(line.cells["rack"], [*by_name])
            problems.append(line.problem("rack", expected, hint))
        power_w = _feed_w(line, problems)
        if keys and line.cells["type"] == "primary":
            limits[keys[0]] = limits.get(keys[0], 0.0) + power_w
    return limits


def _feed_w(line: Line, problems: list[Problem]) -> float:
    if line.cells["type"] not in ("primary", "redundant"):
        problems.append(line.problem("type", "primary or redundant"))
    phases = {"single-phase": 1, "three-phase": 3}.get(line.cells["phase"])
    if phases is None:
        problems.append(line.problem("phase", "single-phase or three-phase"))
    volts = _number(line, "voltage", 1.0, 1e9, "volts", problems)
    amperes = _number(line, "amperage", 1.0, 1e9, "amperes", problems)
    percent = _number(line, "max_utilization", 1.0, 100.0, "percent", problems)
    return feed_power_w(volts, amperes, phases or 1, percent / 100.0)


def _panel_problems(lines: list[Line]) -> list[Problem]:
    parents: dict[str, str | list[str] | None] = {}
    where: dict[str, Line] = {}
    for line in lines:
        name, above = line.cells["name"], line.cells["feeds_from"] or None
        if name in parents:
            earlier = parents[name]
            listed = earlier if isinstance(earlier, list) else [str(earlier or "the grid")]
            parents[name] = [*listed, above or "the grid"]
        else:
            parents[name] = above
        where.setdefault(name, line)
    try:
        PowerTree(parents)
    except ScenarioError as error:
        return [
            Problem(p.path, p.got, p.expected, where[p.path].file, where[p.path].number)
            for p in error.problems
        ]
    return []
