import copy
import sys

from sim.report.figures.plots import latency_plot, power_plot, save_plots


def test_three_pictures_in_each_format(result, tmp_path):
    files = save_plots(result, tmp_path / "plots", ("png", "svg"))
    assert [file.name for file in files] == [
        "latency.png",
        "latency.svg",
        "power.png",
        "power.svg",
        "racks.png",
        "racks.svg",
    ]
    for file in files:
        start = file.read_bytes()[:8]
        assert (
            start == b"\x89PNG\r\n\x1a\n" if file.suffix == ".png" else start.startswith(b"<?xml")
        )


def test_equal_results_give_equal_files(result, tmp_path):
    first = save_plots(result, tmp_path / "a", ("svg",))
    second = save_plots(result, tmp_path / "b", ("svg",))
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_plots_leave_no_window_system_behind(result):
    figure = latency_plot(result)
    assert [len(panel.lines) for panel in figure.axes] == [4, 3, 3]
    assert "matplotlib.pyplot" not in sys.modules


def test_a_run_without_data_still_gives_pictures(result, tmp_path):
    empty = copy.copy(result)
    empty.requests, empty.series, empty.racks = (
        frame.iloc[:0] for frame in (result.requests, result.series, result.racks)
    )
    assert len(save_plots(empty, tmp_path)) == 3


def test_a_site_without_a_limit_has_no_limit_line(result):
    free = copy.deepcopy(result)
    free.summary["power"]["metro-fra"]["limit_kw"] = None
    assert [len(panel.lines) for panel in power_plot(free).axes] == [1, 2, 2]
