"""One self-contained HTML file: skeleton, policy, styles and script, and writing it to disk."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from sim.report import formats
from sim.report.charts import palette
from sim.report.charts.view import as_float, at, time_span_s
from sim.report.html.headline import verdict
from sim.report.html.live import LIVE, library
from sim.report.html.markup import Markup, join, tag
from sim.report.html.section import Section
from sim.report.html.sections import run_sections
from sim.report.html.tiles import tiles
from sim.report.notices import notices
from sim.workspace import put_file, write_text

if TYPE_CHECKING:
    from sim.result import Result


def write_report(result: Result, path: Path) -> Path:
    """Write the page of a run to ``path`` and return it; the file appears whole or not at all."""
    return write_page(render_report(result), Path(path))


def write_page(html: str, path: Path) -> Path:
    """Write a page to ``path`` and return it; the file appears whole or not at all."""
    return put_file(path, lambda unfinished: write_text(unfinished, html))


def render_report(result: Result) -> str:
    """Return the page of a run as HTML; equal results give equal text."""
    name = str(at(result.summary, "scenario", "name") or "run")
    header = tag(
        "header",
        tag("p", "Loadbank run", class_="kicker"),
        tag("h1", name),
        verdict(result.summary),
        _facts(result),
    )
    top = join((tiles(result), notices(result)))
    return page(f"{name} · Loadbank", header, top, run_sections(result))


def page(title: str, header: Markup, top: Markup, sections: Sequence[Section]) -> str:
    """Return a whole page in the look that all pages of Loadbank share.

    Args:
        title: text of the browser tab.
        header: the head of the visible page.
        top: what comes before the first section.
        sections: the parts with an entry in the navigation.
    """
    style = Markup(_styles())
    content = [_section(section) for section in sections]
    live = any(LIVE in part for part in content)
    # one block: what is drawn by the library comes after what needs none
    script = Markup(_asset("report.js") + (_asset("lb.js") if live else ""))
    code, carrier = library() if live else ("", None)
    links = [tag("a", section.title, href=f"#{section.anchor}") for section in sections]
    main = tag("main", top, *content)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script, code)),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("meta", name_="generator", content="Loadbank"),
        tag("title", title),
        tag("style", style),
    )
    navigation = tag("nav", *links, aria_label="Sections") if links else None
    body = tag("body", header, navigation, main, carrier, tag("script", script))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _policy(style: str, *scripts: str) -> str:
    """Return the Content-Security-Policy: nothing but our own blocks, and no network."""
    allowed = " ".join(_hash(script) for script in scripts if script)
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {allowed}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _hash(block: str) -> str:
    """Return a block as a Content-Security-Policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"


def _styles() -> str:
    """Return the style sheet with the palette put in."""
    return (
        _asset("report.css")
        .replace("/* palette: light */", palette.css_variables(dark=False))
        .replace("/* palette: dark */", palette.css_variables(dark=True))
        + palette.css_classes()
    )


def _asset(name: str) -> str:
    return (resources.files("sim") / "_data" / "report" / name).read_text(encoding="utf-8")


def _section(section: Section) -> Markup:
    lead = tag("p", section.lead, class_="lead") if section.lead else None
    return tag("section", tag("h2", section.title), lead, section.content, id=section.anchor)


def _facts(result: Result) -> Markup:
    """Return the line that says which run this is."""
    end_s = as_float(at(result.summary, "window", "end_s")) or time_span_s(result)[1]
    sha = str(at(result.summary, "scenario", "sha256") or "")
    warmup_s = as_float(at(result.summary, "window", "start_s"))
    version = at(result.provenance, "loadbank")
    facts = [
        f"simulated {formats.span(end_s)}",
        f"the first {formats.span(warmup_s)} as warm-up" if warmup_s else "",
        f"seed {at(result.summary, 'seed')}",
        f"scenario {sha[:12]}" if sha else "",
        f"Loadbank {version}" if version else "",
    ]
    return tag("p", " · ".join(fact for fact in facts if fact), class_="facts")
