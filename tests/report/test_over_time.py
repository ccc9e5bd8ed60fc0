"""Charts over time: their figures are the run's, their options are data, their page is safe."""

import copy
import hashlib
import json
from importlib import resources

import numpy as np
import pytest
from chromium import chromium

from sim.report import render_report, write_report
from sim.report.charts.option import Line, Mark, time_chart
from sim.report.charts.over_time import over_time
from sim.report.html.live import live_figure, pack

MOST_BYTES = 1_000_000


def by_title(result):
    return {chart.title: chart for chart in over_time(result)}


def test_requests_offered_add_up_to_those_that_arrived(result):
    load = by_title(result)["Load"]
    width_s = load.time_s[1] - load.time_s[0]
    assert load.lines[0].name == "offered"
    assert load.lines[0].values.sum() * width_s == pytest.approx(len(result.requests), rel=0.01)


def test_latencies_of_a_stretch_are_those_of_its_requests(result):
    chart = by_title(result)["Time to first token"]
    start_s, end_s = chart.time_s[10:12]
    rows = result.requests
    mine = rows[(rows["arrival_s"] >= start_s) & (rows["arrival_s"] < end_s)]
    ttft_s = mine.loc[mine["tier"] == "premium", "ttft_s"].dropna()
    p99, p50 = (line.values[10] for line in chart.lines[:2])
    assert p99 == pytest.approx(ttft_s.quantile(0.99))
    assert p50 == pytest.approx(ttft_s.quantile(0.5))


def test_incidents_are_marked_on_every_chart(facility_result):
    charts = over_time(facility_result)
    assert {"Load", "Within SLO", "IT power", "Inlet temperature"} <= {c.title for c in charts}
    for chart in charts:
        named = {mark["name"] for mark in chart.option["series"][0]["markLine"]["data"]}
        assert {"cdu-pump", "heat", "evening"} - named <= {"evening"}


def test_an_option_is_plain_data_and_names_are_never_keys():
    line = Line("__proto__", np.array([1.0, np.nan]), 0)
    option = time_chart(
        "T", "s", np.array([0.0, 1.0]), [line], "power", [Mark("m", 0.0, 1.0)]
    ).option
    assert json.loads(json.dumps(option, allow_nan=False)) == option
    assert option["dataset"]["source"] == {"c0": [0, 1000], "c1": [1.0, None]}
    assert "__proto__" not in option["dataset"]["source"]


def test_the_same_run_gives_the_same_page(facility_result):
    assert render_report(facility_result) == render_report(copy.copy(facility_result))
    assert pack("x") == pack("x")


def test_a_page_is_within_a_megabyte(facility_result):
    assert len(render_report(facility_result).encode()) < MOST_BYTES


def test_a_chart_tells_its_values_without_scripts():
    chart = time_chart(
        "Heat", "air", np.array([0.0]), [Line("<b>", np.array([21.5]), 0)], "celsius"
    )
    shown = live_figure(chart)
    assert "21.5" in shown
    assert "<b>" not in shown


def test_the_library_is_the_pinned_one_with_its_licence():
    folder = resources.files("sim") / "_data" / "report" / "echarts"
    pinned = (folder / "echarts.min.js.sha256").read_text().split()[0]
    assert hashlib.sha256((folder / "echarts.min.js").read_bytes()).hexdigest() == pinned
    assert "Apache License" in (folder / "LICENSE").read_text()
    assert "Apache Software Foundation" in (folder / "NOTICE").read_text()


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_charts_draw_zoom_and_save_and_hostile_names_are_inert(result, tmp_path, width, scheme):
    hostile = copy.copy(result)
    name = "=<img src=x onerror=document.title='owned'>"
    hostile.requests = result.requests.copy()
    tiers = hostile.requests["tier"].cat.rename_categories({"premium": name})
    hostile.requests["tier"] = tiers
    hostile.summary = json.loads(json.dumps(result.summary).replace("premium", name))
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        told = []
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.goto(write_report(hostile, tmp_path / "report.html").as_uri())
        page.wait_for_selector("html[data-charts]")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        figure = page.locator("#over-time figure").nth(1)
        canvas = figure.locator(".canvas")
        canvas.scroll_into_view_if_needed()
        canvas.hover(position={"x": 150, "y": 90})
        page.wait_for_timeout(300)
        assert name in canvas.inner_text()
        canvas.focus()
        page.keyboard.press("+")
        zoomed = "echarts.getInstanceByDom(document.querySelectorAll('.canvas')[%d]).getOption().dataZoom[0].end"
        assert page.evaluate(zoomed % 1) == pytest.approx(75.0)
        assert page.evaluate(zoomed % 0) == pytest.approx(75.0)  # they zoom together
        with page.expect_download() as saved:
            figure.get_by_role("button", name="CSV").click()
        first = saved.value.path().read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith(f'"time_s","\'{name} p99"')
        with page.expect_download() as saved:
            figure.get_by_role("button", name="SVG").click()
        assert saved.value.path().read_text(encoding="utf-8").startswith("<svg")
        assert page.title() != "owned"
        assert told == []
