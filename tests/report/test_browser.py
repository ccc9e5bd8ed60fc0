"""The page in a real browser; run with ``-m browser``."""

from pathlib import Path

import numpy as np
import pytest
from chromium import WORST_CONTRAST, check_page, chromium, opened

from sim.report import write_report
from sim.report.charts.axes import time_axis
from sim.report.charts.heatmap import HeatGroup, HeatRow, heat_map
from sim.report.html.markup import Markup
from sim.report.html.page import page, write_page
from sim.report.html.section import Section

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(result, tmp_path_factory):
    return write_report(result, tmp_path_factory.mktemp("page") / "report.html").as_uri()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_quietly_fits_and_can_be_read(browser, address, width, scheme):
    check_page(browser, address, width, scheme)


@pytest.mark.parametrize("width", [1280, 390])
def test_no_name_of_a_heat_map_is_cut_off(browser, tmp_path, width):
    names = ["remote-hamina", "remote-mo-i-rana", "rack-01 … rack-12"]
    for at, some in enumerate((names, ["rack-01", "rack-99"])):
        rows = tuple(HeatRow(name, np.array([0.5])) for name in some)
        drawn = heat_map([HeatGroup("sites", rows)], time_axis(0.0, 60.0), 14, "words")
        html = page("names", Markup(), Markup(), [Section("map", "Map", "", drawn)])
        opened_page = opened(browser, write_page(html, tmp_path / f"{at}.html").as_uri(), width)
        room = """() => [...document.querySelectorAll(".tall svg.y text")].map((text) =>
          text.getBoundingClientRect().left - text.closest(".tall").getBoundingClientRect().left)"""
        assert min(opened_page.evaluate(room)) >= 0.0
        opened_page.context.close()


def test_dark_mode_is_dark_and_print_is_light(browser, address):
    page = opened(browser, address, scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert max(page.evaluate(colour)) < 40
    page.emulate_media(media="print")
    assert min(page.evaluate(colour)) == 255
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    page.context.close()


def test_charts_tell_their_values_under_the_pointer(browser, address):
    page = opened(browser, address)
    chart = page.locator("#latency .plot").first
    chart.scroll_into_view_if_needed()
    chart.hover(position={"x": 150, "y": 100})
    told = page.locator(".tip").inner_text().splitlines()
    assert [line.split(":")[0] for line in told[1:]] == ["premium", "standard"]
    assert all(line.endswith("%") for line in told[1:])
    heat = page.locator(".heat")
    heat.scroll_into_view_if_needed()
    heat.hover(position={"x": 300, "y": 26})
    name, share = page.locator(".tip").inner_text().splitlines()
    assert name == "metro-fra/h1/r1/rack-01"
    assert share.endswith("of the limit")
    page.mouse.move(2, 2)
    assert page.locator(".tip").is_hidden()
    assert page.problems == []
    page.context.close()


def test_read_outs_agree_with_the_data(browser, address, result):
    page = opened(browser, address)
    chart = page.locator("#power .plot").first
    chart.scroll_into_view_if_needed()
    width = chart.bounding_box()["width"]
    chart.hover(position={"x": width / 2, "y": 60})
    at, mean = page.locator(".tip").inner_text().splitlines()
    site = result.series[result.series["name"] == "metro-fra"].set_index("time_s")["power_w"]
    expected_kw = site.loc[1780:1810].mean() / 1e3
    assert at.startswith("30")
    assert float(mean.split()[1]) == pytest.approx(expected_kw, rel=0.02)
    page.context.close()


def test_it_is_complete_without_javascript(browser, address):
    page = opened(browser, address, script=False)
    assert page.locator("figure").count() == 17
    first = page.locator("figure.live").first  # what a script would draw stands in its table
    assert not first.locator(".canvas").is_visible()
    first.locator("summary").click()
    assert first.locator("table").is_visible()
    assert page.locator("path.line").first.is_visible()
    page.locator("#latency details").first.locator("summary").click()
    assert page.locator("#latency details").first.locator("table").is_visible()
    page.context.close()


def test_a_foreign_script_does_not_run(browser, address, tmp_path):
    text = Path(address.removeprefix("file://")).read_text(encoding="utf-8")
    changed = tmp_path / "changed.html"
    changed.write_text(
        text.replace("</main>", "<script>document.title = 'owned'</script></main>"),
        encoding="utf-8",
    )
    page = opened(browser, changed.as_uri())
    assert page.title() != "owned"
    assert any("Content Security Policy" in problem for problem in page.problems)
    page.context.close()


def test_the_slider_moves_the_moment(facility_result, browser, tmp_path):
    page = browser.new_page()
    page.goto(write_report(facility_result, tmp_path / "report.html").as_uri())
    page.click('label[for="racks-clock"]')
    assert page.locator(".panel2").is_visible()
    assert not page.locator(".panel0").is_visible()
    slider = page.locator(".panel2 .scrub")
    slider.fill("45")  # 1350 s: the second rack is off
    looks = page.locator(".panel2 .rackrow rect")
    assert looks.nth(1).get_attribute("class") == "fill over"
    slider.fill("0")
    assert looks.nth(1).get_attribute("class") == "fill q0"
    assert page.locator(".panel2 output").inner_text() == "15 s"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_facility_fits_and_can_be_read(facility_result, browser, tmp_path, scheme, width):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(write_report(facility_result, tmp_path / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ratio, text = page.evaluate(WORST_CONTRAST)
    assert ratio >= 4.5, text
    page.close()
