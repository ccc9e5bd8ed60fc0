"""Writes plain data as YAML, in the order in which it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


def yaml_text_of(data: Mapping[str, Any]) -> str:
    """Return plain data (mappings, lists, texts, numbers) as the text of a YAML file."""
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)
