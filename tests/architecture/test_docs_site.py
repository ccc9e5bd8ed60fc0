"""The documentation as a site has every page, and shows every public name."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import sim

ROOT = Path(__file__).resolve().parents[2]


def pages_of(entry):
    """Yield the files of a part of the navigation."""
    if isinstance(entry, str):
        yield entry
    for part in (
        entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ()
    ):
        yield from pages_of(part)


def test_every_page_is_in_the_navigation_once():
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    assert sorted(pages_of(navigation)) == sorted(p.name for p in (ROOT / "docs").glob("*.md"))


def test_every_public_name_is_in_the_api_page():
    shown = re.findall(r"^::: ([\w.]+)", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    homes = {}
    for name in sim.__all__:
        made = getattr(sim, name)
        home = getattr(made, "__module__", "") if callable(made) else sim._HOMES[name]
        homes[name] = f"{home}.{name}"
    missing = [
        name
        for name, home in homes.items()
        if not any(home == each or home.startswith(each + ".") for each in shown)
    ]
    assert missing == []
