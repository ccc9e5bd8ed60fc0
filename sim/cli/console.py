"""The console on which verbs show their tables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDE, LEAST = 140, 120  # columns


def table_console() -> Console:
    """Return a console; off a terminal its lines are wide, since nothing has to fit a screen."""
    from rich.console import Console

    found = Console()
    if found.is_terminal or "COLUMNS" in os.environ:
        return found
    return Console(width=WIDE)


def wide_console() -> Console:
    """Return a console for tables of numbers: a line that wraps loses less than a cut cell."""
    from rich.console import Console

    found = Console(soft_wrap=True, highlight=False)
    found.width = max(found.width, LEAST)
    return found
