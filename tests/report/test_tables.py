import io
import subprocess
import sys

import pytest
from rich.console import Console

from sim.report.formats import GAP
from sim.report.terminal.tables import summary_table


def shown(summary, width=100):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(summary_table(summary))
    return console.file.getvalue().replace(GAP, " ")


def test_the_table_holds_the_main_figures(result):
    text = shown(result.summary)
    for part in (
        "20,000: 19",
        "premium",
        "✗ premium 97.12 % of 99 %; ✓ standard 99.61 % of 95 %",
        "Answer",
        "PUE 1.23",
        "TTFT",
        "metro-fra",
        "9,009 requests per CPU-second",
    ):
        assert part in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_fits_the_terminal(result, width):
    assert max(len(line) for line in shown(result.summary, width).splitlines()) <= width


def test_names_in_brackets_are_not_styles(result):
    text = shown({"power": {"[red]site[/red]": {"peak_kw": 1.0, "limit_kw": 2.0}}})
    assert "[red]site[/red]" in text


def test_a_summary_with_nothing_gives_nothing():
    assert shown({}).strip() == ""


def test_importing_the_tables_does_not_load_rich_or_matplotlib():
    code = "import sys; import sim.report.terminal.tables, sim.report.figures.plots; print(*sorted({'rich', 'matplotlib', 'pandas'} & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == ""
