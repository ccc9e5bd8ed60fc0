"""Tries every value of a plan's variables in the base scenario before the first run."""

from __future__ import annotations

from sim.errors import InputError, Problem, ScenarioError
from sim.experiment.execution.point import override_texts
from sim.experiment.plan.space import Space
from sim.experiment.study.check import concerns
from sim.experiment.study.study import LoadedStudy


def check_plan(loaded: LoadedStudy, space: Space) -> None:
    """Load the base with each value of each variable, the others as the base has them.

    What is wrong elsewhere because of a value may be right together with others; the survey of
    whole fleets finds it.

    Raises:
        ScenarioError: a path or value does not fit the base, told at the line of the variable.
    """
    from sim.load import load_scenario

    load_scenario(loaded.base)
    problems: dict[Problem, None] = {}
    for variable, changes in enumerate(space.changes):
        for level in range(len(changes)):
            try:
                load_scenario(loaded.base, override_texts(dict(space.fixed) | dict(changes[level])))
            except InputError as error:
                for problem in error.problems:
                    if any(concerns(problem.path, path) for path in changes[level]):
                        problems[_at_its_line(problem, loaded, space.names[variable])] = None
                break  # one value tells what is wrong with the path
    if problems:
        raise ScenarioError(problems)


def _at_its_line(problem: Problem, loaded: LoadedStudy, variable: str) -> Problem:
    at = loaded.document.position(("plan", "variables", variable), of_key=True)
    path = f"plan.variables.{variable}: {problem.path}"
    return Problem(path, problem.got, problem.expected, at.file, at.line, at.column, problem.hint)
