"""Relative non-negative least squares, and whether the data can support its coefficients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from sim.errors import InputError, Problem
from sim.interfaces import FloatArray

# A column that the others explain to within 1 % of its variation has no coefficient of its own.
UNEXPLAINED = 0.01
REWEIGHTINGS = 30
SMALL_ERROR = 0.005


def fit_relative(
    columns: ArrayLike, target: ArrayLike, scale: ArrayLike | None = None
) -> FloatArray:
    """Return the coefficients >= 0 that minimise the squared relative error.

    Rows are divided by their target before the least squares (Lawson and Hanson, Solving Least
    Squares Problems, 1974), so that a short step counts as much as a long one.

    Args:
        columns: terms of the model, shape (rows, terms).
        target: measured values, shape (rows,).
        scale: what errors are relative to, positive, shape (rows,); the target by default.
    """
    from scipy.optimize import nnls

    wanted = np.asarray(target, dtype=np.float64)
    size = wanted if scale is None else np.asarray(scale, dtype=np.float64)
    matrix = np.asarray(columns, dtype=np.float64) / size[:, None]
    return np.asarray(nnls(matrix, wanted / size)[0], dtype=np.float64)


def mape(predicted: ArrayLike, measured: ArrayLike) -> float:
    """Return the mean absolute relative error [1]."""
    return float(np.mean(np.abs(relative_error(predicted, measured))))


def relative_error(predicted: ArrayLike, measured: ArrayLike) -> FloatArray:
    """Return the signed relative error of each value [1]."""
    return np.asarray(predicted, dtype=np.float64) / np.asarray(measured, dtype=np.float64) - 1.0


def require_support(columns: Mapping[str, FloatArray], missing: Mapping[str, str]) -> None:
    """Refuse a fit whose coefficients the rows cannot tell apart.

    Args:
        columns: each varying term of the model, shape (rows,); a constant term is implied.
        missing: what a user would have to measure for each term.

    Raises:
        InputError: there are fewer rows than coefficients, or a term is (nearly) a combination
            of the others; every such term is reported with what is missing.
    """
    rows = min((len(column) for column in columns.values()), default=0)
    if rows < len(columns) + 2:
        need = f"at least {len(columns) + 2} rows to fit {len(columns) + 1} coefficients"
        raise InputError([Problem("rows", str(rows), need, hint="measure more operating points")])
    problems = []
    for name, column in columns.items():
        others = [other for key, other in columns.items() if key != name]
        if unexplained(column, others) < UNEXPLAINED:
            problems.append(Problem(name, "values that do not vary on their own", missing[name]))
    if problems:
        raise InputError(problems)


def unexplained(column: FloatArray, others: list[FloatArray]) -> float:
    """Return which share of a column's size the constant and the other columns leave over [1]."""
    scale = float(np.linalg.norm(column))
    if scale == 0.0:
        return 0.0
    basis = np.stack([np.ones_like(column), *others], axis=1)
    basis = basis / np.maximum(np.linalg.norm(basis, axis=0), 1e-300)
    solution = np.linalg.lstsq(basis, column, rcond=None)[0]
    return float(np.linalg.norm(column - basis @ solution)) / scale


def fit_relative_absolute(columns: ArrayLike, target: ArrayLike) -> FloatArray:
    """Return the coefficients >= 0 that (nearly) minimise the mean absolute relative error.

    Iteratively reweighted least squares; a few points of another regime, such as steps where the
    host was late, do not pull the rest.

    Args:
        columns: terms of the model, shape (rows, terms).
        target: measured values, positive, shape (rows,).
    """
    matrix = np.asarray(columns, dtype=np.float64)
    wanted = np.asarray(target, dtype=np.float64)
    scale = wanted
    for _ in range(REWEIGHTINGS):
        solution = fit_relative(matrix, wanted, scale)
        error = np.abs(relative_error(matrix @ solution, wanted))
        scale = wanted * np.sqrt(np.maximum(error, SMALL_ERROR))
    return solution
