"""Tries every value of a study in its base scenario before the first run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sim.errors import InputError, Problem, ScenarioError
from sim.experiment.execution.point import override_texts, yaml_text
from sim.experiment.study.design import Variant
from sim.experiment.study.study import LoadedStudy

MOST_CHECKED = 200


def check_variants(loaded: LoadedStudy, variants: Sequence[Variant]) -> None:
    """Load the base with a few variants in which every value of every axis occurs.

    A combination that only fails together with others is not found here; it becomes a failed row.

    Raises:
        ScenarioError: a path or value does not fit the base; each is told once, with its line.
    """
    from sim.simulate import load_scenario

    problems: dict[Problem, None] = {}
    for variant in covering(variants)[:MOST_CHECKED]:
        try:
            load_scenario(loaded.base, overrides=override_texts(variant.changes))
        except InputError as error:
            problems |= dict.fromkeys(_at_its_line(problem, loaded) for problem in error.problems)
    if problems:
        raise ScenarioError(problems)


def covering(variants: Sequence[Variant]) -> list[Variant]:
    """Return variants, in order, that together hold every (path, value) of the design."""
    seen: set[tuple[str, str]] = set()
    chosen: list[Variant] = []
    for variant in variants:
        pairs = {(path, yaml_text(value)) for path, value in variant.changes.items()}
        if pairs - seen or not chosen:
            chosen.append(variant)
            seen |= pairs
    return chosen


def _at_its_line(problem: Problem, loaded: LoadedStudy) -> Problem:
    """Return a problem with an override, moved to the line of the study that asks for it."""
    for part in ("sweep", "set"):  # a sweep overrides what is set
        for place, at in loaded.document.keys.items():
            if place[0] == part and concerns(problem.path, str(place[-1])):
                return replace(problem, file=at.file, line=at.line, column=at.column)
    return problem


def concerns(path: str, changed: str) -> bool:
    """Return whether a problem at a path is one of a change at another."""
    return path == changed or path.startswith(f"{changed}.") or changed.startswith(f"{path}.")
