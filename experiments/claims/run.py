"""Try the claims of the founding articles, and write what came out into docs/claims.md.

    python experiments/claims/run.py              # all of them
    python experiments/claims/run.py b200-twice   # some; the others stay as they were found last

A claim is a folder with ``claim.yaml``: what is said, by whom, the band that would confirm it, and
how it is measured (`measures.py`). ``result.json`` beside it is what came out. The verdict is
worked out from the two and from nothing else.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.document.yaml_reader import read_document

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "claims.md"
RUNS = Path("runs") / "claims"
INTRO = """# The articles' claims, tried

Each claim of the founding articles on inference economics that a run can test, with the number that
came out. Written by `python experiments/claims/run.py`; do not edit.

**Confirmed**: the whole interval lies in the band of the claim. **In a band**: the interval and the
band meet, so it is true under some conditions. **Contradicted**: they do not meet. The interval is
that of step times and replications, or of the ranges of prices, as the claim's folder says. The
verdict follows from `claim.yaml` and `result.json` alone.
"""


def claims() -> dict[str, dict[str, Any]]:
    """Return every claim by the name of its folder."""
    files = sorted(HERE.glob("*/claim.yaml"))
    return {file.parent.name: read_document(file).data for file in files}


def verdict(band: tuple[float, float], result: Mapping[str, Any]) -> str:
    """Return what an interval says of a band; an end that is missing is endless."""
    low = -math.inf if result["low"] is None else result["low"]
    high = math.inf if result["high"] is None else result["high"]
    if band[0] <= low and high <= band[1]:
        return "confirmed"
    return "in a band" if low <= band[1] and high >= band[0] else "contradicted"


def page() -> str:
    """Return the page of all claims that have a result."""
    lines = [INTRO, "| claim | said | found | verdict |", "|---|---|---|---|"]
    details = []
    for name, claim in claims().items():
        file = HERE / name / "result.json"
        if not file.exists():
            continue
        result = json.loads(file.read_text(encoding="utf-8"))
        found, judged = _interval(result, claim), verdict(claim["band"], result)
        told = f"{_number(claim['band'][0], claim)} to {_number(claim['band'][1], claim)}"
        lines.append(f"| [{claim['says']}](#{name}) | {told} | {found} | **{judged}** |")
        details += [f"\n## {name}", f"{claim['says']}. ({claim['source']})\n"]
        details += [f"Measured: {claim['measured']} Found {found}: **{judged}**."]
        details += [f"Flips: {result['flips']}\n"]
        if result["rows"]:
            details += ["| | said | found | |", "|---|---|---|---|"]
            details += [f"| {' | '.join(row)} |" for row in result["rows"]]
    return "\n".join([*lines, *details]).rstrip() + "\n"


def _interval(result: Mapping[str, Any], claim: Mapping[str, Any]) -> str:
    value, low, high = (_number(result[name], claim) for name in ("value", "low", "high"))
    return value if low == high == value else f"{value} ({low} to {high})"


def _number(value: float | None, claim: Mapping[str, Any]) -> str:
    if value is None or not math.isfinite(value):
        return "never"
    unit = claim.get("unit", "")
    if unit == "%":
        return f"{100 * value:.0f} %"
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{shown} {unit}".strip()


def main(wanted: list[str]) -> int:
    """Try the claims that are asked for, all without any."""
    from measures import MEASURES, Runs

    known = claims()
    if unknown := [name for name in wanted if name not in known]:
        print(f"no such claim: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    runs = Runs(RUNS)
    for name in wanted or known:
        claim = known[name]
        found = MEASURES[claim["measure"]](claim, runs)
        data = {
            key: number if math.isfinite(number := getattr(found, key)) else None
            for key in ("value", "low", "high")
        }
        data |= {"flips": found.flips, "rows": [list(row) for row in found.rows]}
        text = json.dumps(data, indent=2) + "\n"
        (HERE / name / "result.json").write_text(text, encoding="utf-8")
        print(f"{name}: {verdict(claim['band'], data)}, {_interval(data, claim)}")
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
