"""Reports of a run: one self-contained HTML page, terminal tables and static plots."""

from sim.report.html.page import render_report, write_report

__all__ = ["render_report", "write_report"]
