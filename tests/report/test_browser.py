"""The page in a real browser; run with ``-m browser``."""

import shutil
from pathlib import Path

import pytest

from sim.report import write_report

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# worst contrast of all shown text against what is painted behind it, as [ratio, text]
WORST_CONTRAST = """() => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [99, ""];
  document.querySelectorAll("details").forEach((d) => { d.open = true; });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.getClientRects().length || element.closest("script")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [numbers(element.closest("svg") ? style.fill : style.color), behind(element)].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, text];
  }
  return worst;
}"""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(
        (
            found
            for name in ("chromium", "chromium-browser", "google-chrome")
            if (found := shutil.which(name))
        ),
        None,
    )
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(result, tmp_path_factory):
    return write_report(result, tmp_path_factory.mktemp("page") / "report.html").as_uri()


def opened(browser, address, width=1280, scheme="light", script=True):
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
    )
    page = context.new_page()
    page.problems, page.asked = [], []
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(address)
    return page


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_quietly_fits_and_can_be_read(browser, address, width, scheme):
    page = opened(browser, address, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ratio, text = page.evaluate(WORST_CONTRAST)
    assert ratio >= 4.5, text
    assert page.evaluate("document.documentElement.scrollWidth") <= width  # with all tables open
    assert page.problems == []
    assert page.asked == [address]
    page.context.close()


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
    assert page.locator("figure").count() == 11
    assert page.locator("path.line").first.is_visible()
    page.locator("details").first.locator("summary").click()
    assert page.locator("details").first.locator("table").is_visible()
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
