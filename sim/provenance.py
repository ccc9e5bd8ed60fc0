"""Where a result comes from: versions, seed, scenario, and the sources of the numbers it used.

What follows from scenario, seed and version stands by itself; what depends on the machine and the
moment is confined to the key ``machine``.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from sim import interfaces
from sim.catalog.entries import Source, Sourced

_PACKAGES = ("simpy", "numpy", "pandas", "pyarrow", "networkx", "pydantic", "pyyaml", "scipy")


def provenance(
    scenario_sha256: str,
    seed: int,
    entries: Mapping[str, Mapping[str, Sourced]],
    sources: Mapping[str, Source],
) -> dict[str, Any]:
    """Return the provenance of a run, as plain values.

    Args:
        scenario_sha256: fingerprint of the resolved scenario.
        seed: seed of the run.
        entries: the catalogue entries that the run used, each with the marks of its fields.
        sources: the catalogue's sources by name.
    """
    return {
        "loadbank": version("loadbank"),
        "scenario_sha256": scenario_sha256,
        "seed": seed,
        "sources": sources_used(entries.values(), sources),
        "guesses": guesses(entries),
        "machine": machine(),
    }


def sources_used(
    entries: Iterable[Mapping[str, Sourced]], sources: Mapping[str, Source]
) -> list[dict[str, Any]]:
    """Return each source that some number comes from, with how many numbers of which kind.

    Args:
        entries: the marks of the entries' fields.
        sources: the catalogue's sources by name; one that is missing is listed by its name only.
    """
    numbers: dict[str, dict[str, int]] = {}
    for marks in entries:
        for mark in marks.values():
            kinds = numbers.setdefault(mark.source, {})
            kinds[mark.kind] = kinds.get(mark.kind, 0) + 1
    found = []
    for name in sorted(numbers):
        source = sources.get(name, Source(name, "", "", ""))
        found.append(
            {
                "name": name,
                "title": source.title,
                "where": source.where,
                "date": source.date,
                "numbers": dict(sorted(numbers[name].items())),
            }
        )
    return found


def guesses(entries: Mapping[str, Mapping[str, Sourced]]) -> list[dict[str, Any]]:
    """Return every number that is a guess, with its plausible range.

    Args:
        entries: the catalogue entries that the run used, each with the marks of its fields.
    """
    return [
        {"entry": entry, "field": field, "low": mark.low, "high": mark.high, "note": mark.note}
        for entry, marks in sorted(entries.items())
        for field, mark in sorted(marks.items())
        if mark.kind == "guess"
    ]


def machine() -> dict[str, Any]:
    """Return what depends on the machine and the moment."""
    return {
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "compiled": compiled(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def compiled() -> bool:
    """Return whether the hot path is compiled, see ``hatch_build.py``."""
    return not str(interfaces.__file__).endswith(".py")


def version(distribution: str) -> str | None:
    """Return the installed version of a distribution, None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def peak_rss_mb() -> float | None:
    """Return the largest resident memory of this process so far [MB], None where unknown."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes / 1e6
