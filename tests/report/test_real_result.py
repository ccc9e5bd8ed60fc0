"""The page of a `Result` as it comes back from a run folder."""

from sim.report import render_report, write_report
from sim.result import Result


def saved(result, folder):
    files = {}
    for name in ("requests", "series", "racks"):
        files[name] = folder / f"{name}.parquet"
        getattr(result, name).to_parquet(files[name])
    summary = {
        **result.summary,
        "topology": result.topology,
        "warnings": result.warnings,
        "provenance": result.provenance,
    }
    return Result(summary, "version: 1\n", **files)


def test_a_loaded_result_gives_the_same_page(result, tmp_path):
    loaded = saved(result, tmp_path)
    assert render_report(loaded) == render_report(result)


def test_the_run_folder_takes_the_report(result, tmp_path):
    folder = saved(result, tmp_path).save(tmp_path / "run", report=render_report)
    page = (folder / "report.html").read_text(encoding="utf-8")
    again = write_report(Result.load(folder), tmp_path / "again.html")
    assert again.read_text(encoding="utf-8") == page
