"""Files that come with Loadbank, by name: topologies, traces and experiments.

In a source checkout they lie beside the package; in an installed wheel inside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

Shelf = Literal["topologies", "traces", "experiments"]

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_TRACE_ENDINGS: Final = (".csv", ".csv.gz", ".parquet")


def shipped(shelf: Shelf) -> dict[str, Path]:
    """Return the files of a shelf by name; an experiment's file is its ``scenario.yaml``."""
    folder = _PACKAGE / "_shipped" / shelf
    if not folder.is_dir():
        folder = _PACKAGE.parent / shelf
    if shelf == "experiments":
        return {path.parent.name: path for path in sorted(folder.glob("*/scenario.yaml"))}
    endings = (".yaml",) if shelf == "topologies" else _TRACE_ENDINGS
    found = {}
    for path in sorted(folder.glob("*")):
        ending = next((end for end in endings if path.name.endswith(end)), None)
        if ending is not None:
            found[path.name.removesuffix(ending)] = path
    return found


def looks_like_path(reference: str) -> bool:
    """Return whether a reference in a file is a path and not the name of something shipped."""
    return "/" in reference or "\\" in reference or "." in reference


def locate(shelf: Shelf, reference: str, base_dir: Path) -> Path | None:
    """Return the file that a reference means, whether or not it exists.

    Args:
        shelf: where names are looked up.
        reference: a shipped name such as ``three-tier``, or a path.
        base_dir: folder to which a path is relative.

    Returns:
        The file; None for a name that is not shipped.
    """
    if looks_like_path(reference):
        return base_dir / reference
    return shipped(shelf).get(reference)
