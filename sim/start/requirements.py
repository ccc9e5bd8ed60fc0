"""What somebody needs, out of one line of text: ``200 req/s chat 70B, p99 TTFT 1 s``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sim import units
from sim.errors import Problem, ScenarioError

EXAMPLE = "200 req/s chat 70B, p99 TTFT 1 s"
LARGEST_SHARE = 0.9999
_NUMBER = r"(\d+(?:\.\d+)?)"
_RATE = re.compile(rf"{_NUMBER}\s*(?:req(?:uests)?\s*/\s*s|rps|qps)\b", re.IGNORECASE)
_SIZE = re.compile(rf"{_NUMBER}\s*b(?![\w-])", re.IGNORECASE)
_TARGET = re.compile(
    rf"(?:p{_NUMBER}\s+)?(ttft|tpot|e2e)\s*(?:<=?|of|within|under|below)?\s*{_NUMBER}\s*(ms|s)\b",
    re.IGNORECASE,
)
_FILLERS = frozenset({"and", "at", "with", "of", "for", "on", "a", "the", "in", "model", "users"})


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind of traffic: its name and how long its requests are.

    Attributes:
        name: what users call it.
        words: other names.
        input_tokens: mean prompt.
        output_tokens: mean answer.
        cv: coefficient of variation of both lengths, and of the gaps between arrivals.
        targets_s: limits where the user states none, by ttft, tpot or e2e [s].
    """

    name: str
    words: tuple[str, ...]
    input_tokens: int
    output_tokens: int
    cv: float
    targets_s: tuple[tuple[str, float], ...]


# Means of published traces (docs/traffic.md): chat and code of Azure's, documents of Mooncake.
WORKLOADS = (
    Workload(
        "chat", ("conversation", "assistant"), 1100, 210, 1.0, (("ttft", 1.0), ("tpot", 0.05))
    ),
    Workload("code", ("coding", "completion"), 2000, 30, 1.2, (("ttft", 0.5), ("tpot", 0.05))),
    Workload("documents", ("rag", "document", "long"), 7500, 180, 1.0, (("ttft", 5.0),)),
    Workload("batch", ("offline", "summaries"), 4000, 400, 1.0, (("e2e", 300.0),)),
)


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a first scenario is made of.

    Attributes:
        workload: kind of traffic.
        rate_per_s: mean rate [1/s].
        model: model of the catalogue.
        chip: accelerator of the catalogue.
        region: region of the catalogue in which the site stands.
        targets_s: limits by ttft, tpot or e2e [s].
        share: share of the requests that is to meet them [1].
        trace: file with the traffic instead of the workload's, empty for none.
    """

    workload: Workload
    rate_per_s: float
    model: str
    chip: str = "h100-sxm"
    region: str = "germany"
    targets_s: dict[str, float] = field(default_factory=dict)
    share: float = 0.99
    trace: str = ""


def read_requirements(
    text: str, models: Sequence[str], chips: Sequence[str], regions: Sequence[str]
) -> Requirements:
    """Return what a line of text asks for.

    Args:
        text: such as `EXAMPLE`; order and punctuation are free.
        models: names of models, the preferred ones first; a size such as ``70B`` finds one.
        chips: names of accelerators.
        regions: names of regions.

    Raises:
        ScenarioError: a word means nothing here, or the rate or the model is missing; nothing is
            left out in silence.
    """
    rest = text
    problems: list[Problem] = []
    targets, share, rest = _targets(rest)
    rate, rest = _taken(_RATE, rest)
    words = re.findall(r"[\w.-]+", rest.lower())
    words = [word for word in words if word.strip(".-_")]
    known = {w: load for load in WORKLOADS for w in (load.name, *load.words)}
    workload = next((known[word] for word in words if word in known), WORKLOADS[0])
    model = _model(words, rest, models)
    chip = next((chip for word in words for chip in chips if _names(word, chip)), None)
    region = next((word for word in words if word in regions), None)
    left = [
        word
        for word in words
        if word not in known
        and word not in _FILLERS
        and word not in (model, region)
        and not (_SIZE.fullmatch(word) and model)
        and not any(_names(word, name) for name in chips)
    ]
    if left:
        expected = f"a rate, a kind of traffic, a model and targets, such as {EXAMPLE!r}"
        problems.append(Problem("requirements", " ".join(left), expected))
    if rate is None:
        problems.append(Problem("requirements", repr(text), "a rate, such as 200 req/s"))
    if model is None:
        problems.append(Problem("requirements", repr(text), "a model, such as 70B or llama-3.1-8b"))
    if problems or rate is None or model is None:
        raise ScenarioError(problems)
    found = Requirements(workload, rate, model, targets_s=targets or dict(workload.targets_s))
    if chip:
        found = replace(found, chip=chip)
    if region:
        found = replace(found, region=region)
    return replace(found, share=share) if share else found


def _targets(text: str) -> tuple[dict[str, float], float | None, str]:
    """Return limits [s], the share that is to meet them, and the text that is left."""
    found: dict[str, float] = {}
    share = None
    for percent, name, number, unit in _TARGET.findall(text):
        found[name.lower()] = units.parse(f"{number} {unit.lower()}", units.TIME)
        if percent:
            share = min(float(percent) / 100.0, LARGEST_SHARE)
    return found, share, _TARGET.sub(" ", text)


def _taken(pattern: re.Pattern[str], text: str) -> tuple[float | None, str]:
    match = pattern.search(text)
    if match is None:
        return None, text
    return float(match[1]), text[: match.start()] + " " + text[match.end() :]


def _model(words: Sequence[str], text: str, models: Sequence[str]) -> str | None:
    """Return the model that is named, or the first one of a size that is."""
    named = next((word for word in words if word in models), None)
    if named:
        return named
    size = _SIZE.search(text)
    if size is None:
        return None
    ending = f"{float(size[1]):g}b"
    return next((model for model in models if ending in model.split("-")), None)


def _names(word: str, chip: str) -> bool:
    return word == chip or word == chip.split("-", maxsplit=1)[0]
