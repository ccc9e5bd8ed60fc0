"""Pages for everybody: no violation that axe-core finds, sorting by keyboard, paper that is light."""

from __future__ import annotations

from importlib import resources
from types import SimpleNamespace

import pytest
from chromium import chromium, opened
from report_cases import GRID, found_headroom, study, study_result

from sim.report import write_report
from sim.report.html.headroom_page import write_headroom_report
from sim.report.html.origin import Origin
from sim.report.html.study_page import write_study_report

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def axe():
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def pages(result, facility_result, tmp_path):
    found = found_headroom()
    return SimpleNamespace(
        run=write_report(result, tmp_path / "run.html"),
        facility=write_report(facility_result, tmp_path / "facility.html"),
        study=write_study_report(study_result(study(**GRID)), tmp_path / "study.html"),
        headroom=write_headroom_report(found, Origin("base", 0, "command"), tmp_path / "h.html"),
    )


@pytest.mark.parametrize("kind", ["run", "facility", "study", "headroom"])
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing(browser, axe, pages, kind, width, scheme):
    page = opened(browser, getattr(pages, kind).as_uri(), width, scheme)
    page.wait_for_selector("html[data-charts]")
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.evaluate(axe)
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    told = [
        f"{each['id']}: {node['html'][:160]} {node['any'][:1] and node['any'][0]['message']}"
        for each in found
        for node in each["nodes"][:2]
    ]
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def test_a_table_is_sorted_by_the_size_of_its_quantities(browser, pages):
    page = opened(browser, pages.study.as_uri())
    title = page.locator("#table th button", has_text="TTFT p99")
    title.focus()
    page.keyboard.press("Enter")
    cells = (
        "[...document.querySelectorAll('#table tbody tr')].map((row) => row.cells[4].textContent)"
    )
    sizes = {"ms": 1e-3, "s": 1.0}

    def seconds():
        words = [text.replace("\u00a0", " ").split() for text in page.evaluate(cells)]
        return [float(number) * sizes[unit] for number, unit, *_ in words]

    assert seconds() == sorted(seconds())
    assert page.locator("#table th[aria-sort=ascending]").count() == 1
    page.keyboard.press("Enter")
    assert seconds() == sorted(seconds(), reverse=True)
    page.context.close()


def test_charts_are_light_on_paper_also_from_a_dark_screen(browser, pages):
    page = opened(browser, pages.study.as_uri(), scheme="dark")
    page.wait_for_selector("html[data-charts]")
    ink = (
        "echarts.getInstanceByDom(document.querySelector('.canvas'))"
        ".getOption().xAxis[0].axisLabel.color"
    )
    dark = page.evaluate(ink)
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_timeout(200)
    assert dark == "#a0a9b4"
    assert page.evaluate(ink) == "#57606b"
    page.context.close()
