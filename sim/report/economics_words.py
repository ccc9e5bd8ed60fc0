"""What a comparison in money says, in sentences that terminal and page share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sim.report import formats

if TYPE_CHECKING:
    import pandas as pd

    from sim.economics.economics import Answer, Economics

BASES = {
    "fitted": "fitted to measurements",
    "scaled": "scaled from a measured layout",
    "kernels": "measured kernels",
    "physical": "physics and guesses",
    "given": "given numbers",
}


def headline(found: Economics) -> str:
    """Return one sentence about the whole table."""
    answers = list(found.answers())
    if not answers:
        return "Nothing serves: no chip holds the target at a known price."
    chips = {answer.best["chip"] for answer in answers}
    unsure = sum(not (answer.apart and answer.same_basis) for answer in answers)
    who = (
        f"{next(iter(chips))} is the cheapest {_in_all(len(answers))}"
        if len(chips) == 1
        else f"{len(chips)} chips are the cheapest of their cases"
    )
    if not unsure:
        return f"{who}."
    if len(answers) == 1:
        return f"{who}, but the choice of the chip is within the uncertainty."
    return f"{who}, but {unsure} of {len(answers)} choices of a chip are within the uncertainty."


def _in_all(cases: int) -> str:
    return "way to serve" if cases == 1 else f"in all {cases} cases"


def answer_lines(found: Economics) -> Iterator[str]:
    """Yield one sentence for each model and load."""
    for answer in found.answers():
        yield f"{answer.model}, {answer.pattern}: {_best(answer)}{_runner_up(answer)}."


def not_served_lines(found: Economics) -> Iterator[str]:
    """Yield what has no answer, and why; equal reasons of a chip and model once."""
    rows = found.not_served
    for (chip, model, why), group in rows.groupby(["chip", "model", "why"], sort=False):
        yield f"{model} on {chip}, {', '.join(group['pattern'])}: {why}"


def cheapest(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows with a known price, the cheapest first; rented ones once."""
    from sim.economics.economics import records

    known = rows[rows["usd_per_mtoken"].notna()].sort_values("usd_per_mtoken", kind="stable")
    return list({where(row): row for row in reversed(records(known))}.values())[::-1]


def price(row: Mapping[str, Any]) -> str:
    """Return a cost per million tokens with its interval."""
    low, high = row["usd_per_mtoken_low"], row["usd_per_mtoken_high"]
    return f"{formats.usd(row['usd_per_mtoken'])} ({formats.usd(low)} to {formats.usd(high)})"


def basis(row: Mapping[str, Any]) -> str:
    """Return what the step times of a row rest on, in words."""
    return BASES.get(row["basis"], str(row["basis"]))


def where(row: Mapping[str, Any]) -> str:
    """Return chip, place and owner of a row; rent is the same everywhere."""
    if row["ownership"] == "rented":
        return f"{row['chip']}, rented"
    return f"{row['chip']} in {row['region']}, {row['ownership']}"


def _best(answer: Answer) -> str:
    best = answer.best
    said = f"{where(best)}: {price(best)} per million output tokens"
    margin = best["gross_margin"]
    known = margin is not None and math.isfinite(margin)
    return f"{said}, {formats.share(margin)} margin" if known else said


def _runner_up(answer: Answer) -> str:
    other = answer.next_chip
    if other is None:
        return ""
    more = other["usd_per_mtoken"] / answer.best["usd_per_mtoken"] - 1.0
    said = f"; next {where(other)}, {formats.share(more, 0)} more"
    if not answer.same_basis:
        return f"{said}, judged by other numbers ({basis(answer.best)} against {basis(other)})"
    return said if answer.apart else f"{said}, which the intervals do not tell apart"
