import base64
import copy
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from sim.report import render_report, write_report
from sim.report.formats import BY_UNIT

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
VOID = {"meta"}


class Outline(HTMLParser):
    """Checks that elements nest, and collects them with their attributes and scripts."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.texts = [], [], {"script": [], "style": []}

    def handle_starttag(self, name, attributes):
        self.seen.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.seen.append((name, dict(attributes)))

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if self.open and self.open[-1] in self.texts:
            self.texts[self.open[-1]].append(data)


def outline(page):
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def page(result):
    return render_report(result)


def test_the_page_is_well_formed_and_small(page):
    names = [name for name, _ in outline(page).seen]
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert len(page.encode()) < 1_000_000
    assert names.count("h1") == 1
    assert names.count("main") == 1


def test_nothing_refers_to_the_network(page):
    for name, attributes in outline(page).seen:
        assert name not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert "src" not in attributes
        assert (
            not (attributes.get("href") or "#").strip("#").startswith(("http", "//", "javascript"))
        )
        assert "style" not in attributes
        assert not [key for key in attributes if key.startswith("on")]
    assert "://" not in page
    assert "@import" not in page
    assert "url(" not in page


def test_the_policy_admits_only_the_two_blocks_of_the_page(page):
    found = outline(page)
    policy = next(
        a["content"] for n, a in found.seen if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    for kind in ("script", "style"):
        # the scripts before the last one hold packed data, which is no code
        assert all(re.fullmatch(r"[\w+/=]+", text) for text in found.texts[kind][:-1])
        block = found.texts[kind][-1]
        digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_the_script_knows_every_unit_that_charts_use(facility_result):
    page = render_report(facility_result)
    used = set(re.findall(r"data-[xy]=\"\[.*?, &quot;(\w+)&quot;\]\"", page))
    assert used == {"duration", "span", "power", "share", "number", "celsius"} == set(BY_UNIT)
    script = page.partition("<script>")[2]
    assert all(re.search(rf"\b{unit}(:|,)", script) for unit in used)


def test_every_chart_has_words_and_a_table(page):
    figures = re.findall(r"<figure>.*?</figure>", page, flags=re.S)
    assert len(figures) == 3 + 3 + 1 + 3 + 1
    for figure in figures:
        assert "<table>" in figure
        assert re.search(r'role="img" aria-label="[^"]{20,}"', figure)


def test_equal_results_give_equal_pages(page, result):
    assert render_report(copy.deepcopy(result)) == page


def test_names_of_users_never_become_elements(result):
    hostile = copy.deepcopy(result)
    swap = {"premium": f"p{ATTACK}", "metro-fra": f"m{ATTACK}"}
    hostile.summary["scenario"]["name"] = ATTACK
    for part in (
        hostile.summary["sla"],
        hostile.summary["latency"]["tiers"],
        hostile.summary["power"],
        hostile.summary["utilisation"],
        hostile.topology["sites"],
    ):
        for name in list(part):
            part[swap.get(name, name)] = part.pop(name)
    for link in hostile.topology["links"]:
        link.update({end: swap.get(link[end], link[end]) for end in ("from", "to")})
    hostile.requests["tier"] = hostile.requests["tier"].cat.rename_categories(swap)
    hostile.requests["site"] = hostile.requests["site"].cat.rename_categories(swap)
    for frame in (hostile.series, hostile.racks):
        frame["name"] = frame["name"].str.replace("metro-fra", f"m{ATTACK}", regex=False)
    made = render_report(hostile)
    found = outline(made)
    scripts = [attributes.get("type") for name, attributes in found.seen if name == "script"]
    assert scripts.count(None) == 1
    assert set(scripts) == {None, "text/plain"}
    assert "img" not in [name for name, _ in found.seen]
    assert ATTACK not in made
    assert made.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 20


def test_the_file_appears_whole(result, tmp_path):
    path = write_report(result, tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8") == render_report(result)
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_a_run_without_a_single_answer_still_has_a_page(result):
    empty = copy.deepcopy(result)
    empty.requests = empty.requests.iloc[:0]
    empty.series = empty.series.iloc[:0]
    empty.racks = empty.racks.iloc[:0]
    empty.topology = {}
    nothing = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "p99_9"))
    for metrics in (empty.summary["latency"]["all"], *empty.summary["latency"]["tiers"].values()):
        metrics.update(dict.fromkeys(metrics, nothing))
    page = render_report(empty)
    outline(page)
    assert "<figure>" not in page


def test_a_single_request_is_enough(result):
    one = copy.deepcopy(result)
    done = one.requests[(one.requests["status"] == "completed") & (one.requests["tpot_s"] > 0)]
    one.requests = done.iloc[-1:]
    page = render_report(one)
    outline(page)
    assert "Time to first token" in page


def test_warm_up_requests_are_left_out_of_the_distributions(result):
    cold = copy.deepcopy(result)
    cold.requests["warmup"] = True
    cold.requests.loc[cold.requests.index[-500:], "warmup"] = False
    page = render_report(cold)
    counted = [
        int(n)
        for n in re.findall(r"<th scope=\"row\" class=\"text\">Requests</th><td>(\d+)</td>", page)
    ]
    assert counted
    assert max(counted) <= 500


def test_a_thousand_racks_on_sixty_sites_stay_small(result):
    time_s = np.arange(0.0, 3600.0, 30.0)
    names = [
        f"site-{s:02d}/h1/r{1 + r // 10}/rack-{r % 10:02d}" for s in range(60) for r in range(17)
    ]
    rng = np.random.default_rng(3)
    rack_power = rng.uniform(5e3, 42e3, (len(names), len(time_s)))
    blocks = [("rack", name, power) for name, power in zip(names, rack_power, strict=True)]
    blocks += [
        ("site", f"site-{s:02d}", rack_power[17 * s : 17 * s + 17].sum(axis=0)) for s in range(60)
    ]
    series = pd.DataFrame(
        {
            "time_s": np.tile(time_s, len(blocks)),
            "kind": np.repeat([kind for kind, _, _ in blocks], len(time_s)),
            "name": np.repeat([name for _, name, _ in blocks], len(time_s)),
            "power_w": np.concatenate([power for _, _, power in blocks]),
        }
    )
    series["power_max_w"] = series["power_w"]
    wide = copy.deepcopy(result)
    pools = wide.series[wide.series["kind"] == "pool"]
    wide.series = pd.concat([series, pools], ignore_index=True)
    wide.racks = pd.DataFrame(
        {
            "name": names,
            "site": [name[:7] for name in names],
            "cooling": "air",
            "type": "hgx-h100",
            "mean_w": rack_power.mean(axis=1),
            "peak_w": rack_power.max(axis=1),
            "limit_w": 40e3,
            "headroom_w": 40e3 - rack_power.max(axis=1),
            "share_above": 0.0,
        }
    )
    wide.summary["power"] = {
        f"site-{s:02d}": {"peak_kw": 700.0 + s, "limit_kw": 720.0} for s in range(60)
    }
    page = render_report(wide)
    assert len(page.encode()) < 1_000_000
    assert "60 sites" in page
    assert "51 more sites not drawn" in page


def test_percentiles_from_a_histogram_say_so(result):
    rough = copy.deepcopy(result)
    rough.summary["quantiles"] = {"exact": False, "guaranteed_relative_error": 0.005}
    assert "From a histogram, each within 0.5\u00a0% of the true value." in render_report(rough)


def test_a_summary_without_latencies_has_no_percentile_table(result):
    bare = copy.deepcopy(result)
    bare.summary["latency"] = {}
    page = render_report(bare)
    assert "Percentiles" not in page
    assert 'id="latency"' not in page
