"""Heat that comes back: racks that breathe each other's exhaust."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.interfaces import FloatArray, IntArray
from sim.reasons import unreadable


def shared_in_rows(heat_w: FloatArray, row: IntArray, share: float) -> FloatArray:
    """Return the heat that each rack's inlet air takes up when exhaust spreads along its row [W].

    The simple rule: a share of every rack's heat is spread evenly over its row. The sum stays.

    Args:
        heat_w: heat of each rack into air (racks,) [W].
        row: row of each rack.
        share: share that spreads [1].
    """
    racks = np.bincount(row)
    mean_w = np.bincount(row, heat_w) / np.maximum(racks, 1)
    return np.asarray((1.0 - share) * heat_w + share * mean_w[row])


def matrix_rise_k(k_per_w: FloatArray, heat_w: FloatArray) -> FloatArray:
    """Return how far inlets are above the supply by a heat-recirculation matrix [K].

    ``rise = D heat``: GDCSim's way to couple racks with what a CFD study or a measurement found.

    Args:
        k_per_w: rise of each inlet by the heat of each rack (racks, racks) [K/W].
        heat_w: heat of each rack (racks,) [W].
    """
    return np.asarray(k_per_w @ heat_w)


def read_matrix(path: Path, racks: int) -> FloatArray:
    """Read a heat-recirculation matrix from a CSV without a header.

    Args:
        path: the file, a row of numbers for each inlet [K/W].
        racks: number of racks, and so of rows and columns.

    Raises:
        ScenarioError: it cannot be read, or is no matrix for these racks.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [[_number(cell) for cell in row] for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError([unreadable(path, error, "a readable CSV file")]) from None
    uneven = next((at for at, row in enumerate(rows) if len(row) != racks), None)
    if uneven is not None:
        got, expected = f"{len(rows[uneven])} numbers", f"{racks} numbers, one for each rack"
        raise ScenarioError([Problem("", got, expected, str(path), uneven + 1)])
    return checked_matrix(np.array(rows, dtype=np.float64).reshape(-1, racks), racks)


def checked_matrix(k_per_w: FloatArray, racks: int) -> FloatArray:
    """Return a heat-recirculation matrix after a check.

    Raises:
        ScenarioError: it is not square with a row per rack, or has a negative or missing entry.
    """
    if k_per_w.shape != (racks, racks):
        shape = " x ".join(map(str, k_per_w.shape))
        raise ScenarioError([Problem("recirculation", shape, f"{racks} x {racks} numbers")])
    bad = np.argwhere(~(k_per_w >= 0.0) | ~np.isfinite(k_per_w)).tolist()
    if bad:
        expected = "a rise of at least 0 K/W"
        raise ScenarioError(
            Problem(f"recirculation[{i}][{j}]", str(k_per_w[i, j]), expected) for i, j in bad
        )
    return k_per_w


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan
